"""An HTTPS client that connects each host name to its port on this machine.

It verifies the certificate against the demo's own CA and for the host name, as ``curl`` does with ``--cacert`` and
``--connect-to``.
"""

import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any, Final

_TIMEOUT_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainResponse:
    """The status, headers and body of a response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The body as a JSON object, or an empty one where it is none."""
        try:
            document = json.loads(self.body)
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}


class HttpsClient:
    """A client with the port of each host; it reaches no other host."""

    def __init__(self, ca: Path, ports: Mapping[str, int]) -> None:
        self._tls = ssl.create_default_context(cafile=str(ca))
        self._ports = ports

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> PlainResponse:
        """Send one request on a new connection. Raises ``OSError`` where no server listens."""
        host, _, path = url.removeprefix("https://").partition("/")
        connection = _LocalConnection(host, self._ports[host], self._tls)
        try:
            connection.request(method, f"/{path}", body=body, headers=dict(headers))
            response = connection.getresponse()
            return PlainResponse(status=response.status, headers=dict(response.getheaders()), body=response.read())
        finally:
            connection.close()


class _LocalConnection(HTTPSConnection):
    """A connection to a host's port on this machine, under the host's own name."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext) -> None:
        super().__init__(host, timeout=_TIMEOUT_S, context=tls)
        self._address = ("127.0.0.1", port)
        self._tls = tls

    def connect(self) -> None:
        """Connect to the address, and verify the certificate for the host name."""
        raw = socket.create_connection(self._address, timeout=_TIMEOUT_S)
        self.sock = self._tls.wrap_socket(raw, server_hostname=self.host)
