"""The invented police force's record system: SOAP 1.2, WS-Addressing, documents by XSD.

It replaces a vendor's service and shares no code with the adapter that calls it.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from flask import Flask, Response
from lxml import etree

from gateway.demo.case_systems import database, police_messages
from gateway.demo.case_systems.records import InvolvementRecord
from gateway.demo.case_systems.soap_server import SoapOperation, add, load_schema, serve

SCHEMA_FILE: Final = Path(__file__).parents[3] / "config" / "schemas" / "police-involvement.xsd"
NAMESPACE: Final = "http://records.police.example/involvement/PersonInvolvement"
INV: Final = f"{{{NAMESPACE}}}"
REQUEST_ACTION: Final = "http://records.police.example/involvement/PersonInvolvementRequest"
MAX_REQUEST_BYTES: Final = 512 * 1024

TABLES: Final = """
CREATE TABLE account (user TEXT PRIMARY KEY, password_sha256 TEXT NOT NULL);
CREATE TABLE person (record_id TEXT PRIMARY KEY, pnc_id TEXT, surname TEXT NOT NULL COLLATE NOCASE, forenames TEXT,
    dob TEXT, sex TEXT, pcode TEXT);
CREATE INDEX person_pnc ON person (pnc_id);
CREATE INDEX person_name ON person (surname, dob);
CREATE TABLE involvement (record_id TEXT NOT NULL REFERENCES person, unit TEXT NOT NULL, role TEXT NOT NULL,
    officer TEXT NOT NULL, phone TEXT, start_date TEXT NOT NULL, last_contact TEXT, end_date TEXT);
CREATE INDEX involvement_person ON involvement (record_id);
"""
_SEX: Final = {"male": "M", "female": "F"}
_UNIT: Final = "Neighbourhood Policing"


def create(
    path: Path,
    involvements: Iterable[InvolvementRecord],
    *,
    accounts: Mapping[str, str],
    refused_topics: Iterable[str] = (),
) -> None:
    """Write the record system's database; ``accounts`` maps users to passwords."""
    involvements = list(involvements)
    persons = {record.local_id: record.resident for record in involvements}
    database.create(
        path,
        schema=TABLES + police_messages.TABLES,
        rows={
            "refused_topic": [(topic,) for topic in refused_topics],
            "account": [(user, database.secret_digest(password)) for user, password in accounts.items()],
            "person": [
                (local_id, (who.pnc_id or "").replace("/", "") or None, who.family_name.upper(), who.given_names,
                 who.birth_date.isoformat(), _SEX.get(who.gender, "N"), who.postcode)
                for local_id, who in persons.items()
            ],
            "involvement": [
                (record.local_id, _UNIT, record.role, record.worker, record.phone, record.since.isoformat(),
                 record.last_contact and record.last_contact.isoformat(), record.ended and record.ended.isoformat())
                for record in involvements
            ],
        },
    )  # fmt: skip


def create_app(path: Path, *, break_schema: bool = False) -> Flask:
    """Return the service's application over the database at ``path``.

    ``break_schema`` alters every response after its check, so that it fails the schema: a fault for tests.
    """
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_REQUEST_BYTES
    schema = load_schema(SCHEMA_FILE)
    involvement_operation = SoapOperation(
        namespace=NAMESPACE,
        request_action=REQUEST_ACTION,
        element="PersonInvolvementRequest",
        answer=lambda question: _answer(path, question),
    )
    message_schema = load_schema(police_messages.SCHEMA_FILE)

    @app.post("/involvement")
    def involvement() -> Response:
        """Answer one PersonInvolvementRequest, or return a fault."""
        return serve(path, schema, (involvement_operation,), break_schema=break_schema)

    @app.post("/messages")
    def messages() -> Response:
        """Store a message of a partner, or say which messages are stored."""
        return serve(path, message_schema, police_messages.operations(path), break_schema=break_schema)

    return app


def _answer(path: Path, question: etree._Element) -> etree._Element:
    limit = int(question.findtext("max_records", "1"))
    record_id = question.findtext("record_id")
    with database.open_read_only(path) as connection:
        rows = _persons(connection, question)
        answer = etree.Element(f"{INV}PersonInvolvementResponse", nsmap={"inv": INV[1:-1]})
        add(answer, "run_date", datetime.now(UTC).isoformat(timespec="seconds"))
        add(answer, "more", "true" if len(rows) > limit else "false")
        persons = etree.SubElement(answer, "persons")
        for row in rows[:limit]:
            person = _person_element(persons, row)
            if record_id is not None:
                _involvement_elements(connection, person, record_id)
    return answer


def _persons(connection: database.Connection, question: etree._Element) -> list[database.Row]:
    record_id = question.findtext("record_id")
    if record_id is not None:
        return list(connection.execute("SELECT * FROM person WHERE record_id = ?", (record_id,)))
    dob = question.findtext("person/dob")
    return list(
        connection.execute(
            "SELECT * FROM person WHERE pnc_id = :pnc_id OR (surname = :surname AND dob = :dob) ORDER BY record_id",
            {
                "pnc_id": question.findtext("person/pnc_id"),
                "surname": question.findtext("person/surname"),
                "dob": dob and datetime.strptime(dob, "%d/%m/%Y").date().isoformat(),  # noqa: DTZ007 - a day
            },
        )
    )


def _person_element(persons: etree._Element, row: database.Row) -> etree._Element:
    person = etree.SubElement(persons, "person")
    add(person, "record_id", row["record_id"])
    add(person, "pnc_id", row["pnc_id"])
    names = etree.SubElement(person, "name_elements")
    for position, forename in enumerate((row["forenames"] or "").split()[:3], start=1):
        add(names, f"forename{position}", forename)
    add(names, "surname", row["surname"])
    add(person, "dob", _day(row["dob"]))
    add(person, "sex", row["sex"])
    add(person, "pcode", row["pcode"])
    return person


def _involvement_elements(connection: database.Connection, person: etree._Element, record_id: str) -> None:
    involvements = etree.SubElement(person, "involvements")
    query = "SELECT * FROM involvement WHERE record_id = ? AND end_date IS NULL ORDER BY start_date"
    for row in connection.execute(query, (record_id,)):
        item = etree.SubElement(involvements, "involvement")
        for name in ("unit", "role", "officer", "phone"):
            add(item, name, row[name])
        add(item, "start_date", _day(row["start_date"]))
        add(item, "last_contact", _day(row["last_contact"]))


def _day(iso: str | None) -> str | None:
    return date.fromisoformat(iso).strftime("%d/%m/%Y") if iso else None
