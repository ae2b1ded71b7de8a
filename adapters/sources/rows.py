"""Shared by the sources of rows: counts of what cannot be read, candidates, and lines of a check."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final, TypeVar

from adapters.contract import Candidate, CellFault, CheckLine, InvolvementRow, RecordUnreadable
from adapters.sources.fields import FieldFault, merge_people, most_recent_first
from trust.exchange.involvement import MAX_INVOLVEMENTS, Involvement
from trust.exchange.person import Subject

R = TypeVar("R")
T = TypeVar("T")

_NO_KEY: Final = "unreadable:"


class Quarantine:
    """Count the values that cannot be read, by column and cause. Safe for several threads."""

    def __init__(self, columns: Callable[[str, str], str]) -> None:
        self._columns = columns
        self._lock = Lock()
        self._faults: Counter[CellFault] = Counter()

    @property
    def count(self) -> int:
        """Return how many values could not be read so far."""
        with self._lock:
            return self._faults.total()

    def add(self, part: str, faults: Sequence[FieldFault]) -> tuple[CellFault, ...]:
        """Count the faults of one row of ``part`` (persons, involvements), and return them by column."""
        found = tuple(
            CellFault(part=part, column=self._columns(part, fault.field), cause=fault.cause) for fault in faults
        )
        if found:
            with self._lock:
                self._faults.update(found)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """One row about a person: its key, or ``None`` where it has none that can be read, and what could not be read."""

    ref: str | None
    person: Subject
    faults: tuple[FieldFault, ...] = ()


def candidates(rows: Sequence[PersonRow], *, verified: bool) -> tuple[Candidate, ...]:
    """Return one candidate for each key, and one for each row whose key cannot be read."""
    keyed: dict[str, list[PersonRow]] = {}
    for number, row in enumerate(rows):
        keyed.setdefault(f"{_NO_KEY}{number}" if row.ref is None else row.ref, []).append(row)
    return tuple(
        Candidate(
            ref=ref,
            person=person,
            identifiers_verified=verified,
            unreadable=frozenset(fault.field for row in group for fault in row.faults if _lacks(person, fault.field)),
        )
        for ref, group in keyed.items()
        for person in merge_people([row.person for row in group])
    )


def _lacks(person: Subject, field: str) -> bool:
    """Say whether no other row about the person filled the gap."""
    return getattr(person, field, None) is None


def current_involvements(rows: Sequence[InvolvementRow]) -> tuple[Involvement, ...]:
    """Return the current ones, most recent first.

    Raises :class:`RecordUnreadable` where none is current and a row that may be cannot be read.
    """
    current = [row.involvement for row in rows if row.current and row.involvement is not None]
    doubtful = next((row.why_not for row in rows if row.involvement is None), None)
    if not current and doubtful is not None:
        raise RecordUnreadable(f"No involvement that was found can be read: {doubtful}.")
    return most_recent_first(current)[:MAX_INVOLVEMENTS]


def sample_line(faults: Mapping[CellFault, int], rows: int) -> CheckLine:
    """Report what could not be read in the rows that were sampled, by column and cause."""
    worst = sorted(faults.items(), key=lambda found: (-found[1], found[0].column))
    told = "; ".join(f"{fault.column} {fault.cause} ({count})" for fault, count in worst)
    return CheckLine(
        name="rows",
        ok=not faults,
        detail=f"{sum(faults.values())} values in the {rows} person records looked at cannot be read and are left out"
        + (f": {told}." if told else "."),
        remedy="Correct the values, or say with date_format and date_formats how dates are written." if faults else "",
    )


def verification_line(*, verified: bool) -> CheckLine:
    """Say what the configuration declares about identifiers, because it lets one stand without a birth date."""
    detail = (
        "DECLARED VERIFIED: an exact identifier links a record even where no birth date confirms it."
        if verified
        else "Not declared verified: an identifier without a birth date on the record goes to a human."
    )
    return CheckLine(name="identifiers", ok=True, detail=detail)
