"""Say that a key must never be believed again, in a notice that any party can relay and that has no end.

An entity publishes a notice for each key that it has revoked, for any use, with its historical keys. A key
is named by its thumbprint alone, so no notice hands out a key. It is read by these rules:

1. signed under `typ` exactly `key-revocation+jwt`, by a federation key of its issuer;
2. `iss` and `sub` are entity identifiers; `sub` is whose key it is;
3. `kid` is a thumbprint, `use` one of the key uses, `revoked_at` a moment, `reason` perhaps a word;
4. `iat` does not lie ahead.

Not checked here: that the issuer is the subject or stands above it, which alone gives it a say.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from trust import claims, jose
from trust.error_context import PROFILE, about_statement
from trust.errors import ChainRefused, MalformedClaims
from trust.federation.chain import TrustChain, TrustedEntity
from trust.federation.historical_keys import MAX_REASON
from trust.identifiers import EntityId, parse_entity_id
from trust.keys import KeySet, KeyUse, Signer
from trust.strict_json import JsonObject

TYP = "key-revocation+jwt"
MAX_BYTES = 2048
_KID = re.compile(r"[A-Za-z0-9_-]{43}")

RevokedKeys = Mapping[EntityId, frozenset[str]]
"""The thumbprints of each entity's keys that were revoked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokedKey:
    """One key that its owner has revoked, as the owner keeps it."""

    kid: str
    use: KeyUse
    revoked_at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRevocation:
    """One key of `subject` that must not be believed from `revoked_at` on, for anything that it signed."""

    issuer: EntityId
    subject: EntityId
    kid: str
    use: KeyUse
    revoked_at: datetime
    issued_at: datetime
    reason: str | None = None


def build_key_revocation(revocation: KeyRevocation, signer: Signer) -> bytes:
    """Sign one notice with the issuer's federation key."""
    body: JsonObject = {
        "iss": revocation.issuer,
        "sub": revocation.subject,
        "kid": revocation.kid,
        "use": revocation.use.value,
        "revoked_at": claims.to_seconds(revocation.revoked_at),
        "iat": claims.to_seconds(revocation.issued_at),
    }
    if revocation.reason is not None:
        body["reason"] = revocation.reason
    return jose.sign(body, typ=TYP, signer=signer)


def is_key_id(text: str) -> bool:
    """Tell whether a text can be the id of a key: an RFC 7638 thumbprint."""
    return _KID.fullmatch(text) is not None


def peek_issuer(raw: bytes) -> EntityId:
    """Return the issuer that a notice *says* it has, to find the keys that may prove it."""
    return parse_entity_id(claims.require_str(jose.peek(raw, typ=TYP, max_bytes=MAX_BYTES).claims, "iss"))


def peek_subject(raw: bytes) -> EntityId:
    """Return whose key a notice *says* it is about, to find who stands above that entity."""
    return parse_entity_id(claims.require_str(jose.peek(raw, typ=TYP, max_bytes=MAX_BYTES).claims, "sub"))


def parse_key_revocation(raw: bytes, *, issuer_keys: KeySet, now: datetime) -> KeyRevocation:
    """Open one notice by the module's rules; the caller compares `issuer`. Raise nothing but TrustError."""
    issuer_keys.require_use(KeyUse.FEDERATION)
    body = jose.open_signed(raw, typ=TYP, keys=issuer_keys, max_bytes=MAX_BYTES).claims  # 1
    kid = claims.require_str(body, "kid")  # 3
    use = claims.require_str(body, "use")
    if not is_key_id(kid) or use not in tuple(KeyUse):
        raise MalformedClaims("A revocation's 'kid' must be a thumbprint and its 'use' one of the key uses.")
    return KeyRevocation(
        issuer=parse_entity_id(claims.require_str(body, "iss")),  # 2
        subject=parse_entity_id(claims.require_str(body, "sub")),
        kid=kid,
        use=KeyUse(use),
        revoked_at=claims.from_seconds(claims.require_int(body, "revoked_at", maximum=claims.LATEST_SECONDS)),
        reason=claims.optional_str(body, "reason", max_len=MAX_REASON),
        issued_at=claims.check_issued(body, now=now),  # 4
    )


def without_revoked(trusted: TrustedEntity, chain: TrustChain, revoked: RevokedKeys) -> TrustedEntity:
    """Return a verified entity without its revoked keys.

    Raise ChainRefused where such a key signed a statement of the chain, or where none of a use is left.
    """
    if revoked.keys().isdisjoint((trusted.entity_id, *trusted.superiors)):
        return trusted
    for statement in chain:
        issuer, kid = statement.issuer, statement.signed_with
        if kid in revoked.get(issuer, ()):
            _refuse(trusted.entity_id, f"A statement in its chain is signed with a key that {issuer} revoked, {kid}.")
    kids = revoked.get(trusted.entity_id, frozenset())
    return _without(trusted, kids) if kids else trusted


def _without(trusted: TrustedEntity, kids: frozenset[str]) -> TrustedEntity:
    entity, node, server = trusted.entity_id, trusted.node, trusted.authorization_server
    if node is not None:
        if node.evidence_key.kid in kids:
            _refuse(entity, "It names an evidence key that it revoked.")
        encryption = node.encryption_keys
        node = replace(
            node,
            message_keys=_left(entity, node.message_keys, kids),
            encryption_keys=None if encryption is None else _left(entity, encryption, kids),
        )
    client = trusted.oauth_client_keys
    return replace(
        trusted,
        federation_keys=_left(entity, trusted.federation_keys, kids),
        node=node,
        oauth_client_keys=None if client is None else _left(entity, client, kids),
        authorization_server=None if server is None else replace(server, keys=_left(entity, server.keys, kids)),
    )


def _left(entity: EntityId, keys: KeySet, kids: frozenset[str]) -> KeySet:
    remaining = keys.without(kids)
    if not remaining.keys:
        _refuse(entity, f"Every {keys.use} key that it names was revoked.")
    return remaining


def _refuse(entity: EntityId, why: str) -> None:
    with about_statement(f"Chain of {entity}", PROFILE):
        raise ChainRefused(f"{why} A revoked key never comes back: its administrators make a new one.")
