"""A disk that forgets what was not synced when the power fails, below SQLite and above the real files.

1. It is a VFS of SQLite's own kind: reads, locks and shared memory go to the real one, which it took the place of.
2. Writes reach the real file at once, as they reach a kernel's memory. Each is kept until its file is synced.
3. Without power nothing reaches a file any more: SQLite is told that the disk is full, which ends the transaction.
4. When the power returns, each write that was not synced is there, is not there, or is there in part.

https://sqlite.org/c3ref/vfs.html and https://sqlite.org/c3ref/io_methods.html have the layout of what is in C here.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from pysqlite3 import _sqlite3

_OK, _FULL, _SHORT_READ = 0, 13, 522
_SECTOR = 512
_File = ctypes.c_void_p
_Open = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, _File, ctypes.c_int, ctypes.POINTER(ctypes.c_int)
)
_Delete = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int)
_Transfer = ctypes.CFUNCTYPE(ctypes.c_int, _File, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64)
_Truncate = ctypes.CFUNCTYPE(ctypes.c_int, _File, ctypes.c_int64)
_Sync = ctypes.CFUNCTYPE(ctypes.c_int, _File, ctypes.c_int)
_FileSize = ctypes.CFUNCTYPE(ctypes.c_int, _File, ctypes.POINTER(ctypes.c_int64))


class _Methods(ctypes.Structure):
    """``sqlite3_io_methods``, version 3."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("close", ctypes.c_void_p),
        ("read", _Transfer),
        ("write", _Transfer),
        ("truncate", _Truncate),
        ("sync", _Sync),
        ("file_size", _FileSize),
        *((f"rest_{n}", ctypes.c_void_p) for n in range(12)),
    )


class _OpenFile(ctypes.Structure):
    """``sqlite3_file``, as far as every VFS has it."""

    _fields_ = (("methods", ctypes.POINTER(_Methods)),)


class _Vfs(ctypes.Structure):
    """``sqlite3_vfs``, version 3."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("file_size", ctypes.c_int),
        ("longest_path", ctypes.c_int),
        ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("data", ctypes.c_void_p),
        ("open", _Open),
        ("delete", _Delete),
        *((f"rest_{n}", ctypes.c_void_p) for n in range(14)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """One write or truncation: how long the file was before, and what stood where it wrote or cut."""

    at: int
    before: bytes
    written: bytes
    length: int

    def undo(self, content: bytearray) -> None:
        """Put back what was there."""
        content[self.at : self.at + max(len(self.before), len(self.written))] = self.before
        del content[self.length :]


@dataclass
class Disk:
    """What every SQLite file lacks if the power fails now."""

    unsynced: dict[str, list[_Change]] = field(default_factory=dict)
    dark: set[str] = field(default_factory=set)
    """The folders whose machine has no power."""
    due: dict[str, int] = field(default_factory=dict)
    """After how many more writes and syncs the power of a folder fails."""

    def cut(self, folder: Path, *, after: int = 0) -> None:
        """Take the power from all files in a folder, now or in the middle of what is written next."""
        if after:
            self.due[f"{folder}/"] = after
        else:
            self.dark.add(f"{folder}/")

    def is_dark(self, folder: Path) -> bool:
        """Say whether a folder's machine has no power."""
        return f"{folder}/" in self.dark

    def restore(self, folder: Path, choose: Random) -> int:
        """Give the power back to a folder that no one has open, and return how many writes were lost."""
        self.dark.discard(f"{folder}/")
        self.due.pop(f"{folder}/", None)
        lost = 0
        for name in [name for name in self.unsynced if name.startswith(f"{folder}/")]:
            changes = self.unsynced.pop(name)
            if Path(name).exists():
                lost += _forget(Path(name), changes, choose)
        for shared in folder.rglob("*-shm"):
            shared.unlink()
        return lost

    def has_power(self, name: str) -> bool:
        """Count one write or sync of a file, and say whether it takes place."""
        for folder in [each for each in self.due if name.startswith(each)]:
            self.due[folder] -= 1
            if self.due[folder] <= 0:
                del self.due[folder]
                self.dark.add(folder)
        return not any(name.startswith(folder) for folder in self.dark)


def _forget(path: Path, changes: list[_Change], choose: Random) -> int:
    """Undo all that was not synced, and let some of it have reached the disk all the same, in any order."""
    content = bytearray(path.read_bytes())
    for change in reversed(changes):
        change.undo(content)
    lost = 0
    for change in changes:
        reached = choose.choice((0, 0, len(change.written), _SECTOR * choose.randrange(8)))
        lost += reached < len(change.written)
        if part := change.written[:reached]:
            content.extend(bytes(max(0, change.at - len(content))))
            content[change.at : change.at + len(part)] = part
    path.write_bytes(content)
    return lost


