"""Adapter ``json-file``: a small JSON file, by paths in the configuration.

The file is read whole and cached until it changes on disk. Records with the same person are one candidate. It suits an
extract of some thousand records; use a database and the ``sql`` adapter for a larger system.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, field_validator, model_validator

from adapters.contract import (
    Adapter,
    AdapterContext,
    AdapterError,
    Candidate,
    CellFault,
    Check,
    CheckLine,
    Deadline,
    InvolvementRow,
    RecordSample,
    SourceNonsense,
    SourceUnavailable,
)
from adapters.sources.days import ISO_DATE, DayForms, Forms, read_day
from adapters.sources.fields import Defaults, FieldFault, identifier_forms, read_person_row, service_defaults
from adapters.sources.full_names import NameOrder
from adapters.sources.involvement_rows import Currency, read_row
from adapters.sources.keys import write_ref
from adapters.sources.paths import EACH, JsonPath, Selector, parse_setting
from adapters.sources.rows import (
    PersonRow,
    Quarantine,
    candidates,
    current_involvements,
    sample_line,
    verification_line,
)
from adapters.sources.settings import (
    DateForms,
    DayField,
    Statuses,
    TextField,
    check_birth_forms,
    check_full_name,
    check_statuses,
)
from adapters.sources.text import Unreadable
from trust.exchange.involvement import Involvement
from trust.exchange.person import Subject
from trust.exchange.person_names import name_tokens

MAX_FILE_BYTES: Final = 16 * 1024 * 1024

PersonField = Literal[
    "nhs_number",
    "upn",
    "nino",
    "pnc_id",
    "family_name",
    "given_names",
    "full_name",
    "birth_date",
    "gender",
    "postcode",
    "uprn",
    "address_restricted",
]
ContactField = Literal[TextField, "plan", "since", "last_contact", "ended", "status"]


def _paths(value: object) -> tuple[JsonPath, ...]:
    """Accept one path, or a list of several for a key of several parts."""
    if isinstance(value, list | tuple) and value:
        return tuple(parse_setting(each) for each in value)
    return (parse_setting(value),)


KeySelector = Annotated[tuple[JsonPath, ...], PlainValidator(_paths)]
_SETTINGS: Final = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class ContactSettings(BaseModel):
    """One ``[[services.adapter.settings.contacts]]``: each item at ``each`` of a record is one involvement.

    Without ``each``, the record itself is one. Of several dates, ``since`` is the earliest and ``last_contact`` the
    latest; of several texts the first counts. A contact is current unless ``ended`` has passed or ``status`` is not a
    current one. ``fixed`` has texts that are the same for all.
    """

    model_config = _SETTINGS

    each: Selector = JsonPath(())
    fields: dict[ContactField, Selector] = Field(default_factory=dict)
    current_statuses: Statuses = ()
    ended_statuses: Statuses = ()
    fixed: dict[TextField, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _status_is_said(self) -> Self:
        check_statuses(self.current_statuses, self.ended_statuses, has_status="status" in self.fields)
        return self


class JsonFileSettings(BaseModel):
    """``[services.adapter.settings]`` of type ``json-file``; ``file`` is relative to the configuration file.

    ``records`` selects the records, ``ref`` in each the key of its person, or a list of the key's parts.
    ``identifiers_verified`` declares that the identifiers were verified with their issuer.
    """

    model_config = _SETTINGS

    file: Path
    records: Selector
    ref: KeySelector
    identifiers_verified: bool = False
    date_format: DateForms = Field(default=ISO_DATE, validate_default=True)
    date_formats: dict[DayField, DateForms] = Field(default_factory=dict)
    person: dict[PersonField, Selector] = Field(min_length=1)
    full_name_order: NameOrder | None = None
    contacts: tuple[ContactSettings, ...]

    @property
    def forms(self) -> DayForms:
        """Return the forms of days by field."""
        by_field: dict[str, Forms] = {str(field): forms for field, forms in self.date_formats.items()}
        return DayForms(default=self.date_format, by_field=by_field)

    @field_validator("contacts")
    @classmethod
    def _at_least_one_contact(cls, contacts: tuple[ContactSettings, ...]) -> tuple[ContactSettings, ...]:
        if not contacts:
            raise ValueError("must have one entry or more, with the workers to contact")
        return contacts

    @model_validator(mode="after")
    def _people_can_be_read(self) -> Self:
        check_birth_forms(self.forms, has_birth_date="birth_date" in self.person)
        apart = "family_name" in self.person or "given_names" in self.person
        check_full_name(full_name="full_name" in self.person, apart=apart, order=self.full_name_order)
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """The content of the file: records by person, candidates with their identifiers, counts of unreadable values."""

    version: tuple[int, int, int]
    rows: int
    records: Mapping[str, Sequence[object]]
    candidates: Sequence[Candidate]
    identifiers: Sequence[frozenset[tuple[str, str]]]
    faults: Mapping[CellFault, int]


class JsonFileSource:
    """A thread-safe :class:`SampledSource` over one JSON file."""

    def __init__(self, settings: JsonFileSettings, path: Path, defaults: Defaults) -> None:
        self._settings = settings
        self._path = path
        self._defaults = defaults
        self._forms = settings.forms
        self._lock = Lock()
        self._content: _Content | None = None
        self._quarantine = Quarantine(self._place)

    @property
    def checks(self) -> tuple[Check, ...]:
        """Return the probes of this source."""
        return (self._check,)

    def find(self, subject: Subject, *, deadline: Deadline) -> Sequence[Candidate]:
        """Return the people with the same identifier or birth date, or the same names without a birth date."""
        content, forms = self._read(deadline), identifier_forms(subject)
        return tuple(
            candidate
            for candidate, theirs in zip(content.candidates, content.identifiers, strict=True)
            if not forms.isdisjoint(theirs) or _shares_birth_date_or_names(subject, candidate.person)
        )

    def involvements(self, ref: str, *, deadline: Deadline) -> Sequence[Involvement]:
        """Return the current contacts in the person's records, each once, most recent first."""
        return current_involvements(self.involvement_rows(ref, deadline=deadline))

    def involvement_rows(self, ref: str, *, deadline: Deadline) -> Sequence[InvolvementRow]:
        """Return every contact in the person's records."""
        records = self._read(deadline).records.get(ref, ())
        return [self._read_contact(*contact) for record in records for contact in self._contacts(record)]

    def sample(self, limit: int, *, deadline: Deadline) -> RecordSample:
        """Return some people of the file, half from its end."""
        content = self._read(deadline)
        keyed = [candidate for candidate in content.candidates if candidate.ref in content.records]
        last = keyed[max(0, len(keyed) - limit // 2) :]
        selection = {
            (candidate.ref, candidate.person): candidate for candidate in (*keyed[: limit - limit // 2], *last)
        }
        return RecordSample(records=tuple(selection.values()), rows=content.rows, faults=content.faults)

    def _check(self, *, deadline: Deadline) -> Sequence[CheckLine]:
        """Read the file, and report unreadable values and the declaration of identifiers."""
        try:
            content = self._read(deadline)
        except AdapterError as error:
            remedy = "Check the setting file, the right to read that file, and the paths records and ref."
            return (CheckLine(name="file", ok=False, detail=error.detail, remedy=remedy),)
        return (
            CheckLine(name="file", ok=True, detail=f"{self._path.name} is readable."),
            sample_line(content.faults, content.rows),
            verification_line(verified=self._settings.identifiers_verified),
        )

    def _read(self, deadline: Deadline) -> _Content:
        """Return the content; read the file again if it has changed."""
        if deadline.remaining_s() <= 0:
            raise SourceUnavailable(f"The file {self._path.name} was not read in time.")
        version = self._version()
        content = self._content
        if content is not None and content.version == version:
            return content
        if not self._lock.acquire(timeout=deadline.remaining_s()):
            raise SourceUnavailable(f"The file {self._path.name} was not read in time.")
        try:
            if self._content is None or self._content.version != version:
                self._content = self._content_of(version)
            return self._content
        finally:
            self._lock.release()

    def _version(self) -> tuple[int, int, int]:
        try:
            status = self._path.stat()
        except OSError as error:
            raise self._unavailable(error) from None
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _unavailable(self, error: OSError) -> SourceUnavailable:
        reason = error.strerror or "it cannot be read"
        return SourceUnavailable(f"The file {self._path.name} cannot be opened: {reason}.")

    def _content_of(self, version: tuple[int, int, int]) -> _Content:
        all_records = self._records()
        rows = [self._read_record(record) for record in all_records]
        if rows and all(row.ref is None for row in rows):
            raise SourceNonsense(f"No record of the file {self._path.name} has a key at the path ref.")
        records: dict[str, list[object]] = {}
        faults: Counter[CellFault] = Counter()
        for row, record in zip(rows, all_records, strict=True):
            faults.update(self._quarantine.add("persons", row.faults))
            if row.ref is not None:
                records.setdefault(row.ref, []).append(record)
        people = candidates(rows, verified=self._settings.identifiers_verified)
        return _Content(
            version=version,
            rows=len(rows),
            records=records,
            candidates=people,
            identifiers=[identifier_forms(each.person) for each in people],
            faults=faults,
        )

    def _records(self) -> list[object]:
        try:
            with self._path.open("rb") as file:
                raw = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise self._unavailable(error) from None
        if len(raw) > MAX_FILE_BYTES:
            raise SourceNonsense(f"The file {self._path.name} has more than {MAX_FILE_BYTES} bytes; use a database.")
        try:
            document = _parse(raw)
        except (ValueError, RecursionError):
            raise SourceNonsense(f"The file {self._path.name} is not JSON.") from None
        path = self._settings.records
        if not path.steps and isinstance(document, list):
            return document
        if path.steps[-1:] == (EACH,) and replace(path, steps=path.steps[:-1]).first(document, document) is None:
            raise SourceNonsense(f"The file {self._path.name} has nothing at the path records.")
        return list(path.select(document, document))

    def _read_record(self, record: object) -> PersonRow:
        values = {str(field): path.first(record, record) for field, path in self._settings.person.items()}
        values["full_name_order"] = self._settings.full_name_order
        person, faults = read_person_row(values, self._forms)
        try:
            ref = write_ref([path.first(record, record) for path in self._settings.ref])
        except Unreadable as fault:
            return PersonRow(ref=None, person=person, faults=(*faults, FieldFault(field="ref", cause=str(fault))))
        return PersonRow(ref=ref, person=person, faults=faults)

    def _contacts(self, record: object) -> Iterator[tuple[ContactSettings, object, object]]:
        for contact in self._settings.contacts:
            for place in contact.each.select(record, record):
                yield contact, place, record

    def _read_contact(self, contact: ContactSettings, place: object, record: object) -> InvolvementRow:
        values: dict[str, object] = {str(field): text for field, text in contact.fixed.items()}
        for field, path in contact.fields.items():
            field_values: Sequence[object] = list(path.select(place, record))
            if field in {"since", "last_contact"}:
                field_values = self._outermost(field, field_values)
            values[field] = field_values[0] if field_values else values.get(field)
        currency = Currency(
            forms=self._forms, current_statuses=contact.current_statuses, ended_statuses=contact.ended_statuses
        )
        row, faults = read_row(values, self._defaults, currency)
        return replace(row, faults=self._quarantine.add("involvements", faults))

    def _outermost(self, field: str, values: Sequence[object]) -> Sequence[object]:
        """Return the earliest day for ``since`` and the latest for ``last_contact``, or a value that is no day."""
        days = []
        for value in values:
            try:
                day = read_day(value, self._forms.for_field(field))
            except Unreadable:
                continue
            if day is not None:
                days.append(day)
        return [(min if field == "since" else max)(days)] if days else values[:1]

    def _place(self, part: str, field: str) -> str:
        """Return the path of a field in the settings."""
        if field == "ref":
            return ", ".join(str(path) for path in self._settings.ref)
        fields: Mapping[str, JsonPath] = {str(name): path for name, path in self._settings.person.items()}
        if part != "persons":
            fields = {str(name): path for each in self._settings.contacts for name, path in each.fields.items()}
        return str(fields.get(field, field))


def _parse(raw: bytes) -> object:
    """Parse JSON leniently: a fault makes only its own value unreadable.

    Text that is not UTF-8 keeps its bytes; NaN and Infinity, which are not JSON, become unreadable numbers.
    """
    try:
        return json.loads(raw)
    except UnicodeDecodeError:
        return json.loads(raw.decode("utf-8-sig", errors="surrogateescape"))


def _shares_birth_date_or_names(subject: Subject, person: Subject) -> bool:
    """Return whether both have the same birth date, or the same names if the record has none."""
    if subject.birth_date is None:
        return False
    return subject.birth_date == person.birth_date if person.birth_date else _has_the_names_of(subject, person)


def _has_the_names_of(subject: Subject, person: Subject) -> bool:
    """Return whether a record without a birth date has the same family name and first given name."""
    theirs = name_tokens(person.family_name), name_tokens(person.given_names)[:1]
    names = [(subject.family_name, subject.given_names), *((a.family_name, a.given_names) for a in subject.aliases)]
    ours = ((name_tokens(family), name_tokens(given_names)[:1]) for family, given_names in names)
    return all(theirs) and theirs in ours


class JsonFileFactory:
    """The adapter type ``json-file``."""

    settings_model = JsonFileSettings

    def build(self, settings: JsonFileSettings, context: AdapterContext) -> Adapter:
        """Build the adapter without opening the file."""
        source = JsonFileSource(settings, Path(context.base_dir) / settings.file, service_defaults(context))
        return Adapter(name="json-file", involvement=source, sampled=source, checks=source.checks)


FACTORY: Final = JsonFileFactory()
