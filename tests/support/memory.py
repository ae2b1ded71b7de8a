"""The folder that Linux keeps in memory."""

import shutil
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - what is made in it is made by mkdtemp
GIB = 1024**3


def folder_in_memory(room: int) -> Path | None:
    """Return a folder in memory, or None where it has no room for so many bytes.

    Commits are as durable there as its files are, and none waits for a disk.
    """
    if SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free > room:
        return SHARED_MEMORY
    return None
