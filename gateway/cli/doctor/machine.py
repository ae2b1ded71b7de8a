"""What must hold on this machine: settings, private keys, store, certificates."""

import stat
from collections.abc import Iterator
from datetime import datetime
from ssl import SSLError

from cryptography import x509
from pysqlite3 import dbapi2

from adapters.contract import CheckLine
from config.settings import AnchorSettings, Face, NodeSettings
from gateway.cli.context import opened_store
from gateway.keys.files import ANCHOR_KEYS, NODE_KEYS, KeyFilesRefused
from gateway.keys.vault import open_vault
from gateway.peers.exceptions import plain_exceptions
from gateway.pool import server_tls
from gateway.ports import StoreBusy, StoreFull
from gateway.store.refusals import StoreRefused

Settings = NodeSettings | AnchorSettings
RENEW_IN_LAST = 5
"""A certificate is renewed in the last fifth of its life, whether it lives for days or for a year."""
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def configuration(settings: Settings) -> list[CheckLine]:
    """Say what was loaded, and show every exception to the rules that it makes, with its reason."""
    who = (
        f"node {settings.node.entity_id}"
        if isinstance(settings, NodeSettings)
        else f"trust anchor {settings.anchor.entity_id}"
    )
    found = [CheckLine(name="it is complete and well formed", ok=True, detail=who)]
    found += [
        CheckLine(name=f"exception in {each.table}", ok=True, detail=each.sentence)
        for each in plain_exceptions(settings)
    ]
    for service in settings.services if isinstance(settings, NodeSettings) else ():
        for rule in service.restrictions:
            whom = f"role {rule.role}" if rule.role else "every role"
            detail = f"{service.slug} refuses {rule.agreement}, clause {rule.clause}, to {whom}. Reason: {rule.reason}"
            found.append(CheckLine(name="local restriction", ok=True, detail=detail))
    return found


def checks(settings: Settings, now: datetime) -> list[CheckLine]:
    """Check keys, store and certificates."""
    return [*_keys(settings), *_store(settings), *_certificates(settings, now)]


def _keys(settings: Settings) -> Iterator[CheckLine]:
    name = "private keys are complete and nobody else's to read"
    needed = NODE_KEYS if isinstance(settings, NodeSettings) else ANCHOR_KEYS
    try:
        open_vault(settings.base_dir / settings.keys.directory, needed=needed)
    except KeyFilesRefused as refused:
        for fault in refused.faults:
            yield CheckLine(name=name, ok=False, detail=fault, remedy="Do as the line says; nothing starts before.")
    else:
        yield CheckLine(name=name, ok=True, detail=f"{len(needed)} files")


def _store(settings: Settings) -> Iterator[CheckLine]:
    """Open the store, and commit an empty transaction: the settings, the lock and the disk all take part."""
    try:
        with opened_store(settings) as store:
            store.write(lambda _tx: None)
    except (StoreRefused, StoreBusy, StoreFull) as refused:
        remedy = "Do as the line says; for a full disk, make room, then run this again."
        yield CheckLine(name="the store can be written", ok=False, detail=str(refused), remedy=remedy)
        return
    kind = f"SQLite {dbapi2.sqlite_version}" if settings.store.url.startswith("sqlite") else "PostgreSQL"
    yield CheckLine(name="the store is migrated, safely set up and can be written", ok=True, detail=kind)


def _certificates(settings: Settings, now: datetime) -> Iterator[CheckLine]:
    if isinstance(settings, AnchorSettings):
        yield from _certificate("[peer]", settings.peer, _host(settings.anchor.entity_id), settings, now)
        return
    yield from _certificate("[peer]", settings.peer, _host(settings.node.entity_id), settings, now)
    yield from _certificate("[case]", settings.case, _host(settings.case.base_url), settings, now)


def _certificate(table: str, face: Face, host: str, settings: Settings, now: datetime) -> Iterator[CheckLine]:
    path, key = settings.base_dir / face.certificate, settings.base_dir / face.key
    name = f"the certificate of {table}"
    try:
        server_tls(path, key)
        leaf = x509.load_pem_x509_certificates(path.read_bytes())[0]
    except (OSError, SSLError, ValueError):
        detail = f"{face.certificate} and {face.key} cannot be used together"
        remedy = "Put a PEM chain, leaf first, and the unencrypted key that belongs to it."
        yield CheckLine(name=name, ok=False, detail=detail, remedy=remedy)
        return
    yield _in_time(name, leaf, now)
    names = _names(leaf)
    matches = any(_covers(each, host) for each in names)
    remedy = f"Get a certificate whose subject alternative names include {host}."
    yield CheckLine(name=f"{name} is for {host}", ok=matches, detail=f"its names: {', '.join(names)}", remedy=remedy)
    if (settings.base_dir / face.key).stat().st_mode & _OTHERS:
        detail = f"{face.key} can be used by its group or by others"
        yield CheckLine(name=f"the key of {table}", ok=False, detail=detail, remedy=f"Run: chmod 600 {key}")


def _in_time(name: str, leaf: x509.Certificate, now: datetime) -> CheckLine:
    starts, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    remedy = "Renew it, put the new one in its place, and restart the node."
    ok = starts <= now < ends - (ends - starts) / RENEW_IN_LAST
    return CheckLine(name=f"{name} is in time", ok=ok, detail=f"good until {ends:%Y-%m-%d %H:%M} UTC", remedy=remedy)


def _names(leaf: x509.Certificate) -> list[str]:
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return found.value.get_values_for_type(x509.DNSName)


def _covers(name: str, host: str) -> bool:
    """Return whether a certificate's name proves a host (RFC 6125 section 6.4): equal, or one label under a ``*``."""
    if name.startswith("*."):
        return host.partition(".")[2].lower() == name[2:].lower()
    return name.lower() == host.lower()


def _host(url: str) -> str:
    return url.removeprefix("https://").partition("/")[0].partition(":")[0]
