"""The truth about the residents: a file written before any node starts.

The story compares every answer with it. It is outside the nodes' folders, and no node reads it.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.demo.agencies import ASKER
from gateway.demo.case_systems.records import AwardRecord, CaseService, InvolvementRecord, ResidentRecord
from gateway.demo.people.population import CaseAssignment, Group, Population, Spelling

BY_IDENTIFIER: Final = frozenset(
    {
        CaseService.CHILDRENS_SOCIAL_CARE,
        CaseService.YOUTH_JUSTICE,
        CaseService.MENTAL_HEALTH,
        CaseService.COLLEGE,
    }
)
"""Services whose case system has an NHS number or UPN, so that a misspelt name does not hide a person there."""
CONDITIONAL: Final = frozenset({CaseService.MENTAL_HEALTH, CaseService.POLICE})
"""Services that may disclose the existence of a record only with its fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One service's current work with a person, as a correct answer reports it; ``local_id`` is its own number."""

    local_id: str
    role: str
    worker: str
    phone: str
    since: str
    last_contact_month: str
    spelling: Spelling


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One resident: the subject of a question, and the services that work with them.

    ``pair`` is the number of the twin or namesake, ``closed`` the services that worked with them once. ``benefit`` has
    the right answers to ``entitled`` and ``in_payment``; the registry has only people with an award.
    """

    number: int
    group: Group
    name: str
    pair: int | None
    subject: Mapping[str, Any]
    works: Mapping[CaseService, Work]
    closed: frozenset[CaseService]
    benefit: Mapping[str, str]

    @property
    def others(self) -> Sequence[CaseService]:
        """The services that work with the person, other than the asking one."""
        return [service for service in self.works if service is not ASKER]

    def right_statuses(self, service: CaseService) -> frozenset[str]:
        """Return the statuses that a correct answer of ``service`` may have.

        A misspelt name without an identifier goes to a human, and a twin or namesake may. A service under a conditional
        clause then discloses nothing.
        """
        silent = "nothing_to_share" if service in CONDITIONAL else None
        work = self.works.get(service)
        if work is None and service in self.closed:
            return frozenset({silent} if silent else {"no_current_involvement", "review"})
        if work is None:
            doubtful = self.group in {Group.TWIN, Group.NAMESAKE}
            return frozenset({silent} if silent else {"not_known", "review"} if doubtful else {"not_known"})
        if work.spelling is Spelling.SLIP and service not in BY_IDENTIFIER:
            return frozenset({silent or "review"})
        return frozenset({"known"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """All people, and every detail that no store may hold in clear."""

    people: Sequence[Person]
    secrets: Mapping[str, Sequence[str]]

    def first(self, group: Group) -> Person:
        """Return the first person of a group."""
        return self.of(group)[0]

    def of(self, group: Group) -> Sequence[Person]:
        """Return the people of a group."""
        return [person for person in self.people if person.group is group]


def write(path: Path, population: Population) -> None:
    """Write the truth, readable by its owner only."""
    document = {
        "today": population.today.isoformat(),
        "people": [_person(population, number, works) for number, works in _by_resident(population).items()],
        "secrets": {kind: sorted(details) for kind, details in _secrets(population).items()},
    }
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)


def read(path: Path) -> Truth:
    """Read the truth back."""
    document = json.loads(path.read_text("utf-8"))
    return Truth(people=[_read_person(item) for item in document["people"]], secrets=document["secrets"])


def _by_resident(population: Population) -> dict[int, list[CaseAssignment]]:
    by_resident: dict[int, list[CaseAssignment]] = {resident.number: [] for resident in population.residents}
    for each in population.assignments:
        by_resident[each.resident].append(each)
    return by_resident


def _person(population: Population, number: int, works: list[CaseAssignment]) -> dict[str, Any]:
    resident = population.residents[number]
    return {
        "number": number,
        "group": resident.group,
        "name": f"{resident.person.given_names} {resident.person.family_name}",
        "pair": resident.pair,
        "subject": _subject(resident.person),
        "works": {each.service: _work(each.record, each.spelling) for each in works if each.record.ended is None},
        "closed": [each.service for each in works if each.record.ended is not None],
        "benefit": _benefit(population.awards.get(number)),
    }


def _subject(person: ResidentRecord) -> dict[str, Any]:
    """Return the subject as the family-support case system knows it: without NINO and PNC id."""
    subject = {
        "nhs_number": person.nhs_number,
        "upn": person.upn,
        "family_name": person.family_name,
        "given_names": person.given_names,
        "birth_date": person.birth_date.isoformat(),
        "gender": person.gender,
        "address": {"postcode": person.postcode, "uprn": person.uprn},
    }
    return {name: value for name, value in subject.items() if value is not None}


def _work(record: InvolvementRecord, spelling: Spelling) -> dict[str, str]:
    month = record.last_contact or record.since
    return {
        "local_id": record.local_id,
        "role": record.role,
        "worker": record.worker,
        "phone": record.phone,
        "since": record.since.isoformat(),
        "last_contact_month": f"{month:%Y-%m}",
        "spelling": spelling,
    }


def _benefit(award: AwardRecord | None) -> dict[str, str]:
    if award is None:
        return {"entitled": "unknown", "in_payment": "unknown"}
    entitled = award.ended is None
    in_payment = entitled and award.suspended is None
    return {"entitled": "yes" if entitled else "no", "in_payment": "yes" if in_payment else "no"}


def _secrets(population: Population) -> dict[str, set[str]]:
    """Collect every detail of every agency's records, by kind."""
    records = population.records()
    people = [resident.person for resident in population.residents] + [record.resident for record in records]
    numbers = {
        "NHS numbers": {person.nhs_number for person in people},
        "UPNs": {person.upn for person in people},
        "NINOs": {person.nino for person in people},
        "PNC ids": {person.pnc_id for person in people},
    }
    return {
        **{kind: {number for number in values if number} for kind, values in numbers.items()},
        "family names": {person.family_name for person in people},
        "postcodes": {person.postcode for person in people},
        "workers": {record.worker for record in records},
        "phones": {record.phone for record in records},
    }


def _read_person(item: Mapping[str, Any]) -> Person:
    return Person(
        number=item["number"],
        group=Group(item["group"]),
        name=item["name"],
        pair=item["pair"],
        subject=item["subject"],
        works={
            CaseService(service): Work(**{**work, "spelling": Spelling(work["spelling"])})
            for service, work in item["works"].items()
        },
        closed=frozenset(CaseService(service) for service in item["closed"]),
        benefit=item["benefit"],
    )
