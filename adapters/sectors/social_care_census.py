"""Join of a Children in Need census with an allocation table, with a note for each unused row.

The census (Department for Education, "Children in need census") has dates and plans but neither names nor workers; the
council's allocation table has these. ``LAchildID`` is the join key. This module reads no file. A note names a line of a
file, the fault and the remedy, and repeats no value.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, TypeVar, cast

from lxml import etree

from adapters.contract import SourceNonsense
from adapters.matching.compare import Level, compare
from adapters.matching.normalise import spelling_key
from adapters.sources.csv_drop import BadLine, CsvRecord
from adapters.sources.days import has_ended, read_day
from adapters.sources.fields import read_restriction
from adapters.sources.spellings import with_its_zero
from adapters.sources.text import Unreadable, read_text
from trust.exchange.check_digits import nhs_number_ok, upn_ok
from trust.exchange.person import Subject
from trust.exchange.person_identifiers import normal_identifier
from trust.exchange.person_names import name_tokens

T = TypeVar("T")

ELEMENTS: Final = frozenset(
    {
        "ChildIdentifiers",
        "LAchildID",
        "UPN",
        "PersonBirthDate",
        "GenderCurrent",
        "Sex",
        "CINdetails",
        "CINreferralDate",
        "CINclosureDate",
        "Assessments",
        "CINPlanDates",
        "CINPlanEndDate",
        "Section47",
        "ReferralNFA",
        "ChildProtectionPlans",
        "PreProceedingsandFGDM",
    }
)
"""Elements of the census of any year, which a message about the schema of a year may name."""

_YES: Final = frozenset({"true", "TRUE", "1"})
_SLASHED: Final = re.compile(r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{2,4}( .*)?", re.ASCII)
_SCIENTIFIC: Final = re.compile(r"[0-9](\.[0-9]+)?E\+?[0-9]+", re.ASCII | re.IGNORECASE)
_AS_EXCEL = "as Excel saves dates: give the column the format yyyy-mm-dd there and save the file as CSV UTF-8 again"
_AS_TEXT = "Excel takes leading zeros away and rounds long numbers: give the column the format Text before it is opened"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportNote:
    """A note on a row that is not used, or only in part."""

    file: str
    line: int
    what: str
    what_to_do: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.what} {self.what_to_do}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One referral and its result; a referral without further action is also closed."""

    referred_on: date
    closed_on: date | None
    plan: str | None

    def is_open(self, today: date) -> bool:
        """Return whether the case is open; a future closure is only planned."""
        return self.closed_on is None or self.closed_on > today


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """One worker's allocation to a child, with the child's names."""

    line: int
    family_name: str
    given_names: str | None
    nhs_number: str | None
    postcode: str | None
    uprn: str | None
    address_restricted: bool
    role: str | None
    worker: str | None
    team: str | None
    phone: str | None
    duty_phone: str | None
    allocated_on: date | None
    ended_on: date | None
    last_contact: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One child of the census."""

    la_child_id: str
    line: int
    upn: str | None
    birth_date: date | None
    gender: str | None
    episodes: tuple[Episode, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A child and the child's allocations, for the case database."""

    child: Child
    allocations: tuple[Allocation, ...]


