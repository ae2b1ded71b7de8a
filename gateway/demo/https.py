"""HTTPS as any client would speak it, with each host name led to its address on this machine.

The certificate is verified against the demo's own CA and for the name that was asked for, as ``curl`` does with
``--cacert`` and ``--connect-to``.
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
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The body as JSON, or nothing where it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


class Https:
    """A client that knows where each host listens; a host that is not known is not reached."""

    def __init__(self, ca: Path, ports: Mapping[str, int]) -> None:
        self._tls = ssl.create_default_context(cafile=str(ca))
        self._ports = ports

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> PlainResponse:
        """Send one request on a connection of its own. Raises ``OSError`` where nobody listens."""
        host, _, path = url.removeprefix("https://").partition("/")
        connection = _Led(host, self._ports[host], self._tls)
        try:
            connection.request(method, f"/{path}", body=body, headers=dict(headers))
            answer = connection.getresponse()
            return PlainResponse(status=answer.status, headers=dict(answer.getheaders()), body=answer.read())
        finally:
            connection.close()


class _Led(HTTPSConnection):
    """A connection to a host's port on this machine, still under the host's own name."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext) -> None:
        super().__init__(host, timeout=_TIMEOUT_S, context=tls)
        self._led_to = ("127.0.0.1", port)
        self._tls = tls

    def connect(self) -> None:
        """Connect to the address, and verify the certificate for the name."""
        raw = socket.create_connection(self._led_to, timeout=_TIMEOUT_S)
        self.sock = self._tls.wrap_socket(raw, server_hostname=self.host)
