"""Suspensions of agreements: made here, learnt from other parties, and told to them until each has the notice.

1. A notice counts that is of a party that the document lets suspend and that proves under the federation keys that its
   superior vouches for now, whichever party brings it; of one that left, what it suspended before.
2. It is kept if it is newer than the one held of that party (:mod:`trust.agreements.suspending`), so a repeated one
   changes nothing.
3. This agency's own notice is signed afresh whenever it leaves, and stays the same notice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.agreements.registry import AgreementRegistry
from gateway.ports import Store, Transaction
from gateway.store.tables import accessions, agreement_suspensions
from gateway.store.tables.agreement_suspensions import StoredStandstill
from gateway.store.tables.agreements import StoredSignature
from trust import strict_json
from trust.agreements.agreement import Agreement, NotInForce
from trust.agreements.signature import peek_party
from trust.agreements.suspending import (
    MAX_BYTES,
    TYP,
    AgreementSuspension,
    SuspendedState,
    build_suspension,
    deciding_notice,
    newest_notice,
    next_notice,
    suspends,
    verify_suspension,
)
from trust.claims import to_seconds
from trust.errors import WrongIssuer
from trust.exchange.envelope import AgreementRef
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse, Signer

_NOT_ALLOWED = "The notice is from an agency that may not suspend or resume this agreement."
SuspensionNotice = Callable[[EntityId, AgreementRef, SuspendedState], None]
"""Record a notice that is about to be accepted from another node; where that fails, it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementSuspensions:
    """The suspensions of one node's agreements. Safe for several threads."""

    own: EntityId
    store: Store
    book: AgreementRegistry
    signer: Callable[[], Signer]
    notice: SuspensionNotice

    def change(
        self, agreement: AgreementRef, state: SuspendedState, reason: str, *, now: datetime
    ) -> AgreementSuspension | None:
        """Suspend or resume a version; return the notice, or ``None`` where another was newer.

        The caller has seen that this agency may do so. Raises ``AgreementConflict`` for a version that has ended.
        """
        newest = newest_notice(self.book.suspension_notices(agreement, now=now).values())
        following = next_notice(agreement, newest, state, party=self.own, reason=reason, now=now)
        signer = self.signer()
        raw = build_suspension(following, signer=signer)
        self._put(following, raw, KeySet.of(KeyUse.FEDERATION, [signer.public]), now)
        notices = self.book.suspension_notices(agreement, now=now).values()
        return following if newest_notice(notices) == following else None

    def accept(
        self, agreement: Agreement, raw: bytes, keys_of: Callable[[EntityId, datetime], KeySet], *, now: datetime
    ) -> bool:
        """Verify a notice, and store it where it is newer than the one held of its party; return whether it is.

        Raises ``TrustError`` for a notice that does not prove or is not of a party that may say so.
        """
        party = peek_party(raw, typ=TYP, max_bytes=MAX_BYTES)
        if not agreement.may_suspend(party):  # 1
            raise WrongIssuer(_NOT_ALLOWED)
        keys = keys_of(party, now)
        received = verify_suspension(raw, party=party, keys=keys, agreement=agreement.ref, now=now)
        left_at = self.book.left_at(agreement.ref, party, now=now)
        if left_at is not None and not (suspends(received) and received.told_at <= to_seconds(left_at)):  # 1
            raise WrongIssuer(_NOT_ALLOWED)
        earlier = self.book.suspension_notices(agreement.ref, now=now).get(party)
        if earlier is not None and earlier.rank >= received.rank:  # 2
            return False
        self.notice(party, agreement.ref, received.state)
        return self._put(received, raw, keys, now)

    def learn(
        self, agreement: Agreement, raw: bytes, keys_of: Callable[[EntityId, datetime], KeySet], *, now: datetime
    ) -> None:
        """Accept a notice that another node answered with. Raises as :meth:`accept` does."""
        self.accept(agreement, raw, keys_of, now=now)

    def own_statement(self, agreement: AgreementRef, *, now: datetime) -> bytes | None:
        """Return this agency's own newest notice about a version, signed afresh, or none."""
        own = self.book.suspension_notices(agreement, now=now).get(self.own)
        return None if own is None else build_suspension(own, signer=self.signer())  # 3

    def statement(self, agreement: AgreementRef, *, now: datetime) -> bytes | None:
        """Return the notice that says how a version stands, of whichever party."""
        standing = self.book.find(agreement, now=now)
        notices = self.book.suspension_notices(agreement, now=now).values()
        notice = None if standing is None else deciding_notice(notices, standing.agreement)
        if notice is None or notice.party == self.own:
            return self.own_statement(agreement, now=now)
        return self.store.read(lambda tx: agreement_suspensions.find(tx, agreement, notice.party))

    def undelivered(self, *, now: datetime) -> tuple[tuple[Agreement, EntityId], ...]:
        """Return which parties are still to be told of this agency's newest notice, while the agreement lasts."""
        return tuple(
            (agreement, entity)
            for agreement in self._own_notices(now)
            for entity, has_notice in self.deliveries(agreement, now=now).items()
            if not has_notice
        )

    def deliveries(self, agreement: Agreement, *, now: datetime) -> dict[EntityId, bool]:
        """Return for each other party whether it has this agency's newest notice; nothing where there is none."""
        own = self.book.suspension_notices(agreement.ref, now=now).get(self.own)
        return self.store.read(lambda tx: suspension_deliveries(tx, agreement, own))

    def record_delivery(self, agreement: AgreementRef, raw: bytes, party: EntityId, *, now: datetime) -> None:
        """Record that a party's node has this agency's own notice ``raw``, or does not hold the agreement."""
        keys = KeySet.of(KeyUse.FEDERATION, [self.signer().public])
        brought = verify_suspension(raw, party=self.own, keys=keys, agreement=agreement, now=now)
        self.store.write(
            lambda tx: accessions.record_deliveries(
                tx, agreement=agreement, digests=[_key(brought)], party=party, told_at=now
            )
        )

    def _own_notices(self, now: datetime) -> list[Agreement]:
        return [
            standing.agreement
            for standing in self.book.standings(now=now)
            if not (isinstance(standing, NotInForce) and standing.closure is not None)
            and standing.agreement.valid_until >= now.date()
        ]

    def _put(self, notice: AgreementSuspension, raw: bytes, keys: KeySet, now: datetime) -> bool:
        stored = StoredStandstill(
            agreement_id=notice.agreement.id,
            version=notice.agreement.version,
            entity=notice.party,
            rank=notice.rank,
            signed=StoredSignature(raw=raw, jwks=strict_json.dumps(keys.to_jwks())),
        )
        return self.store.write(
            lambda tx: agreement_suspensions.put(tx, agreement=notice.agreement, notice=stored, added_at=now)
        )


def suspension_deliveries(
    tx: Transaction, agreement: Agreement, own: AgreementSuspension | None
) -> dict[EntityId, bool]:
    """Return for each other party whether it has this agency's ``own`` newest notice; nothing where there is none."""
    if own is None:
        return {}
    delivered = accessions.deliveries(tx, agreement.ref)
    others = (party.entity for party in agreement.parties if party.entity != own.party)
    return {party: (_key(own), party) in delivered for party in others}


def _key(notice: AgreementSuspension) -> str:
    """Return what names a notice among the documents that a party has."""
    return f"suspension {notice.rank}"
