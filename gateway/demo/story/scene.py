"""What every part of the story works with: who tells it, the running federation, the truth and the agreement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from gateway.demo.agencies import agency_of, hosted, service_ref
from gateway.demo.agreement import EARLY_HELP, KEY_WORKER
from gateway.demo.case_client import UNIT
from gateway.demo.case_systems.records import CaseService
from gateway.demo.federation import Federation
from gateway.demo.narrator import Narrator
from gateway.demo.people.truth import Person, Truth
from gateway.demo.processes import DemoFailed
from trust.agreements.agreement import Agreement
from trust.agreements.clause import Clause
from trust.exchange import involvement
from trust.identifiers import RoleCode

Answer = Mapping[str, Any]
"""One service's line of a lookup, as the case API gives it."""

_SERVICES: Final = {service_ref(service): service for service in CaseService}
_CREATED: Final = 201


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The stage of every part. ``seed`` picks the residents that are not the young man."""

    narrator: Narrator
    federation: Federation
    truth: Truth
    agreement: Agreement
    seed: int

    def look_up(self, person: Person, *, role: str = KEY_WORKER) -> "Lookup":
        """Ask, as Connecting Families, who else works with somebody."""
        answer = self.federation.case_client.look_up(lookup_body(person, role=role))
        if answer.status != _CREATED:
            raise DemoFailed(f"A lookup was answered {answer.status}: {answer.body.decode()}")
        document = answer.document
        lines = {_SERVICES[line["service"]]: line for line in document["answers"]}
        return Lookup(summary=document["summary"], emergency=document["emergency"], answers=lines)

    def clause_for(self, service: CaseService) -> Clause:
        """Return the clause of early help that names a service."""
        return next(
            clause
            for clause in self.agreement.clauses
            if (clause.purpose, clause.kind) == (EARLY_HELP, involvement.KIND)
            and any(str(holder) == service_ref(service) for holder in clause.holders)
        )

    def faults(self, person: Person, found: "Lookup", *, role: str = KEY_WORKER) -> dict[str, list[str]]:
        """Compare every line with the truth and with the clause; return what is wrong, by service."""
        return {
            hosted(service).name: list(self._line_faults(person, service, line, role))
            for service, line in found.answers.items()
        }

    def _line_faults(self, person: Person, service: CaseService, line: Answer, role: str) -> Sequence[str]:
        right = person.right_answers(service)
        if line["status"] not in right:
            return [f"the truth allows {' or '.join(sorted(right))}, not {line['status']}"]
        involvements = line.get("involvements", [])
        if line["status"] != "known":
            return ["something was said of somebody who is not known"] if involvements else []
        if len(involvements) != 1:
            return [f"one involvement is true, {len(involvements)} were told"]
        permitted = self.clause_for(service).fields_by_role.get(RoleCode(role), frozenset())
        return [*_wrong_values(person, service, involvements[0]), *_wrong_fields(involvements[0], permitted)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A complete lookup: its summary and its lines by service."""

    summary: str
    emergency: str
    answers: Mapping[CaseService, Answer]

    def statuses(self) -> dict[CaseService, str]:
        """Return each service's status."""
        return {service: line["status"] for service, line in self.answers.items()}


def _consent(person: Person) -> dict[str, Any]:
    """Write the record of what each person signs who joins Connecting Families."""
    given_on = (datetime.now(UTC).date() - timedelta(days=14)).isoformat()
    return {
        "roles": ["engagement", "confidentiality"],
        "given_on": given_on,
        "form": "written",
        "evidence": f"CF-{person.number}/joining/2",
    }


def lookup_body(person: Person, *, role: str = KEY_WORKER, purpose: str = EARLY_HELP) -> dict[str, Any]:
    """Write the request that a case system posts; the clause of mental health rests on the consent in it."""
    return {
        "subject": dict(person.subject),
        "purpose": purpose,
        "reason": "First visit to the family next week; we want to come together with whoever is there already.",
        "case_ref": f"CF-{person.number}",
        "consent": _consent(person),
        "practitioner": {"id": "key-worker-17", "role": role, "org_unit": UNIT, "second_factor": True},
    }


def table_rows(found: Lookup) -> list[tuple[str, ...]]:
    """Write a lookup as rows: service, status, role, worker, phone, since."""
    rows = []
    for service, line in found.answers.items():
        known = dict(next(iter(line.get("involvements", [])), {}))
        cells = [str(known.get(name, "")) for name in ("role", "worker", "phone", "since")]
        if line["status"] != "known":
            cells = ["", "", f"duty line {hosted(service).duty_phone}", ""]
        rows.append((hosted(service).name, line["status"], *cells))
    return rows


HEADINGS: Final = ("service", "status", "role", "worker", "phone", "since")


def _wrong_values(person: Person, service: CaseService, told: Mapping[str, str]) -> list[str]:
    work = person.works[service]
    true = {
        "organisation": agency_of(service).name,
        "role": work.role,
        "worker": work.worker,
        "phone": work.phone,
        "duty_phone": hosted(service).duty_phone,
        "since": work.since,
        "last_contact_month": work.last_contact_month,
    }
    return [f"{name} is not the true one" for name, value in true.items() if told.get(name, value) != value]


def _wrong_fields(told: Mapping[str, str], permitted: frozenset[str]) -> list[str]:
    more, fewer = sorted(told.keys() - permitted), sorted(permitted - told.keys())
    return ([f"told beyond the clause: {', '.join(more)}"] if more else []) + (
        [f"permitted and not told: {', '.join(fewer)}"] if fewer else []
    )
