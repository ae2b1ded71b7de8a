"""Two small tables of an invented case system in either database, to hold what real systems hold."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pysqlite3.dbapi2 as sqlite

from adapters.contract import AdapterContext, Deadline
from adapters.matching.decide import match
from adapters.sources.sql import SqlSettings, SqlSource, build_sql_source
from trust.exchange.involvement import Involvement
from trust.exchange.person import Address, Subject

NHS_NUMBER = "9434765919"
ROWAN = Subject(
    nhs_number=NHS_NUMBER,
    family_name="Quillfeather",
    given_names="Rowan",
    birth_date=date(2004, 11, 3),
    address=Address(postcode="YO7 1AB"),
)
UNNUMBERED = Subject(
    family_name=ROWAN.family_name, given_names=ROWAN.given_names, birth_date=ROWAN.birth_date, address=ROWAN.address
)
PERSONS: Mapping[str, Any] = {
    "ref": "no", "nhs_number": "nhs", "family_name": "surname", "given_names": "forenames", "birth_date": "dob",
    "postcode": "pcode",
}  # fmt: skip
INVOLVEMENTS: Mapping[str, Any] = {
    "ref": "no", "worker": "worker", "since": "began", "last_contact": "seen", "ended": "ended",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """What each column is declared as, and the rows of both tables."""

    columns: Mapping[str, str] = field(default_factory=dict)
    people: Sequence[Mapping[str, object]] = ({},)
    work: Sequence[Mapping[str, object]] = ({},)
    persons: Mapping[str, Any] = field(default_factory=dict)
    involvements: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def statements(self, schema: str) -> list[tuple[str, Sequence[object]]]:
        """Return the statements that make and fill both tables, with ``?`` for each value."""
        person = {"no": 7, "nhs": None, "surname": "Quillfeather", "forenames": "Rowan", "dob": "2004-11-03"}
        person |= {"pcode": "YO7 1AB"}
        row = {"no": 7, "worker": "Nia Harding", "began": "2025-06-03", "seen": "2026-01-10", "ended": None}
        made: list[tuple[str, Sequence[object]]] = []
        for table, default, rows in (("people", person, self.people), ("work", row, self.work)):
            kinds = {
                name: self.columns.get(f"{table}.{name}", "INTEGER" if name == "no" else "TEXT") for name in default
            }
            declared = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
            made.append((f"CREATE TABLE {schema}{table} ({declared})", ()))
            for each in rows:
                values = list({**default, **each}.values())
                made.append((f"INSERT INTO {schema}{table} VALUES ({', '.join('?' * len(values))})", values))  # noqa: S608 - our own names
        return made

    def build(self, context: AdapterContext, schema: str, **database: str) -> SqlSource:
        """Make the source over these tables."""
        persons = {"table": f"{schema}people", **PERSONS, **self.persons}
        involvements = {"table": f"{schema}work", **INVOLVEMENTS, **self.involvements}
        settings = {**database, "persons": persons, "involvements": involvements, **self.settings}
        return build_sql_source(SqlSettings.model_validate(settings), context)


def in_sqlite(tables: Tables, context: AdapterContext) -> SqlSource:
    """Make the tables in an SQLite file, and the source over them."""
    path = Path(context.base_dir) / "case.db"
    path.unlink(missing_ok=True)
    connection = sqlite.connect(str(path))
    for statement, values in tables.statements(""):
        connection.execute(statement, values)
    connection.commit()
    connection.close()
    return tables.build(context, "", file="case.db")


def in_postgres(tables: Tables, context: AdapterContext, url: str) -> SqlSource:
    """Make the tables again in PostgreSQL, and the source over them."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:  # one transaction
        connection.execute("DROP SCHEMA IF EXISTS held CASCADE; CREATE SCHEMA held")
        for statement, values in tables.statements("held."):
            connection.execute(statement.replace("?", "%s").replace(" BLOB", " bytea"), values)
    return tables.build(context, "held.", url=url)


def ask(source: SqlSource, subject: Subject) -> tuple[str, Sequence[Involvement]]:
    """Ask as the gateway does: the matcher's word, and who works with the person."""
    deadline = Deadline.after(20.0)
    found = match(subject, source.find(subject, deadline=deadline))
    held = source.involvements(found.ref, deadline=deadline) if found.ref else ()
    return str(found.outcome), held


Make = Callable[[Tables], SqlSource]
"""Make the tables in one database, and the source over them."""
