"""The simulator's small networks, for what is best shown on a whole node."""

from tests.simulator.fixtures import benefits, pair, standing

__all__ = ["benefits", "pair", "standing"]
