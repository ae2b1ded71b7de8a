"""Adapter ``sql``: a case system's SQL database, by names of tables and columns in the configuration.

:mod:`adapters.sources.sql_search` finds the rows, :mod:`adapters.sources.fields` reads them. Every value is a bound
parameter on a read-only connection. An unreadable value is left out of its row and counted.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

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
    RecordUnreadable,
    SourceNonsense,
)
from adapters.sources.database import Database, Row, SqliteFile
from adapters.sources.fields import (
    INVOLVEMENT_FIELDS,
    PERSON_FIELDS,
    Defaults,
    FieldFault,
    identifier_forms,
    read_person_row,
    service_defaults,
)
from adapters.sources.involvement_rows import Currency, read_row
from adapters.sources.keys import KeyPart, key_part, read_ref, same_part, write_ref
from adapters.sources.postgres import PostgresServer
from adapters.sources.rows import (
    PersonRow,
    Quarantine,
    candidates,
    current_involvements,
    sample_line,
    verification_line,
)
from adapters.sources.sql_search import (
    MAX_CANDIDATES,
    MAX_INVOLVEMENT_ROWS,
    PersonSearch,
    RowSearch,
    distinct,
    key_condition,
    key_index,
)
from adapters.sources.sql_settings import DatabaseSettings, SqlSettings
from adapters.sources.text import Unreadable
from trust.exchange.involvement import Involvement
from trust.exchange.person import Subject, without_stand_ins

__all__ = ["FACTORY", "MAX_CANDIDATES", "SqlFactory", "SqlSettings", "SqlSource", "build_sql_source", "open_database"]


class SqlSource:
    """A thread-safe :class:`SampledSource` over a table of persons and one of involvements."""

    def __init__(self, settings: SqlSettings, database: Database, defaults: Defaults) -> None:
        self._settings = settings
        self._defaults = defaults
        self._forms = settings.forms
        columns = settings.involvements
        self._currency = Currency(
            forms=self._forms, current_statuses=columns.current_statuses, ended_statuses=columns.ended_statuses
        )
        persons = [field for field in PERSON_FIELDS if getattr(settings.persons, field)]
        involvements = [field for field in (*INVOLVEMENT_FIELDS, "ended", "status") if getattr(columns, field)]
        self._persons = RowSearch(database, settings.persons, persons)
        self._involvements = RowSearch(database, columns, involvements)
        self._search = PersonSearch(self._persons, settings.persons, self._forms)
        self._quarantine = Quarantine(self._column)

    @property
    def quarantined(self) -> int:
        """Return the number of unreadable values since this process started."""
        return self._quarantine.count

    def find(self, subject: Subject, *, deadline: Deadline) -> Sequence[Candidate]:
        """Return the people with the same identifier or birth date, or the same names without a birth date.

        An unreadable table of involvements fails this search too, so that its failure discloses nothing of a person.
        """
        subject = without_stand_ins(subject)
        self._involvements.probe(deadline=deadline)
        by_identifier = self._search.by_identifier(subject, deadline=deadline)
        by_birth_date = self._search.by_birth_date(subject, deadline=deadline)
        forms = identifier_forms(subject)
        has_identifier = any(forms & identifier_forms(self._read_person(row).person) for row in by_identifier)
        if by_birth_date is None and not has_identifier:
            raise RecordUnreadable(
                f"More than {MAX_CANDIDATES} people share this birth date and also the names or the postcode, most "
                "likely because the date is a stand-in: leave unknown birth dates empty in the case system."
            )
        rows = distinct((*by_identifier, *(by_birth_date or ())))
        records = [self._read_person(row) for row in rows]
        by_name = () if has_identifier else self._search.by_name(subject, deadline=deadline)
        undated = [self._read_person(row) for row in distinct(by_name) if row not in rows]
        known_refs = {row.ref for row in records}
        same = (None, subject.birth_date)  # a day that was read, but in no form that the search uses
        people = [*records, *(row for row in undated if row.person.birth_date in same and row.ref not in known_refs)]
        for row in people:
            self._quarantine.add("persons", row.faults)
        return candidates(people, verified=self._settings.identifiers_verified)

    def involvements(self, ref: str, *, deadline: Deadline) -> Sequence[Involvement]:
        """Return the current involvements of the record ``ref``, most recent first."""
        return current_involvements(self.involvement_rows(ref, deadline=deadline))

    def involvement_rows(self, ref: str, *, deadline: Deadline) -> Sequence[InvolvementRow]:
        """Return every row about the record ``ref``, current or not."""
        parts = read_ref(ref)
        condition = key_condition(self._involvements, parts)
        rows = self._involvements.rows(condition, limit=MAX_INVOLVEMENT_ROWS, deadline=deadline)
        if len(rows) > MAX_INVOLVEMENT_ROWS:
            raise SourceNonsense(
                f"More than {MAX_INVOLVEMENT_ROWS} rows of involvements have the key of one record; name a view or "
                "query that leaves old ones out."
            )
        split = [self._involvements.split(row) for row in rows]
        return [self._read_involvement(values) for key, values in split if _is_key(key, parts)]

    def sample(self, limit: int, *, deadline: Deadline) -> RecordSample:
        """Return some records of the table of persons, half of them with the highest keys."""
        rows = [self._read_person(row) for row in self._persons.some(limit, deadline=deadline)]
        counter = Quarantine(self._column)
        faults: Counter[CellFault] = Counter()
        for row in rows:
            faults.update(counter.add("persons", row.faults))
        keyed = [row for row in rows if row.ref is not None]
        records = candidates(keyed, verified=self._settings.identifiers_verified)
        return RecordSample(records=records, rows=len(rows), faults=faults)

    @property
    def checks(self) -> tuple[Check, ...]:
        """Return the probes of this source."""
        return (self._check,)

    def _check(self, *, deadline: Deadline) -> Sequence[CheckLine]:
        """Read some people, probe the columns of involvements, and report the declaration of identifiers."""
        try:
            sample = self.sample(MAX_CANDIDATES, deadline=deadline)
            self._involvements.probe(deadline=deadline)
            self._persons.probe(deadline=deadline)
        except AdapterError as error:
            remedy = "Check the file or url, the right to read it, and the tables and columns in the settings."
            return (CheckLine(name="database", ok=False, detail=error.detail, remedy=remedy),)
        return (
            CheckLine(
                name="database", ok=True, detail="It is readable and has every table and column in the settings."
            ),
            sample_line(sample.faults, sample.rows),
            verification_line(verified=self._settings.identifiers_verified),
            *([self._indexes_line()] if sample.rows >= MAX_CANDIDATES else ()),
        )

    def _indexes_line(self) -> CheckLine:
        """Name the indexes that a large table needs, without a check of those it has."""
        statements = (
            "; ".join([*self._search.indexes(), *key_index(self._involvements)])
            or "see the table of indexes in docs/adapters.md"
        )
        return CheckLine(name="indexes", ok=True, detail=f"Each search needs an index: {statements}.")

    def _read_person(self, row: Row) -> PersonRow:
        key, values = self._persons.split(row)
        values["full_name_order"] = self._settings.persons.full_name_order
        person, faults = read_person_row(values, self._forms)
        try:
            ref = write_ref(key)
        except Unreadable as fault:
            return PersonRow(ref=None, person=person, faults=(*faults, FieldFault(field="ref", cause=str(fault))))
        return PersonRow(ref=ref, person=person, faults=faults)

    def _read_involvement(self, values: dict[str, object]) -> InvolvementRow:
        fixed: dict[str, object] = {str(field): text for field, text in self._settings.involvements.fixed.items()}
        row, faults = read_row(fixed | values, self._defaults, self._currency)
        return replace(row, faults=self._quarantine.add("involvements", faults))

    def _column(self, part: str, field: str) -> str:
        """Return the column of a field in the settings."""
        source = self._settings.persons if part == "persons" else self._settings.involvements
        return ", ".join(source.key) if field == "ref" else str(getattr(source, field, None) or field)


def _is_key(key: Sequence[object], parts: Sequence[KeyPart]) -> bool:
    """Return whether a row has the requested key; the search also finds similar spellings.

    Raises :class:`RecordUnreadable`.
    """
    try:
        return all(same_part(key_part(value), part) for value, part in zip(key, parts, strict=True))
    except Unreadable as fault:
        raise RecordUnreadable(
            f"An involvement may be this person's, but its key {fault}: correct it in the case system."
        ) from None


def build_sql_source(settings: SqlSettings, context: AdapterContext) -> SqlSource:
    """Build a source for other adapters, without opening the database; paths start at ``base_dir``."""
    return SqlSource(settings, open_database(settings, Path(context.base_dir)), service_defaults(context))


def open_database(settings: DatabaseSettings, base_dir: Path) -> Database:
    """Return the database for reading, without opening it yet."""
    if settings.file is not None:
        return SqliteFile(base_dir / settings.file)
    secret = settings.password_file
    return PostgresServer(settings.url or "", password_file=base_dir / secret if secret else None)


class SqlFactory:
    """The adapter type ``sql``."""

    settings_model = SqlSettings

    def build(self, settings: SqlSettings, context: AdapterContext) -> Adapter:
        """Build the adapter without opening the database."""
        source = build_sql_source(settings, context)
        return Adapter(name="sql", involvement=source, sampled=source, checks=source.checks)


FACTORY: Final = SqlFactory()
