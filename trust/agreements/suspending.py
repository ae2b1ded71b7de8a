"""The suspension of an agreement for all its parties, and its resumption, by a party that the document names for it.

1. Only the parties in ``suspended_by`` suspend and resume; any of them resumes what another has suspended.
2. Each party's newest notice is kept, and the newest of them counts: by ``iat``, then by ``seq``, which grows within
   one second. Of two that are equally new, the suspension counts.
3. A party that left resumes nothing any more. What it suspended before it left stays so until another party resumes it:
   no leaving opens a flow that was stopped.
4. While it is suspended, the agreement is not in force for anybody.

So every node comes to the same answer from the same notices, in whichever order they came, and an old one never comes
back.

A notice concerns one version: a later one that every party signed is not suspended with it.
"""

from collections.abc import Iterable
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
    """Return a notice that is newer than ``earlier``, the newest one of any party that is known."""
    told_at, seq = to_seconds(now), 0
    if earlier is not None and earlier.told_at >= told_at:
        told_at, seq = earlier.told_at, earlier.seq + 1
    if seq > MAX_SEQ:  # a second that has no number left has a successor too
        told_at, seq = told_at + 1, 0
    return AgreementSuspension(party=party, agreement=agreement, state=state, reason=reason, told_at=told_at, seq=seq)


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


def newest_notice(notices: Iterable[AgreementSuspension]) -> AgreementSuspension | None:
    """Return the newest notice, or none where there is none."""
    return max(notices, key=lambda notice: (notice.rank, notice.party), default=None)


def deciding_notice(notices: Iterable[AgreementSuspension], agreement: Agreement) -> AgreementSuspension | None:
    """Return the notice that says how an agreement stands, out of each party's newest (rules 1 to 3), or none."""
    return newest_notice(
        notice
        for notice in notices
        if agreement.may_suspend(notice.party) and (suspends(notice) or notice.party not in agreement.leavers)
    )


def suspends(notice: AgreementSuspension | None) -> bool:
    """Say whether a notice suspends its agreement."""
    return notice is not None and notice.state is SuspendedState.SUSPENDED


def while_not_suspended(standing: InForce | NotInForce, notices: Iterable[AgreementSuspension]) -> InForce | NotInForce:
    """Return how an agreement stands under each party's newest notice about it (rule 4)."""
    agreement = standing.agreement
    notice = deciding_notice(notices, agreement)
    if isinstance(standing, NotInForce) or notice is None or not suspends(notice):
        return standing
    party, day = agreement.party(notice.party), from_seconds(notice.told_at).date().isoformat()
    name = notice.party if party is None else party.name
    return NotInForce(agreement=agreement, missing=(), reason=f"{name} has suspended it since {day}.")


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
