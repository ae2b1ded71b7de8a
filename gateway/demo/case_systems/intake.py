"""Intake of messages from other agencies: tables of three case systems, and the folder of a college.

Each table is designed by another vendor. One column takes the whole message, the others are what the vendor shows.
"""

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pysqlite3 import dbapi2

IMPORTED: Final = "imported"
"""The folder to which the college's system moves the notices that it has imported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """One table. ``columns`` are the paths into the message by column, as the receiver's settings have them."""

    table: str
    schema: str
    message_id: str
    ref: str
    document: str
    columns: Mapping[str, str]

    def create(self, path: Path) -> None:
        """Add the table to a database, which is made if it does not exist."""
        path.touch(mode=0o600)
        with closing(dbapi2.connect(str(path))) as connection, connection:
            connection.executescript(self.schema)

    def settings(self, path: Path) -> dict[str, Any]:
        """Return the ``[services.receiver.settings]`` table that writes into the database at ``path``."""
        columns = {**self.columns, self.document: "document"}
        return {
            "file": str(path),
            "table": self.table,
            "message_id": self.message_id,
            "ref": self.ref,
            "columns": columns,
        }

    def messages(self, path: Path) -> dict[str, dict[str, Any]]:
        """Return the messages that the case system has, by id."""
        query = f"SELECT {self.message_id}, {self.document} FROM {self.table}"  # noqa: S608 - our own names
        with closing(dbapi2.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            return {row[0]: json.loads(row[1]) for row in connection.execute(query)}

    def lose(self, path: Path) -> int:
        """Delete every message, as a careless tidy-up would; return how many there were."""
        with closing(dbapi2.connect(str(path))) as connection, connection:
            return int(connection.execute(f"DELETE FROM {self.table}").rowcount)  # noqa: S608 - our own names


HOUSING: Final = Intake(
    table="rehousing_request",
    schema="""
CREATE TABLE rehousing_request (request_no INTEGER PRIMARY KEY, gateway_id TEXT NOT NULL UNIQUE, gateway_ref TEXT,
    occupant_ref TEXT, received TEXT, last_name TEXT, first_name TEXT, dob TEXT, adults INTEGER, children INTEGER,
    situation TEXT, avoid TEXT, reason TEXT, safe_contact TEXT, message TEXT NOT NULL);
""",
    message_id="gateway_id",
    ref="request_no",
    document="message",
    columns={
        "gateway_ref": "reference",
        "occupant_ref": "linked_ref",
        "received": "received_at",
        "last_name": "parts.victim[].subject.family_name",
        "first_name": "parts.victim[].subject.given_names",
        "dob": "parts.victim[].subject.birth_date",
        "adults": "document.details.adults",
        "children": "document.details.children",
        "situation": "document.details.accommodation_status",
        "avoid": "document.details.areas_at_risk[]",
        "reason": "fields.reason[].text",
        "safe_contact": "parts.victim[].safe_contact.method",
    },
)
ADMISSIONS: Final = Intake(
    table="InYearApplication",
    schema="""
CREATE TABLE InYearApplication (ApplicationID INTEGER PRIMARY KEY, SourceMessage TEXT NOT NULL UNIQUE, SourceRef TEXT,
    Pupils TEXT, CurrentURN TEXT, PreferredURNs TEXT, Grounds TEXT, NeededBy TEXT, Confidential INTEGER,
    Payload TEXT NOT NULL);
""",
    message_id="SourceMessage",
    ref="ApplicationID",
    document="Payload",
    columns={
        "SourceRef": "reference",
        "Pupils": "parts.child[].subject.upn",
        "CurrentURN": "document.details.current_urn",
        "PreferredURNs": "document.details.requested_urns[]",
        "Grounds": "document.details.move_reason",
        "NeededBy": "document.details.needed_by",
        "Confidential": "document.details.do_not_disclose_new_school",
    },
)
WELFARE: Final = Intake(
    table="fund_application",
    schema="""
CREATE TABLE fund_application (id INTEGER PRIMARY KEY, message_key TEXT NOT NULL UNIQUE, ref TEXT, surname TEXT,
    item TEXT, by_when TEXT, careful_delivery INTEGER, why TEXT, source TEXT NOT NULL);
""",
    message_id="message_key",
    ref="id",
    document="source",
    columns={
        "ref": "reference",
        "surname": "parts.victim[].subject.family_name",
        "item": "document.details.item",
        "by_when": "document.details.need_by",
        "careful_delivery": "document.details.delivery_restricted",
        "why": "fields.reason[].text",
    },
)


def create_drop_folder(folder: Path) -> None:
    """Make the folder into which notices are dropped, and the one for those that were imported."""
    (folder / IMPORTED).mkdir(mode=0o700, parents=True)


def drop_folder_settings(folder: Path) -> dict[str, Any]:
    """Return the ``[services.receiver.settings]`` table that writes into the folder."""
    return {"folder": str(folder), "format": "json", "readable_by": "owner", "acknowledgements": str(folder / IMPORTED)}


def import_notices(folder: Path) -> list[Path]:
    """Import what was dropped, as the college's system does every few minutes; return the imported files."""
    dropped = sorted(folder.glob("*.json"))
    return [path.rename(folder / IMPORTED / path.name) for path in dropped]


def imported_notices(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the notices that the college's system has, by message id."""
    messages = [json.loads(path.read_text("utf-8")) for path in sorted((folder / IMPORTED).glob("*.json"))]
    return {message["message_id"]: message["document"] for message in messages}
