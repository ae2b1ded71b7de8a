"""One node's faces and their callers, for what all faces share."""

from tests.simulator.callers import node, peer, system

__all__ = ["node", "peer", "system"]
