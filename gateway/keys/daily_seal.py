"""Seal what is kept for a day at most, under a key that lives two days.

Erasing a row does not erase its bytes: they stay in the write-ahead log, in free pages, and in every backup. What is
sealed here is unreadable from then on, since the key is gone.

1. Each day has a key, made of the key of the day before by HKDF-SHA256 (RFC 5869) and never the other way round. So
   hosts that share a store and begin with the same file have the same keys, and no key of a day that is over can be
   made of a later one.
2. Held are the keys of today and of yesterday. The file is replaced at the first use of a day, and the bytes of the old
   one are overwritten. A disk or file system that keeps old blocks may keep them all the same.
3. The file is in no backup, neither of the store nor of the private keys: a holder of the key of a day can make all
   later ones.
4. A clock that went far ahead and came back begins with a new key.

A sealed record is: four bytes of the day's number since 1970, then what :func:`trust.sealing.seal` makes. Records of
before, which begin with another byte, open with the key that sealed them.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Lock

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.keys.files import KeyFilesRefused, read_private
from gateway.keys.sealed import SealBroken, open_own
from trust.sealing import KEY_BYTES, new_key, seal

FILE = "seal-daily.key"
_LABEL = b"hearthgate daily seal 1"
_DAY_BYTES = 4
_FIRST = date(1970, 1, 1).toordinal()
_ROW = _DAY_BYTES + KEY_BYTES
_MODE = 0o600


class SealExpired(SealBroken):
    """The key of the record's day is destroyed: what it held is as good as erased."""


class DailySeal:
    """The daily keys of one key folder, for several threads and processes. ``now`` says which day it is, in UTC."""

    def __init__(self, folder: Path, *, now: Callable[[], datetime]) -> None:
        self._path = folder / FILE
        self._now = now
        self._lock = Lock()
        self._keys: Mapping[int, bytes] = {}

    def seal(self, plaintext: bytes, place: bytes) -> bytes:
        """Seal a record under today's key."""
        keys = self._current()
        day = max(keys)
        return day.to_bytes(_DAY_BYTES, "big") + seal(keys[day], plaintext, place)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """Open a record. Raises :class:`SealExpired`, and :class:`gateway.keys.sealed.SealBroken`."""
        day, keys = int.from_bytes(sealed[:_DAY_BYTES], "big"), self._current()
        if day == max(keys) + 1:  # of a host whose day has begun
            keys = {**keys, day: _next(keys[day - 1])}
        if day not in keys:
            raise SealExpired("The record was sealed on a day whose key is destroyed.")
        return open_own(keys[day], sealed[_DAY_BYTES:], place)

    def destroy_old(self) -> None:
        """Go on to today's key, also where nothing is sealed."""
        self._current()

    def _current(self) -> Mapping[int, bytes]:
        today = self._now().astimezone(UTC).date().toordinal() - _FIRST
        keys = self._keys
        if keys and max(keys) in {today, today + 1}:
            return keys
        with self._lock, _lock_folder(self._path):
            stored = _read(self._path)
            self._keys = _advance(stored, today)
            if self._keys != stored:
                _write(self._path, self._keys)
        return self._keys


def is_daily(sealed: bytes) -> bool:
    """Tell a record of this kind from one under the key that does not change."""
    return sealed[:1] == b"\x00"


def _next(key: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=_LABEL).derive(key)


def _advance(keys_by_day: Mapping[int, bytes], today: int) -> dict[int, bytes]:
    """Return today's and yesterday's keys, made of those held; a new one where the clock was far ahead, or none is."""
    if not keys_by_day or max(keys_by_day) > today + 1:
        return {today: new_key()}
    keys = dict(keys_by_day)
    for day in range(max(keys_by_day), today):
        keys[day + 1] = _next(keys[day])
    return {day: key for day, key in keys.items() if day >= max(keys) - 1}


def _read(path: Path) -> dict[int, bytes]:
    """Return the keys in the file; none where it is missing. Raises :class:`KeyFilesRefused`."""
    if not os.path.lexists(path):
        return {}
    raw = read_private(path)
    if not raw or len(raw) % _ROW:
        raise KeyFilesRefused([f"{path} is damaged; remove it: answers that wait for their case system are lost"])
    rows = [raw[start : start + _ROW] for start in range(0, len(raw), _ROW)]
    return {int.from_bytes(row[:_DAY_BYTES], "big"): row[_DAY_BYTES:] for row in rows}


def _write(path: Path, keys: Mapping[int, bytes]) -> None:
    """Replace the file and overwrite the bytes of the old one. Raises :class:`KeyFilesRefused`."""
    content = b"".join(day.to_bytes(_DAY_BYTES, "big") + key for day, key in sorted(keys.items()))
    new_file = path.with_suffix(".new")
    try:
        with suppress(FileNotFoundError):
            new_file.unlink()
        _write_file(
            os.open(new_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE), content
        )
        old = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC) if path.exists() else None
        new_file.rename(path)
        if old is not None:
            _write_file(old, bytes(os.fstat(old).st_size))
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as failed:
        raise KeyFilesRefused([f"{path} cannot be replaced ({failed.strerror}); the node must write there"]) from failed


def _write_file(descriptor: int, content: bytes) -> None:
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        file.write(content)
        os.fsync(file.fileno())


@contextmanager
def _lock_folder(path: Path) -> Iterator[None]:
    """Let one process at a time replace the file. Raises :class:`KeyFilesRefused`."""
    try:
        descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as failed:
        raise KeyFilesRefused([f"{path.parent} cannot be read ({failed.strerror})"]) from failed
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
