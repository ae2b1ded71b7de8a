"""Real nodes behind the real nginx."""

from tests.e2e.nginx import behind

__all__ = ["behind"]
