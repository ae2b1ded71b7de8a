"""The invented workers, and their assignment to residents."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Final

from gateway.demo import identifiers
from gateway.demo.agencies import hosted_service
from gateway.demo.case_systems.records import CaseService, InvolvementRecord, ResidentRecord
from gateway.demo.people.names import FAMILY_NAMES, GIVEN_NAMES, SHORT_FORMS, misspelt
from gateway.demo.people.population import CaseAssignment, Spelling

WORKERS_A_SERVICE: Final = 12
_PREFIXES: Final = {
    CaseService.CONNECTING_FAMILIES: "CF",
    CaseService.CHILDRENS_SOCIAL_CARE: "C",
    CaseService.MONEY_ADVICE: "MA",
    CaseService.YOUTH_JUSTICE: "YJ",
    CaseService.JOBCENTRE: "CLM",
    CaseService.POLICE: "P",
    CaseService.MENTAL_HEALTH: "MH",
    CaseService.HOUSING: "H",
    CaseService.COLLEGE: "L",
}
_LONGEST: Final = timedelta(days=700)


class Staffing:
    """Every service's workers. Each service numbers its own residents."""

    def __init__(self, dice: Random, today: date) -> None:
        self._dice = dice
        self._today = today
        given_names = [*GIVEN_NAMES["female"], *GIVEN_NAMES["male"]]
        names = [f"{first} {last}" for first in given_names for last in FAMILY_NAMES]
        sample = iter(dice.sample(names, WORKERS_A_SERVICE * len(CaseService)))
        self._workers = {service: [next(sample) for _ in range(WORKERS_A_SERVICE)] for service in CaseService}
        phones = (identifiers.mobile(number) for number in range(WORKERS_A_SERVICE * len(CaseService)))
        self._phones = {worker: next(phones) for service in CaseService for worker in self._workers[service]}
        self._count: Counter[CaseService] = Counter()

    def assign(
        self, resident: int, person: ResidentRecord, service: CaseService, *, spelling: Spelling, is_closed: bool
    ) -> CaseAssignment:
        """Open a case for a resident, and close it again where ``is_closed``."""
        self._count[service] += 1
        worker = self._dice.choice(self._workers[service])
        earliest = max(self._today - _LONGEST, person.birth_date + timedelta(days=1))
        since = earliest + (self._today - earliest) * self._dice.random() * 0.8
        last_contact = since + (self._today - since) * self._dice.random()
        spelt_person, spelling = _spell(person, spelling)
        return CaseAssignment(
            resident=resident,
            service=service,
            spelling=spelling,
            record=InvolvementRecord(
                service=service,
                resident=spelt_person,
                role=hosted_service(service).worker_role,
                worker=worker,
                phone=self._phones[worker],
                since=since,
                last_contact=last_contact,
                local_id=f"{_PREFIXES[service]}-{1_000 + self._count[service]}",
                ended=last_contact if is_closed else None,
            ),
        )


def _spell(person: ResidentRecord, spelling: Spelling) -> tuple[ResidentRecord, Spelling]:
    """Return the person as a case system spells them, and the spelling that was possible."""
    first, *rest = person.given_names.split()
    if spelling is Spelling.SHORT_FORM and first in SHORT_FORMS:
        return replace(person, given_names=" ".join([SHORT_FORMS[first], *rest])), spelling
    if spelling is Spelling.SLIP:
        return replace(person, family_name=misspelt(person.family_name)), spelling
    return person, Spelling.SAME
