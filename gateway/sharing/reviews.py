"""Reviews and tasks that are late: one flag a day for each service, and a bell for what was shared."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.ports import Store, Transaction
from gateway.sharing.tasks import SharingTasks
from gateway.store.tables import flags, sharing_decisions
from gateway.store.tables.sharing_decisions import SharingOutcome, SharingRow
from trust.identifiers import EntityId, ServiceSlug

REVIEW_OVERDUE = "sharing_review_overdue"
SHARING_UNREVIEWED = "sharing_unreviewed"
MOST = 500
"""Late reviews that one round looks at; a flag names a service, so more add nothing."""
Ring = Callable[[ServiceSlug, str, datetime], None]
"""Ring the on-call channels of a service about the decision of a reference."""
_REFERENCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class LateReviews:
    """Raise a flag for each service of this node whose reviews are late, and close the tasks that are."""

    own: EntityId
    store: Store
    tasks: SharingTasks
    ring: Ring

    def round(self, now: datetime) -> None:
        """Raise those flags, once a day for each service, and erase what tasks that lapse describe.

        Where no second person has reviewed what was shared, the on-call channels of its service ring, too.
        """
        self.tasks.lapse(now)
        if not self.store.read(lambda tx: sharing_decisions.overdue(tx, now=now)):
            return
        for each in self.store.write(lambda tx: self._flag(tx, now)):
            self.ring(ServiceSlug(each.service), each.id[:_REFERENCE], now)

    def _flag(self, tx: Transaction, now: datetime) -> tuple[SharingRow, ...]:
        """Raise the flags that are not up, and return what was shared and is now flagged for the first time today."""
        to_ring = []
        for each in sharing_decisions.list_due(tx, by=now, limit=MOST):
            is_shared, asker = each.outcome is SharingOutcome.SHARED, f"{self.own} {each.service}"
            code = SHARING_UNREVIEWED if is_shared else REVIEW_OVERDUE
            if flags.is_raised(tx, code=code, asker=asker, at=now):
                continue
            flags.raise_flag(tx, code=code, asker=asker, at=now)
            if is_shared:
                to_ring.append(each)
        return tuple(to_ring)
