"""The context of each part of the story: narrator, running federation, truth and agreement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from gateway.demo.agencies import agency_of, hosted_service, service_ref
from gateway.demo.agreement import EARLY_HELP, KEY_WORKER
from gateway.demo.case_client import UNIT
from gateway.demo.case_system_setup import CaseSystems
from gateway.demo.case_systems.records import CaseService
from gateway.demo.federation import Federation
from gateway.demo.narrator import Narrator
from gateway.demo.people.truth import Person, Truth
from gateway.demo.processes import DemoError
from trust.agreements.agreement import Agreement
from trust.agreements.clause import Clause
from trust.exchange import involvement
from trust.identifiers import RoleCode

ServiceRow = Mapping[str, Any]
"""One service's row of a lookup, as the case API returns it."""

_SERVICES: Final = {service_ref(service): service for service in CaseService}
_CREATED: Final = 201


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The context of each part. ``seed`` picks the residents other than the young man."""

    narrator: Narrator
    federation: Federation
    systems: CaseSystems
    today: date
    truth: Truth
    agreement: Agreement
    seed: int

    def look_up(self, person: Person, *, role: str = KEY_WORKER) -> "Lookup":
        """Ask, as Connecting Families, which services work with a person."""
        response = self.federation.case_client.look_up(lookup_body(person, role=role))
        if response.status != _CREATED:
            raise DemoError(f"A lookup failed with {response.status}: {response.body.decode()}")
        document = response.document
        rows = {_SERVICES[row["service"]]: row for row in document["answers"]}
        return Lookup(summary=document["summary"], emergency=document["emergency"], rows=rows)

    def clause_for(self, service: CaseService) -> Clause:
        """Return the clause of early help that names a service."""
        return next(
            clause
            for clause in self.agreement.clauses
            if (clause.purpose, clause.kind) == (EARLY_HELP, involvement.KIND)
            and any(str(holder) == service_ref(service) for holder in clause.holders)
        )

    def faults(self, person: Person, lookup: "Lookup", *, role: str = KEY_WORKER) -> dict[str, list[str]]:
        """Compare each row with the truth and with the clause; return the faults by service."""
        return {
            hosted_service(service).name: list(self._row_faults(person, service, row, role))
            for service, row in lookup.rows.items()
        }

    def _row_faults(self, person: Person, service: CaseService, row: ServiceRow, role: str) -> Sequence[str]:
        right = person.right_statuses(service)
        if row["status"] not in right:
            return [f"the truth allows {' or '.join(sorted(right))}, not {row['status']}"]
        involvements = row.get("involvements", [])
        if row["status"] != "known":
            return ["an involvement was sent though the status is not known"] if involvements else []
        if len(involvements) != 1:
            return [f"one involvement is true, {len(involvements)} were sent"]
        permitted_fields = self.clause_for(service).fields_by_role.get(RoleCode(role), frozenset())
        return [*_wrong_values(person, service, involvements[0]), *_wrong_fields(involvements[0], permitted_fields)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A complete lookup: its summary and its rows by service."""

    summary: str
    emergency: str
    rows: Mapping[CaseService, ServiceRow]

    def statuses(self) -> dict[CaseService, str]:
        """Return each service's status."""
        return {service: row["status"] for service, row in self.rows.items()}


def _consent(person: Person) -> dict[str, Any]:
    """Return the record of the consent that a person signs on joining Connecting Families."""
    given_on = (datetime.now(UTC).date() - timedelta(days=14)).isoformat()
    return {
        "roles": ["engagement", "confidentiality"],
        "given_on": given_on,
        "form": "written",
        "evidence": f"CF-{person.number}/joining/2",
    }


def lookup_body(person: Person, *, role: str = KEY_WORKER, purpose: str = EARLY_HELP) -> dict[str, Any]:
    """Return the request that a case system posts; the clause of mental health rests on its consent."""
    return {
        "subject": dict(person.subject),
        "purpose": purpose,
        "reason": "First visit to the family next week; we want to come with the services that already help.",
        "case_ref": f"CF-{person.number}",
        "consent": _consent(person),
        "practitioner": {"id": "key-worker-17", "role": role, "org_unit": UNIT, "second_factor": True},
    }


def table_rows(lookup: Lookup) -> list[tuple[str, ...]]:
    """Return a lookup as table rows: service, status, role, worker, phone, since."""
    rows = []
    for service, row in lookup.rows.items():
        involvement_fields = dict(next(iter(row.get("involvements", [])), {}))
        cells = [str(involvement_fields.get(name, "")) for name in ("role", "worker", "phone", "since")]
        if row["status"] != "known":
            cells = ["", "", f"duty line {hosted_service(service).duty_phone}", ""]
        rows.append((hosted_service(service).name, row["status"], *cells))
    return rows


HEADINGS: Final = ("service", "status", "role", "worker", "phone", "since")


def _wrong_values(person: Person, service: CaseService, released: Mapping[str, str]) -> list[str]:
    work = person.works[service]
    right = {
        "organisation": agency_of(service).name,
        "role": work.role,
        "worker": work.worker,
        "phone": work.phone,
        "duty_phone": hosted_service(service).duty_phone,
        "since": work.since,
        "last_contact_month": work.last_contact_month,
    }
    return [f"{name} is not the true one" for name, value in right.items() if released.get(name, value) != value]


def _wrong_fields(released: Mapping[str, str], permitted_fields: frozenset[str]) -> list[str]:
    more, fewer = sorted(released.keys() - permitted_fields), sorted(permitted_fields - released.keys())
    return ([f"sent beyond the clause: {', '.join(more)}"] if more else []) + (
        [f"permitted and not sent: {', '.join(fewer)}"] if fewer else []
    )
