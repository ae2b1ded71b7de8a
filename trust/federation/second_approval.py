"""A superior's approval of a change at an entity that has one administrator.

The superior's administrator hears the change's id and the digits of its digest from the entity by another channel, and
signs a `change-approval+jwt` {iss: the superior, sub: the entity, change, digest, iat, exp}. Checked when it is opened:

1. the signature by the superior's federation keys; 2. `iss`, `sub`, the change and the digest are those expected;
3. it is a week old at most.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from trust import claims, jose
from trust.errors import Mismatch, WrongIssuer
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse, Signer

TYP = "change-approval+jwt"
MAX_LIFE = timedelta(days=7)
MAX_BYTES = 4_096
_MAX_ID = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeApproval:
    """Which change of which entity is approved; `digest` is 30 decimal digits over the act and its arguments."""

    superior: EntityId
    entity: EntityId
    change: str
    digest: str


def build_approval(approval: ChangeApproval, signer: Signer, *, now: datetime) -> bytes:
    """Sign an approval with the superior's federation key."""
    issued = claims.to_seconds(now)
    return jose.sign(
        {
            "iss": approval.superior,
            "sub": approval.entity,
            "change": approval.change,
            "digest": approval.digest,
            "iat": issued,
            "exp": issued + int(MAX_LIFE.total_seconds()),
        },
        typ=TYP,
        signer=signer,
    )


def verify_approval(raw: bytes, *, expected: ChangeApproval, keys: KeySet, now: datetime) -> None:
    """Verify by the module's list; `keys` are the superior's federation keys. Raise nothing but TrustError."""
    body = jose.open_signed(raw, typ=TYP, keys=keys.require_use(KeyUse.FEDERATION), max_bytes=MAX_BYTES).claims
    if body.get("iss") != expected.superior:
        raise WrongIssuer("The approval is not by the superior whose key signed it.")
    approval = (
        claims.require_str(body, "sub"),
        claims.require_str(body, "change", max_len=_MAX_ID),
        claims.require_str(body, "digest"),
    )
    if approval != (expected.entity, expected.change, expected.digest):
        raise Mismatch("The approval is for another change than this one, or the change is not as it was read out.")
    claims.check_times(body, now=now, max_life=MAX_LIFE)
