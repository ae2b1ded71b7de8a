"""The simulator's networks."""

from tests.simulator.fixtures import benefits, pair, standing, town

__all__ = ["benefits", "pair", "standing", "town"]
