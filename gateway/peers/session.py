"""A ``requests`` session that knows nothing of the environment and keeps connections to checked places only."""

import ssl
from functools import partial
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.util import Timeout

from gateway.peers.connection import GuardedConnection
from gateway.peers.routing import FindRoutes

MAX_ORIGINS = 32
"""Origins to which a process keeps connections; the one unused longest makes room."""
MAX_IDLE_PER_ORIGIN = 64
"""Idle connections to one origin: one for each thread that a worker may have."""


class GuardedPool(HTTPSConnectionPool):
    """The connections to one origin, for several threads."""

    ConnectionCls = GuardedConnection

    def __init__(self, *args: Any, routes: FindRoutes, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.conn_kw["routes"] = routes


class GuardedAdapter(HTTPAdapter):
    """How a session reaches https: by ``routes`` and one TLS context, in a total time, without retries."""

    def __init__(self, *, tls: ssl.SSLContext, routes: FindRoutes) -> None:
        self._tls = tls
        self._routes = routes
        super().__init__(pool_connections=MAX_ORIGINS, pool_maxsize=MAX_IDLE_PER_ORIGIN, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:  # noqa: FBT001, FBT002 - the library's own signature
        """Make the pools, of this package's kind and for https only."""
        super().init_poolmanager(connections, maxsize, block, ssl_context=self._tls, **pool_kwargs)
        self.poolmanager.pool_classes_by_scheme = {"https": partial(GuardedPool, routes=self._routes)}

    def cert_verify(self, conn: object, url: object, verify: object, cert: object) -> None:
        """Leave verification to the TLS context; the library would add its own list of authorities to it."""

    def send(self, request: requests.PreparedRequest, *args: Any, **keywords: Any) -> requests.Response:
        """Send a request; ``timeout`` is the total in seconds. Raises :class:`gateway.ports.TransportError`."""
        keywords["timeout"] = Timeout(total=keywords["timeout"])
        return super().send(request, *args, **keywords)


class GuardedSession(requests.Session):
    """A session with one adapter: no proxies, netrc or certificates from the environment, no redirects, no cookies."""

    def __init__(self, adapter: GuardedAdapter) -> None:
        super().__init__()
        self.trust_env = False
        self.headers.clear()
        self.adapters.clear()
        self.mount("https://", adapter)

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Take no answer for a redirect; the library would read the whole body of one, however long."""
