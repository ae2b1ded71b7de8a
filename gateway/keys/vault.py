"""The vault that a running process signs with.

What it answers is a function of the files and of the time. It looks at the dates of the keys (``state.json``) at every
question, so a change that a command makes is noticed by every worker at once, and the moment at which one key takes
over from another needs no process of its own. Where changed files cannot be read the keys held so far go on: a worker
that stopped signing would lose messages, and the log says what is wrong.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from logging import getLogger
from pathlib import Path
from threading import Lock

from gateway.keys import schedule
from gateway.keys.daily_seal import DailySeal, is_daily
from gateway.keys.files import (
    KEY_USES,
    NODE_KEYS,
    STATE_FILE,
    KeyFile,
    KeyFilesRefused,
    folder_faults,
    public_half,
    read_private,
)
from gateway.keys.schedule import KeyRecord
from gateway.keys.sealed import open_own
from trust.errors import TrustError
from trust.federation.historical_keys import HistoricalKey
from trust.federation.key_revocation import RevokedKey
from trust.keys import KeySet, KeyUse, LocalSigner, Signer
from trust.sealing import KEY_BYTES

VouchedSince = Callable[[], Mapping[str, datetime]]
"""Say of each federation key of this entity's, by id, since when its superior is known to vouch for it."""
_ASK_AGAIN = timedelta(seconds=30)
_log = getLogger("hearthgate.keys")


