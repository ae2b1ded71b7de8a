"""Read a small JSON file as a case system: the configuration says where records, people, contacts and dates are.

The file is read whole and kept until it changes on disk. Records that name the same person are one candidate. It suits
an extract of some thousand records; a larger system belongs in a database, and the ``sql`` adapter.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Annotated, Final, Literal, NoReturn

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

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
    Sample,
    SourceNonsense,
    SourceUnavailable,
)
from adapters.sources.fields import (
    ISO_DATE,
    Defaults,
    Unreadable,
    defaults_of,
    merge_people,
    most_recent_first,
    read_day,
    read_involvement,
    read_person,
)
from adapters.sources.paths import JsonPath
from adapters.sources.rows import Quarantine, fault_of, sample_line, verification_line, write_ref
from trust.exchange.involvement import MAX_INVOLVEMENTS, Involvement
from trust.exchange.person import Subject

MAX_FILE_BYTES: Final = 16 * 1024 * 1024

PersonField = Literal[
    "nhs_number",
    "upn",
    "nino",
    "pnc_id",
    "family_name",
    "given_names",
    "birth_date",
    "gender",
    "postcode",
    "uprn",
]
TextField = Literal["organisation", "service_type", "role", "worker", "phone", "duty_phone"]
ContactField = Literal[TextField, "plan", "since", "last_contact"]


def _path(text: object) -> JsonPath:
    if not isinstance(text, str):
        raise ValueError("must be a path, in quotes")  # noqa: TRY004 - pydantic collects ValueError
    return JsonPath.parse(text)


Selector = Annotated[JsonPath, BeforeValidator(_path)]
_SETTINGS: Final = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class ContactSettings(BaseModel):
    """One ``[[services.adapter.settings.contacts]]``: each item at ``each`` of a record is one involvement.

    Without ``each``, the record itself is. Of several dates, ``since`` takes the earliest and ``last_contact`` the
    latest; of several texts the first counts. ``fixed`` gives texts that are the same for all.
    """

    model_config = _SETTINGS

    each: Selector = JsonPath(())
    fields: dict[ContactField, Selector] = Field(default_factory=dict)
    fixed: dict[TextField, str] = Field(default_factory=dict)


class JsonFileSettings(BaseModel):
    """``[services.adapter.settings]`` of type ``json-file``; ``file`` is relative to the configuration file.

    ``records`` selects the records, ``ref`` in each the person it is about. ``identifiers_verified`` declares that the
    identifiers were traced against their issuer.
    """

    model_config = _SETTINGS

    file: Path
    records: Selector
    ref: Selector
    identifiers_verified: bool = False
    date_format: str = Field(default=ISO_DATE, pattern=r"^[%A-Za-z0-9 /.:-]{2,30}$")
    person: dict[PersonField, Selector] = Field(min_length=1)
    contacts: tuple[ContactSettings, ...]

    @field_validator("contacts")
    @classmethod
    def _someone_to_ring(cls, contacts: tuple[ContactSettings, ...]) -> tuple[ContactSettings, ...]:
        if not contacts:
            raise ValueError("must have one entry or more: they say whom to ring")
        return contacts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """The file as it was read: its records by person, and the people in them."""

    version: tuple[int, int, int]
    records: Mapping[str, Sequence[object]]
    candidates: Sequence[Candidate]


class JsonFileSource:
    """An :class:`InvolvementSource` over one JSON file. Safe for several threads."""

    def __init__(self, settings: JsonFileSettings, path: Path, defaults: Defaults) -> None:
        self._settings = settings
        self._path = path
        self._defaults = defaults
        self._lock = Lock()
        self._content: _Content | None = None
        self._quarantine = Quarantine()

    @property
    def checks(self) -> tuple[Check, ...]:
        """Return the probes of this source."""
        return (self._check,)

    def find(self, subject: Subject, *, deadline: Deadline) -> Sequence[Candidate]:
        """Return the people in the file who share an identifier or the birth date."""
        return tuple(found for found in self._read(deadline).candidates if _shares_a_detail(subject, found.person))

    def involvements(self, ref: str, *, deadline: Deadline) -> Sequence[Involvement]:
        """Return the contacts in the person's records, each once, most recent first."""
        records = self._read(deadline).records.get(ref, ())
        rows = [row for record in records for row in self._contacts(record)]
        return most_recent_first(self._quarantine.readable(rows, self._read_contact))[:MAX_INVOLVEMENTS]

    def sample(self, limit: int, *, deadline: Deadline) -> Sample:
        """Return some people of the file, half of them from its end."""
        candidates = self._read(deadline).candidates
        faults: Counter[CellFault] = Counter()
        records = self._records()
        for record in records:
            try:
                self._read_record(record)
            except Unreadable as fault:
                faults[fault_of("persons", fault)] += 1
        last = candidates[len(candidates) - limit // 2 :]
        chosen = tuple(dict.fromkeys((*candidates[: limit - limit // 2], *last)))
        return Sample(records=chosen, rows=len(records), faults=faults)

    def involvement_rows(self, ref: str, *, deadline: Deadline) -> Sequence[InvolvementRow]:
        """Return every contact in the person's records."""
        current = self.involvements(ref, deadline=deadline)
        return tuple(InvolvementRow(involvement=each, current=True) for each in current)

    def _check(self, *, deadline: Deadline) -> Sequence[CheckLine]:
        """Read the file, and say what the configuration declares."""
        try:
            records = self._records()
            self._read(deadline)
        except AdapterError as error:
            remedy = "Check that file names a JSON file that this process may read, and the paths records and ref."
            return (CheckLine(name="file", ok=False, detail=error.detail, remedy=remedy),)
        return (
            CheckLine(name="file", ok=True, detail=f"{self._path.name} is readable."),
            sample_line(records, self._read_record),
            verification_line(verified=self._settings.identifiers_verified),
        )

    def _read(self, deadline: Deadline) -> _Content:
        """Return the content, read again where the file has changed."""
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
        people: dict[str, list[Subject]] = {}
        records: dict[str, list[object]] = {}
        all_records = self._records()
        readable = self._quarantine.readable(all_records, self._read_record)
        for ref, person, record in readable:
            people.setdefault(ref, []).append(person)
            records.setdefault(ref, []).append(record)
        verified = self._settings.identifiers_verified
        candidates = tuple(
            Candidate(ref=ref, person=person, identifiers_verified=verified)
            for ref, found in people.items()
            for person in merge_people(found)
        )
        return _Content(version=version, records=records, candidates=candidates)

    def _records(self) -> list[object]:
        try:
            with self._path.open("rb") as file:
                raw = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise self._unavailable(error) from None
        if len(raw) > MAX_FILE_BYTES:
            raise SourceNonsense(f"The file {self._path.name} has more than {MAX_FILE_BYTES} bytes; use a database.")
        try:
            document = json.loads(raw, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise SourceNonsense(f"The file {self._path.name} is not JSON.") from None
        return list(self._settings.records.select(document, document))

    def _read_record(self, record: object) -> tuple[str, Subject, object]:
        ref = write_ref(self._settings.ref.first(record, record))
        values = {str(field): path.first(record, record) for field, path in self._settings.person.items()}
        return ref, read_person(values, date_format=self._settings.date_format), record

    def _contacts(self, record: object) -> Iterator[tuple[ContactSettings, object, object]]:
        for contact in self._settings.contacts:
            for place in contact.each.select(record, record):
                yield contact, place, record

    def _read_contact(self, row: tuple[ContactSettings, object, object]) -> Involvement:
        contact, place, record = row
        values: dict[str, object] = {str(field): text for field, text in contact.fixed.items()}
        for field, path in contact.fields.items():
            found = list(path.select(place, record))
            if field in {"since", "last_contact"}:
                found = self._outermost(field, found)
            values[field] = found[0] if found else values.get(field)
        return read_involvement(values, self._defaults)

    def _outermost(self, field: str, values: Sequence[object]) -> list[object]:
        """Keep the earliest day for ``since`` and the latest for ``last_contact``."""
        try:
            days = [day for value in values if (day := read_day(value, self._settings.date_format)) is not None]
        except Unreadable as fault:
            raise Unreadable(f"{field} {fault}") from None
        return [(min if field == "since" else max)(days)] if days else []


def _no_constant(_: str) -> NoReturn:
    raise ValueError("not a number")


def _shares_a_detail(subject: Subject, person: Subject) -> bool:
    pairs = (
        (subject.nhs_number, person.nhs_number),
        (subject.upn, person.upn),
        (subject.nino, person.nino),
        (subject.pnc_id, person.pnc_id),
        (subject.birth_date, person.birth_date),
    )
    return any(asked is not None and asked == held for asked, held in pairs)


class JsonFileFactory:
    """The adapter type ``json-file``."""

    settings_model = JsonFileSettings

    def build(self, settings: JsonFileSettings, context: AdapterContext) -> Adapter:
        """Make the adapter without opening the file."""
        source = JsonFileSource(settings, Path(context.base_dir) / settings.file, defaults_of(context))
        return Adapter(name="json-file", involvement=source, sampled=source, checks=source.checks)


FACTORY: Final = JsonFileFactory()
