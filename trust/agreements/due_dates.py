"""The days of an agreement that its parties must not miss: its review, and its end where no version follows.

1. A version counts from its first day, if every party signed it, until it is closed; a suspended one counts too.
2. Its end does not count where a higher version that every party signed begins by the day after it.
3. A warning is due 90, 30 and 7 days before the day, and once the day has passed. Days are counted in UTC.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from trust.agreements.agreement import Agreement, InForce, NotInForce
from trust.exchange.envelope import AgreementRef


class DateKind(StrEnum):
    """A day that an agreement names."""

    REVIEW = "review"
    END = "end"


class DueStage(StrEnum):
    """The last warning that is due for a day."""

    IN_90_DAYS = "90_days"
    IN_30_DAYS = "30_days"
    IN_7_DAYS = "7_days"
    PASSED = "passed"


_STAGES = ((-1, DueStage.PASSED), (7, DueStage.IN_7_DAYS), (30, DueStage.IN_30_DAYS), (90, DueStage.IN_90_DAYS))
"""The most days that are left at each stage, the most urgent first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueDate:
    """A day of one version for which a warning is due."""

    agreement: AgreementRef
    kind: DateKind
    day: date
    stage: DueStage


def due_dates(standings: Sequence[InForce | NotInForce], now: datetime) -> tuple[DueDate, ...]:
    """Return every day for which a warning is due, in the order of the agreements given."""
    today = now.astimezone(UTC).date()
    due = []
    for standing in standings:
        if _counts(standing, today):  # 1
            agreement = standing.agreement
            due.append(_due(agreement, DateKind.REVIEW, agreement.review_date, today))
            if not any(_follows(each, agreement) for each in standings):  # 2
                due.append(_due(agreement, DateKind.END, agreement.valid_until, today))
    return tuple(each for each in due if each is not None)


def _counts(standing: InForce | NotInForce, today: date) -> bool:
    return _may_bind(standing) and standing.agreement.valid_from <= today


def _may_bind(standing: InForce | NotInForce) -> bool:
    return isinstance(standing, InForce) or (standing.closure is None and not standing.missing)


def _follows(later: InForce | NotInForce, agreement: Agreement) -> bool:
    is_higher = later.agreement.id == agreement.id and later.agreement.version > agreement.version
    begins_in_time = later.agreement.valid_from - timedelta(days=1) <= agreement.valid_until
    return is_higher and begins_in_time and _may_bind(later)


def stage_of(day: date, today: date) -> DueStage | None:
    """Return the last warning that is due for a day (3), or none yet."""
    days_left = (day - today).days
    return next((stage for most, stage in _STAGES if days_left <= most), None)


def _due(agreement: Agreement, kind: DateKind, day: date, today: date) -> DueDate | None:
    stage = stage_of(day, today)
    return None if stage is None else DueDate(agreement=agreement.ref, kind=kind, day=day, stage=stage)
