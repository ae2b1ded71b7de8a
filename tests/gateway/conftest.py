"""The simulator's small networks, for what is best shown on a whole node."""

from tests.simulator.fixtures import benefits, monotonic_clock, pair, standing

__all__ = ["benefits", "monotonic_clock", "pair", "standing"]
