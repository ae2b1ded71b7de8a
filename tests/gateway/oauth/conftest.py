"""One node's faces and their callers, for the OAuth2 tests."""

from tests.simulator.callers import node, peer, system

__all__ = ["node", "peer", "system"]
