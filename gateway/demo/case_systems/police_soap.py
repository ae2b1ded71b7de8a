"""The invented police force's record system: SOAP 1.2, WS-Addressing, documents by XSD.

It replaces a vendor's service and shares no code with the adapter that calls it.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from flask import Flask, Response, request
from lxml import etree

from gateway.demo.case_systems import database
from gateway.demo.case_systems.records import InvolvementRecord

SCHEMA_FILE: Final = Path(__file__).parents[3] / "config" / "schemas" / "police-involvement.xsd"
ENV: Final = "{http://www.w3.org/2003/05/soap-envelope}"
WSA: Final = "{http://www.w3.org/2005/08/addressing}"
INV: Final = "{http://records.police.example/involvement/PersonInvolvement}"
REQUEST_ACTION: Final = "http://records.police.example/involvement/PersonInvolvementRequest"
RESPONSE_ACTION: Final = "http://records.police.example/involvement/PersonInvolvementResponse"
FAULT_ACTION: Final = "http://www.w3.org/2005/08/addressing/fault"
MEDIA_TYPE: Final = "application/soap+xml"
MAX_REQUEST_BYTES: Final = 64 * 1024

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
_STATUS: Final = {"Sender": 400, "Receiver": 500, "VersionMismatch": 500, "MustUnderstand": 500}
_UNIT: Final = "Neighbourhood Policing"


class SoapFault(Exception):
    """A refusal, returned as a SOAP fault; ``code`` is the local name of its SOAP 1.2 code."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def create(path: Path, involvements: Iterable[InvolvementRecord], *, accounts: Mapping[str, str]) -> None:
    """Write the record system's database; ``accounts`` maps users to passwords."""
    involvements = list(involvements)
    persons = {record.local_id: record.resident for record in involvements}
    database.create(
        path,
        schema=TABLES,
        rows={
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
    schema = etree.XMLSchema(etree.parse(str(SCHEMA_FILE), _parser()))

    @app.post("/involvement")
    def involvement() -> Response:
        """Answer one PersonInvolvementRequest, or return a fault."""
        message_id = None
        try:
            if not _authorised(path):
                return Response("", status=401, headers={"WWW-Authenticate": 'Basic realm="records", charset="UTF-8"'})
            message_id, body = _open_envelope(request.get_data())
            answer = _answer(path, _question(body, schema))
            if not schema.validate(answer):
                raise SoapFault("Receiver", "The answer could not be built.")
        except SoapFault as fault:
            return _respond(FAULT_ACTION, message_id, _fault_element(fault), status=_STATUS[fault.code])
        if break_schema:
            etree.SubElement(answer, "surprise").text = "an element that the schema does not know"
        return _respond(RESPONSE_ACTION, message_id, answer, status=200)

    return app


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)


def _authorised(path: Path) -> bool:
    credentials = request.authorization
    if credentials is None or credentials.type != "basic" or not (credentials.username and credentials.password):
        return False
    with database.open_read_only(path) as connection:
        row = connection.execute(
            "SELECT password_sha256 FROM account WHERE user = ?", (credentials.username,)
        ).fetchone()
    return database.secret_matches(credentials.password, row["password_sha256"] if row else None)


def _open_envelope(raw: bytes) -> tuple[str, etree._Element]:
    """Return the message's id and body. Raises SoapFault."""
    if request.mimetype != MEDIA_TYPE:
        raise SoapFault("Sender", "Send application/soap+xml.")
    try:
        root = etree.fromstring(raw, _parser())
    except etree.XMLSyntaxError:
        raise SoapFault("Sender", "The request is not well-formed XML.") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise SoapFault("Sender", "SOAP messages have no document type declaration.")
    if root.tag != f"{ENV}Envelope":
        raise SoapFault("VersionMismatch", "This service speaks SOAP 1.2.")
    header, body = root.find(f"{ENV}Header"), root.find(f"{ENV}Body")
    message_id = header.findtext(f"{WSA}MessageID") if header is not None else None
    if header is None or header.findtext(f"{WSA}Action") != REQUEST_ACTION or not message_id:
        raise SoapFault("Sender", "WS-Addressing headers Action and MessageID are required.")
    if request.mimetype_params.get("action") != REQUEST_ACTION or body is None:
        raise SoapFault("Sender", "The action of the content type differs from wsa:Action, or there is no body.")
    return message_id, body


def _question(body: etree._Element, schema: etree.XMLSchema) -> etree._Element:
    """Return the one valid request in the body. Raises SoapFault."""
    if len(body) != 1 or body[0].tag != f"{INV}PersonInvolvementRequest":
        raise SoapFault("Sender", "The body must hold one PersonInvolvementRequest.")
    question = etree.fromstring(etree.tostring(body[0]), _parser())
    if not schema.validate(question):
        raise SoapFault("Sender", "The request fails its schema.")
    return question


def _answer(path: Path, question: etree._Element) -> etree._Element:
    limit = int(question.findtext("max_records", "1"))
    record_id = question.findtext("record_id")
    with database.open_read_only(path) as connection:
        rows = _persons(connection, question)
        answer = etree.Element(f"{INV}PersonInvolvementResponse", nsmap={"inv": INV[1:-1]})
        _add(answer, "run_date", datetime.now(UTC).isoformat(timespec="seconds"))
        _add(answer, "more", "true" if len(rows) > limit else "false")
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
    _add(person, "record_id", row["record_id"])
    _add(person, "pnc_id", row["pnc_id"])
    names = etree.SubElement(person, "name_elements")
    for position, forename in enumerate((row["forenames"] or "").split()[:3], start=1):
        _add(names, f"forename{position}", forename)
    _add(names, "surname", row["surname"])
    _add(person, "dob", _day(row["dob"]))
    _add(person, "sex", row["sex"])
    _add(person, "pcode", row["pcode"])
    return person


def _involvement_elements(connection: database.Connection, person: etree._Element, record_id: str) -> None:
    involvements = etree.SubElement(person, "involvements")
    query = "SELECT * FROM involvement WHERE record_id = ? AND end_date IS NULL ORDER BY start_date"
    for row in connection.execute(query, (record_id,)):
        item = etree.SubElement(involvements, "involvement")
        for name in ("unit", "role", "officer", "phone"):
            _add(item, name, row[name])
        _add(item, "start_date", _day(row["start_date"]))
        _add(item, "last_contact", _day(row["last_contact"]))


def _day(iso: str | None) -> str | None:
    return date.fromisoformat(iso).strftime("%d/%m/%Y") if iso else None


def _add(parent: etree._Element, name: str, text: str | None) -> None:
    if text is not None:
        etree.SubElement(parent, name).text = text


def _fault_element(fault: SoapFault) -> etree._Element:
    element = etree.Element(f"{ENV}Fault", nsmap={"soap": ENV[1:-1]})
    _add(etree.SubElement(element, f"{ENV}Code"), f"{ENV}Value", f"soap:{fault.code}")
    reason = etree.SubElement(element, f"{ENV}Reason")
    text = etree.SubElement(reason, f"{ENV}Text")
    text.set("{http://www.w3.org/XML/1998/namespace}lang", "en")
    text.text = fault.reason
    return element


def _respond(action: str, message_id: str | None, content: etree._Element, *, status: int) -> Response:
    envelope = etree.Element(f"{ENV}Envelope", nsmap={"soap": ENV[1:-1], "wsa": WSA[1:-1]})
    header = etree.SubElement(envelope, f"{ENV}Header")
    _add(header, f"{WSA}Action", action)
    _add(header, f"{WSA}MessageID", f"urn:uuid:{uuid4()}")
    _add(header, f"{WSA}RelatesTo", message_id)
    etree.SubElement(envelope, f"{ENV}Body").append(content)
    return Response(
        etree.tostring(envelope, xml_declaration=True, encoding="UTF-8"),
        status=status,
        content_type=f'{MEDIA_TYPE}; charset=utf-8; action="{action}"',
    )
