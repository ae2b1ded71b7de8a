"""The faces of tests/gateway/http, for what all of them share."""

from tests.gateway.http.conftest import node, peer, system

__all__ = ["node", "peer", "system"]
