"""The content of each case system: the messages that it really has, compared with what the clause permits.

Each is read where the vendor keeps it: a table, an XML document in the police's database, a folder of files.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.demo.agencies import AnyService, agency_of
from gateway.demo.agreement import KEY_WORKER
from gateway.demo.case_system_setup import CaseSystems, intake_tables
from gateway.demo.case_systems import intake, police_messages
from gateway.demo.case_systems.records import CaseService
from gateway.demo.story.incident import STATEMENTS, Family
from trust.agreements.clause import Clause
from trust.identifiers import RoleCode

_OF_PERSONS = ("views", "told", "safe_contact")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMessage:
    """One message in a case system: its content as that system keeps it."""

    document: Mapping[str, Any]

    @property
    def fields(self) -> frozenset[str]:
        """The fields that it has, by the names that clauses use."""
        persons = self.document.get("persons", [])
        parts = {f"persons.{person['part']}" for person in persons}
        optional = {f"persons.{name}" for name in _OF_PERSONS for person in persons if name in person}
        statements = {statement["field"] for statement in self.document.get("statements", [])}
        return frozenset(parts | optional | statements | set(self.document.get("details", {})))

    @property
    def refs(self) -> frozenset[str]:
        """The persons that it has, by the references of the incident."""
        return frozenset(person["ref"] for person in self.document.get("persons", []))

    def faults(self, clause: Clause, people: Family) -> list[str]:
        """Say what it has beyond its clause: a field, a person, or words about a person who is not in it."""
        more = self.fields - clause.fields_by_role[RoleCode(KEY_WORKER)]
        faults = [f"beyond the clause: {', '.join(sorted(more))}"] if more else []
        text = json.dumps(self.document, ensure_ascii=False)
        faults += [
            f"it names {name}" for ref, name in people.given_names.items() if ref not in self.refs and name in text
        ]
        own = {statement["text"] for statement in self.document.get("statements", [])}
        foreign = [
            name for name, (words, about, *_) in STATEMENTS.items() if not set(about) <= self.refs and words in own
        ]
        return faults + [f"it has {name}, which is also about others" for name in foreign]


def received_messages(systems: CaseSystems, root: Path, service: AnyService) -> Sequence[ReceivedMessage]:
    """Return the messages of a service's case system, read from its own database, folder or file."""
    tables = intake_tables()
    documents: Sequence[Mapping[str, Any]]
    if service in tables:
        documents = list(tables[service].messages(systems.intakes[service]).values())
    elif service is CaseService.COLLEGE:
        documents = list(intake.imported_notices(systems.intakes[service]).values())
    elif service is CaseService.POLICE:
        documents = police_messages.stored_documents(systems.servers["police"])
    else:
        documents = [
            json.loads(path.read_text("utf-8")) for path in sorted(polled_folder(root, service).glob("*.json"))
        ]
    return [ReceivedMessage(document=document) for document in documents]


def polled_folder(root: Path, service: AnyService) -> Path:
    """Return the folder in which a case system that polls keeps what it fetched."""
    return root / "case-systems" / agency_of(service).slug / "fetched"
