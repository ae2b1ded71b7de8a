"""An authority's public face: what it says of itself and of each member, and who its members are.

OpenID Federation 1.0 sections 8.1 and 8.2 here, the other endpoints in modules of their own. A suspended or removed
member is as unknown as a stranger.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from flask import Blueprint, Flask, Response, request

from gateway.authority.trust_marks import MarkOffice, MarkTerms
from gateway.federation.announcements import Announcements, no_announcements
from gateway.federation.resolver import FederationResolver
from gateway.http.authority.anchor_keys import AnchorDocuments, anchor_keys_blueprint
from gateway.http.authority.enrolments import ENROLMENTS_PATH, Inbox, enrolments_blueprint
from gateway.http.authority.resolve import RESOLVE_PATH, ResolveEndpoint, resolve_blueprint
from gateway.http.authority.trust_marks import MARK_PATH, MARKED_PATH, STATUS_PATH, marks_blueprint
from gateway.http.federation.entity_configuration import (
    HISTORICAL_KEYS_PATH,
    NO_MARKS,
    STATEMENT_TYPE,
    Holder,
    SignedConfiguration,
    federation_blueprint,
)
from gateway.http.federation.errors import (
    FederationError,
    FederationRefused,
    answer_refusal,
    entity_of,
    flag,
    one,
)
from gateway.http.federation.historical_keys import historical_keys_blueprint
from gateway.http.federation.key_revocations import OwnRevocations, key_revocations_blueprint
from gateway.http.federation.suspensions import signed_today, suspensions_blueprint
from gateway.ports import Clock, KeyVault, Store
from gateway.store.tables import key_revocations, members
from gateway.store.tables.members import Member, MemberState
from gateway.web.face import Observer, build_face
from gateway.web.guards import open_to_all
from trust import strict_json
from trust.federation import node_metadata, party_metadata
from trust.federation.entity_statement import (
    MAX_BYTES,
    MAX_LIFE,
    StatementDraft,
    build_entity_configuration,
    build_subordinate_statement,
)
from trust.federation.freshness import PROFILE_BOUNDS, Bounds, build_bounds
from trust.federation.terms import constraints_of
from trust.federation.trust_mark import MarkOwner
from trust.identifiers import EntityId, parse_entity_id
from trust.keys import KeySet, KeyUse, Signer
from trust.strict_json import JsonObject

FETCH_PATH = "/federation/v1/fetch"
LIST_PATH = "/federation/v1/list"
VOUCHING_PATHS = (FETCH_PATH, LIST_PATH, RESOLVE_PATH, STATUS_PATH, MARKED_PATH, MARK_PATH)
"""Where an authority vouches for members: closed after a restore until an administrator has confirmed its members."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accredited:
    """Which marks count under a trust anchor: who may issue each type, and whose it is where others may."""

    issuers: Mapping[str, tuple[EntityId, ...]] = field(default_factory=dict)
    owners: Mapping[str, MarkOwner] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorFace:
    """What an authority's face stands on. An authority without ``superiors`` is a trust anchor.

    ``recovery`` are the public halves of a trust anchor's offline recovery keys, to be pinned with the others.
    ``bounds`` are how long members may go on without a refresh under it.
    ``mark_types`` are the marks that it issues, ``accredited`` those that count under it, ``held`` those that were
    issued to it, ``announced`` the changes of an only administrator.
    """

    entity_id: EntityId
    name: str
    vault: KeyVault
    store: Store
    clock: Clock
    superiors: tuple[EntityId, ...] = ()
    recovery: KeySet | None = None
    bounds: Bounds = PROFILE_BOUNDS
    mark_types: Mapping[str, MarkTerms] = field(default_factory=dict)
    accredited: Accredited = Accredited()
    held: Holder = NO_MARKS
    announced: Announcements = no_announcements

    @property
    def office(self) -> MarkOffice:
        """What issues its marks."""
        return MarkOffice(own=self.entity_id, vault=self.vault, store=self.store, types=self.mark_types)


def create_anchor_app(face: AnchorFace, *, observer: Observer, resolver: FederationResolver | None = None) -> Flask:
    """Return an authority's public face as a WSGI application; ``resolver`` serves its resolve endpoint."""
    return build_face("anchor", list(_blueprints(face, resolver)), max_body=MAX_BYTES, observer=observer)


def _blueprints(face: AnchorFace, resolver: FederationResolver | None) -> Iterator[Blueprint]:
    own, vault, store, clock = face.entity_id, face.vault, face.store, face.clock
    yield federation_blueprint(anchor_configuration(face, resolves=resolver is not None), clock=clock)
    yield members_blueprint(face)
    revocations = OwnRevocations(own, vault)
    yield historical_keys_blueprint(own, vault, revocations, store, clock=clock)
    yield key_revocations_blueprint(revocations, own, store)
    yield suspensions_blueprint(store, shown=signed_today(own, vault))
    yield enrolments_blueprint(Inbox(own=own, store=store, clock=clock))
    if face.mark_types:
        yield marks_blueprint(face.office, clock=clock)
    if resolver is not None:
        vouched = partial(_is_active, face)
        yield resolve_blueprint(ResolveEndpoint(members=resolver, office=face.office, clock=clock, vouched=vouched))
    if not face.superiors:
        yield anchor_keys_blueprint(AnchorDocuments(own=own, vault=vault, store=store, recovery=face.recovery))


