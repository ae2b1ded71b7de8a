"""The police record system's tray of partners' messages: store one, and say which are stored.

It replaces a vendor's service and shares no code with the receiver that calls it.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from lxml import etree

from gateway.demo.case_systems import database
from gateway.demo.case_systems.soap_server import SoapOperation, add, parse

SCHEMA_FILE: Final = Path(__file__).parents[3] / "config" / "schemas" / "police-messages.xsd"
NAMESPACE: Final = "http://records.police.example/messages/PartnerMessages"
TABLES: Final = """
CREATE TABLE refused_topic (topic TEXT PRIMARY KEY);
CREATE TABLE message (number INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    topic TEXT NOT NULL, urgency TEXT NOT NULL, from_agency TEXT NOT NULL, reference TEXT NOT NULL, linked_record TEXT,
    document TEXT NOT NULL, stored_at TEXT NOT NULL);
"""
_TEXTS: Final = ("message_id", "kind", "topic", "urgency", "from_agency", "reference", "linked_record")


def operations(path: Path) -> tuple[SoapOperation, ...]:
    """Return the operations over the database at ``path``."""
    prefix = "http://records.police.example/messages"
    return (
        SoapOperation(
            namespace=NAMESPACE,
            request_action=f"{prefix}/StoreMessageRequest",
            element="StoreMessageRequest",
            answer=lambda question: _store(path, question),
        ),
        SoapOperation(
            namespace=NAMESPACE,
            request_action=f"{prefix}/HeldMessagesRequest",
            element="HeldMessagesRequest",
            answer=lambda question: _list_held(path, question),
        ),
    )


def _store(path: Path, question: etree._Element) -> etree._Element:
    """Store a message once; a repeated id gets the record of the first."""
    answer = etree.Element(f"{{{NAMESPACE}}}StoreMessageResponse", nsmap={"msg": NAMESPACE})
    values = [question.findtext(name) for name in _TEXTS]
    document = "".join(etree.tostring(element, encoding="unicode") for element in question.iterfind("document"))
    with database.open_for_writing(path) as connection:
        if connection.execute("SELECT 1 FROM refused_topic WHERE topic = ?", (values[2],)).fetchone():
            add(answer, "refusal", "topic-not-taken")
            return answer
        connection.execute(
            "INSERT INTO message (message_id, kind, topic, urgency, from_agency, reference, linked_record, document,"
            " stored_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (message_id) DO NOTHING",
            (*values, document, datetime.now(UTC).isoformat(timespec="seconds")),
        )
        query = "SELECT number, stored_at FROM message WHERE message_id = ?"
        row = connection.execute(query, (values[0],)).fetchone()
    if row is not None:
        add(answer, "record_number", f"M-{row['number']:08}")
        add(answer, "stored_at", row["stored_at"])
    return answer


def _list_held(path: Path, question: etree._Element) -> etree._Element:
    answer = etree.Element(f"{{{NAMESPACE}}}HeldMessagesResponse", nsmap={"msg": NAMESPACE})
    ids = [element.text for element in question.iterfind("message_id")]
    marks = ", ".join("?" * len(ids))
    with database.open_read_only(path) as connection:
        for row in connection.execute(f"SELECT message_id FROM message WHERE message_id IN ({marks})", ids):  # noqa: S608 - marks
            add(answer, "message_id", row["message_id"])
    return answer


def stored_documents(path: Path) -> list[dict[str, Any]]:
    """Return the documents of all stored messages, in the order of their records."""
    with database.open_read_only(path) as connection:
        rows = list(connection.execute("SELECT document FROM message ORDER BY number", ()))
    return [dict(_value(parse(row["document"]))) for row in rows]


def _value(element: etree._Element) -> Any:  # noqa: ANN401 - JSON
    """Read an element: a list of items, a table of its children, or a text."""
    children = list(element)
    if not children:
        return element.text or ""
    if all(child.tag == "item" for child in children):
        return [_value(child) for child in children]
    return {child.get("name", str(child.tag)): _value(child) for child in children}
