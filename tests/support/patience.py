"""Waiting for what another thread does."""

from collections.abc import Callable
from time import monotonic, sleep

WITHIN_S = 20.0


def wait_until(condition: Callable[[], bool]) -> None:
    """Return once a condition holds; fail where it does not within 20 seconds."""
    deadline = monotonic() + WITHIN_S
    while not condition():
        assert monotonic() < deadline, "it did not come about"
        sleep(0.01)
