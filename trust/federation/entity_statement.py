"""Read and write entity statements: what an entity says of itself, and what a superior says of it.

OpenID Federation 1.0 section 3. Every statement is checked by these rules (section 3.2):

1. signed under `typ` exactly `entity-statement+jwt`, and with no `trust_chain` in its header;
2. an entity configuration by a key in its own `jwks`, with `iss` equal to `sub`;
   a subordinate statement by a key of its issuer, with `iss` different from `sub`;
3. `iss` and `sub` are entity identifiers in their one spelling;
4. `iat` and `exp`, 120 h apart at most (WIRE.md section 1: a long holiday weekend);
5. `jwks` holds federation keys, each named by its thumbprint;
6. `crit` names nothing that we do not understand, which today means that it is not there;
7. no claim that belongs to the other sort of statement;
8. `metadata`, by entity type, holds objects without null;
9. hints are entity identifiers; what an anchor says of trust marks has its form, and each mark that an entity shows is
   of the type that it is listed under, as far as it can be read (one of a foreign kind is left to its own rules);
10. `metadata_policy_crit` is not empty and names no standard operator; `source_endpoint` is at the superior's own host.

Not checked here: that anybody trusted vouches for the entity (chain), what the metadata, the policy and the constraints
say (metadata_resolution), and whether a trust mark counts (trust_mark).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from trust import claims, jose
from trust.errors import ChainRefused, MalformedClaims, TrustError, WrongIssuer
from trust.federation.trust_mark import (
    MAX_TYPE,
    MarkOwner,
    StatedMark,
    peek_mark,
    stated_marks,
    stated_marks_to_json,
)
from trust.identifiers import EntityId, parse_endpoint, parse_entity_id
from trust.keys import KeySet, KeyUse, Signer
from trust.strict_json import JsonObject

TYP = "entity-statement+jwt"
MAX_LIFE = timedelta(hours=120)
MAX_BYTES = 65536
MAX_HINTS = 5
MAX_ANCHOR_HINTS = 16
MAX_ENTITY_TYPES = 16
MAX_MARK_TYPES = 64
MAX_MARK_ISSUERS = 64
MAX_CRITICAL = 16

STANDARD_OPERATORS = ("value", "add", "default", "one_of", "subset_of", "superset_of", "essential")
"""The policy operators of section 6.1.3.1, in the order in which they are applied."""

_SUPERIOR_ONLY = ("constraints", "metadata_policy", "metadata_policy_crit", "source_endpoint")
_SUBJECT_ONLY = ("authority_hints", "trust_anchor_hints", "trust_marks", "trust_mark_issuers", "trust_mark_owners")
_REGISTRATION_ONLY = ("aud", "trust_anchor")


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityConfiguration:
    """What an entity says of itself. `signed_with` is the id of the key in `keys` that signed it; `raw` was verified.

    `trust_mark_issuers` and `trust_mark_owners` count only where the entity is an anchor (section 3.1.2).
    """

    entity_id: EntityId
    keys: KeySet
    signed_with: str
    metadata: Mapping[str, JsonObject] = field(repr=False)
    authority_hints: tuple[EntityId, ...]
    issued_at: datetime
    expires_at: datetime
    trust_anchor_hints: tuple[EntityId, ...] = ()
    trust_marks: tuple[StatedMark, ...] = ()
    trust_mark_issuers: Mapping[str, tuple[EntityId, ...]] = field(default_factory=dict)
    trust_mark_owners: Mapping[str, MarkOwner] = field(default_factory=dict)
    raw: bytes = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """What a refusal calls it."""
        return f"Entity configuration of {self.entity_id}"

    @property
    def issuer(self) -> EntityId:
        """The entity itself."""
        return self.entity_id

    def refuse_expired(self, now: datetime) -> None:
        """Raise Expired or NotYetValid where its times no longer fit."""
        claims.check_still_valid(claims.Times(iat=self.issued_at, exp=self.expires_at), now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubordinateStatement:
    """What a superior says of an entity directly under it: its keys, and perhaps metadata, policy and constraints.

    `signed_with` is the id of the superior's key that signed it; `raw` was verified with that key.
    """

    issuer: EntityId
    subject: EntityId
    keys: KeySet
    metadata: Mapping[str, JsonObject] = field(repr=False)
    metadata_policy: JsonObject | None = field(repr=False)
    constraints: JsonObject | None
    issued_at: datetime
    expires_at: datetime
    metadata_policy_crit: tuple[str, ...] = ()
    source_endpoint: str | None = None
    signed_with: str
    raw: bytes = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """What a refusal calls it."""
        return f"Subordinate statement by {self.issuer} about {self.subject}"

    def refuse_unless_signed_by(self, superior_keys: KeySet) -> None:
        """Raise UnknownKey unless one of these keys signed it: a key's id is its thumbprint, so the id decides."""
        key = superior_keys.require_use(KeyUse.FEDERATION).get(self.signed_with)
        key.refuse_after_retirement(self.issued_at)

    def refuse_expired(self, now: datetime) -> None:
        """Raise Expired or NotYetValid where its times no longer fit."""
        claims.check_still_valid(claims.Times(iat=self.issued_at, exp=self.expires_at), now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementDraft:
    """What is to be stated about `subject`: its federation keys and metadata, from when to when.

    Hints and marks stand in an entity configuration only; policy, constraints and `source_endpoint` in a subordinate
    statement only. Each builder writes those of its own.
    """

    subject: EntityId
    keys: KeySet
    issued_at: datetime
    expires_at: datetime
    metadata: Mapping[str, JsonObject] = field(default_factory=dict, repr=False)
    trust_anchor_hints: tuple[EntityId, ...] = ()
    trust_marks: tuple[StatedMark, ...] = ()
    trust_mark_issuers: Mapping[str, tuple[EntityId, ...]] = field(default_factory=dict)
    trust_mark_owners: Mapping[str, MarkOwner] = field(default_factory=dict)
    metadata_policy: JsonObject | None = None
    metadata_policy_crit: tuple[str, ...] = ()
    constraints: JsonObject | None = None
    source_endpoint: str | None = None


def parse_entity_configuration(raw: bytes, *, now: datetime) -> EntityConfiguration:
    """Open what an entity says of itself, by the module's rules; raise nothing but TrustError.

    It proves only that its maker holds the key that signed it.
    """
    token = jose.open_self_signed(raw, typ=TYP, use=KeyUse.FEDERATION, max_bytes=MAX_BYTES)  # 1, 2, 5
    body = token.claims
    issuer, subject = _parties(body)  # 3
    if issuer != subject:  # 2
        raise WrongIssuer("An entity configuration's 'iss' and 'sub' must be the same.")
    times = claims.check_times(body, now=now, max_life=MAX_LIFE)  # 4
    _refuse_critical(body)  # 6
    _refuse_present(body, (*_SUPERIOR_ONLY, *_REGISTRATION_ONLY), within="An entity configuration")  # 7
    return EntityConfiguration(
        entity_id=subject,
        keys=token.keys,
        signed_with=token.key.kid,
        metadata=metadata_of(body),  # 8
        authority_hints=_hints(body, "authority_hints", MAX_HINTS),  # 9
        trust_anchor_hints=_hints(body, "trust_anchor_hints", MAX_ANCHOR_HINTS),
        trust_marks=_marks(body),
        trust_mark_issuers=_mark_issuers(body),
        trust_mark_owners=_mark_owners(body),
        issued_at=times.iat,
        expires_at=times.exp,
        raw=raw,
    )


def parse_subordinate_statement(raw: bytes, *, superior_keys: KeySet, now: datetime) -> SubordinateStatement:
    """Open what a superior says of an entity, by the module's rules; raise nothing but TrustError.

    `superior_keys` are federation keys that were already trusted to be the superior's; the caller compares `issuer`.
    """
    superior_keys.require_use(KeyUse.FEDERATION)
    token = jose.open_signed(raw, typ=TYP, keys=superior_keys, max_bytes=MAX_BYTES)  # 1, 2
    body = token.claims
    issuer, subject = _parties(body)  # 3
    if issuer == subject:  # 2
        raise WrongIssuer("A subordinate statement's 'iss' and 'sub' must differ.")
    times = claims.check_times(body, now=now, max_life=MAX_LIFE)  # 4
    _refuse_critical(body)  # 6
    _refuse_present(body, (*_SUBJECT_ONLY, *_REGISTRATION_ONLY), within="A subordinate statement")  # 7
    return SubordinateStatement(
        issuer=issuer,
        subject=subject,
        keys=KeySet.from_jwks(claims.require_object(body, "jwks"), KeyUse.FEDERATION),  # 5
        metadata=metadata_of(body),  # 8
        metadata_policy=claims.optional_object(body, "metadata_policy"),
        constraints=claims.optional_object(body, "constraints"),
        metadata_policy_crit=_critical_operators(body),  # 10
        source_endpoint=_source(body, issuer),
        issued_at=times.iat,
        expires_at=times.exp,
        signed_with=token.key.kid,
        raw=raw,
    )


def build_entity_configuration(
    draft: StatementDraft, signer: Signer, *, authority_hints: tuple[EntityId, ...] = ()
) -> bytes:
    """Sign what an entity says of itself; an anchor without superiors has no `authority_hints`."""
    body = _draft_claims(draft, issuer=draft.subject)
    if authority_hints:
        body["authority_hints"] = list(authority_hints)
    if draft.trust_anchor_hints:
        body["trust_anchor_hints"] = list(draft.trust_anchor_hints)
    if draft.trust_marks:
        body["trust_marks"] = stated_marks_to_json(draft.trust_marks)
    if draft.trust_mark_issuers:
        body["trust_mark_issuers"] = {kind: list(issuers) for kind, issuers in draft.trust_mark_issuers.items()}
    if draft.trust_mark_owners:
        body["trust_mark_owners"] = {
            kind: {"sub": owner.entity, "jwks": owner.keys.to_jwks()} for kind, owner in draft.trust_mark_owners.items()
        }
    return jose.sign(body, typ=TYP, signer=signer)


def build_subordinate_statement(draft: StatementDraft, signer: Signer, *, issuer: EntityId) -> bytes:
    """Sign what a superior says of an entity directly under it."""
    body = _draft_claims(draft, issuer=issuer)
    if draft.metadata_policy is not None:
        body["metadata_policy"] = draft.metadata_policy
    if draft.metadata_policy_crit:
        body["metadata_policy_crit"] = list(draft.metadata_policy_crit)
    if draft.constraints is not None:
        body["constraints"] = draft.constraints
    if draft.source_endpoint is not None:
        body["source_endpoint"] = draft.source_endpoint
    return jose.sign(body, typ=TYP, signer=signer)


def _draft_claims(draft: StatementDraft, *, issuer: EntityId) -> JsonObject:
    body: JsonObject = {
        "iss": issuer,
        "sub": draft.subject,
        "iat": claims.to_seconds(draft.issued_at),
        "exp": claims.to_seconds(draft.expires_at),
        "jwks": draft.keys.require_use(KeyUse.FEDERATION).to_jwks(),
    }
    if draft.metadata:
        body["metadata"] = dict(draft.metadata)
    return body


def _parties(body: JsonObject) -> tuple[EntityId, EntityId]:
    return parse_entity_id(claims.require_str(body, "iss")), parse_entity_id(claims.require_str(body, "sub"))


def _hints(body: JsonObject, name: str, most: int) -> tuple[EntityId, ...]:
    if name not in body:
        return ()
    return tuple(map(parse_entity_id, claims.require_str_list(body, name, min_items=1, max_items=most)))


def _marks(body: JsonObject) -> tuple[StatedMark, ...]:
    marks = stated_marks(body)
    for mark in marks:
        try:
            mark_type = peek_mark(mark.raw)[0]
        except TrustError:
            continue
        if mark_type != mark.mark_type:
            raise MalformedClaims("'trust_marks' lists a mark under another type than its own.")
    return marks


def _mark_issuers(body: JsonObject) -> dict[str, tuple[EntityId, ...]]:
    name = "trust_mark_issuers"
    return {
        kind: tuple(map(parse_entity_id, claims.require_str_list({name: issuers}, name, max_items=MAX_MARK_ISSUERS)))
        for kind, issuers in _by_mark_type(body, name).items()
    }


def _mark_owners(body: JsonObject) -> dict[str, MarkOwner]:
    name = "trust_mark_owners"
    return {
        kind: _mark_owner(claims.require_object({name: owner}, name))
        for kind, owner in _by_mark_type(body, name).items()
    }


def _mark_owner(owner: JsonObject) -> MarkOwner:
    return MarkOwner(
        entity=parse_entity_id(claims.require_str(owner, "sub")),
        keys=KeySet.from_jwks(claims.require_object(owner, "jwks"), KeyUse.FEDERATION),
    )


def _by_mark_type(body: JsonObject, name: str) -> JsonObject:
    by_type = claims.optional_object(body, name) or {}
    if len(by_type) > MAX_MARK_TYPES or any(not 0 < len(kind) <= MAX_TYPE for kind in by_type):
        raise MalformedClaims(
            f"'{name}' must have {MAX_MARK_TYPES} types of mark at most, of 1 to {MAX_TYPE} characters."
        )
    return by_type


def _critical_operators(body: JsonObject) -> tuple[str, ...]:
    if "metadata_policy_crit" not in body:
        return ()
    names = claims.require_str_list(body, "metadata_policy_crit", min_items=1, max_items=MAX_CRITICAL)
    if not set(STANDARD_OPERATORS).isdisjoint(names):
        raise MalformedClaims("'metadata_policy_crit' must not name standard operators.")
    return names


def _source(body: JsonObject, issuer: EntityId) -> str | None:
    if "source_endpoint" not in body:
        return None
    return parse_endpoint(claims.require_str(body, "source_endpoint"), entity=issuer)


def _refuse_critical(body: JsonObject) -> None:
    if "crit" in body:
        raise ChainRefused("The statement names claims that must be understood ('crit'), and none is known here.")


def _refuse_present(body: JsonObject, names: tuple[str, ...], *, within: str) -> None:
    present = [name for name in names if name in body]
    if present:
        raise MalformedClaims(f"{within} must not have {', '.join(present)}.")


def metadata_of(body: JsonObject) -> dict[str, JsonObject]:
    """Return the `metadata` claim by entity type, empty where it is absent; raise MalformedClaims."""
    by_type = claims.optional_object(body, "metadata") or {}
    if len(by_type) > MAX_ENTITY_TYPES:
        raise MalformedClaims(f"'metadata' must not have more than {MAX_ENTITY_TYPES} entity types.")
    for entity_type in by_type:
        if None in claims.require_object(by_type, entity_type).values():
            raise MalformedClaims("'metadata' must not hold null; leave the member out instead.")
    return by_type
