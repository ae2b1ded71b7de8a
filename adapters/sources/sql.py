"""Read a case system's SQL database by configuration alone: which columns hold what, and no code.

Two questions are asked. *Who might this be* is one statement: any identifier that the asker gave, or the birth date, so
that names may be written in any way (the matcher compares them). *Who works with them* is one statement by the record's
key. Both are made of names that the settings model has checked; every value is a bound parameter on a read-only
connection. Index the identifier columns, the birth date and the key.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
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
    Sample,
    SourceNonsense,
)
from adapters.sources.database import Database, PostgresServer, Row, SqliteFile
from adapters.sources.fields import (
    INVOLVEMENT_FIELDS,
    PERSON_FIELDS,
    Defaults,
    Unreadable,
    defaults_of,
    merge_people,
    most_recent_first,
    read_involvement,
    read_person,
    write_day,
)
from adapters.sources.rows import Quarantine, fault_of, read_ref, sample_line, verification_line, write_ref
from adapters.sources.sql_settings import SEARCHED, RowSource, SqlSettings
from trust.exchange.involvement import MAX_INVOLVEMENTS, Involvement
from trust.exchange.person import Subject

__all__ = ["FACTORY", "MAX_CANDIDATES", "SqlFactory", "SqlSettings", "SqlSource", "build_sql_source"]

MAX_CANDIDATES: Final = 500
"""Rows that one person's details may find; more means that one birth date stands for "unknown"."""


