"""The administrators' journal: every change, its administrator and its time, recorded before it is made.

It is a file of JSON lines beside the store, appended to and never rewritten. Each line holds the digest of the line
before it (:mod:`trust.evidence.journal`), and an evidence leaf in the store holds the digest of the last line. It names
no person but the administrator. Each line also goes to the system log, which outlives the node's folder.
"""

import fcntl
import os
from datetime import datetime
from pathlib import Path
from syslog import LOG_AUTHPRIV, LOG_NOTICE, syslog
from typing import BinaryIO

from gateway.administration.administrators import current, key_set
from gateway.administration.context import Settings, now, opened_store
from gateway.administration.errors import OperationRefused
from gateway.evidence import recorder
from gateway.ports import Transaction
from gateway.store.engine.refusals import StoreRefused
from gateway.store.tables import journal_head
from trust.claims import digest
from trust.evidence.journal import MAX_LINE, Chain, build_entry, verify_journal
from trust.evidence.leaf import Leaf, LeafKind

FILE = Path("data") / "administration.jsonl"
_SYSLOG = LOG_AUTHPRIV | LOG_NOTICE


def record(settings: Settings, act: str, **facts: str | int | list[str] | None) -> str:
    """Append one change that is about to be made, and return whose it is.

    Raises :class:`OperationRefused`: what cannot be recorded is not done.
    """
    by, at = current(settings), now()
    path = settings.base_dir / FILE
    entry = {"at": at.isoformat(timespec="seconds"), "by": by.name, "known_by": by.known_by, "act": act, **facts}
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            line = build_entry(entry, previous=_head(file), signer=by.signer)
            file.write(line + b"\n")
            os.fsync(file.fileno())
    except OSError as failed:
        raise OperationRefused(
            f"The change cannot be recorded in {path} ({failed.strerror}), so it was not made; make that file writable."
        ) from failed
    syslog(_SYSLOG, line.decode("ascii").rstrip())
    _commit(settings, digest(line), at)
    return by.name


def verified(settings: Settings) -> Chain:
    """Verify the whole journal. Raises ``TrustError`` naming the first line that is not as it was written."""
    path = settings.base_dir / FILE
    lines = path.read_bytes().splitlines() if path.exists() else []
    return verify_journal(lines, keys=key_set(settings))


def _head(file: BinaryIO) -> str:
    """Return the digest of the last line, empty where there is none."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - MAX_LINE))
    lines = file.read(MAX_LINE).splitlines()
    return digest(lines[-1]) if lines else ""


def _commit(settings: Settings, head: str, at: datetime) -> None:
    """Put the journal's head into the evidence, where there is a store of this version."""
    leaf = recorder.build_entry(Leaf(kind=LeafKind.JOURNAL, at=at, outcome_code="recorded", answer_digest=head))

    def work(tx: Transaction) -> None:
        journal_head.put(tx, head=head, at=at)
        recorder.record(tx, leaf)

    try:
        with opened_store(settings) as store:
            store.write(work)
    except StoreRefused:
        return  # init, upgrade and restore: the next change commits to this line too
