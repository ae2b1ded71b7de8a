"""Shake hands in memory, as a node's client does with a node's server."""

import ssl
from contextlib import suppress
from pathlib import Path

from gateway.peers.transport import client_tls
from gateway.runtime.server_tls import server_tls


def handshake(certificate: Path, key: Path, *, ca: Path, host: str) -> None:
    """Complete a handshake with the contexts that nodes use; raises ``ssl.SSLError`` where one side refuses."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    serving = server_tls(certificate, key)
    assert serving is not None
    server = serving.wrap_bio(to_server, to_client, server_side=True)
    client = client_tls(ca).wrap_bio(to_client, to_server, server_hostname=host)
    for _ in range(3):
        for side in (client, server):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    client.do_handshake()
