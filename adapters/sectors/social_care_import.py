"""Import a Children in Need census and an allocation table into the case database, all of it or nothing.

1. read the census, find its year and hold it to that year's schema: a file that fails is refused with every fault;
2. read the allocation table: one that lacks a column is refused;
3. join them: rows that do not fit are left out, each with a note;
4. replace what the database held, in one transaction, so that questions see the old import until the new one is there.

Children whose cases are all closed and who have no allocation are not kept.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import pysqlite3.dbapi2 as sqlite
from lxml import etree

from adapters.contract import SourceNonsense, SourceUnavailable
from adapters.sectors.social_care import SocialCareSettings
from adapters.sectors.social_care_census import ELEMENTS, Case, ImportNote, Join
from adapters.sources.csv_drop import read_csv
from adapters.sources.xml import load_schema
from adapters.sources.xml_file import read_xml, require_valid

MAX_CENSUS_BYTES: Final = 256 * 1024 * 1024
"""The largest councils return some ten thousand children of a few kilobytes each."""
MAX_ALLOCATION_BYTES: Final = 64 * 1024 * 1024

_OURS: Final = 0x48474349
"""SQLite's ``application_id`` of a database that this module made: the letters HGCI."""

_SCHEMA: Final = """
CREATE TABLE child (
  la_child_id TEXT PRIMARY KEY, nhs_number TEXT, upn TEXT, family_name TEXT NOT NULL, given_names TEXT,
  birth_date TEXT, gender TEXT, postcode TEXT, uprn TEXT);
CREATE TABLE episode (
  la_child_id TEXT NOT NULL REFERENCES child, referred_on TEXT NOT NULL, closed_on TEXT, service_type TEXT NOT NULL);
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import did. ``notes`` explains every row that was left out, or used only in part."""

    census_year: int
    children: int
    open_cases: int
    notes: tuple[ImportNote, ...]


def import_census(
    settings: SocialCareSettings, *, base_dir: Path, census: Path, allocations: Path, now: datetime
) -> ImportReport:
    """Import the two files into the database of ``settings``, whose paths start at ``base_dir``.

    Raises :class:`AdapterError`, and then the previous import stays as it was: :class:`XmlInvalid` (with ``faults``)
    for a census that fails its schema, ``SourceNonsense`` for other files that are not what they should be,
    ``SourceMisconfigured`` for a schema, ``SourceUnavailable`` for a file or database that cannot be opened.
    """
    root = read_xml(census, max_bytes=MAX_CENSUS_BYTES)
    year = _census_year(root, census.name, settings)
    schema_path = base_dir / settings.schemas[year]
    schema = load_schema(schema_path)
    require_valid(root, schema, name=census.name, schema_name=schema_path.name, vocabulary=ELEMENTS)
    columns = settings.columns()
    named = settings.allocation_columns.values()  # a column that the settings name must be there
    required = dict.fromkeys((columns["la_child_id"], columns["family_name"], *named))
    table = read_csv(allocations, required=tuple(required), max_bytes=MAX_ALLOCATION_BYTES)
    join = Join(census_file=census.name, allocation_file=allocations.name, columns=columns)
    cases = join.cases(root, table.lines, table.bad_lines)
    report = ImportReport(
        census_year=year,
        children=len(cases),
        open_cases=sum(episode.closed_on is None for case in cases for episode in case.child.episodes),
        notes=tuple(join.notes),
    )
    _replace(base_dir / settings.database, cases, report, now)
    return report


def _census_year(root: etree._Element, name: str, settings: SocialCareSettings) -> int:
    text = root.findtext("Header/CollectionDetails/Year") or ""
    year = int(text) if text.isascii() and text.isdigit() and len(text) == len("2022") else None
    if year in settings.schemas:
        return year
    known = ", ".join(str(known) for known in sorted(settings.schemas))
    said = f"is of {year}" if year else "does not say its year in Header/CollectionDetails/Year"
    raise SourceNonsense(
        f"{name} {said}, and the settings have schemas for {known} only: add the one that the Department for "
        "Education published for its year."
    )


def _replace(path: Path, cases: Sequence[Case], report: ImportReport, now: datetime) -> None:
    """Put the new import in the place of the old one, in one transaction."""
    connection = _open(path)
    try:
        connection.execute("BEGIN IMMEDIATE")
        _require_ours(connection, path)
        for table in _TABLES:
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own constant
        for case in cases:
            _insert(connection, case)
        connection.execute(
            "INSERT INTO import_run VALUES (?, ?, ?, ?)",
            (now.isoformat(timespec="seconds"), report.census_year, report.children, len(report.notes)),
        )
        connection.execute("COMMIT")
    except sqlite.Error as error:
        code = getattr(error, "sqlite_errorname", "SQLITE_ERROR")
        raise SourceUnavailable(f"{path.name} could not be written ({code}); nothing was imported.") from None
    finally:
        connection.close()


def _open(path: Path) -> Any:  # noqa: ANN401 - pysqlite3 ships no types
    """Open the database, made for its owner alone if it is new; what is deleted is overwritten."""
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


def _require_ours(connection: Any, path: Path) -> None:  # noqa: ANN401 - pysqlite3 ships no types
    """Lay out a new database, and refuse one that something else made."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application == _OURS:
        return
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables:
        raise SourceUnavailable(f"{path.name} is another system's database; name a file of its own in `database`.")
    for statement in _SCHEMA.split(";"):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {_OURS}")


def _insert(connection: Any, case: Case) -> None:  # noqa: ANN401 - pysqlite3 ships no types
    child, who = case.child, case.allocations[0]
    connection.execute(
        "INSERT INTO child VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            child.la_child_id,
            who.nhs_number,
            child.upn,
            who.family_name,
            who.given_names,
            _iso(child.birth_date),
            child.gender,
            who.postcode,
            who.uprn,
        ),
    )
    connection.executemany(
        "INSERT INTO episode VALUES (?, ?, ?, ?)",
        [
            (child.la_child_id, _iso(found.referred_on), _iso(found.closed_on), found.service_type)
            for found in child.episodes
        ],
    )
    connection.executemany(
        "INSERT INTO allocation VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                child.la_child_id,
                found.role,
                found.worker,
                found.team,
                found.phone,
                found.duty_phone,
                _iso(found.allocated_on),
                _iso(found.ended_on),
                _iso(found.last_contact),
            )
            for found in case.allocations
        ],
    )


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
