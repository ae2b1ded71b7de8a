"""Agreements out of a backup: each binds again once every other party has told whether it ended (assertion A59)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway.agreements.registry import AgreementRegistry
from gateway.agreements.signature_exchange import SignatureExchange
from gateway.ports import Store, Transaction
from gateway.runtime.rate_limit import Cooldown
from gateway.store.tables import agreements, restore_holds
from gateway.store.tables.restore_holds import HoldKind
from trust.agreements.agreement import Agreement
from trust.identifiers import EntityId

ASKED_AGAIN_AFTER = timedelta(minutes=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredAgreements:
    """What a restored node does in its rounds until every agreement was answered for, or confirmed."""

    own: EntityId
    store: Store
    book: AgreementRegistry
    countersigning: SignatureExchange
    lately: Cooldown = field(default_factory=lambda: Cooldown(ASKED_AGAIN_AFTER))

    def round(self, now: datetime) -> None:
        """Ask every party of what is held, close what was closed, and release what each has answered for."""
        held_digests = {each.name for each in self.store.read(restore_holds.list) if each.kind is HoldKind.AGREEMENT}
        if not held_digests or not self.lately.acquire("parties", now):
            return
        silent = self.countersigning.ask_endings(now=now).silent
        by_digest = {standing.agreement.ref.digest: standing.agreement for standing in self.book.standings(now=now)}
        confirmed = [each for each in held_digests if each in by_digest and not self._others(by_digest[each]) & silent]

        def release(tx: Transaction) -> None:
            restore_holds.release(tx, HoldKind.AGREEMENT, confirmed)
            agreements.touch(tx)

        if confirmed:
            self.store.write(release)

    def _others(self, agreement: Agreement) -> frozenset[EntityId]:
        return frozenset(party.entity for party in agreement.parties if party.entity != self.own)
