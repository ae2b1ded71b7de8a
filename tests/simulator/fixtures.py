"""Fixtures: the whole town, and smaller networks, each fresh for one test and bound by its agreement."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulator.clocks import MonotonicClock
from tests.simulator.network import Network
from tests.simulator.town import BY_ENTITY, COUNCIL, JOBCENTRE, TRUST


@pytest.fixture
def monotonic_clock(monkeypatch: pytest.MonkeyPatch) -> MonotonicClock:
    """Give the gateway a monotonic clock that the test moves."""
    made = MonotonicClock()
    made.install(monkeypatch)
    return made


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Network]:
    """Give six agencies with nine services."""
    made = Network(tmp_path)
    made.agree()
    yield made
    made.close()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Network]:
    """Give the council and the mental health trust."""
    made = Network(tmp_path, [BY_ENTITY[COUNCIL], BY_ENTITY[TRUST]])
    made.agree()
    yield made
    made.close()


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Give the same pair to all tests of a module, none of which may change it for the others."""
    made = Network(tmp_path_factory.mktemp("standing"), [BY_ENTITY[COUNCIL], BY_ENTITY[TRUST]])
    made.agree()
    yield made
    made.close()


@pytest.fixture
def benefits(tmp_path: Path) -> Iterator[Network]:
    """Give the council and the Jobcentre with its benefit registry."""
    made = Network(tmp_path, [BY_ENTITY[COUNCIL], BY_ENTITY[JOBCENTRE]])
    made.agree()
    yield made
    made.close()