def anchor_configuration(face: AnchorFace, *, resolves: bool) -> SignedConfiguration:
    """Return the authority's own statement; a trust anchor's names no superior."""
    metadata = authority_metadata(face.entity_id, face.name, marks=bool(face.mark_types), resolves=resolves)
    metadata[party_metadata.FEDERATION_ENTITY] |= build_bounds(face.bounds)

    def sign(now: datetime) -> bytes:
        own = {**metadata[party_metadata.FEDERATION_ENTITY], **face.announced(now)}
        draft = StatementDraft(
            subject=face.entity_id,
            keys=face.vault.published(KeyUse.FEDERATION),
            issued_at=now,
            expires_at=now + MAX_LIFE,
            metadata={**metadata, party_metadata.FEDERATION_ENTITY: own},
            trust_marks=face.held.stated(now),
            trust_mark_issuers=face.accredited.issuers,
            trust_mark_owners=face.accredited.owners,
        )
        return build_entity_configuration(draft, face.vault.signer(KeyUse.FEDERATION), authority_hints=face.superiors)

    return SignedConfiguration(sign, edition=lambda: (face.vault.edition(), face.held.edition()))


def authority_metadata(own: EntityId, name: str, *, marks: bool, resolves: bool) -> dict[str, JsonObject]:
    """Return what an authority says of its endpoints; those for ``marks`` where it issues any."""
    member = party_metadata.FederationEntity(
        name=name, fetch_endpoint=own + FETCH_PATH, enrolment_endpoint=own + ENROLMENTS_PATH
    )
    endpoints = {
        "federation_list_endpoint": own + LIST_PATH,
        "federation_historical_keys_endpoint": own + HISTORICAL_KEYS_PATH,
    }
    if marks:
        endpoints |= {
            "federation_trust_mark_status_endpoint": own + STATUS_PATH,
            "federation_trust_mark_list_endpoint": own + MARKED_PATH,
            "federation_trust_mark_endpoint": own + MARK_PATH,
        }
    if resolves:
        endpoints["federation_resolve_endpoint"] = own + RESOLVE_PATH
    return {party_metadata.FEDERATION_ENTITY: party_metadata.build_federation_entity(member) | endpoints}


def members_blueprint(face: AnchorFace) -> Blueprint:
    """Return the fetch and list endpoints."""
    blueprint = Blueprint("members", __name__)
    blueprint.errorhandler(FederationRefused)(answer_refusal)
    public = open_to_all("federation endpoints: public by their standard, and signed")

    @blueprint.get(FETCH_PATH)
    @public
    def fetch() -> Response:
        subject = entity_of(one(request.args, "sub"), "sub")
        if subject == face.entity_id:
            raise FederationRefused(FederationError.INVALID_REQUEST, "Name a subordinate; this entity is the issuer.")
        stated = statement_about(face, subject, now=face.clock.now())
        if stated is None:
            raise FederationRefused(FederationError.NOT_FOUND, "This authority does not vouch for that entity.")
        return Response(stated, content_type=STATEMENT_TYPE)

    @blueprint.get(LIST_PATH)
    @public
    def list_members() -> Response:
        types, intermediates = request.args.getlist("entity_type"), flag(request.args, "intermediate")
        bearers = _bearers(face)
        listed = [
            member.entity
            for member in face.store.read(members.list)
            if member.state == MemberState.ACTIVE
            and _is_of(member, types)
            and (member.terms.intermediate or not intermediates)
            and (bearers is None or member.entity in bearers)
        ]
        return Response(strict_json.dumps(listed), content_type="application/json")

    return blueprint


def _bearers(face: AnchorFace) -> frozenset[str] | None:
    """Return who has a mark such as the request asks for; none where it does not ask for any."""
    of_any, of_type = flag(request.args, "trust_marked"), "trust_mark_type" in request.args
    if not of_any and not of_type:
        return None
    mark_type = one(request.args, "trust_mark_type") if of_type else None
    return face.office.bearers(mark_type, now=face.clock.now())


def _is_of(member: Member, types: Sequence[str]) -> bool:
    """Say whether a member is of all these entity types, as far as this authority lets it be."""
    allowed = member.terms.allowed_entity_types
    return all(
        entity_type in member.metadata
        and (allowed is None or entity_type in allowed or entity_type == party_metadata.FEDERATION_ENTITY)
        for entity_type in types
    )


def statement_about(face: AnchorFace, subject: EntityId, *, now: datetime) -> bytes | None:
    """Sign what the authority says of an entity, if it vouches for it."""
    member, revoked = face.store.read(
        lambda tx: (members.get(tx, entity=subject), key_revocations.kids_of(tx, subject=subject))
    )
    if member is None or member.state != MemberState.ACTIVE:
        return None
    keys = KeySet.from_jwks(dict(member.jwks), KeyUse.FEDERATION).without(revoked)
    if not keys.keys:
        return None  # none of its keys counts any more
    signer = face.vault.signer(KeyUse.FEDERATION)
    return subordinate_statement(member, keys, issuer=face.entity_id, signer=signer, now=now)


def _is_active(face: AnchorFace, entity: EntityId) -> bool:
    member = face.store.read(lambda tx: members.get(tx, entity=entity))
    return member is not None and member.state == MemberState.ACTIVE


def subordinate_statement(member: Member, keys: KeySet, *, issuer: EntityId, signer: Signer, now: datetime) -> bytes:
    """Sign what an authority says of a member: that it vouches for these federation keys, on its terms.

    Of its metadata it overrides the kinds of its services and nothing else, so a member rotates its other keys without
    asking.
    """
    draft = StatementDraft(
        subject=parse_entity_id(member.entity),
        keys=keys,
        issued_at=now,
        expires_at=now + MAX_LIFE,
        metadata=node_metadata.state_service_kinds(member.metadata),
        constraints=constraints_of(member.terms) or None,
        metadata_policy=dict(member.terms.metadata_policy) or None,
    )
    return build_subordinate_statement(draft, signer, issuer=issuer)
