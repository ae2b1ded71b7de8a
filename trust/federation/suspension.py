"""Say that an entity may not take part for now, in a log that any peer can relay (WIRE.md sections 1 and 6).

Each issuer, an anchor or an intermediate, numbers its entries 1, 2, 3 ... without a gap, so a party that knows the
highest number knows whether an entry was kept from it. The latest entry about an entity decides; an entity without an
entry is active. An entry has no end: it stands until the next one about the same entity. It is read by these rules:

1. signed under `typ` exactly `trust-suspension+jwt`, by a federation key of its issuer;
2. `iss` and `sub` are entity identifiers, and differ;
3. `seq` is a whole number from 1; `state` is `suspended`, `active` or `removed`;
4. `iat` does not lie ahead.

Not checked here: that the issuer stands above the subject, which alone gives it a say.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trust import claims, jose
from trust.errors import MalformedClaims, WrongIssuer
from trust.identifiers import EntityId, parse_entity_id
from trust.keys import KeySet, KeyUse, Signer
from trust.strict_json import JsonObject

TYP = "trust-suspension+jwt"
MAX_BYTES = 4096


class SuspensionState(StrEnum):
    """Whether an entity may take part. `removed` differs from `suspended` for people only: it is meant to last."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    REMOVED = "removed"


_STRICTNESS = {state: strictness for strictness, state in enumerate(SuspensionState)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """One entry of an issuer's log: from `issued_at` on, `subject` is in this state."""

    issuer: EntityId
    subject: EntityId
    seq: int
    state: SuspensionState
    issued_at: datetime


def build_suspension(suspension: Suspension, signer: Signer) -> bytes:
    """Sign one entry with the issuer's federation key."""
    body: JsonObject = {
        "iss": suspension.issuer,
        "sub": suspension.subject,
        "seq": suspension.seq,
        "state": suspension.state.value,
        "iat": claims.to_seconds(suspension.issued_at),
    }
    return jose.sign(body, typ=TYP, signer=signer)


def peek_suspension(raw: bytes) -> tuple[EntityId, int]:
    """Return the issuer and the number that an entry *says* it has, to find the keys that may prove it."""
    unverified = jose.peek(raw, typ=TYP, max_bytes=MAX_BYTES).claims
    return parse_entity_id(claims.require_str(unverified, "iss")), _seq(unverified)


def parse_suspension(raw: bytes, *, issuer_keys: KeySet, now: datetime) -> Suspension:
    """Open one entry by the module's rules; the caller compares `issuer`. Raise nothing but TrustError."""
    issuer_keys.require_use(KeyUse.FEDERATION)
    body = jose.open_signed(raw, typ=TYP, keys=issuer_keys, max_bytes=MAX_BYTES).claims  # 1
    issuer = parse_entity_id(claims.require_str(body, "iss"))  # 2
    subject = parse_entity_id(claims.require_str(body, "sub"))
    if issuer == subject:
        raise WrongIssuer("A suspension's 'iss' and 'sub' must differ.")
    state = claims.require_str(body, "state")  # 3
    if state not in tuple(SuspensionState):
        raise MalformedClaims("A suspension's 'state' must be suspended, active or removed.")
    return Suspension(
        issuer=issuer,
        subject=subject,
        seq=_seq(body),
        state=SuspensionState(state),
        issued_at=claims.check_issued(body, now=now),  # 4
    )


def states(entries: Iterable[Suspension]) -> Mapping[EntityId, SuspensionState]:
    """Return the state of every entity that has an entry.

    The highest number of an issuer about an entity decides. Where issuers differ about it, or one of them gave one
    number twice, the strictest of what they say does.
    """
    latest: dict[tuple[EntityId, EntityId], Suspension] = {}
    for entry in sorted(entries, key=lambda entry: (entry.seq, _STRICTNESS[entry.state])):
        latest[entry.subject, entry.issuer] = entry
    decided: dict[EntityId, SuspensionState] = {}
    for entry in latest.values():
        state = decided.get(entry.subject, entry.state)
        decided[entry.subject] = max(state, entry.state, key=_STRICTNESS.__getitem__)
    return decided


def _seq(body: JsonObject) -> int:
    return claims.require_int(body, "seq", minimum=1)
