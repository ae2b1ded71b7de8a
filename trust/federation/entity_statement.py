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
8. `metadata`, by entity type, holds objects without null.

Not checked here: that anybody trusted vouches for the entity (chain), and what the metadata says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from trust import claims, jose
from trust.errors import ChainRefused, MalformedClaims, WrongIssuer
from trust.identifiers import EntityId, parse_entity_id
from trust.keys import KeySet, KeyUse, Signer
from trust.strict_json import JsonObject

TYP = "entity-statement+jwt"
MAX_LIFE = timedelta(hours=120)
MAX_BYTES = 65536
MAX_HINTS = 5
MAX_ENTITY_TYPES = 16

_SUPERIOR_ONLY = ("constraints", "metadata_policy", "metadata_policy_crit", "source_endpoint")
_SUBJECT_ONLY = ("authority_hints", "trust_anchor_hints", "trust_marks", "trust_mark_issuers", "trust_mark_owners")
_REGISTRATION_ONLY = ("aud", "trust_anchor")


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityConfiguration:
    """What an entity says of itself. `signed_with` is the id of the key in `keys` that signed it."""

    entity_id: EntityId
    keys: KeySet
    signed_with: str
    metadata: Mapping[str, JsonObject] = field(repr=False)
    authority_hints: tuple[EntityId, ...]
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SubordinateStatement:
    """What a superior says of an entity directly under it: its keys, and perhaps metadata, policy and constraints."""

    issuer: EntityId
    subject: EntityId
    keys: KeySet
    metadata: Mapping[str, JsonObject] = field(repr=False)
    metadata_policy: JsonObject | None = field(repr=False)
    constraints: JsonObject | None
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementDraft:
    """What is to be stated about `subject`: its federation keys and metadata, from when to when."""

    subject: EntityId
    keys: KeySet
    issued_at: datetime
    expires_at: datetime
    metadata: Mapping[str, JsonObject] = field(default_factory=dict, repr=False)


def parse_entity_configuration(raw: bytes, *, now: datetime) -> EntityConfiguration:
    """Open what an entity says of itself, by the module's rules; raise nothing but TrustError.

    It proves only that its maker holds the key that signed it.
    """
    opened = jose.open_self_signed(raw, typ=TYP, use=KeyUse.FEDERATION, max_bytes=MAX_BYTES)  # 1, 2, 5
    body = opened.claims
    issuer, subject = _parties(body)  # 3
    if issuer != subject:  # 2
        raise WrongIssuer("An entity configuration's 'iss' and 'sub' must be the same.")
    times = claims.check_times(body, now=now, max_life=MAX_LIFE)  # 4
    _refuse_critical(body)  # 6
    _refuse_present(body, (*_SUPERIOR_ONLY, *_REGISTRATION_ONLY), within="An entity configuration")  # 7
    return EntityConfiguration(
        entity_id=subject,
        keys=opened.keys,
        signed_with=opened.key.kid,
        metadata=metadata_of(body),  # 8
        authority_hints=_hints(body),
        issued_at=times.iat,
        expires_at=times.exp,
    )


def parse_subordinate_statement(raw: bytes, *, superior_keys: KeySet, now: datetime) -> SubordinateStatement:
    """Open what a superior says of an entity, by the module's rules; raise nothing but TrustError.

    `superior_keys` are federation keys that were already trusted to be the superior's; the caller compares `issuer`.
    """
    superior_keys.require_use(KeyUse.FEDERATION)
    body = jose.open_signed(raw, typ=TYP, keys=superior_keys, max_bytes=MAX_BYTES).claims  # 1, 2
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
        issued_at=times.iat,
        expires_at=times.exp,
    )


def build_entity_configuration(
    draft: StatementDraft, signer: Signer, *, authority_hints: tuple[EntityId, ...] = ()
) -> bytes:
    """Sign what an entity says of itself; an anchor has no `authority_hints`."""
    body = _draft_claims(draft, issuer=draft.subject)
    if authority_hints:
        body["authority_hints"] = list(authority_hints)
    return jose.sign(body, typ=TYP, signer=signer)


def build_subordinate_statement(draft: StatementDraft, signer: Signer, *, issuer: EntityId) -> bytes:
    """Sign what a superior says of an entity directly under it."""
    return jose.sign(_draft_claims(draft, issuer=issuer), typ=TYP, signer=signer)


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


def _hints(body: JsonObject) -> tuple[EntityId, ...]:
    if "authority_hints" not in body:
        return ()
    hints = claims.require_str_list(body, "authority_hints", min_items=1, max_items=MAX_HINTS)
    return tuple(parse_entity_id(hint) for hint in hints)


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