class _Shim:
    """The functions of the VFS. They are never freed: SQLite may call them as long as a file is open."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self._names: dict[int, str] = {}
        self._real: Any = _library.sqlite3_vfs_find(None)
        self._methods: dict[int, tuple[_Methods, _Methods]] = {}
        self.vfs = _Vfs.from_buffer_copy(self._real.contents)
        self.vfs.name = b"hearthgate-power-cut"
        self.vfs.open, self.vfs.delete = _Open(self._open), _Delete(self._delete)

    def unregister(self) -> None:
        """Give its place back to the VFS that was SQLite's choice before."""
        _library.sqlite3_vfs_register(self._real, 1)
        _library.sqlite3_vfs_unregister(ctypes.byref(self.vfs))

    def _open(self, _vfs: int, name: int | None, file: int, flags: int, out: "ctypes._Pointer[ctypes.c_int]") -> int:
        code: int = self._real.contents.open(ctypes.addressof(self._real.contents), name, file, flags, out)
        opened = _OpenFile.from_address(file)
        if code == _OK and name and opened.methods:
            self._names[file] = ctypes.string_at(name).decode()
            opened.methods = ctypes.pointer(self._ours(opened.methods.contents)[1])
        return code

    def _ours(self, real: _Methods) -> tuple[_Methods, _Methods]:
        address = ctypes.addressof(real)
        if address not in self._methods:
            ours = _Methods.from_buffer_copy(real)
            ours.write = _Transfer(lambda *arguments: self._write(real, *arguments))
            ours.truncate = _Truncate(lambda *arguments: self._truncate(real, *arguments))
            ours.sync = _Sync(lambda *arguments: self._sync(real, *arguments))
            self._methods[address] = (real, ours)
        return self._methods[address]

    def _delete(self, _vfs: int, name: bytes, is_synced: int) -> int:
        path = name.decode()
        if not self.disk.has_power(path):
            return _FULL
        self.disk.unsynced.pop(path, None)
        code: int = self._real.contents.delete(ctypes.addressof(self._real.contents), name, is_synced)
        return code

    def _write(self, real: _Methods, file: int, data: int, length: int, at: int) -> int:
        name = self._names[file]
        if not self.disk.has_power(name):
            return _FULL
        long = _length(real, file)
        change = _Change(
            at=at, before=_read(real, file, at, length), written=ctypes.string_at(data, length), length=long
        )
        self.disk.unsynced.setdefault(name, []).append(change)
        return int(real.write(file, data, length, at))

    def _truncate(self, real: _Methods, file: int, length: int) -> int:
        name = self._names[file]
        if not self.disk.has_power(name):
            return _FULL
        long = _length(real, file)
        change = _Change(at=length, before=_read(real, file, length, long - length), written=b"", length=long)
        self.disk.unsynced.setdefault(name, []).append(change)
        return int(real.truncate(file, length))

    def _sync(self, real: _Methods, file: int, flags: int) -> int:
        name = self._names[file]
        if not self.disk.has_power(name):
            return _FULL
        self.disk.unsynced.pop(name, None)
        return int(real.sync(file, flags))


def _length(real: _Methods, file: int) -> int:
    length = ctypes.c_int64()
    real.file_size(file, ctypes.byref(length))
    return length.value


def _read(real: _Methods, file: int, at: int, length: int) -> bytes:
    """Return what stands there, which may be shorter."""
    there = max(0, min(length, _length(real, file) - at))
    buffer = ctypes.create_string_buffer(max(1, there))
    real.read(file, ctypes.addressof(buffer), there, at)
    return buffer.raw[:there]


_library: Final = ctypes.CDLL(_sqlite3.__file__)
_library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
_library.sqlite3_vfs_find.argtypes = (ctypes.c_char_p,)
_library.sqlite3_vfs_register.argtypes = (ctypes.c_void_p, ctypes.c_int)
_kept: list[_Shim] = []


@contextmanager
def losing_disk() -> Iterator[Disk]:
    """Put a disk below every SQLite file that this process opens from now on."""
    shim = _Shim(Disk())
    _kept.append(shim)
    _library.sqlite3_vfs_register(ctypes.byref(shim.vfs), 1)
    try:
        yield shim.disk
    finally:
        shim.unregister()
