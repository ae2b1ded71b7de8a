"""Certificates of the listeners, tried in memory by a client as strict as a peer."""

import ssl
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from cryptography import x509

from adapters.contract import CheckLine
from config.settings import AnchorSettings, Face, NodeSettings
from gateway.administration.context import Settings, own_entity
from gateway.peers.transport import client_tls
from gateway.runtime.server_tls import server_tls

RENEW_IN_LAST = 5
"""A certificate is renewed in the last fifth of its life, whether it lives for days or for a year."""
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_FLIGHTS = 3


def check_certificates(settings: Settings, now: datetime) -> Iterator[CheckLine]:
    """Check each listener's certificate and key; that of `[peer]` also by the CA of the partnership."""
    yield from _certificate("[peer]", settings.peer, host_of(own_entity(settings)), settings, now)
    if isinstance(settings, NodeSettings):
        yield from _certificate("[case]", settings.case, host_of(settings.case.base_url), settings, now)


def _certificate(table: str, face: Face, host: str, settings: Settings, now: datetime) -> Iterator[CheckLine]:
    path, key = settings.base_dir / face.certificate, settings.base_dir / face.key
    name = f"the certificate of {table}"
    try:
        server = server_tls(path, key)
        leaf = x509.load_pem_x509_certificates(path.read_bytes())[0]
    except (OSError, ssl.SSLError, ValueError):
        detail = f"{face.certificate} and {face.key} cannot be used together"
        remedy = "Put a PEM chain, leaf first, and the unencrypted key that belongs to it."
        yield CheckLine(name=name, ok=False, detail=detail, remedy=remedy)
        return
    yield check_period(name, leaf, now, remedy="Renew it and put the new one in its place; it is taken up by itself.")
    names = _names(leaf)
    matches = any(_covers(each, host) for each in names)
    remedy = f"Get a certificate whose subject alternative names include {host}."
    yield CheckLine(name=f"{name} is for {host}", ok=matches, detail=f"its names: {', '.join(names)}", remedy=remedy)
    if table == "[peer]" and matches:
        ca = settings.base_dir / settings.trust.ca if settings.trust.ca else None
        line = _handshake(name, server, ca, host)
        # Members may know a CA that this anchor, which may contact no party, is not configured with.
        excused = ca is None and isinstance(settings, AnchorSettings) and not line.ok
        yield replace(line, ok=True, warning=True) if excused else line
    if (settings.base_dir / face.key).stat().st_mode & _OTHERS:
        detail = f"{face.key} can be used by its group or by others"
        yield CheckLine(name=f"the key of {table}", ok=False, detail=detail, remedy=f"Run: chmod 600 {key}")


def check_period(name: str, leaf: x509.Certificate, now: datetime, *, remedy: str) -> CheckLine:
    """Check a certificate's validity period, with a warning in its last fifth."""
    starts, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    return CheckLine(
        name=f"{name} is in time",
        ok=starts <= now < ends,
        warning=now >= ends - (ends - starts) / RENEW_IN_LAST,
        detail=f"good until {ends:%Y-%m-%d %H:%M} UTC",
        remedy=remedy,
    )


def host_of(url: str) -> str:
    """Return the host of an entity identifier or a base URL."""
    return url.removeprefix("https://").partition("/")[0].partition(":")[0]


def _handshake(name: str, server: ssl.SSLContext, ca: Path | None, host: str) -> CheckLine:
    """Shake hands in memory, by the rules that a peer's connection has."""
    by = "the CA of [trust]" if ca else "the system's CAs"
    name = f"{name} is accepted by a client as strict as the peers"
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = server.wrap_bio(to_server, to_client, server_side=True)
    try:
        theirs = client_tls(ca).wrap_bio(to_client, to_server, server_hostname=host)
        for _ in range(_FLIGHTS):
            for side in (theirs, ours):
                with suppress(ssl.SSLWantReadError):
                    side.do_handshake()
    except ssl.SSLCertVerificationError as refused:
        remedy = "Put the whole chain into the file, leaf first, from an authority that the partnership trusts."
        return CheckLine(name=name, ok=False, detail=f"not by {by}: {refused.verify_message}", remedy=remedy)
    except (ssl.SSLError, OSError):
        remedy = "Check that [trust] ca is a file of PEM certificates."
        return CheckLine(name=name, ok=False, detail=f"no handshake came about by {by}", remedy=remedy)
    cipher = theirs.cipher()
    return CheckLine(name=name, ok=True, detail=f"{theirs.version()}, {cipher[0] if cipher else ''}, by {by}")


def _names(leaf: x509.Certificate) -> list[str]:
    try:
        extension = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return extension.value.get_values_for_type(x509.DNSName)


def _covers(name: str, host: str) -> bool:
    """Return whether a certificate's name proves a host (RFC 6125 section 6.4): equal, or one label under a ``*``."""
    if name.startswith("*."):
        return host.partition(".")[2].lower() == name[2:].lower()
    return name.lower() == host.lower()
