"""Clocks that a test sets."""

import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

MORNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class SetClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, moment: datetime | None = None) -> None:
        self.moment = moment or datetime.now(UTC).replace(microsecond=0)

    def now(self) -> datetime:
        return self.moment

    def forward(self, **span: float) -> None:
        self.moment += timedelta(**span)


class RunningClock(SetClock):
    """The machine's own clock, for nodes that are really served."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class MonotonicClock:
    """The monotonic clock of the gateway and the adapters, which a test moves; what sleeps by it moves it instead."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead_s

    def forward(self, seconds: float) -> None:
        """Let seconds pass."""
        self.ahead_s += seconds

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Give this clock to each of their modules that has imported the machine's own."""
        for name, module in list(sys.modules.items()):
            if name.startswith(("gateway.", "adapters.")):
                if getattr(module, "monotonic", None) is time.monotonic:
                    monkeypatch.setattr(module, "monotonic", self)
                if getattr(module, "sleep", None) is time.sleep:
                    monkeypatch.setattr(module, "sleep", self.forward)
