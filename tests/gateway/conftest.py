"""The small networks of tests/federation, for what is best shown on a whole node."""

from tests.federation.conftest import benefits, pair, standing

__all__ = ["benefits", "pair", "standing"]