@dataclass(slots=True, kw_only=True)
class CensusJoin:
    """The cases, and a note for each row that is in none."""

    census_file: str
    allocation_file: str
    columns: Mapping[str, str]
    """The allocation table's own column for each field of :class:`Allocation`, and for ``la_child_id``."""
    today: date
    notes: list[ImportNote] = field(default_factory=list)

    def cases(self, census: etree._Element, lines: Sequence[CsvRecord], bad_lines: Sequence[BadLine]) -> list[Case]:
        """Return every child with an allocation; ``census`` is valid by its schema.

        Raises :class:`SourceNonsense` if a spreadsheet changed the dates or the identifiers of the table.
        """
        self._refuse_changed_dates(lines)
        self._refuse_rounded_numbers(lines)
        for bad in bad_lines:
            self._allocation_note(bad.number, f"The row {bad.what}.", "Correct the row.")
        allocations = self._allocations(lines)
        children = list(self._children(census))
        self._refuse_lost_zeros({child.la_child_id for child in children}, allocations.keys())
        cases: list[Case] = []
        for child in children:
            child_allocations = allocations.pop(child.la_child_id, [])
            if child_allocations:
                cases.append(Case(child=child, allocations=tuple(child_allocations)))
            elif any(episode.is_open(self.today) for episode in child.episodes):
                self._census_note(
                    child.line,
                    "The child has an open case but no allocation, so neither a name nor a worker.",
                    "Add a row for this child to the allocation table.",
                )
        short = {child.la_child_id.lstrip("0") for child in children}
        for la_child_id, unmatched in allocations.items():
            for allocation in unmatched:
                self._allocation_note(allocation.line, *_why_not_in_census(la_child_id, short))
        self.notes.sort(key=lambda note: (note.file, note.line))
        return cases

    def _refuse_changed_dates(self, lines: Sequence[CsvRecord]) -> None:
        """Refuse a table in which a spreadsheet changed most dates of a column from YYYY-MM-DD."""
        for name in _DAYS:
            column = self.columns[name]
            texts = [text for line in lines if (text := line.fields.get(column))]
            changed = [text for text in texts if not _is_readable_day(text)]
            if 2 * len(changed) > len(texts):
                slashed = any(map(_SLASHED.fullmatch, changed))
                current_form = (
                    f"written dd/mm/yyyy, {_AS_EXCEL}" if slashed else f"not written YYYY-MM-DD, perhaps {_AS_EXCEL}"
                )
                raise SourceNonsense(
                    f"{self.allocation_file}: {len(changed)} of the {len(texts)} dates in {column} are {current_form}. "
                    "Nothing was imported."
                )

    def _refuse_rounded_numbers(self, lines: Sequence[CsvRecord]) -> None:
        """Refuse a table in which a spreadsheet rounded most numbers of a column (9.69129E+09)."""
        for name in ("nhs_number", "uprn"):
            column = self.columns[name]
            texts = [text for line in lines if (text := line.fields.get(column))]
            rounded = sum(_SCIENTIFIC.fullmatch(text) is not None for text in texts)
            if 2 * rounded > len(texts):
                raise SourceNonsense(
                    f"{self.allocation_file}: {rounded} of the {len(texts)} numbers in {column} are rounded. "
                    f"{_AS_TEXT}. Nothing was imported."
                )

    def _refuse_lost_zeros(self, in_census: Collection[str], in_table: Collection[str]) -> None:
        """Refuse a table in which most identifiers lost the leading zero that they have in the census."""
        padded = {la_child_id for la_child_id in in_census if la_child_id.startswith("0")}
        strange = set(in_table).difference(in_census)
        shortened = {la_child_id for la_child_id in padded if la_child_id.lstrip("0") in strange}
        if len(shortened) > len(padded.intersection(in_table)):
            raise SourceNonsense(
                f"{self.allocation_file}: {len(shortened)} children of the census are found only without the leading "
                f"zeros of {self.columns['la_child_id']}. {_AS_TEXT}. Nothing was imported."
            )

    def _children(self, census: etree._Element) -> Iterator[Child]:
        identifiers: set[str] = set()
        for element in census.iterfind("Children/Child"):
            line = _line(element)
            la_child_id = _value(element, "ChildIdentifiers/LAchildID") or ""
            if not la_child_id or la_child_id in identifiers:
                self._census_note(
                    line, "The local identifier is blank or stands in the census twice.", "Give each child one."
                )
                continue
            identifiers.add(la_child_id)
            yield self._child(element, la_child_id, line)

    def _child(self, element: etree._Element, la_child_id: str, line: int) -> Child:
        return Child(
            la_child_id=la_child_id,
            line=line,
            upn=self._upn(element, line),
            birth_date=self._census_day(element, "ChildIdentifiers/PersonBirthDate"),
            gender=_value(element, "ChildIdentifiers/Sex") or _value(element, "ChildIdentifiers/GenderCurrent"),
            episodes=tuple(self._episodes(element)),
        )

    def _upn(self, child: etree._Element, line: int) -> str | None:
        text = _value(child, "ChildIdentifiers/UPN")
        if text is None or upn_ok(normal_identifier(text)):
            return text and normal_identifier(text)
        self._census_note(line, "The UPN fails its check letter, so it is not used.", "Correct it in the case system.")
        return None

    def _episodes(self, child: etree._Element) -> Iterator[Episode]:
        for element in child.iterfind("CINdetails"):
            referred_on = self._census_day(element, "CINreferralDate")
            closed_on = self._census_day(element, "CINclosureDate")
            if referred_on is None or (closed_on is not None and closed_on < referred_on):
                what = "The case has no referral date, or is closed before it, so it is not used."
                self._census_note(_line(element), what, "Correct one of the two dates.")
                continue
            if _value(element, "ReferralNFA") in _YES:
                closed_on = closed_on or referred_on
            yield Episode(referred_on=referred_on, closed_on=closed_on, plan=plan_of(element, self.today))

    def _census_day(self, element: etree._Element, path: str) -> date | None:
        """Read a day of the census; a year after 9999 gives a note and no day."""
        try:
            return _day(element, path)
        except Unreadable:
            what = f"{path.rpartition('/')[2]} is out of range, so it is not used."
            self._census_note(_line(element), what, "Correct the date.")
            return None

    def _allocations(self, lines: Sequence[CsvRecord]) -> dict[str, list[Allocation]]:
        by_child: dict[str, list[Allocation]] = {}
        for line in lines:
            try:
                la_child_id, allocation = self._allocation(line)
            except Unreadable as fault:
                self._allocation_note(line.number, f"The row is not used: {fault}.", "Correct the row.")
                continue
            others = by_child.setdefault(la_child_id, [])
            other = next((other for other in others if not _may_be_one_child(other, allocation)), None)
            if other is not None:
                what = f"Its name or NHS number is not that of line {other.line} for the same child."
                self._allocation_note(line.number, what, "Correct one of the two.")
                continue
            others.append(allocation)
        return by_child

    def _allocation(self, line: CsvRecord) -> tuple[str, Allocation]:
        texts = {name: self._read(read_text, line, name) for name in self.columns if name not in _DAYS}
        ended_on = self._read(_read_end, line, "ended_on")
        la_child_id, family_name = texts["la_child_id"], texts["family_name"]
        if la_child_id is None or family_name is None:
            raise Unreadable("it lacks the local identifier or the family name")
        nhs_number = with_its_zero(normal_identifier(texts["nhs_number"] or "")) or None
        if nhs_number is not None and not nhs_number_ok(nhs_number):
            nhs_number = None
            what = "The NHS number fails its check digit, so it is not used."
            self._allocation_note(line.number, what, "Correct it in the case system.")
        allocation = Allocation(
            line=line.number,
            family_name=family_name,
            nhs_number=nhs_number,
            given_names=texts["given_names"],
            postcode=texts["postcode"],
            uprn=texts["uprn"],
            address_restricted=read_restriction(texts["address_restricted"]),
            role=texts["role"],
            worker=texts["worker"],
            team=texts["team"],
            phone=texts["phone"],
            duty_phone=texts["duty_phone"],
            allocated_on=self._optional_day(line, "allocated_on"),
            ended_on=ended_on,
            last_contact=self._optional_day(line, "last_contact"),
        )
        return la_child_id, allocation

    def _optional_day(self, line: CsvRecord, name: str) -> date | None:
        """Read a day; an unreadable one gives a note and no day, and the row is still used."""
        try:
            return self._read(read_day, line, name)
        except Unreadable as fault:
            self._allocation_note(line.number, f"{fault}, so this date is not used.", "Correct the date.")
            return None

    def _read(self, parse: Callable[[object], T], line: CsvRecord, name: str) -> T:
        text = line.fields.get(self.columns[name])
        try:
            return parse(text)
        except Unreadable as fault:
            why = f"is written dd/mm/yyyy, {_AS_EXCEL}" if text and _SLASHED.fullmatch(text) else str(fault)
            raise Unreadable(f"{self.columns[name]} {why}") from None

    def _census_note(self, line: int, what: str, what_to_do: str) -> None:
        self.notes.append(ImportNote(file=self.census_file, line=line, what=what, what_to_do=what_to_do))

    def _allocation_note(self, line: int, what: str, what_to_do: str) -> None:
        self.notes.append(ImportNote(file=self.allocation_file, line=line, what=what, what_to_do=what_to_do))


