"""What every source of rows shares: leaving unreadable rows out, opaque keys, and its lines in a check."""

import re
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Final, TypeVar

from adapters.contract import CellFault, CheckLine, SourceNonsense
from adapters.sources.fields import Unreadable

_NUMBER: Final = re.compile(r"number:-?[0-9]{1,18}", re.ASCII)
"""A key that any database takes for a 64-bit number."""

R = TypeVar("R")
T = TypeVar("T")


class Quarantine:
    """Count the rows that are left out because they cannot be read. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._count = 0

    @property
    def count(self) -> int:
        """Return how many rows were left out so far."""
        return self._count

    def readable(self, rows: Sequence[R], read: Callable[[R], T]) -> list[T]:
        """Read the rows that can be read. Raises :class:`SourceNonsense` where there are rows and none can be."""
        found: list[T] = []
        problem = ""
        for row in rows:
            try:
                found.append(read(row))
            except Unreadable as fault:
                problem = str(fault)
        if len(found) < len(rows):
            with self._lock:
                self._count += len(rows) - len(found)
        if problem and not found:
            raise SourceNonsense(f"No row that was found can be read: {problem}.")
        return found


def fault_of(part: str, fault: Unreadable) -> CellFault:
    """Return what an unreadable row says of itself as a field and a cause."""
    field, _, cause = str(fault).partition(" ")
    return CellFault(part=part, column=field, cause=cause)


def write_ref(key: object) -> str:
    """Return a record's key as an opaque text that keeps whether it was a number."""
    if key is None or key == "" or isinstance(key, bool | float | bytes):
        raise Unreadable("ref is missing or not a key")
    number = f"number:{key}"
    return number if isinstance(key, int) and _NUMBER.fullmatch(number) else f"text:{key}"


def read_ref(ref: str) -> int | str:
    """Return the key that :func:`write_ref` wrote."""
    if _NUMBER.fullmatch(ref):
        return int(ref.removeprefix("number:"))
    return ref.removeprefix("text:")


def sample_line(rows: Sequence[R], read: Callable[[R], object]) -> CheckLine:
    """Report how many of the sampled rows cannot be read."""
    unreadable = sum(not _is_readable(row, read) for row in rows)
    return CheckLine(
        name="rows",
        ok=unreadable == 0,
        detail=f"{unreadable} of the {len(rows)} person records looked at cannot be read and are left out.",
        remedy="" if unreadable == 0 else "Correct their dates and over-long texts, or set date_format.",
    )


def _is_readable(row: R, read: Callable[[R], object]) -> bool:
    try:
        read(row)
    except Unreadable:
        return False
    return True


def verification_line(*, verified: bool) -> CheckLine:
    """Say what the configuration declares about identifiers, because it lets one stand without a birth date."""
    detail = (
        "DECLARED VERIFIED: an exact identifier links a record even where no birth date confirms it."
        if verified
        else "Not declared verified: an identifier without a birth date on the record goes to a human."
    )
    return CheckLine(name="identifiers", ok=True, detail=detail)
