"""Sample check: find a source's own records again, and count those not found.

1. Read a limited number of rows; count unreadable values by column and cause.
2. Search for each record of an even selection through the source's own search: by each of its identifiers alone, then
   by birth date, names and address. This shows a value that is read in one form and stored in another.
3. Match the whole record: one key must remain.
4. Read the involvements of each record: count those that are current, and the reasons of the others.
5. Propose postcodes and UPRNs that unusually many people share as institutions'.

The lines name counts, columns and causes. The only values that they may name are postcodes and UPRNs that at least
:data:`FEWEST_IN_INSTITUTION` people share. Only the agency's own files and databases are sampled.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from adapters.contract import (
    AdapterError,
    Candidate,
    CellFault,
    CheckLine,
    Deadline,
    SampledSource,
    SourceUnavailable,
)
from adapters.matching.decide import MatchResult, match
from adapters.sources.days import STANDS_FOR_NONE
from trust.exchange.addresses import institution_key
from trust.exchange.person import Address, Subject
from trust.exchange.person_identifiers import IDENTIFIERS, identifier_evidence

MOST_ROWS: Final = 2000
MOST_RECORDS: Final = 200
LONGEST_S: Final = 30.0
FEWEST_IN_INSTITUTION: Final = 10
_STANDS_OUT: Final = 8
"""The multiple of the usual number of people at which an address is proposed as an institution's."""
_FEW: Final = 0.1
"""The share of unreadable values in a column above which a warning becomes a fault."""
_MOST_LINES: Final = 20
_BY_BIRTH_DATE: Final = "birth_date with names and address"

Progress = Callable[[int, int], None]


@dataclass(slots=True, kw_only=True)
class _Tally:
    """The counts over the records that were searched for."""

    searched: int = 0
    asked_by: Counter[str] = field(default_factory=Counter)
    missed_by: Counter[str] = field(default_factory=Counter)
    unsearchable: int = 0
    several_keys: int = 0
    in_doubt: int = 0
    questions: int = 0
    involvement_reads: int = 0
    current: int = 0
    without_rows: int = 0
    rows: int = 0
    not_current: Counter[str] = field(default_factory=Counter)
    faults: Counter[CellFault] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)


def check_sample(
    source: SampledSource,
    *,
    institutions: Collection[str] = frozenset(),
    progress: Progress = lambda _count, _all: None,
    timeout_s: float = 10.0,
    budget_s: float = LONGEST_S,
) -> list[CheckLine]:
    """Sample ``source`` and return the counts; ``progress`` gets the number of records done and in total.

    Each call may take ``timeout_s``, and all of them ``budget_s``; the result names the records that remain. Not
    checked: the meaning of the columns in the settings.
    """
    ends = Deadline.after(budget_s)
    try:
        sample = source.sample(MOST_ROWS, deadline=_deadline(ends, timeout_s))
    except AdapterError as error:
        return [_line("sample", ok=False, detail=error.detail, remedy="Check that the source can be read.")]
    selection = _spread(sample.records, MOST_RECORDS)
    tally = _Tally()
    for candidate in selection:
        if ends.remaining_s() <= 0:
            break
        try:
            _try_one(source, candidate, tally, institutions, deadline=_deadline(ends, timeout_s))
        except SourceUnavailable as error:
            tally.errors[error.detail] += 1
            break
        tally.searched += 1
        progress(tally.searched, len(selection))
    return [
        _extent(sample.rows, len(sample.records), len(selection), tally),
        *_searches(tally),
        *_matches(tally),
        *_involvements(tally),
        *_unreadable(tally),
        *_no_identifiers(sample.records),
        *_institutions(sample.records, institutions),
    ]


def _deadline(ends: Deadline, timeout_s: float) -> Deadline:
    return Deadline.after(min(timeout_s, ends.remaining_s()))


def _spread(records: Sequence[Candidate], most: int) -> list[Candidate]:
    """Return at most ``most`` records at even distances, old and new ones."""
    step = max(1.0, len(records) / most)
    return [records[int(place * step)] for place in range(min(most, len(records)))]