_DAYS: Final = ("allocated_on", "ended_on", "last_contact")


def plan_of(episode: etree._Element, today: date) -> str | None:
    """Return the most serious open plan or enquiry of a ``CINdetails`` element, if any."""
    if any(_is_open(plan, "CPPendDate", today) for plan in episode.iterfind("ChildProtectionPlans")):
        return "child protection plan"
    if any(_is_open_enquiry(enquiry) for enquiry in episode.iterfind("Section47")):
        return "section 47 enquiry"
    if any(_is_open(plan, "CINPlanEndDate", today) for plan in episode.iterfind("CINPlanDates")):
        return "child in need plan"
    if any(
        _is_open(assessment, "AssessmentAuthorisationDate", today) for assessment in episode.iterfind("Assessments")
    ):
        return "assessment"
    return None


def _is_open(element: etree._Element, end: str, today: date) -> bool:
    """Return whether a plan or an assessment is open; a future end is only planned."""
    try:
        day = _day(element, end)
    except Unreadable:  # a year after 9999
        return True
    return day is None or day > today


def _is_open_enquiry(enquiry: etree._Element) -> bool:
    """Return whether an enquiry (Children Act 1989 s.47) led neither to a conference nor to the decision for none."""
    return _value(enquiry, "DateOfInitialCPC") is None and _value(enquiry, "ICPCnotRequired") not in _YES


