"""Join a Children in Need census with an allocation table, row by row, and explain every row that is left out.

The census (Department for Education, "Children in need census") carries dates and plans but no names and no workers;
the council's allocation table carries those. ``LAchildID`` joins them. Nothing here reads a file, and no note repeats a
value: a note names a file's line, what is wrong there and what to do.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, TypeVar, cast

from lxml import etree

from adapters.sources.csv_drop import BadLine, Line
from adapters.sources.fields import Unreadable, read_day, read_text
from trust.exchange.person import nhs_number_ok, normal_identifier, upn_ok

T = TypeVar("T")

ELEMENTS: Final = frozenset(
    {
        "ChildIdentifiers",
        "LAchildID",
        "UPN",
        "PersonBirthDate",
        "GenderCurrent",
        "CINdetails",
        "CINreferralDate",
        "CINclosureDate",
        "Assessments",
        "CINPlanDates",
        "CINPlanEndDate",
        "Section47",
        "ReferralNFA",
        "ChildProtectionPlans",
    }
)
"""Elements of the census, some of which only some years have: a message about another year's schema may name them."""

_YES: Final = frozenset({"true", "TRUE", "1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportNote:
    """One row that was left out, or used only in part."""

    file: str
    line: int
    what: str
    what_to_do: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.what} {self.what_to_do}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One referral and what came of it; ``closed_on`` also where nothing was to be done about it."""

    referred_on: date
    closed_on: date | None
    service_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """One worker's allocation to a child; the child's names come with it."""

    line: int
    family_name: str
    given_names: str | None
    nhs_number: str | None
    postcode: str | None
    uprn: str | None
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
    """A child and everyone allocated: what the case database holds."""

    child: Child
    allocations: tuple[Allocation, ...]


@dataclass(slots=True, kw_only=True)
class Join:
    """Collect the cases, and the notes about every row that is not in one."""

    census_file: str
    allocation_file: str
    columns: Mapping[str, str]
    """The allocation table's own column for each field of :class:`Allocation`, and for ``la_child_id``."""
    notes: list[ImportNote] = field(default_factory=list)

    def cases(self, census: etree._Element, lines: Sequence[Line], bad_lines: Sequence[BadLine]) -> list[Case]:
        """Return every child who has an allocation; ``census`` has passed its schema."""
        for bad in bad_lines:
            self._allocation_note(bad.number, f"The row {bad.what}.", "Correct the row.")
        allocations = self._allocations(lines)
        cases: list[Case] = []
        for child in self._children(census):
            found = allocations.pop(child.la_child_id, [])
            if found:
                cases.append(Case(child=child, allocations=tuple(found)))
            elif any(episode.closed_on is None for episode in child.episodes):
                self._census_note(
                    child.line,
                    "The child has an open case but no allocation, so neither a name nor a worker.",
                    "Add a row for this child to the allocation table.",
                )
        for unmatched in allocations.values():
            for allocation in unmatched:
                self._allocation_note(
                    allocation.line,
                    "The child is not in the census.",
                    "Correct the local identifier, or wait for the census that has the child.",
                )
        self.notes.sort(key=lambda note: (note.file, note.line))
        return cases

    def _children(self, census: etree._Element) -> Iterator[Child]:
        seen: set[str] = set()
        for element in census.iterfind("Children/Child"):
            line = _line(element)
            la_child_id = _value(element, "ChildIdentifiers/LAchildID") or ""
            if not la_child_id or la_child_id in seen:
                self._census_note(
                    line, "The local identifier is blank or stands in the census twice.", "Give each child one."
                )
                continue
            seen.add(la_child_id)
            try:
                yield self._child(element, la_child_id, line)
            except Unreadable:
                self._census_note(line, "A date of the child or of a case does not exist.", "Correct the date.")

    def _child(self, element: etree._Element, la_child_id: str, line: int) -> Child:
        return Child(
            la_child_id=la_child_id,
            line=line,
            upn=self._upn(element, line),
            birth_date=_day(element, "ChildIdentifiers/PersonBirthDate"),
            gender=_value(element, "ChildIdentifiers/GenderCurrent"),
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
            referred_on, closed_on = _day(element, "CINreferralDate"), _day(element, "CINclosureDate")
            if referred_on is None or (closed_on is not None and closed_on < referred_on):
                what = "The case is closed before its referral, so it is not used."
                self._census_note(_line(element), what, "Correct one of the two dates.")
                continue
            if _value(element, "ReferralNFA") in _YES:
                closed_on = closed_on or referred_on
            yield Episode(referred_on=referred_on, closed_on=closed_on, service_type=service_type(element))

    def _allocations(self, lines: Sequence[Line]) -> dict[str, list[Allocation]]:
        found: dict[str, list[Allocation]] = {}
        for line in lines:
            try:
                la_child_id, allocation = self._allocation(line)
            except Unreadable as fault:
                self._allocation_note(line.number, f"The row is not used: {fault}.", "Correct the row.")
                continue
            others = found.setdefault(la_child_id, [])
            if others and _names_of(others[0]) != _names_of(allocation):
                what = f"Its name or NHS number is not that of line {others[0].line} for the same child."
                self._allocation_note(line.number, what, "Correct one of the two.")
                continue
            others.append(allocation)
        return found

    def _allocation(self, line: Line) -> tuple[str, Allocation]:
        texts = {name: self._read(read_text, line, name) for name in self.columns if name not in _DAYS}
        days = {name: self._read(read_day, line, name) for name in _DAYS}
        la_child_id, family_name = texts["la_child_id"], texts["family_name"]
        if la_child_id is None or family_name is None:
            raise Unreadable("it lacks the local identifier or the family name")
        nhs_number = normal_identifier(texts["nhs_number"] or "") or None
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
            role=texts["role"],
            worker=texts["worker"],
            team=texts["team"],
            phone=texts["phone"],
            duty_phone=texts["duty_phone"],
            allocated_on=days["allocated_on"],
            ended_on=days["ended_on"],
            last_contact=days["last_contact"],
        )
        return la_child_id, allocation

    def _read(self, read: Callable[[object], T], line: Line, name: str) -> T:
        try:
            return read(line.fields.get(self.columns[name]))
        except Unreadable as fault:
            raise Unreadable(f"{self.columns[name]} {fault}") from None

    def _census_note(self, line: int, what: str, what_to_do: str) -> None:
        self.notes.append(ImportNote(file=self.census_file, line=line, what=what, what_to_do=what_to_do))

    def _allocation_note(self, line: int, what: str, what_to_do: str) -> None:
        self.notes.append(ImportNote(file=self.allocation_file, line=line, what=what, what_to_do=what_to_do))


_DAYS: Final = ("allocated_on", "ended_on", "last_contact")


def service_type(episode: etree._Element) -> str:
    """Say in plain words what a ``CINdetails`` element is, by the weightiest plan or enquiry that is still open."""
    if any(_value(plan, "CPPendDate") is None for plan in episode.iterfind("ChildProtectionPlans")):
        return "child protection plan"
    if any(_is_open_enquiry(enquiry) for enquiry in episode.iterfind("Section47")):
        return "section 47 enquiry"
    if any(_value(plan, "CINPlanEndDate") is None for plan in episode.iterfind("CINPlanDates")):
        return "child in need plan"
    if any(_value(found, "AssessmentAuthorisationDate") is None for found in episode.iterfind("Assessments")):
        return "assessment"
    return "referral"


def _is_open_enquiry(enquiry: etree._Element) -> bool:
    """Say whether an enquiry (Children Act 1989 s.47) led neither to a conference nor to the decision for none."""
    return _value(enquiry, "DateOfInitialCPC") is None and _value(enquiry, "ICPCnotRequired") not in _YES


def _line(element: etree._Element) -> int:
    return cast("int", element.sourceline)


def _day(element: etree._Element, path: str) -> date | None:
    """Read an ``xs:date``; the time zone that one may carry does not change the day."""
    text = _value(element, path)
    return read_day(text[:10]) if text else None


def _value(element: etree._Element, path: str) -> str | None:
    text = element.findtext(path)
    return text.strip() or None if text is not None else None


def _names_of(allocation: Allocation) -> tuple[str | None, ...]:
    return allocation.family_name, allocation.given_names, allocation.nhs_number
