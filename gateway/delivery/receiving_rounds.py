"""The rounds of the receiving side, in a loop of their own: hand over, and once a day ask for everything."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from gateway.delivery.case_system import CaseSystemDelivery
from gateway.ports import Clock, Store, Transaction
from gateway.runtime.background import Attempt, Wait, run_rounds
from gateway.runtime.rate_limit import Cooldown
from gateway.store.tables import reconciliations
from gateway.store.tables.reconciliations import Reconciliation

ROUND_S = 0.5
LOOK_EVERY = timedelta(minutes=1)
VERIFY_EVERY = timedelta(hours=23)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivingRounds:
    """Rounds of one node. ``may_work`` says whether the node may do anything at present."""

    own: str
    store: Store
    clock: Clock
    case_systems: CaseSystemDelivery
    may_work: Callable[[], bool]
    attempt: Attempt
    looks: Cooldown = field(default_factory=lambda: Cooldown(LOOK_EVERY))
    """Whether a day has passed is looked up once a minute, and not in each round."""

    def run(self, wait: Wait) -> None:
        """Make rounds until ``wait`` says that it is time to stop."""
        run_rounds(self.attempt, wait, ROUND_S, (("receiving", self._round),))

    def _round(self) -> None:
        if not self.may_work():
            return
        now = self.clock.now()
        self.attempt("case_systems", partial(self.case_systems.round, now))
        if self.looks.acquire("verify", now):
            self.attempt("verify", partial(self.verify_daily, now))

    def verify_daily(self, now: datetime) -> None:
        """Ask the case systems for everything that they proved to hold, once a day at whichever host is first."""
        last = self.store.read(lambda tx: reconciliations.get(tx, peer=self.own, service=""))
        if last is None or now - last.at >= VERIFY_EVERY:
            self.verify(now)

    def verify(self, now: datetime) -> int:
        """Ask now, and return how many messages are lost."""
        lost = self.case_systems.verify(now)

        def note(tx: Transaction) -> None:
            reconciliations.put(tx, Reconciliation(peer=self.own, service="", at=now, holes=lost))

        self.store.write(note)
        return lost