def _line(element: etree._Element) -> int:
    return cast("int", element.sourceline)


def _day(element: etree._Element, path: str) -> date | None:
    """Read an ``xs:date`` and ignore its time zone."""
    text = _value(element, path)
    return read_day(text[:10]) if text else None


def _value(element: etree._Element, path: str) -> str | None:
    text = element.findtext(path)
    return text.strip() or None if text is not None else None


def _why_not_in_census(la_child_id: str, shortened: Collection[str]) -> tuple[str, str]:
    """Return the fault and the remedy of a row for a child that the census lacks."""
    if la_child_id in shortened:
        return "The local identifier lacks the leading zeros that it has in the census.", f"{_AS_TEXT}."
    if _SCIENTIFIC.fullmatch(la_child_id):
        return "The local identifier is written as a rounded number, such as 1.2E+11.", f"{_AS_TEXT}."
    return "The child is not in the census.", "Correct the local identifier, or wait for the census that has the child."


def _is_readable_day(text: str) -> bool:
    try:
        _read_end(text)
    except Unreadable:
        return False
    return True


def _read_end(value: object) -> date | None:
    """Read an end; a stand-in (``9999-12-31``, ``0000-00-00``, ``ongoing``) is no end."""
    try:
        return read_day(value)
    except Unreadable:
        if has_ended(value):
            raise
        return None


_AGREEING: Final = frozenset({Level.SAME, Level.VARIANT, Level.UNKNOWN})


def _may_be_one_child(one: Allocation, other: Allocation) -> bool:
    """Return whether two rows with one local identifier may be of one child; a blank agrees with any value."""
    comparison = compare(_person(one), _person(other))
    family_names_agree = comparison.family_name in _AGREEING or _is_part(one.family_name, other.family_name)
    given_names_agree = comparison.given_names in _AGREEING or _is_part(one.given_names, other.given_names)
    return family_names_agree and given_names_agree and not comparison.identifiers_different


def _person(allocation: Allocation) -> Subject:
    return Subject(
        nhs_number=allocation.nhs_number, family_name=allocation.family_name, given_names=allocation.given_names
    )


def _is_part(one: str | None, other: str | None) -> bool:
    """Return whether one name is part of the other, by whole words in any spelling or by initials."""
    words, others = (tuple(map(spelling_key, name_tokens(name))) for name in (one, other))
    return _covers(words, others) or _covers(others, words)


def _covers(words: Sequence[str], others: Sequence[str]) -> bool:
    return all(other in words or other in {word[0] for word in words} for other in others)
