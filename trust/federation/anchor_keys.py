"""Pin an anchor, and replace its federation keys by its recovery key (WIRE.md section 1).

An anchor has no superior that could vouch for a new key of its own. Its federation key signs every day and may be
stolen; its recovery key is kept offline and signs this one document. The document is read by these rules:

1. signed under `typ` exactly `trust-anchor-keys+jwt`, by a recovery key that was pinned for the anchor out of band;
   a federation key with any id never signs it;
2. `iss` and `sub` are both the anchor;
3. `seq` is a whole number from 1: the highest replaces every other, the pinned federation keys included;
4. `jwks` holds the anchor's federation keys from then on, and no recovery key;
5. `iat` does not lie ahead.

It has no end: it stands until the next one. A recovery key itself is replaced only by hand, at every node, because
its thief could otherwise lock the anchor out for good.
"""

from dataclasses import dataclass
from datetime import datetime

from trust import claims, jose, strict_json
from trust.errors import KeyPurposeMismatch, RolledBack, WrongIssuer
from trust.identifiers import EntityId, parse_entity_id
from trust.keys import KeySet, KeyUse, Signer
from trust.strict_json import JsonObject

TYP = "trust-anchor-keys+jwt"
MAX_BYTES = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """What an administrator of a node pins: an anchor's federation keys and, kept offline by it, its recovery keys.

    `recovery` is None where the pin is a plain JWK set; such an anchor's keys can be replaced only by hand.
    """

    entity: EntityId
    keys: KeySet
    recovery: KeySet | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorKeys:
    """The federation keys of an anchor, as its recovery key vouches for them."""

    anchor: EntityId
    seq: int
    keys: KeySet
    issued_at: datetime


def build_pin(pin: Pin) -> bytes:
    """Write a pin as the file that the anchor gives to every node."""
    document: JsonObject = {"entity_id": pin.entity, **pin.keys.require_use(KeyUse.FEDERATION).to_jwks()}
    if pin.recovery is not None:
        document["recovery"] = pin.recovery.require_use(KeyUse.RECOVERY).to_jwks()
    return strict_json.dumps(document)


def parse_pin(raw: bytes, entity: EntityId) -> Pin:
    """Read the pin of this anchor, or a plain JWK set of its federation keys; raise nothing but TrustError."""
    document = strict_json.loads(raw, max_bytes=MAX_BYTES)
    if document.get("entity_id", entity) != entity:
        raise WrongIssuer(f"This is another anchor's pin than that of {entity}.")
    keys = KeySet.from_jwks(document, KeyUse.FEDERATION)
    recovery = claims.optional_object(document, "recovery")
    if recovery is None:
        return Pin(entity=entity, keys=keys)
    offline = KeySet.from_jwks(recovery, KeyUse.RECOVERY)
    _refuse_shared(keys, offline)
    return Pin(entity=entity, keys=keys, recovery=offline)


def build_anchor_keys(document: AnchorKeys, recovery_signer: Signer) -> bytes:
    """Sign the anchor's federation keys with its recovery key; raise KeyPurposeMismatch for any other key."""
    if recovery_signer.use is not KeyUse.RECOVERY:
        raise KeyPurposeMismatch("An anchor's keys are replaced with its recovery key and no other.")
    body: JsonObject = {
        "iss": document.anchor,
        "sub": document.anchor,
        "seq": document.seq,
        "iat": claims.to_seconds(document.issued_at),
        "jwks": document.keys.require_use(KeyUse.FEDERATION).to_jwks(),
    }
    return jose.sign(body, typ=TYP, signer=recovery_signer)


def parse_anchor_keys(raw: bytes, *, recovery_keys: KeySet, now: datetime) -> AnchorKeys:
    """Open the document by the module's rules; the caller compares `anchor`. Raise nothing but TrustError.

    `recovery_keys` are the anchor's, as pinned.
    """
    pinned = recovery_keys.require_use(KeyUse.RECOVERY)
    body = jose.open_signed(raw, typ=TYP, keys=pinned, max_bytes=MAX_BYTES).claims  # 1
    anchor = parse_entity_id(claims.require_str(body, "iss"))  # 2
    if body.get("sub") != anchor:
        raise WrongIssuer("The 'iss' and 'sub' of an anchor's keys must be the same.")
    seq = claims.require_int(body, "seq", minimum=1)  # 3
    keys = KeySet.from_jwks(claims.require_object(body, "jwks"), KeyUse.FEDERATION)  # 4
    _refuse_shared(keys, pinned)
    return AnchorKeys(anchor=anchor, seq=seq, keys=keys, issued_at=claims.check_issued(body, now=now))  # 5


def refuse_older(offered: AnchorKeys, *, held: AnchorKeys | None) -> None:
    """Refuse (RolledBack) a document that is older than the one held, or differs under its number."""
    if held is None or offered.seq > held.seq:
        return
    if offered.seq < held.seq or offered.keys.kids != held.keys.kids:
        raise RolledBack(
            f"{offered.anchor} already replaced its keys under number {held.seq}; another party may be replaying "
            "an older document. If the anchor made it, ask its administrators for one with a higher number."
        )


def _refuse_shared(federation: KeySet, recovery: KeySet) -> None:
    if federation.kids & recovery.kids:
        raise KeyPurposeMismatch("One key is both federation and recovery key; the recovery key must be its own.")
