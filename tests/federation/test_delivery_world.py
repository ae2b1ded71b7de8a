"""Seeded worlds in which everything fails: nothing acknowledged is lost, done twice, or silent."""

from collections.abc import Iterable, Iterator

import pytest

from tests.simulator.delivery_world import DeliveryWorld
from tests.simulator.world_guards import GUARDS, without
from tests.simulator.world_network import PreparedNetwork, prepared_network
from tests.simulator.world_promises import Violation

WORLDS, STEPS, AT_ONCE = 150, 20, 10
FOUND_WITHIN = 60
"""Worlds: a guard that is out is found in one of ten worlds, or in more of them."""


@pytest.fixture(scope="module")
def prepared() -> Iterator[PreparedNetwork]:
    """Give the network that every world copies."""
    with prepared_network() as made:
        yield made


def run_all(prepared: PreparedNetwork, seeds: Iterable[int]) -> None:
    for seed in seeds:
        with prepared.copy(f"world-{seed}") as made:
            DeliveryWorld(made, prepared.disk, seed).run(STEPS)


@pytest.mark.holds("A1", "A2", "A3", "A7", "A8", "A12", "A46", "A68", "A70")
@pytest.mark.parametrize("first", range(1, WORLDS + 1, AT_ONCE))
def test_no_seed_loses_doubles_or_silences_a_message(prepared: PreparedNetwork, first: int) -> None:
    run_all(prepared, range(first, first + AT_ONCE))


@pytest.mark.parametrize("guard", GUARDS)
def test_the_worlds_find_each_guard_that_is_taken_out(prepared: PreparedNetwork, guard: str) -> None:
    with without(guard), pytest.raises(Violation):
        run_all(prepared, range(1, FOUND_WITHIN + 1))
