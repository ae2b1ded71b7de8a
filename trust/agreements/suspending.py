"""The suspension of an agreement for all its parties, and its resumption, by a party that the document names for it.

1. Only the parties in ``suspended_by`` suspend and resume; any of them resumes what another has suspended. One that
   left does neither.
2. The newest notice counts: by ``iat``, then by ``seq``, which grows within one second. Of two that are equally new,
   the suspension counts. So every node comes to the same answer, and an old notice never comes back.
3. While it is suspended, the agreement is not in force for anybody.

A notice concerns one version: a later one that every party signed is not suspended with it.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trust import jose
from trust.agreements.agreement import Agreement, InForce, NotInForce
from trust.claims import LATEST_SECONDS, check_issued, from_seconds, to_seconds
from trust.errors import KeyPurposeMismatch, WrongIssuer
from trust.exchange.envelope import AgreementRef, agreement_to_json, read_agreement
from trust.exchange.errors import MalformedAgreement, SignatureMismatch
from trust.exchange.reader import Reader
from trust.identifiers import EntityId, parse_entity_id
from trust.keys import KeySet, KeyUse, Signer

TYP = "agreement-suspension+jwt"
MAX_BYTES = 8192
MAX_REASON = 500
_SEQ_BITS = 20
MAX_SEQ = 2**_SEQ_BITS - 1


class SuspendedState(StrEnum):
    """What a notice makes of an agreement."""

    SUSPENDED = "suspended"
    RESUMED = "resumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementSuspension:
    """One party's notice. ``told_at`` is in whole seconds since 1970; ``reason`` names no person."""

    party: EntityId
    agreement: AgreementRef
    state: SuspendedState
    reason: str
    told_at: int
    seq: int

    @property
    def rank(self) -> int:
        """How new the notice is (rule 2); below 2^60."""
        return (self.told_at << _SEQ_BITS | self.seq) << 1 | (self.state is SuspendedState.SUSPENDED)


def next_notice(
    agreement: AgreementRef,
    earlier: AgreementSuspension | None,
    state: SuspendedState,
    *,
    party: EntityId,
    reason: str,
    now: datetime,
) -> AgreementSuspension:
    """Return a notice that is newer than the newest one that is known."""
    told_at = to_seconds(now) if earlier is None else max(to_seconds(now), earlier.told_at)
    return AgreementSuspension(
        party=party,
        agreement=agreement,
        state=state,
        reason=reason,
        told_at=told_at,
        seq=earlier.seq + 1 if earlier is not None and earlier.told_at == told_at else 0,
    )


def build_suspension(notice: AgreementSuspension, *, signer: Signer) -> bytes:
    """Sign a notice with its party's federation key. Raises :class:`KeyPurposeMismatch` for any other key."""
    if signer.use is not KeyUse.FEDERATION:
        raise KeyPurposeMismatch("An agreement is suspended with the party's federation key and no other.")
    claims = {
        "iss": notice.party,
        "iat": notice.told_at,
        "agreement": agreement_to_json(notice.agreement),
        "state": notice.state,
        "seq": notice.seq,
        "reason": notice.reason,
    }
    return jose.sign(claims, typ=TYP, signer=signer)


def verify_suspension(
    raw: bytes, *, party: EntityId, keys: KeySet, agreement: AgreementRef, now: datetime
) -> AgreementSuspension:
    """Verify that ``party``, whose trusted federation keys are ``keys``, suspended or resumed exactly this version.

    1. the keys are federation keys; 2. the signature; 3. the form of every member; 4. the issuer is the party;
    5. the agreement is this one, to the byte; 6. it is not dated in the future.

    Not checked here: that the document lets this party do so. Raises ``TrustError`` only.
    """
    document = jose.open_signed(raw, typ=TYP, keys=keys.require_use(KeyUse.FEDERATION), max_bytes=MAX_BYTES)  # 1, 2
    notice = _parse(Reader(document.claims, visible=True))  # 3
    if notice.party != party:  # 4
        raise WrongIssuer("The notice is issued in another party's name than the one whose key made it.")
    if notice.agreement != agreement:  # 5
        raise SignatureMismatch("The notice is about another agreement, or about another version or wording of it.")
    check_issued(document.claims, now=now)  # 6
    return notice


def suspends(newest: AgreementSuspension | None, agreement: Agreement) -> bool:
    """Say whether the newest notice suspends an agreement, whose leavers are no parties any more (rule 1)."""
    if newest is None or newest.state is SuspendedState.RESUMED:
        return False
    return agreement.may_suspend(newest.party) and agreement.party(newest.party) is not None


def while_not_suspended(standing: InForce | NotInForce, newest: AgreementSuspension | None) -> InForce | NotInForce:
    """Return how an agreement stands under the newest notice about it (rule 3)."""
    agreement = standing.agreement
    party = None if newest is None else agreement.party(newest.party)
    if isinstance(standing, NotInForce) or newest is None or party is None or not suspends(newest, agreement):
        return standing
    day = from_seconds(newest.told_at).date().isoformat()
    return NotInForce(agreement=agreement, missing=(), reason=f"{party.name} has suspended it since {day}.")


def _parse(reader: Reader) -> AgreementSuspension:
    party = reader.parsed("iss", parse_entity_id)
    agreement = read_agreement(reader)
    told_at = reader.whole("iat", least=0, most=LATEST_SECONDS)
    seq = reader.whole("seq", least=0, most=MAX_SEQ)
    state = reader.choice("state", SuspendedState)
    reason = reader.text("reason", max_len=MAX_REASON)
    if reader.faults or state is None:
        raise MalformedAgreement(reader.faults)
    return AgreementSuspension(party=party, agreement=agreement, state=state, reason=reason, told_at=told_at, seq=seq)
