"""Say what is known of an entity, signed (OpenID Federation 1.0 section 8.3): from what is at hand, and no more.

Callers are not authenticated, so nothing is fetched because one of them asked (A35); what this authority knows, its
keeper keeps fresh. Of the trust marks only those are given that this authority issued itself and has not revoked: about
those it is certain.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, request

from gateway.authority.trust_marks import MarkOffice
from gateway.federation.resolver import FederationResolver
from gateway.http.federation.errors import (
    FederationError,
    FederationRefused,
    answer_refusal,
    entity_of,
    one,
)
from gateway.ports import Clock
from gateway.web.guards import open_to_all
from trust.federation.resolve import Resolution
from trust.federation.resolve_response import ResolveResponse, build_resolve_response
from trust.federation.trust_mark import MarkStatus, StatedMark
from trust.identifiers import EntityId
from trust.keys import KeyUse

RESOLVE_PATH = "/federation/v1/resolve"
RESOLVE_TYPE = "application/resolve-response+jwt"
_MAX_ANCHORS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveEndpoint:
    """What answers: ``office`` signs as the authority, and knows its marks.

    ``vouched`` says whether the authority vouches for one of its own now, whatever was known of it a moment ago.
    """

    members: FederationResolver
    office: MarkOffice
    clock: Clock
    vouched: Callable[[EntityId], bool]


def resolve_blueprint(resolver: ResolveEndpoint) -> Blueprint:
    """Return the endpoint."""
    blueprint = Blueprint("resolving", __name__)
    blueprint.errorhandler(FederationRefused)(answer_refusal)

    @blueprint.get(RESOLVE_PATH)
    @open_to_all("federation endpoint: public by its standard, signed, and answered from what is at hand")
    def resolve() -> Response:
        now = resolver.clock.now()
        subject = entity_of(one(request.args, "sub"), "sub")
        asked = _anchors()
        pinned = resolver.members.anchors(now=now)
        if not any(anchor in pinned for anchor in asked):
            raise _other_anchor()
        found = resolver.members.cached(subject, now=now)
        ended = found is not None and found.entity.superiors[0] == resolver.office.own and not resolver.vouched(subject)
        if found is None or ended:
            raise FederationRefused(FederationError.NOT_FOUND, "Nothing is known here of that entity.")
        if found.entity.anchor not in asked:
            raise _other_anchor()
        return Response(_signed(resolver, found, now), content_type=RESOLVE_TYPE)

    return blueprint


def _anchors() -> set[EntityId]:
    named = request.args.getlist("trust_anchor")
    if not 0 < len(named) <= _MAX_ANCHORS:
        raise FederationRefused(
            FederationError.INVALID_REQUEST, f"Name a trust_anchor, and {_MAX_ANCHORS} of them at most."
        )
    return {entity_of(anchor, "trust_anchor") for anchor in named}


def _other_anchor() -> FederationRefused:
    return FederationRefused(FederationError.INVALID_TRUST_ANCHOR, "No chain to such a trust anchor is known here.")


def _signed(resolver: ResolveEndpoint, found: Resolution, now: datetime) -> bytes:
    wanted, entity, office = request.args.getlist("entity_type"), found.entity, resolver.office
    response = ResolveResponse(
        issuer=office.own,
        subject=entity.entity_id,
        issued_at=now,
        expires_at=entity.expires_at,
        metadata={name: held for name, held in entity.metadata.items() if not wanted or name in wanted},
        trust_chain=found.statements,
        trust_marks=tuple(_active_marks(office, found, now)),
    )
    return build_resolve_response(response, office.vault.signer(KeyUse.FEDERATION))


def _active_marks(office: MarkOffice, found: Resolution, now: datetime) -> Iterator[StatedMark]:
    for mark in found.entity.marks:
        if mark.issuer == office.own and office.status(mark.raw, now=now) is MarkStatus.ACTIVE:
            yield StatedMark(mark_type=mark.mark_type, raw=mark.raw)
