"""Seeded worlds of alerts in which everything fails: nothing acknowledged is lost, and nothing happens twice."""

from pathlib import Path

import pytest

from tests.simulator.delivery_world import DeliveryWorld
from tests.simulator.queued import sending

STEPS = 40


@pytest.mark.holds("A7")
@pytest.mark.holds("A8")
@pytest.mark.parametrize("seed", range(1, 7))
def test_no_seed_loses_doubles_or_silences_an_alert(tmp_path: Path, seed: int) -> None:
    with sending(tmp_path, played=()) as made:
        DeliveryWorld(made, seed).run(STEPS)
