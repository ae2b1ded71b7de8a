"""Reviews and tasks that are late: one flag a day for each service."""

from dataclasses import dataclass
from datetime import datetime

from gateway.ports import Store, Transaction
from gateway.sharing.tasks import SharingTasks
from gateway.store.tables import flags, sharing_decisions
from trust.identifiers import EntityId

REVIEW_OVERDUE = "sharing_review_overdue"
MOST = 500
"""Late reviews that one round looks at; a flag names a service, so more add nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LateReviews:
    """Raise a flag for each service of this node whose reviews are late, and close the tasks that are."""

    own: EntityId
    store: Store
    tasks: SharingTasks

    def round(self, now: datetime) -> None:
        """Raise those flags, once a day for each service, and erase what tasks that lapse describe."""
        self.tasks.lapse(now)

        def effect(tx: Transaction) -> None:
            late = sharing_decisions.list_due(tx, by=now, limit=MOST)
            for asker in sorted({f"{self.own} {each.service}" for each in late}):
                if not flags.is_raised(tx, code=REVIEW_OVERDUE, asker=asker, at=now):
                    flags.raise_flag(tx, code=REVIEW_OVERDUE, asker=asker, at=now)

        if self.store.read(lambda tx: sharing_decisions.overdue(tx, now=now)):
            self.store.write(effect)
