"""The networks of tests/federation."""

from tests.federation.conftest import benefits, pair, standing, town

__all__ = ["benefits", "pair", "standing", "town"]
