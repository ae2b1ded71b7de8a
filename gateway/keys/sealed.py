"""Opening what this node itself has sealed: where that fails it is our store that was harmed, not the caller."""

from trust.errors import Unverified
from trust.sealing import open_sealed


class SealBroken(Exception):
    """A sealed record was changed, moved to another row, or sealed with a key that this node no longer has.

    The store or the key file is not what it was: an administrator must look, and the caller is told nothing.
    """


def open_own(key: bytes, sealed: bytes, place: bytes) -> bytes:
    """Open a record that this node sealed for ``place``. Raises :class:`SealBroken`."""
    try:
        return open_sealed(key, sealed, place)
    except Unverified as broken:
        raise SealBroken(broken.detail) from broken