class SqlSource:
    """An :class:`InvolvementSource` over two statements. Safe for several threads."""

    def __init__(self, settings: SqlSettings, database: Database, defaults: Defaults) -> None:
        self._settings = settings
        self._database = database
        self._defaults = defaults
        self._date_format = settings.date_format
        self._person_fields = tuple(field for field in PERSON_FIELDS if getattr(settings.persons, field))
        self._searched = tuple(field for field in SEARCHED if getattr(settings.persons, field))
        self._involvement_fields = tuple(field for field in INVOLVEMENT_FIELDS if getattr(settings.involvements, field))
        self._select_persons = _select(database, settings.persons, ("ref", *self._person_fields))
        self._select_involvements = self._involvements_statement()
        self._quarantine = Quarantine()

    @property
    def quarantined(self) -> int:
        """Return how many rows could not be read since this process started."""
        return self._quarantine.count

    def find(self, subject: Subject, *, deadline: Deadline) -> Sequence[Candidate]:
        """Return the people in the database who share an identifier or the birth date."""
        wanted = [(field, value) for field in self._searched if (value := self._parameter(subject, field)) is not None]
        if not wanted:
            return ()
        where = " OR ".join(
            f"{self._database.quoted(getattr(self._settings.persons, field))} = {self._database.place(number)}"
            for number, (field, _) in enumerate(wanted, start=1)
        )
        statement = f"{self._select_persons} WHERE {where} LIMIT {MAX_CANDIDATES + 1}"
        rows = self._database.ask(statement, [value for _, value in wanted], deadline=deadline)
        if len(rows) > MAX_CANDIDATES:
            raise SourceNonsense(
                f"More than {MAX_CANDIDATES} people share one of these details, most likely a birth date that stands "
                "for unknown: leave unknown birth dates empty in the case system."
            )
        return self._candidates(rows)

    def involvements(self, ref: str, *, deadline: Deadline) -> Sequence[Involvement]:
        """Return the current involvements of the record ``ref``, most recent first."""
        rows = self._database.ask(self._select_involvements, [read_ref(ref)], deadline=deadline)
        fixed: dict[str, object] = {str(field): text for field, text in self._settings.involvements.fixed.items()}

        def read(row: Row) -> Involvement:
            values = fixed | dict(zip(self._involvement_fields, row, strict=True))
            return read_involvement(values, self._defaults, date_format=self._date_format)

        return most_recent_first(self._quarantine.readable(rows, read))[:MAX_INVOLVEMENTS]

    def sample(self, limit: int, *, deadline: Deadline) -> Sample:
        """Return some records of the table of persons, half of them those with the highest keys."""
        key = self._database.quoted(self._settings.persons.ref)
        first = f"{self._select_persons} LIMIT {limit - limit // 2}"
        last = f"{self._select_persons} ORDER BY {key} DESC LIMIT {limit // 2}"
        rows = dict.fromkeys(
            tuple(row) for statement in (first, last) for row in self._database.ask(statement, (), deadline=deadline)
        )
        faults: Counter[CellFault] = Counter()
        people: dict[str, list[Subject]] = {}
        for row in rows:
            try:
                ref, person = self._read_person(row)
            except Unreadable as fault:
                faults[fault_of("persons", fault)] += 1
            else:
                people.setdefault(ref, []).append(person)
        return Sample(records=self._candidates_of(people), rows=len(rows), faults=faults)

    def involvement_rows(self, ref: str, *, deadline: Deadline) -> Sequence[InvolvementRow]:
        """Return every row about the record ``ref``."""
        current = self.involvements(ref, deadline=deadline)
        return tuple(InvolvementRow(involvement=each, current=True) for each in current)

    @property
    def checks(self) -> tuple[Check, ...]:
        """Return the probes of this source."""
        return (self._check,)

    def _check(self, *, deadline: Deadline) -> Sequence[CheckLine]:
        """Ask for some people and for nobody's involvements, and say what the configuration declares."""
        try:
            sample = self._database.ask(f"{self._select_persons} LIMIT {MAX_CANDIDATES}", (), deadline=deadline)
            self._database.ask(self._select_involvements, [None], deadline=deadline)
        except AdapterError as error:
            remedy = "Check the file or url, that this process may read it, and every table and column named."
            return (CheckLine(name="database", ok=False, detail=error.detail, remedy=remedy),)
        return (
            CheckLine(name="database", ok=True, detail="It is readable and has every table and column named."),
            sample_line(sample, self._read_person),
            verification_line(verified=self._settings.identifiers_verified),
        )

    def _involvements_statement(self) -> str:
        columns = self._settings.involvements
        where = f"{self._database.quoted(columns.ref)} = {self._database.place(1)}"
        if columns.ended is not None:
            where += f" AND {self._database.quoted(columns.ended)} IS NULL"
        fields = self._involvement_fields or ("ref",)
        return f"{_select(self._database, columns, fields)} WHERE {where} LIMIT {MAX_CANDIDATES}"

    def _parameter(self, subject: Subject, field: str) -> str | None:
        if field == "birth_date":
            return write_day(subject.birth_date, self._date_format) if subject.birth_date else None
        value: str | None = getattr(subject, field)
        return value

    def _candidates(self, rows: Sequence[Row]) -> tuple[Candidate, ...]:
        people: dict[str, list[Subject]] = {}
        for ref, person in self._quarantine.readable(rows, self._read_person):
            people.setdefault(ref, []).append(person)
        return self._candidates_of(people)

    def _candidates_of(self, people: Mapping[str, Sequence[Subject]]) -> tuple[Candidate, ...]:
        verified = self._settings.identifiers_verified
        return tuple(
            Candidate(ref=ref, person=person, identifiers_verified=verified)
            for ref, found in people.items()
            for person in merge_people(found)
        )

    def _read_person(self, row: Row) -> tuple[str, Subject]:
        values = dict(zip(self._person_fields, row[1:], strict=True))
        return write_ref(row[0]), read_person(values, date_format=self._date_format)


def _select(database: Database, source: RowSource, fields: Sequence[str]) -> str:
    """Write the part of a statement that names columns and where they are from."""
    columns = ", ".join(database.quoted(getattr(source, field)) for field in fields)
    origin = database.quoted(source.table) if source.table else f"({source.query}) AS rows_of_the_query"
    return f"SELECT {columns} FROM {origin}"  # noqa: S608 - names from the settings model only, quoted


def build_sql_source(settings: SqlSettings, context: AdapterContext) -> SqlSource:
    """Make a source that others can build upon, without opening the database; paths start at ``base_dir``."""
    return SqlSource(settings, _database(settings, Path(context.base_dir)), defaults_of(context))


def _database(settings: SqlSettings, base_dir: Path) -> Database:
    if settings.file is not None:
        return SqliteFile(base_dir / settings.file)
    secret = settings.password_file
    return PostgresServer(settings.url or "", password_file=base_dir / secret if secret else None)


class SqlFactory:
    """The adapter type ``sql``."""

    settings_model = SqlSettings

    def build(self, settings: SqlSettings, context: AdapterContext) -> Adapter:
        """Make the adapter without opening the database."""
        source = build_sql_source(settings, context)
        return Adapter(name="sql", involvement=source, sampled=source, checks=source.checks)


FACTORY: Final = SqlFactory()