def _try_one(
    source: SampledSource, candidate: Candidate, tally: _Tally, institutions: Collection[str], *, deadline: Deadline
) -> None:
    """Search for one record in every way, match it, and read its involvements. Raises :class:`SourceUnavailable`."""
    questions = dict(_questions(candidate.person))
    tally.unsearchable += not questions
    for by, question in questions.items():
        with _question(tally):
            matches = source.find(question, deadline=deadline)
            tally.asked_by[by] += 1
            tally.missed_by[by] += candidate.ref not in {each.ref for each in matches}
    if questions:
        with _question(tally):
            _match(source, candidate, tally, institutions, deadline=deadline)
    with _question(tally):
        rows = source.involvement_rows(candidate.ref, deadline=deadline)
        tally.involvement_reads += 1
        tally.rows += len(rows)
        tally.without_rows += not rows
        tally.current += any(row.current for row in rows)
        tally.not_current.update(row.why_not for row in rows if not row.current)
        tally.faults.update(fault for row in rows for fault in row.faults)


@contextmanager
def _question(tally: _Tally) -> Iterator[None]:
    """Count a question; count its error if it fails for one record alone, and continue."""
    tally.questions += 1
    try:
        yield
    except SourceUnavailable:
        raise
    except AdapterError as error:
        tally.errors[error.detail] += 1


def _match(
    source: SampledSource, candidate: Candidate, tally: _Tally, institutions: Collection[str], *, deadline: Deadline
) -> None:
    matches = source.find(candidate.person, deadline=deadline)
    outcome = match(candidate.person, matches, institutions=institutions)
    if outcome.outcome is MatchResult.UNIQUE and outcome.ref == candidate.ref:
        return
    own = [each for each in matches if each.ref == candidate.ref]
    alone = match(candidate.person, own, institutions=institutions)
    if alone.outcome is MatchResult.UNIQUE or outcome.outcome is MatchResult.UNIQUE:
        tally.several_keys += 1
    else:
        tally.in_doubt += 1


def _questions(person: Subject) -> Iterator[tuple[str, Subject]]:
    """Yield the questions of partners: each identifier alone, and the description without identifiers."""
    for name in IDENTIFIERS:
        if (value := getattr(person, name)) is not None:
            yield name, Subject(**{name: value})
    if person.birth_date is not None:
        described = Subject(
            family_name=person.family_name,
            given_names=person.given_names,
            birth_date=person.birth_date,
            address=person.address,
        )
        yield _BY_BIRTH_DATE, described


def _extent(rows: int, records: int, selection_size: int, tally: _Tally) -> CheckLine:
    detail = f"{rows} rows were read, of {records} people; {tally.searched} of them were looked for again."
    if not records:
        remedy = "Look at the table or file and at the key column: the source has no record that can be read."
        return _line("sample", ok=True, detail=detail, remedy=remedy, warning=True)
    if tally.searched < selection_size:
        remedy = "The time was up. Index the columns that are searched, or try again when the source is less busy."
        return _line("sample", ok=True, detail=detail, remedy=remedy, warning=True)
    return _line("sample", ok=True, detail=detail)


def _searches(tally: _Tally) -> Iterator[CheckLine]:
    """Report the fields by which records are not found again."""
    misses = [f"{count} of {tally.asked_by[by]} by {by}" for by, count in tally.missed_by.items() if count]
    yield _line(
        "sample: not found again",
        ok=not misses,
        detail=f"Not found again: {', '.join(misses)}." if misses else "Every record is found again by what it holds.",
        remedy="Their columns are stored in a form that is read and not searched: name the form in the settings "
        "(date_format), or map a view that tidies the column.",
    )
    if tally.unsearchable:
        detail = f"{tally.unsearchable} of {tally.searched} people have neither an identifier nor a birth date."
        remedy = "They are never found. Record a birth date, or map the column that has it."
        yield _line("sample: not searchable", ok=True, detail=detail, remedy=remedy, warning=True)
    for detail, count in tally.errors.most_common(_MOST_LINES):
        failure = f"{count} of {tally.questions} questions failed: {detail}"
        few = count <= _FEW * tally.questions
        remedy = "Partners' questions about such people fail too."
        yield _line("sample: failed", ok=few, detail=failure, remedy=remedy, warning=few)


def _matches(tally: _Tally) -> Iterator[CheckLine]:
    if tally.several_keys:
        yield _line(
            "sample: several keys",
            ok=True,
            detail=f"{tally.several_keys} of {tally.searched} people are like a record with another key.",
            remedy="A question about them goes to a human. Merge records of one person in the case system.",
            warning=tally.several_keys > _FEW * tally.searched,
        )
    if tally.in_doubt:
        yield _line(
            "sample: in doubt",
            ok=True,
            detail=f"{tally.in_doubt} of {tally.searched} people hold too little to be told from others by it alone.",
            remedy="A question about them goes to a human. An identifier with a birth date, or names, birth date and "
            "postcode, would settle it.",
            warning=2 * tally.in_doubt > tally.searched,
        )


