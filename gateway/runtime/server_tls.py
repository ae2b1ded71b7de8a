"""TLS of the servers: 1.3, or 1.2 with forward secrecy and authenticated encryption."""

import ssl
from pathlib import Path

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


def server_tls(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return TLS for this certificate. Raises ``OSError`` and ``ssl.SSLError`` for files that cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)  # of TLS 1.2; all of 1.3 are of that kind
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(certificate, key)
    return context
