"""Reading what an administrator hands over, and writing what they asked for, with one sentence where it fails."""

import os
from collections.abc import Iterable
from pathlib import Path

from gateway.administration.errors import OperationRefused

MAX_INPUT = 1_000_000
"""Bytes in any document that a command reads; each parser has its own, lower cap."""


def read_input(path: Path, what: str, *, most: int = MAX_INPUT) -> bytes:
    """Return the bytes of a file named on the command line. Raises :class:`OperationRefused`."""
    try:
        with path.open("rb") as file:
            raw = file.read(most + 1)
    except OSError as failed:
        raise OperationRefused(f"{what} {path} cannot be read ({failed.strerror}); check the path.") from failed
    if len(raw) > most:
        raise OperationRefused(f"{what} {path} is larger than {most // 1_000_000} MB; is it the right file?")
    return raw


def write_new(path: Path, content: bytes | Iterable[bytes], what: str, *, mode: int = 0o644) -> None:
    """Write a file that does not exist yet, whole or piece by piece.

    Raises :class:`OperationRefused`, and what the pieces raise, and leaves nothing behind.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    except FileExistsError as failed:
        raise OperationRefused(f"{what}: {path} exists already; name another file, or move it away first.") from failed
    except OSError as failed:
        raise OperationRefused(f"{what}: {path} cannot be written ({failed.strerror}).") from failed
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines([content] if isinstance(content, bytes) else content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException as failed:
        path.unlink()
        if isinstance(failed, OSError):
            raise OperationRefused(f"{what}: {path} cannot be written ({failed.strerror}).") from failed
        raise
