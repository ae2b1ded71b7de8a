"""The simulator's networks and a peer, for proofs on whole nodes."""

import pytest

from gateway.runtime import machine_clock
from tests.simulator.fixtures import benefits, pair, standing, town
from tests.simulator.inbound import caller, hand, inbound, seen

__all__ = ["benefits", "caller", "hand", "inbound", "pair", "seen", "standing", "town"]


@pytest.fixture(autouse=True)
def no_time_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the others decide about a clock, whether a time service keeps this machine's or not."""
    monkeypatch.setattr(machine_clock, "synchronised", lambda _clock: False)
