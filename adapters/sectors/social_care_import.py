"""Import of a Children in Need census and an allocation table in one transaction.

1. Read the census, find its year and validate it by that year's schema; refuse a file with faults, and report them all.
2. Read the allocation table; refuse one without a required column.
3. Join them; leave out rows that do not fit, each with a note.
4. Replace the content of the database in one transaction, so that questions see the old import until the new one is
   complete. Refuse an import that keeps no child, or less than half of the last one.

Children without an open case and without an allocation are not kept.
"""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import pysqlite3.dbapi2 as sqlite
from lxml import etree

from adapters.contract import SourceNonsense, SourceUnavailable
from adapters.sectors.social_care import SocialCareSettings
from adapters.sectors.social_care_census import ELEMENTS, Case, CensusJoin, ImportNote
from adapters.sources.csv_drop import read_csv
from adapters.sources.xml import load_schema
from adapters.sources.xml_file import read_xml, require_valid

MAX_CENSUS_BYTES: Final = 256 * 1024 * 1024
"""The largest councils return about ten thousand children of a few kilobytes each."""
MAX_ALLOCATION_BYTES: Final = 64 * 1024 * 1024

_OURS: Final = 0x48474349
"""The ``application_id`` of this module's SQLite databases: the letters HGCI."""

_SCHEMA: Final = """
CREATE TABLE child (
  la_child_id TEXT PRIMARY KEY, nhs_number TEXT, upn TEXT, family_name TEXT NOT NULL, given_names TEXT,
  birth_date TEXT, gender TEXT, postcode TEXT, uprn TEXT);
CREATE TABLE episode (
  la_child_id TEXT NOT NULL REFERENCES child, referred_on TEXT NOT NULL, closed_on TEXT, plan TEXT);
CREATE TABLE allocation (
  la_child_id TEXT NOT NULL REFERENCES child, role TEXT, worker TEXT, team TEXT, phone TEXT, duty_phone TEXT,
  allocated_on TEXT, ended_on TEXT, last_contact TEXT);
CREATE TABLE import_run (imported_at TEXT NOT NULL, census_year INTEGER NOT NULL, children INTEGER, notes INTEGER);
CREATE INDEX child_nhs_number ON child (nhs_number);
CREATE INDEX child_upn ON child (upn);
CREATE INDEX child_birth_date ON child (birth_date);
CREATE INDEX episode_child ON episode (la_child_id);
CREATE INDEX allocation_child ON allocation (la_child_id);
"""
_TABLES: Final = ("allocation", "episode", "child")
_LAYOUT: Final = 2
"""SQLite's ``user_version`` of this layout; an import replaces an older layout."""
_MOST_COMMON: Final = 5
"""The most reasons for unused rows that a refusal names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """The result of an import. ``notes`` explains each row that is not used, or only in part."""

    census_year: int
    children: int
    open_cases: int
    notes: tuple[ImportNote, ...]


def import_census(
    settings: SocialCareSettings,
    *,
    base_dir: Path,
    census: Path,
    allocations: Path,
    now: datetime,
    accept_fewer: bool = False,
) -> ImportReport:
    """Import the two files into the database of ``settings``, whose paths start at ``base_dir``.

    ``accept_fewer`` allows an import with less than half of the last one's children, or of those with a current worker.

    Raises :class:`AdapterError` without changing the previous import: :class:`XmlInvalid` (with ``faults``) for a
    census that fails its schema, ``SourceNonsense`` for other wrong files, ``SourceMisconfigured`` for a schema,
    ``SourceUnavailable`` for a file or database that cannot be opened.
    """
    root = read_xml(census, max_bytes=MAX_CENSUS_BYTES)
    year = _census_year(root, census.name, settings)
    schema_path = base_dir / settings.schemas[year]
    schema = load_schema(schema_path)
    require_valid(root, schema, name=census.name, schema_name=schema_path.name, vocabulary=ELEMENTS)
    columns = settings.columns()
    configured_columns = settings.allocation_columns.values()  # a column in the settings is required
    required = dict.fromkeys((columns["la_child_id"], columns["family_name"], *configured_columns))
    table = read_csv(allocations, required=tuple(required), max_bytes=MAX_ALLOCATION_BYTES)
    join = CensusJoin(census_file=census.name, allocation_file=allocations.name, columns=columns, today=now.date())
    cases = join.cases(root, table.lines, table.bad_lines)
    report = ImportReport(
        census_year=year,
        children=len(cases),
        open_cases=sum(episode.is_open(now.date()) for case in cases for episode in case.child.episodes),
        notes=tuple(join.notes),
    )
    if not cases:
        raise SourceNonsense(f"No child of the two files could be kept. Nothing was imported.{_reasons(report)}")
    _replace(base_dir / settings.database, cases, report, now=now, accept_fewer=accept_fewer)
    return report


def _reasons(report: ImportReport) -> str:
    """Return the most common reasons for unused rows, with their counts."""
    counts = Counter(f"{note.what} {note.what_to_do}" for note in report.notes).most_common(_MOST_COMMON)
    return "".join(f" {count} rows: {why}" for why, count in counts)


def _census_year(root: etree._Element, name: str, settings: SocialCareSettings) -> int:
    text = root.findtext("Header/CollectionDetails/Year", "").strip()
    year = int(text) if text.isascii() and text.isdigit() and len(text) == len("2022") else None
    if year in settings.schemas:
        return year
    years = ", ".join(str(years) for years in sorted(settings.schemas))
    problem = f"is of {year}" if year else "does not say its year in Header/CollectionDetails/Year"
    raise SourceNonsense(
        f"{name} {problem}, and the settings have schemas for {years} only: add the one that the Department for "
        "Education published for its year."
    )


def _replace(path: Path, cases: Sequence[Case], report: ImportReport, *, now: datetime, accept_fewer: bool) -> None:
    """Replace the old import by the new one, in one transaction."""
    connection = _open(path)
    try:
        connection.execute("BEGIN IMMEDIATE")
        before = _prepare_tables(connection, path, now.date())
        for table in _TABLES:
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own constant
        for case in cases:
            _insert(connection, case)
        if not accept_fewer:
            _require_enough(before, _count(connection, now.date()), report)
        connection.execute(
            "INSERT INTO import_run VALUES (?, ?, ?, ?)",
            (now.isoformat(timespec="seconds"), report.census_year, report.children, len(report.notes)),
        )
        connection.execute("COMMIT")
    except sqlite.Error as error:
        code = getattr(error, "sqlite_errorname", "SQLITE_ERROR")
        raise SourceUnavailable(f"{path.name} could not be written ({code}); nothing was imported.") from None
    finally:
        connection.close()  # which rolls back what was not committed


@dataclass(frozen=True, slots=True, kw_only=True)
class _ImportSize:
    """The size of an import: all children, and those with an open case and a current worker."""

    children: int
    current: int


def _require_enough(before: _ImportSize, after: _ImportSize, report: ImportReport) -> None:
    """Refuse an import of less than half the size of the last. Raises :class:`SourceNonsense`."""
    comparisons = (
        ("children", before.children, after.children),
        ("children with an open case and a current worker", before.current, after.current),
    )
    for what, old, new in comparisons:
        if 2 * new < old:
            raise SourceNonsense(
                f"This import would keep {new} {what} where the last one kept {old}. Nothing was imported. If that is "
                f"right, import again with --accept-fewer.{_reasons(report)}"
            )


def _prepare_tables(connection: Any, path: Path, today: date) -> _ImportSize:  # noqa: ANN401 - pysqlite3 ships no types
    """Return the size of the last import; create the tables of a new database or an older layout.

    Raises :class:`SourceUnavailable` for a database of another program.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (layout,) = connection.execute("PRAGMA user_version").fetchone()
    if application == _OURS:
        size = _count(connection, today)
        if layout != _LAYOUT:
            for table in (*_TABLES, "import_run"):
                connection.execute(f"DROP TABLE {table}")
            _lay_out(connection)
        return size
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables:
        raise SourceUnavailable(f"{path.name} is another system's database; name a file of its own in `database`.")
    _lay_out(connection)
    return _ImportSize(children=0, current=0)


