"""Reviews of restricted places: which are due, warned of 30 and 7 days before the day, and once it has passed."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.ports import Transaction
from gateway.store.tables import place_restrictions
from trust.agreements.due_dates import DueStage, stage_of

WARN_WITHIN: Final = timedelta(days=30)
"""How long before its review a restriction is first warned of."""
LONGEST_REVIEW: Final = timedelta(days=366)
"""The longest time until the next review."""
STAGES: Final = (DueStage.IN_30_DAYS, DueStage.IN_7_DAYS, DueStage.PASSED)
_MOST: Final = 10_000


def place_review_stage(review_at: datetime, now: datetime) -> DueStage | None:
    """Return the last warning that is due for a review, or none yet."""
    stage = stage_of(review_at.astimezone(UTC).date(), now.astimezone(UTC).date())
    return stage if stage in STAGES else None


def count_place_reviews(tx: Transaction, now: datetime) -> Counter[DueStage]:
    """Count the restrictions whose review is due, by the last stage that each reached."""
    rows = place_restrictions.list_to_review(tx, client_id=None, by=now + WARN_WITHIN + timedelta(days=1), limit=_MOST)
    stages = (place_review_stage(row.review_at, now) for row in rows if row.review_at is not None)
    return Counter(stage for stage in stages if stage is not None)
