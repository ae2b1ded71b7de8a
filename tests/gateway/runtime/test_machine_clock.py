"""The machine's clock is right where a time service keeps it, and no other clock is."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.runtime import machine_clock
from gateway.runtime.machine_clock import SystemClock


class Apart:
    """A clock beside the machine's own."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=5)


@pytest.mark.holds("A66")
def test_a_clock_that_is_not_the_machines_is_kept_by_no_time_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_clock, "_kept_at", lambda: datetime.now(UTC))
    assert machine_clock.synchronised(SystemClock())
    assert not machine_clock.synchronised(Apart())
    monkeypatch.setattr(machine_clock, "_kept_at", lambda: None)
    assert not machine_clock.synchronised(SystemClock())


def test_the_kernel_can_be_asked() -> None:
    """It answers on every machine; whether with yes depends on the machine."""
    assert machine_clock.synchronised(SystemClock()) in {True, False}