def _lay_out(connection: Any) -> None:  # noqa: ANN401 - pysqlite3 ships no types
    for statement in _SCHEMA.split(";"):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {_OURS}")
    connection.execute(f"PRAGMA user_version = {_LAYOUT}")


def _count(connection: Any, today: date) -> _ImportSize:  # noqa: ANN401 - pysqlite3 ships no types
    (children,) = connection.execute("SELECT count(*) FROM child").fetchone()
    (current,) = connection.execute(
        "SELECT count(DISTINCT la_child_id) FROM episode JOIN allocation USING (la_child_id)"
        " WHERE coalesce(closed_on, '9999-12-31') > ?1 AND coalesce(ended_on, '9999-12-31') > ?1",
        (today.isoformat(),),
    ).fetchone()
    return _ImportSize(children=children, current=current)


def _open(path: Path) -> Any:  # noqa: ANN401 - pysqlite3 ships no types
    """Open the database, a new one with access for its owner only; deleted content is overwritten."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = sqlite.connect(str(path), isolation_level=None, timeout=30)
        for setting in ("secure_delete = ON", "cache_spill = OFF", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {setting}")
    except (OSError, sqlite.Error):
        raise SourceUnavailable(
            f"{path.name} cannot be opened for writing: check its folder and its rights; nothing was imported."
        ) from None
    return connection


def _insert(connection: Any, case: Case) -> None:  # noqa: ANN401 - pysqlite3 ships no types
    child, who = case.child, case.allocations
    restricted = any(allocation.address_restricted for allocation in who)  # such an address is not stored
    connection.execute(
        "INSERT INTO child VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            child.la_child_id,
            _first(allocation.nhs_number for allocation in who),
            child.upn,
            who[0].family_name,
            _first(allocation.given_names for allocation in who),
            _iso(child.birth_date),
            child.gender,
            None if restricted else _first(allocation.postcode for allocation in who),
            None if restricted else _first(allocation.uprn for allocation in who),
        ),
    )
    connection.executemany(
        "INSERT INTO episode VALUES (?, ?, ?, ?)",
        [(child.la_child_id, _iso(each.referred_on), _iso(each.closed_on), each.plan) for each in child.episodes],
    )
    connection.executemany(
        "INSERT INTO allocation VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                child.la_child_id,
                allocation.role,
                allocation.worker,
                allocation.team,
                allocation.phone,
                allocation.duty_phone,
                _iso(allocation.allocated_on),
                _iso(allocation.ended_on),
                _iso(allocation.last_contact),
            )
            for allocation in case.allocations
        ],
    )


def _first(values: Iterable[str | None]) -> str | None:
    """Return the first value that is not blank."""
    return next((value for value in values if value), None)


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