def _involvements(tally: _Tally) -> Iterator[CheckLine]:
    """Report how many people have a current involvement, and why other rows are not current."""
    if not tally.involvement_reads:
        return
    why = ", ".join(f"{count} {reason}" for reason, count in tally.not_current.most_common(_MOST_LINES))
    detail = (
        f"{tally.involvement_reads - tally.current} of {tally.involvement_reads} people have no current involvement."
    )
    detail += f" Rows that are not current: {why}." if why else ""
    detail += f" No row has the key of {tally.without_rows} of them." if tally.without_rows else ""
    remedy, ok = "", True
    if not tally.rows:
        ok = False
        detail = f"No involvement has the key of any of the {tally.involvement_reads} people."
        remedy = "Compare the key columns of both tables: another column, padding, or a number here and a text there."
    elif not tally.current:
        remedy = "Look at the column `ended` and at what it holds where work goes on."
    yield _line("sample: current involvements", ok=ok, detail=detail, remedy=remedy, warning=ok and not tally.current)


def _unreadable(tally: _Tally) -> Iterator[CheckLine]:
    """Report columns of involvements with unreadable values; the source's own check reports those of persons.

    Any number of stand-ins for no date (0000-00-00) is only a warning: they count as blanks.
    """
    for fault, count in tally.faults.most_common(_MOST_LINES):
        many = count > _FEW * tally.rows and fault.cause != STANDS_FOR_NONE
        yield _line(
            f"sample: unreadable {fault.column}",
            ok=not many,
            detail=f"{count} values in {tally.rows} rows of {fault.part}: {fault.column} {fault.cause}.",
            remedy="Such a value is left out. Correct it, or say in the settings how the column is written.",
            warning=not many,
        )


def _no_identifiers(records: Sequence[Candidate]) -> Iterator[CheckLine]:
    """Report columns of identifiers with values that fail their check digit or form."""
    for name in IDENTIFIERS:
        texts = [text for each in records if (text := getattr(each.person, name)) is not None]
        wrong = sum(identifier_evidence(name, text) is None for text in texts)
        if wrong:
            many = 2 * wrong > len(texts)
            yield _line(
                f"sample: {name}",
                ok=not many,
                detail=f"{wrong} of {len(texts)} values are no identifiers of this kind by their form or check digit.",
                remedy="No one is found or told apart by them. Correct them, or map another column or a view.",
                warning=not many,
            )


def _institutions(records: Sequence[Candidate], configured_institutions: Collection[str]) -> Iterator[CheckLine]:
    """Propose the addresses that unusually many people share."""
    crowds = {
        **shared_addresses((_key(each.person, "postcode"), each.ref) for each in records),
        **shared_addresses((_key(each.person, "uprn"), each.ref) for each in records),
    }
    new = {text: count for text, count in crowds.items() if institution_key(text) not in configured_institutions}
    if not new:
        return
    shared = ", ".join(f"{text} ({count} people)" for text, count in new.items())
    proposal = ", ".join(f'"{text}"' for text in sorted({*configured_institutions, *new}))
    yield _line(
        "institutions",
        ok=True,
        detail=f"Many of the sampled people share an address: {shared}.",
        remedy=f"If these are prisons, hostels or hospitals, set institutions = [{proposal}] in [services.adapter]: an "
        "address there does not tell people apart.",
        warning=True,
    )


def shared_addresses(people: Iterable[tuple[str | None, str]]) -> dict[str, int]:
    """Return the addresses that unusually many people share, with their number, from pairs of address and key."""
    keys: dict[str, set[str]] = {}
    for address, ref in people:
        if address:
            keys.setdefault(address, set()).add(ref)
    if not keys:
        return {}
    usual = median(len(refs) for refs in keys.values())
    least = max(FEWEST_IN_INSTITUTION, _STANDS_OUT * usual)
    counts = Counter({address: len(refs) for address, refs in keys.items() if len(refs) >= least})
    return dict(counts.most_common(_MOST_LINES))


def _key(person: Subject, name: str) -> str | None:
    text: str | None = getattr(person.address or Address(), name)
    return text


def _line(name: str, *, ok: bool, detail: str, remedy: str = "", warning: bool = False) -> CheckLine:
    shown_remedy = remedy if warning or not ok else ""
    return CheckLine(name=name, ok=ok, detail=detail, remedy=shown_remedy, warning=warning)