@dataclass(frozen=True, slots=True, kw_only=True)
class _KeySnapshot:
    """What the files say. ``stamp`` tells whether they have changed since."""

    stamp: object
    records: tuple[KeyRecord, ...]
    signers: Mapping[str, Signer]
    secrets: Mapping[KeyFile, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What holds from one moment to another."""

    since: datetime
    until: datetime
    signers: Mapping[KeyUse, Signer]
    published: Mapping[KeyUse, KeySet]
    historical: tuple[HistoricalKey, ...]
    revoked: tuple[RevokedKey, ...]


def machine_time() -> datetime:
    """Return the machine's time in UTC."""
    return datetime.now(UTC)


class FileKeyVault:
    """The :class:`gateway.ports.KeyVault` of a node or authority, opened by :func:`open_vault`.

    Its keys are in this process's memory; asking for one that it was not opened with is a mistake of the caller's and
    raises ``KeyError``. Safe for several threads, and right after a fork.
    """

    def __init__(
        self,
        directory: Path,
        needed: Sequence[KeyFile],
        *,
        now: Callable[[], datetime],
        vouched_since: VouchedSince | None,
    ) -> None:
        self._directory = directory
        self._state = str(directory / STATE_FILE)
        self._needed = tuple(needed)
        self._now = now
        self._vouched_since = vouched_since
        self._lock = Lock()
        self._daily = DailySeal(directory, now=now)
        self._edition = 0
        self._loaded = _load(directory, self._needed)
        self._last_stamp = self._loaded.stamp
        self._view: _View | None = None

    def signer(self, use: KeyUse) -> Signer:
        """Return the signer that signs for one purpose now."""
        return self._current().signers[use]

    def published(self, use: KeyUse) -> KeySet:
        """Return the public keys of one purpose that others may need now: the signing one first, then next ones."""
        return self._current().published[use]

    def historical(self) -> tuple[HistoricalKey, ...]:
        """Return the federation keys of the past, the revoked ones with their reason."""
        return self._current().historical

    def revoked(self) -> tuple[RevokedKey, ...]:
        """Return the keys of every use that were revoked."""
        return self._current().revoked

    def edition(self) -> int:
        """Return a number that changes whenever another answer here may."""
        self._current()
        return self._edition

    def seal_key(self) -> bytes:
        """Return the 32 bytes under which replies and answers rest in the store."""
        return self._loaded.secrets[KeyFile.SEAL]

    def seal_for_a_day(self, plaintext: bytes, place: bytes) -> bytes:
        """Seal what is kept for a day at most; two days later it cannot be opened (:mod:`gateway.keys.daily_seal`)."""
        return self._daily.seal(plaintext, place)

    def open_of_a_day(self, sealed: bytes, place: bytes) -> bytes:
        """Open such a record, or one that an earlier version sealed under the key that does not change.

        Raises :class:`gateway.keys.daily_seal.SealExpired`, and :class:`gateway.keys.sealed.SealBroken`.
        """
        if not is_daily(sealed):
            return open_own(self.seal_key(), sealed, place)
        return self._daily.open(sealed, place)

    def destroy_old_seals(self) -> None:
        """Destroy the daily keys that nothing needs any more, also where nothing is sealed."""
        self._daily.destroy_old()

    def pseudonym_key(self) -> bytes:
        """Return the 32 bytes that make practitioners' pairwise pseudonyms."""
        return self._loaded.secrets[KeyFile.PSEUDONYM]

    def evidence_hmac_key(self) -> bytes:
        """Return the 32 bytes that key the digests of people's identifiers in the evidence."""
        return self._loaded.secrets[KeyFile.EVIDENCE_HMAC]

    def _current(self) -> _View:
        stamp, view, now = _stamp(self._state), self._view, self._now()
        if view is not None and stamp == self._last_stamp and view.since <= now < view.until:
            return view
        with self._lock:
            if _stamp(self._state) != self._loaded.stamp:
                self._reload()
            view = self._view = self._view_at(now)
            self._edition += 1
            return view

    def _reload(self) -> None:
        self._last_stamp = _stamp(self._state)
        try:
            self._loaded = _load(self._directory, self._needed)
        except KeyFilesRefused as refused:
            _log.error("changed keys cannot be used, and those held go on signing: %s", "; ".join(refused.faults))
        else:
            self._last_stamp = self._loaded.stamp

    def _view_at(self, now: datetime) -> _View:
        loaded = self._loaded
        waiting = any(record.awaits_superior for record in loaded.records)
        vouched_since = self._vouched_since() if waiting and self._vouched_since is not None else {}
        lives = schedule.lifecycles(loaded.records, vouched_since=vouched_since)
        until = schedule.next_event(lives, now=now)
        if waiting or loaded.stamp != self._last_stamp:
            until = min(until, now + _ASK_AGAIN)
        uses = {life.record.use for life in lives}
        return _View(
            since=now,
            until=until,
            signers={
                use: loaded.signers[schedule.signing_key(lives, use, now=now).kid]
                for use in uses
                if use is not KeyUse.ENCRYPTION
            },
            published={use: schedule.published_keys(lives, use, now=now) for use in uses},
            historical=schedule.historical_keys(lives, now=now),
            revoked=schedule.revoked_keys(lives, now=now),
        )


def open_vault(
    directory: Path,
    *,
    needed: Sequence[KeyFile] = NODE_KEYS,
    now: Callable[[], datetime] = machine_time,
    vouched_since: VouchedSince | None = None,
) -> FileKeyVault:
    """Open the key files of a folder. Raises :class:`KeyFilesRefused` with every fault of every file."""
    return FileKeyVault(directory, needed, now=now, vouched_since=vouched_since)


def read_records(directory: Path, needed: Sequence[KeyFile]) -> tuple[KeyRecord, ...]:
    """Return what is recorded of the keys of a folder, oldest first for each use.

    A use that was never rotated has one key, in its first file. Raises :class:`KeyFilesRefused`.
    """
    records, faults = _gather(directory, needed)
    if faults:
        raise KeyFilesRefused(faults)
    return records


def _gather(directory: Path, needed: Sequence[KeyFile]) -> tuple[tuple[KeyRecord, ...], list[str]]:
    faults = list(folder_faults(directory))
    records: list[KeyRecord] = []
    try:
        records += _read_schedule(directory)
    except KeyFilesRefused as refused:
        faults.extend(refused.faults)
    for name in needed:
        if name not in KEY_USES or any(record.use is KEY_USES[name] for record in records):
            continue
        path = directory / name
        try:
            public = public_half(read_private(path), KEY_USES[name])
        except KeyFilesRefused as refused:
            faults.extend(refused.faults)
        except TrustError as refused:
            faults.append(_damage_report(path, refused))
        else:
            created_at = datetime.fromtimestamp(int(path.stat().st_mtime), UTC)
            records.append(KeyRecord(public=public, file=name, created_at=created_at, signs_from=created_at))
    return tuple(records), faults


def _read_schedule(directory: Path) -> tuple[KeyRecord, ...]:
    path = directory / STATE_FILE
    if not os.path.lexists(path):
        return ()
    try:
        return schedule.from_bytes(read_private(path, most=schedule.MAX_BYTES))
    except TrustError as refused:
        raise KeyFilesRefused([_damage_report(path, refused)]) from refused


def _load(directory: Path, needed: Sequence[KeyFile]) -> _KeySnapshot:
    stamp = _stamp(str(directory / STATE_FILE))
    records, faults = _gather(directory, needed)
    needed_uses = {KEY_USES[name] for name in needed if name in KEY_USES}
    records = tuple(record for record in records if record.use in needed_uses)
    signers: dict[str, Signer] = {}
    for record in records:
        faults.extend(_load_pair(directory, record, signers))
    kids = [record.kid for record in records]
    if len(set(kids)) != len(kids):
        faults.append(f"{directory} holds one key under two names; each purpose needs its own")
    if not faults:
        current_uses = {record.use for record in records if record.revoked_at is None}
        faults.extend(
            f"{directory} holds no {use} key that was not revoked" for use in sorted(needed_uses - current_uses)
        )
    secrets: dict[KeyFile, bytes] = {}
    for name in needed:
        if name not in KEY_USES:
            faults.extend(_load_secret(directory / name, name, secrets))
    if faults:
        raise KeyFilesRefused(faults)
    return _KeySnapshot(stamp=stamp, records=records, signers=signers, secrets=secrets)


def _load_pair(directory: Path, record: KeyRecord, signers: dict[str, Signer]) -> Iterator[str]:
    """Read a private key that may still be needed, and yield what is wrong with it."""
    if record.file is None:
        return
    path = directory / record.file
    try:
        raw = read_private(path)
        kid = public_half(raw, record.use).kid
        if kid != record.kid:
            yield f"{path} holds another key than {STATE_FILE} says; restore both from your backup"
        elif record.use is not KeyUse.ENCRYPTION:
            signers[record.kid] = LocalSigner.from_pem(raw, record.use)
    except KeyFilesRefused as refused:
        yield from refused.faults
    except TrustError as refused:
        yield _damage_report(path, refused)


def _load_secret(path: Path, name: KeyFile, secrets: dict[KeyFile, bytes]) -> Iterator[str]:
    try:
        raw = read_private(path)
    except KeyFilesRefused as refused:
        yield from refused.faults
        return
    if len(raw) != KEY_BYTES:
        yield f"{path} must hold exactly {KEY_BYTES} bytes; restore it from your backup"
    secrets[name] = raw


def _stamp(state: str) -> object:
    """Return a stamp that differs after each write of the file of the keys' dates."""
    try:
        status = os.stat(state)  # noqa: PTH116 - asked for at every signature, and a Path costs twice as much
    except OSError as absent:
        return absent.errno
    return status.st_ino, status.st_mtime_ns, status.st_size


def _damage_report(path: Path, refused: TrustError) -> str:
    return f"{path}: {refused.detail} Restore it from your backup"
