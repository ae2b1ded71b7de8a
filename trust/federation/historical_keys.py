"""Publish the federation keys that an entity no longer signs with, and why (OpenID Federation 1.0 section 8.7).

The list is information for people who look into the past, and nothing here or elsewhere verifies anything with it: an
entity publishes it about itself, so a thief of its keys could put any key into it and backdate statements.
Only a superior vouches for a key (assertion A41), and only for the present. So a key is read as the members that were
published, never as a key that a KeySet would take. It is read by these rules:

1. signed under `typ` exactly `jwk-set+jwt`, by a federation key that is trusted to be its issuer's today;
2. `iss` is an entity identifier, and `iat` does not lie ahead;
3. each of `keys` is a whole public key named by its thumbprint, with its `exp` and perhaps `iat`;
4. `revoked`, where it is there, has `revoked_at` and perhaps a `reason`;
5. `revocations`, where it is there, are compact tokens, each of which is a notice that proves itself (key_revocation);
6. `disowned`, where it is there, are thumbprints.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from trust import claims, jose
from trust.errors import MalformedClaims
from trust.identifiers import EntityId, parse_entity_id
from trust.keys import KeySet, KeyUse, PublicKey, Signer, parse_key
from trust.strict_json import JsonObject

TYP = "jwk-set+jwt"
MAX_BYTES = 65536
MAX_KEYS = 64
MAX_REASON = 64
MAX_REVOCATIONS = 40
MAX_DISOWNED = 64
_THUMBPRINT = 43
_MAX_NOTICE = 2048


class RevocationReason(StrEnum):
    """The standard's reasons (section 8.7.3); a federation may have others, which are read as they are."""

    UNSPECIFIED = "unspecified"
    COMPROMISED = "compromised"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """The time from which no document of a key counts, regardless of its date, and the reason."""

    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoricalKey:
    """A key of the past as published: `jwk` holds its public members. It verifies nothing."""

    kid: str
    jwk: JsonObject = field(repr=False)
    expires_at: datetime
    issued_at: datetime | None = None
    revoked: Revocation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoricalKeys:
    """What an entity says of the federation keys that it had before.

    `revocations` are signed notices (key_revocation) about its revoked keys of every use, unopened. `disowned` are the
    thumbprints of keys that its superior vouches for now and that are not its own.
    """

    issuer: EntityId
    issued_at: datetime
    keys: tuple[HistoricalKey, ...]
    revocations: tuple[bytes, ...] = ()
    disowned: tuple[str, ...] = ()


def past_key(
    key: PublicKey, *, expires_at: datetime, issued_at: datetime | None = None, revoked: Revocation | None = None
) -> HistoricalKey:
    """Turn a key into its entry; `expires_at` is when it stopped to sign."""
    return HistoricalKey(kid=key.kid, jwk=dict(key.jwk), expires_at=expires_at, issued_at=issued_at, revoked=revoked)


def build_historical_keys(history: HistoricalKeys, signer: Signer) -> bytes:
    """Sign the list with the entity's federation key of today."""
    body: JsonObject = {
        "iss": history.issuer,
        "iat": claims.to_seconds(history.issued_at),
        "keys": [_to_json(key) for key in history.keys],
    }
    if history.revocations:
        body["revocations"] = [raw.decode("ascii") for raw in history.revocations]
    if history.disowned:
        body["disowned"] = list(history.disowned)
    return jose.sign(body, typ=TYP, signer=signer)


def parse_historical_keys(raw: bytes, *, issuer_keys: KeySet, now: datetime) -> HistoricalKeys:
    """Open a list by the module's rules; the caller compares `issuer`. Raise nothing but TrustError."""
    issuer_keys.require_use(KeyUse.FEDERATION)
    body = jose.open_signed(raw, typ=TYP, keys=issuer_keys, max_bytes=MAX_BYTES).claims  # 1
    return HistoricalKeys(
        issuer=parse_entity_id(claims.require_str(body, "iss")),  # 2
        issued_at=claims.check_issued(body, now=now),
        keys=tuple(_parse_key(item) for item in claims.require_list(body, "keys", max_items=MAX_KEYS)),
        revocations=_revocations(body),  # 5
        disowned=_disowned(body),  # 6
    )


def _revocations(body: JsonObject) -> tuple[bytes, ...]:
    if "revocations" not in body:
        return ()
    listed = claims.require_str_list(body, "revocations", max_items=MAX_REVOCATIONS, max_len=_MAX_NOTICE)
    return tuple(each.encode("utf-8") for each in listed)


def _disowned(body: JsonObject) -> tuple[str, ...]:
    if "disowned" not in body:
        return ()
    return claims.require_str_list(body, "disowned", max_items=MAX_DISOWNED, max_len=_THUMBPRINT)


def _parse_key(item: object) -> HistoricalKey:
    if type(item) is not dict:
        raise MalformedClaims("Each of 'keys' must be an object.")
    key = parse_key(item, KeyUse.FEDERATION)  # 3
    return past_key(
        key,
        expires_at=_moment(item, "exp"),
        issued_at=_moment(item, "iat") if "iat" in item else None,
        revoked=_parse_revocation(claims.require_object(item, "revoked")) if "revoked" in item else None,
    )


def _parse_revocation(revoked: JsonObject) -> Revocation:  # 4
    return Revocation(
        at=_moment(revoked, "revoked_at"), reason=claims.optional_str(revoked, "reason", max_len=MAX_REASON)
    )


def _moment(body: JsonObject, name: str) -> datetime:
    return claims.from_seconds(claims.require_int(body, name, maximum=claims.LATEST_SECONDS))


def _to_json(key: HistoricalKey) -> JsonObject:
    entry: JsonObject = {**key.jwk, "exp": claims.to_seconds(key.expires_at)}
    if key.issued_at is not None:
        entry["iat"] = claims.to_seconds(key.issued_at)
    if key.revoked is not None:
        entry["revoked"] = {"revoked_at": claims.to_seconds(key.revoked.at)}
        if key.revoked.reason is not None:
            entry["revoked"]["reason"] = key.revoked.reason
    return entry
