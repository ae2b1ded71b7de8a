"""Instants as the tables hold them: whole microseconds since 1970 in UTC, alike on both databases."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_microseconds(moment: datetime) -> int:
    """Return ``moment``, which must be timezone-aware, as microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """Return the instant, in UTC, that :func:`to_microseconds` wrote down."""
    return _EPOCH + timedelta(microseconds=microseconds)


def optional_from_microseconds(microseconds: int | None) -> datetime | None:
    """Return the instant, or none where none was written down."""
    return None if microseconds is None else from_microseconds(microseconds)
