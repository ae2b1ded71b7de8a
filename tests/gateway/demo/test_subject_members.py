"""Records are found as well with what a holder is sent as with all that the asker knows, in the demo's case systems."""

from collections import Counter
from datetime import date
from pathlib import Path
from random import Random

import pytest

from adapters.contract import AdapterContext, Deadline, InvolvementSource
from adapters.matching.decide import MatchResult, match
from adapters.sources.sql import FACTORY, SqlSettings
from gateway.demo import agreement
from gateway.demo.agencies import hosted_service, service_ref
from gateway.demo.case_systems import sql_systems
from gateway.demo.case_systems.records import CaseService
from gateway.demo.people import generator, truth
from gateway.demo.people.population import Population
from gateway.demo.people.truth import Person, Truth
from tests.support.http import TestCaller
from trust.agreements.agreement import Agreement, parse_agreement
from trust.agreements.clause import Clause
from trust.exchange.person import Subject, for_holder, parse_subject
from trust.identifiers import parse_service_ref

TODAY = date(2026, 11, 23)
AGREEMENT = parse_agreement(agreement.document(TODAY))
STATUSES = {
    "known": MatchResult.UNIQUE,
    "not_known": MatchResult.NONE,
    "no_current_involvement": MatchResult.NONE,
    "review": MatchResult.REVIEW,
}
SAMPLE = 120
ASKED = sorted(service for service in sql_systems.DESIGNS if service is not CaseService.CONNECTING_FAMILIES)


@pytest.fixture(scope="module")
def population() -> Population:
    return generator.generate_population(TODAY)


@pytest.fixture(scope="module")
def written(population: Population, tmp_path_factory: pytest.TempPathFactory) -> Truth:
    path = tmp_path_factory.mktemp("truth") / "truth.json"
    truth.write(path, population)
    return truth.read(path)


def source_of(service: CaseService, population: Population, folder: Path) -> InvolvementSource:
    path = folder / "case.db"
    sql_systems.create(service, path, population.records())
    context = AdapterContext(
        organisation="An agency",
        service=str(service),
        service_kind=hosted_service(service).kind,
        duty_phone="0800 555 0199",
        base_dir=str(folder),
        http=TestCaller(ca=folder),
    )
    source = FACTORY.build(SqlSettings.model_validate(sql_systems.adapter_settings(service, path)), context).involvement
    assert source is not None
    return source


def clause_for(service: CaseService, whole: Agreement = AGREEMENT) -> Clause:
    holder = parse_service_ref(service_ref(service))
    return next(each for each in whole.clauses if each.purpose == agreement.EARLY_HELP and holder in each.holders)


def told_to(service: CaseService, person: Person) -> Subject:
    listed = clause_for(service).subject_by_holder.get(parse_service_ref(service_ref(service)))
    return for_holder(parse_subject(dict(person.subject), this_year=2026), hosted_service(service).kind, listed)


def found(source: InvolvementSource, subject: Subject) -> MatchResult:
    deadline = Deadline.after(30)
    decided = match(subject, source.find(subject, deadline=deadline))
    if decided.ref is not None and not source.involvements(decided.ref, deadline=deadline):
        return MatchResult.NONE
    return decided.outcome


@pytest.mark.parametrize("service", ASKED)
def test_what_a_holder_is_sent_is_enough_to_find_the_person(
    service: CaseService, population: Population, written: Truth, tmp_path: Path
) -> None:
    source = source_of(service, population, tmp_path)
    dice = Random(1)  # noqa: S311 - who is asked about
    known = [person for person in written.people if service in person.works]
    people = dice.sample(known, min(SAMPLE, len(known))) + dice.sample(written.people, SAMPLE // 4)
    wrong: Counter[str] = Counter()
    for person in people:
        right = {STATUSES.get(status) for status in person.right_statuses(service)}
        outcome = found(source, told_to(service, person))
        if right != {None} and outcome not in right:
            wrong[f"{person.number} {person.group} {outcome}"] += 1
    assert not wrong


@pytest.mark.holds("A48")
def test_a_landlord_and_the_police_are_sent_no_number_of_another_sector(written: Truth) -> None:
    for person in written.people[:200]:
        told = told_to(CaseService.HOUSING, person)
        assert (told.nhs_number, told.upn, told.nino, told.pnc_id, told.aliases) == (None, None, None, None, ())
        assert told.address is not None
        assert told.address.uprn is None
        assert told_to(CaseService.POLICE, person).nhs_number is None
