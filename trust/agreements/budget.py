"""A rate limit: a token bucket that is one moment in time (the generic cell rate algorithm, ITU-T I.371).

A budget of so many an hour, of which a burst may come at once, is kept as the moment at which the bucket will be full
again (`due`). Each question moves that moment on by its share of an hour; where it would then lie further ahead than
the burst allows, the budget is spent. So nothing runs in the background, nothing is counted down, and one number a
budget survives restarts and holds for every worker that shares the store.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """So many questions an hour, of which `burst` may come at once; both are at least 1."""

    per_hour: int
    burst: int

    @property
    def interval(self) -> timedelta:
        """How long one question uses the budget."""
        return _HOUR / self.per_hour

    @property
    def depth(self) -> timedelta:
        """How far ahead the bucket may be used."""
        return self.interval * self.burst


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """The question was within the budget; `due` is the new moment to keep."""

    due: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Exceeded:
    """The budget is used up; the same question may come again after so long."""

    retry_after: timedelta


def spend(budget: Budget, *, due: datetime | None, now: datetime, units: int = 1) -> Spent | Exceeded:
    """Take a question from the budget; `due` is the moment stored last, None for the first question.

    `units` is what it costs, at most the burst; a question costs one, a message by its size.

    A clock that was put back costs the asker nothing more than it would have cost before: what is kept never lies
    further ahead than the depth of the bucket.
    """
    interval, depth = budget.interval, budget.depth
    then_full = min(max(due or now, now), now + depth) + units * interval
    if then_full - now > depth:
        return Exceeded(retry_after=then_full - now - depth)
    return Spent(due=then_full)
