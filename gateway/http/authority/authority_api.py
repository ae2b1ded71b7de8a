"""The public API of an authority: its statements and its members (OpenID Federation 1.0 sections 8.1 and 8.2).

The other endpoints have modules of their own. A suspended or removed member is as unknown as a stranger.
"""

from collections.abc import Iterator

from flask import Blueprint, Flask, Response, request

from gateway.authority.enrolment import EnrolmentQueue
from gateway.authority.membership import MemberFilter, active_members
from gateway.authority.statements import (
    FETCH_PATH,
    LIST_PATH,
    MARK_PATH,
    MARKED_PATH,
    RESOLVE_PATH,
    STATUS_PATH,
    Authority,
    authority_configuration,
    statement_about,
)
from gateway.authority.suspension import signed_today
from gateway.federation.fetch import STATEMENT_TYPE
from gateway.federation.historical_keys import RevocationNotices, historical_keys_document
from gateway.federation.resolver import FederationResolver
from gateway.http.authority.anchor_keys import anchor_keys_blueprint
from gateway.http.authority.enrolments import enrolments_blueprint
from gateway.http.authority.resolve import resolve_blueprint
from gateway.http.authority.trust_marks import marks_blueprint
from gateway.http.federation.errors import (
    FederationError,
    FederationRefused,
    answer_refusal,
    entity_of,
    flag,
    one,
)
from gateway.http.federation.key_revocations import key_revocations_blueprint
from gateway.http.federation.signed_documents import federation_blueprint, historical_keys_blueprint
from gateway.http.federation.suspensions import suspensions_blueprint
from gateway.web.face import Observer, build_face
from gateway.web.guards import open_to_all
from trust import strict_json
from trust.federation.entity_statement import MAX_BYTES

VOUCHING_PATHS = (FETCH_PATH, LIST_PATH, RESOLVE_PATH, STATUS_PATH, MARKED_PATH, MARK_PATH)
"""Where an authority vouches for members: closed after a restore until an administrator has confirmed its members."""


def create_anchor_app(authority: Authority, *, observer: Observer, resolver: FederationResolver | None = None) -> Flask:
    """Return an authority's public API as a WSGI application; ``resolver`` serves its resolve endpoint."""
    return build_face("anchor", list(_blueprints(authority, resolver)), max_body=MAX_BYTES, observer=observer)


def _blueprints(authority: Authority, resolver: FederationResolver | None) -> Iterator[Blueprint]:
    own, vault, store, clock = authority.entity_id, authority.vault, authority.store, authority.clock
    yield federation_blueprint(authority_configuration(authority, resolves=resolver is not None), clock=clock)
    yield members_blueprint(authority)
    notices = RevocationNotices(own, vault, store)
    yield historical_keys_blueprint(historical_keys_document(own, vault, notices, store), clock=clock)
    yield key_revocations_blueprint(notices)
    yield suspensions_blueprint(store, entry_bytes=signed_today(own, vault))
    yield enrolments_blueprint(EnrolmentQueue(own, store), clock=clock)
    if authority.mark_types:
        yield marks_blueprint(authority.mark_issuer, clock=clock)
    if resolver is not None:
        yield resolve_blueprint(authority, resolver)
    if not authority.superiors:
        yield anchor_keys_blueprint(authority)


def members_blueprint(authority: Authority) -> Blueprint:
    """Return the fetch and list endpoints."""
    blueprint = Blueprint("members", __name__)
    blueprint.errorhandler(FederationRefused)(answer_refusal)
    public = open_to_all("federation endpoints: public by their standard, and signed")

    @blueprint.get(FETCH_PATH)
    @public
    def fetch() -> Response:
        subject = entity_of(one(request.args, "sub"), "sub")
        if subject == authority.entity_id:
            raise FederationRefused(FederationError.INVALID_REQUEST, "Name a subordinate; this entity is the issuer.")
        statement = statement_about(authority, subject, now=authority.clock.now())
        if statement is None:
            raise FederationRefused(FederationError.NOT_FOUND, "This authority does not vouch for that entity.")
        return Response(statement, content_type=STATEMENT_TYPE)

    @blueprint.get(LIST_PATH)
    @public
    def list_members() -> Response:
        criteria = MemberFilter(
            entity_types=request.args.getlist("entity_type"),
            intermediates=flag(request.args, "intermediate"),
            holders=_holders(authority),
        )
        listed = active_members(authority.store, criteria)
        return Response(strict_json.dumps(listed), content_type="application/json")

    return blueprint


def _holders(authority: Authority) -> frozenset[str] | None:
    """Return the holders of a mark such as the request names; None where it names no mark."""
    of_any, of_type = flag(request.args, "trust_marked"), "trust_mark_type" in request.args
    if not of_any and not of_type:
        return None
    mark_type = one(request.args, "trust_mark_type") if of_type else None
    return authority.mark_issuer.holders(mark_type, now=authority.clock.now())
