"""The statements of an authority: about itself and about each member (OpenID Federation 1.0 sections 8.1 to 8.3)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gateway.authority.membership import is_active
from gateway.authority.trust_marks import MarkTerms, TrustMarkIssuer
from gateway.federation.announcements import Announcements, no_announcements
from gateway.federation.entity_configuration import HISTORICAL_KEYS_PATH, NO_MARKS, MarkSource, SignedConfiguration
from gateway.ports import Clock, KeyVault, Store
from gateway.store.tables import key_revocations, members
from gateway.store.tables.members import Member
from trust.federation import node_metadata, party_metadata
from trust.federation.chain import Resolution
from trust.federation.entity_statement import (
    MAX_LIFE,
    StatementDraft,
    build_entity_configuration,
    build_subordinate_statement,
)
from trust.federation.freshness import PROFILE_BOUNDS, Bounds, build_bounds
from trust.federation.resolve_response import ResolveResponse, build_resolve_response
from trust.federation.suspension import SuspensionState
from trust.federation.terms import constraints_of
from trust.federation.trust_mark import MarkOwner, MarkStatus, StatedMark
from trust.identifiers import EntityId, parse_entity_id
from trust.keys import KeySet, KeyUse, Signer
from trust.strict_json import JsonObject

FETCH_PATH = "/federation/v1/fetch"
LIST_PATH = "/federation/v1/list"
RESOLVE_PATH = "/federation/v1/resolve"
STATUS_PATH = "/federation/v1/trust-mark-status"
MARKED_PATH = "/federation/v1/trust-marked"
MARK_PATH = "/federation/v1/trust-mark"
ENROLMENTS_PATH = "/federation/v1/enrolments"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccreditedMarks:
    """The marks that count under a trust anchor: who may issue each type, and its owner where others may issue it."""

    issuers: Mapping[str, tuple[EntityId, ...]] = field(default_factory=dict)
    owners: Mapping[str, MarkOwner] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """An authority with its keys and its store. An authority without ``superiors`` is a trust anchor.

    ``recovery`` are the public halves of a trust anchor's offline recovery keys, to be pinned with the others.
    ``bounds`` limit how long members use a chain without a refresh. ``mark_types`` are the marks that it issues,
    ``accredited`` those that count under it, ``own_marks`` those that were issued to it, ``announced`` the changes of
    an only administrator.
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
    accredited: AccreditedMarks = AccreditedMarks()
    own_marks: MarkSource = NO_MARKS
    announced: Announcements = no_announcements

    @property
    def mark_issuer(self) -> TrustMarkIssuer:
        """The issuer of its marks."""
        return TrustMarkIssuer(own=self.entity_id, vault=self.vault, store=self.store, types=self.mark_types)


def authority_configuration(authority: Authority, *, resolves: bool) -> SignedConfiguration:
    """Return the authority's statement of itself; a trust anchor's names no superior."""
    metadata = authority_metadata(
        authority.entity_id, authority.name, marks=bool(authority.mark_types), resolves=resolves
    )
    metadata[party_metadata.FEDERATION_ENTITY] |= build_bounds(authority.bounds)

    def sign(now: datetime) -> bytes:
        own = {**metadata[party_metadata.FEDERATION_ENTITY], **authority.announced(now)}
        draft = StatementDraft(
            subject=authority.entity_id,
            keys=authority.vault.published(KeyUse.FEDERATION),
            issued_at=now,
            expires_at=now + MAX_LIFE,
            metadata={**metadata, party_metadata.FEDERATION_ENTITY: own},
            trust_marks=authority.own_marks.current(now),
            trust_mark_issuers=authority.accredited.issuers,
            trust_mark_owners=authority.accredited.owners,
        )
        signer = authority.vault.signer(KeyUse.FEDERATION)
        return build_entity_configuration(draft, signer, authority_hints=authority.superiors)

    return SignedConfiguration(sign, edition=lambda: (authority.vault.edition(), authority.own_marks.edition()))


def authority_metadata(own: EntityId, name: str, *, marks: bool, resolves: bool) -> dict[str, JsonObject]:
    """Return the metadata that names an authority's endpoints; those for ``marks`` where it issues any."""
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


def statement_about(authority: Authority, subject: EntityId, *, now: datetime) -> bytes | None:
    """Sign a statement about a member; None for an entity that is no active member, or has no key that counts."""
    member, revoked = authority.store.read(
        lambda tx: (members.get(tx, entity=subject), key_revocations.kids_of(tx, subject=subject))
    )
    if member is None or member.state != SuspensionState.ACTIVE:
        return None
    keys = KeySet.from_jwks(dict(member.jwks), KeyUse.FEDERATION).without(revoked)
    if not keys.keys:
        return None
    signer = authority.vault.signer(KeyUse.FEDERATION)
    return subordinate_statement(member, keys, issuer=authority.entity_id, signer=signer, now=now)


def subordinate_statement(member: Member, keys: KeySet, *, issuer: EntityId, signer: Signer, now: datetime) -> bytes:
    """Sign what an authority states of a member: its federation keys and its terms.

    Of its metadata the statement overrides the kinds of its services and nothing else, so a member rotates its other
    keys without asking.
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


def vouches_still(authority: Authority, resolution: Resolution) -> bool:
    """Return whether a resolution still holds here: one through this authority ends with its subject's membership."""
    entity = resolution.entity
    return entity.superiors[0] != authority.entity_id or is_active(authority.store, entity.entity_id)


def resolve_response(authority: Authority, resolution: Resolution, *, entity_types: list[str], now: datetime) -> bytes:
    """Sign what is known of an entity, limited to ``entity_types`` where any is named (section 8.3).

    Of the trust marks it states only those that this authority issued and has not revoked.
    """
    entity = resolution.entity
    response = ResolveResponse(
        issuer=authority.entity_id,
        subject=entity.entity_id,
        issued_at=now,
        expires_at=entity.expires_at,
        metadata={name: each for name, each in entity.metadata.items() if not entity_types or name in entity_types},
        trust_chain=resolution.statements,
        trust_marks=tuple(_active_marks(authority.mark_issuer, resolution, now)),
    )
    return build_resolve_response(response, authority.vault.signer(KeyUse.FEDERATION))


def _active_marks(issuer: TrustMarkIssuer, resolution: Resolution, now: datetime) -> Iterator[StatedMark]:
    for mark in resolution.entity.marks:
        if mark.issuer == issuer.own and issuer.status(mark.raw, now=now) is MarkStatus.ACTIVE:
            yield StatedMark(mark_type=mark.mark_type, raw=mark.raw)
