"""Shared parts of row sources: counts of unreadable values, candidates, check lines."""

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
    """A thread-safe count of unreadable values by column and cause."""

    def __init__(self, columns: Callable[[str, str], str]) -> None:
        self._columns = columns
        self._lock = Lock()
        self._faults: Counter[CellFault] = Counter()

    @property
    def count(self) -> int:
        """Return the number of unreadable values so far."""
        with self._lock:
            return self._faults.total()

    def add(self, part: str, faults: Sequence[FieldFault]) -> tuple[CellFault, ...]:
        """Count the faults of one row of ``part`` (persons, involvements), and return them by column."""
        cell_faults = tuple(
            CellFault(part=part, column=self._columns(part, fault.field), cause=fault.cause) for fault in faults
        )
        if cell_faults:
            with self._lock:
                self._faults.update(cell_faults)
        return cell_faults


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """One row about a person: its key, or ``None`` if it has no readable one, and its unreadable fields."""

    ref: str | None
    person: Subject
    faults: tuple[FieldFault, ...] = ()


def candidates(rows: Sequence[PersonRow], *, verified: bool) -> tuple[Candidate, ...]:
    """Return one candidate for each key, and one for each row without a readable key."""
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
    """Return whether no row about the person has the field."""
    return getattr(person, field, None) is None


def current_involvements(rows: Sequence[InvolvementRow]) -> tuple[Involvement, ...]:
    """Return the current ones, most recent first.

    Raises :class:`RecordUnreadable` if none is current and one of the rows cannot be read.
    """
    current = [row.involvement for row in rows if row.current and row.involvement is not None]
    doubtful = next((row.why_not for row in rows if row.involvement is None), None)
    if not current and doubtful is not None:
        raise RecordUnreadable(f"No involvement that was found can be read: {doubtful}.")
    return most_recent_first(current)[:MAX_INVOLVEMENTS]


def sample_line(faults: Mapping[CellFault, int], rows: int) -> CheckLine:
    """Report the unreadable values of the sampled rows, by column and cause."""
    worst = sorted(faults.items(), key=lambda item: (-item[1], item[0].column))
    summary = "; ".join(f"{fault.column} {fault.cause} ({count})" for fault, count in worst)
    return CheckLine(
        name="rows",
        ok=not faults,
        detail=f"{sum(faults.values())} values in {rows} sampled person records cannot be read and are left out"
        + (f": {summary}." if summary else "."),
        remedy="Correct the values, or set the forms of dates in date_format and date_formats." if faults else "",
    )


def verification_line(*, verified: bool) -> CheckLine:
    """Report the declaration about identifiers, which lets one link without a birth date."""
    detail = (
        "DECLARED VERIFIED: an exact identifier links a record even if no birth date confirms it."
        if verified
        else "Not declared verified: an identifier without a birth date on the record goes to a human."
    )
    return CheckLine(name="identifiers", ok=True, detail=detail)
