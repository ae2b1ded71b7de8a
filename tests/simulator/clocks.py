"""Clocks that a test sets."""

from datetime import UTC, datetime, timedelta


class SetClock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.moment = datetime.now(UTC).replace(microsecond=0)

    def now(self) -> datetime:
        return self.moment

    def forward(self, **span: float) -> None:
        self.moment += timedelta(**span)


class RunningClock(SetClock):
    """The machine's own clock, for nodes that are really served."""

    def now(self) -> datetime:
        return datetime.now(UTC)
