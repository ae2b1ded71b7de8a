"""The invented population: the same people every time, valid numbers, and a truth that keeps to its own rules."""

from collections import Counter
from datetime import date

import pytest

from gateway.demo.agencies import ASKER, MEMBERS, OTHERS, ReceivingService
from gateway.demo.case_systems.records import CaseService
from gateway.demo.people import generator, truth
from gateway.demo.people.population import Group, Population, Spelling
from gateway.demo.people.truth import Truth
from trust.exchange.addresses import normal_postcode
from trust.exchange.check_digits import nhs_number_ok, nino_ok, pnc_id_ok, upn_ok
from trust.exchange.person import parse_subject

TODAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def population() -> Population:
    return generator.generate_population(TODAY)


@pytest.fixture(scope="module")
def written(population: Population, tmp_path_factory: pytest.TempPathFactory) -> Truth:
    path = tmp_path_factory.mktemp("truth") / "truth.json"
    truth.write(path, population)
    assert path.stat().st_mode & 0o077 == 0
    return truth.read(path)


def test_the_same_day_and_seed_give_the_same_people(population: Population) -> None:
    assert generator.generate_population(TODAY) == population
    assert generator.generate_population(TODAY, seed=2) != population


def test_a_few_thousand_residents_with_valid_unique_numbers(population: Population) -> None:
    people = [resident.person for resident in population.residents]
    assert 2_500 < len(people) < 5_000
    assert all(nhs_number_ok(person.nhs_number or "") for person in people)
    assert all((person.nhs_number or "").startswith("999") for person in people)
    assert all(upn_ok(person.upn) for person in people if person.upn)
    assert all(nino_ok(person.nino) for person in people if person.nino)
    written = [each.record.resident for each in population.assignments]
    assert any(person.pnc_id for person in written)
    assert all(pnc_id_ok(person.pnc_id) for person in written if person.pnc_id)
    for numbers in (
        [p.nhs_number for p in people],
        [p.upn for p in people if p.upn],
        [p.nino for p in people if p.nino],
    ):
        assert len(set(numbers)) == len(numbers)


def test_every_description_is_one_that_the_exchange_takes(written: Truth) -> None:
    for person in written.people:
        subject = parse_subject(dict(person.subject), this_year=2026)
        assert subject.address is not None
        assert subject.address.postcode == normal_postcode(person.subject["address"]["postcode"])


def test_only_twins_and_namesakes_share_a_name_and_a_birth_date(population: Population) -> None:
    shared = Counter((r.person.family_name, r.person.birth_date) for r in population.residents)
    pairs = {r.group for r in population.residents if shared[r.person.family_name, r.person.birth_date] > 1}
    assert pairs == {Group.TWIN, Group.NAMESAKE}
    assert max(shared.values()) == 2


def test_the_young_man_is_known_to_all_eight_others_under_his_own_name(written: Truth) -> None:
    him = written.first(Group.YOUNG_MAN)
    assert set(him.others) == set(OTHERS)
    assert ASKER in him.works
    assert {work.spelling for work in him.works.values()} == {Spelling.SAME}


def test_the_household_of_s2_is_known_to_those_who_help_it(written: Truth) -> None:
    mother, partner = written.first(Group.MOTHER), written.first(Group.PARTNER)
    children = written.of(Group.CHILD)
    assert set(mother.works) == {ASKER, CaseService.HOUSING}
    assert [set(child.works) for child in children] == [{ASKER, CaseService.COLLEGE}] * 2
    assert set(partner.works) == {CaseService.POLICE}
    assert len({person.subject["address"]["uprn"] for person in (mother, partner, *children)}) == 1
    assert partner.subject["family_name"] != mother.subject["family_name"]


@pytest.mark.parametrize(("group", "count"), [(Group.EIGHT, 8), (Group.THREE, 3), (Group.NONE, 0)])
def test_each_group_is_known_to_as_many_services_as_it_says(written: Truth, group: Group, count: int) -> None:
    assert len(written.of(group)) >= 20
    assert {len(person.others) for person in written.of(group)} == {count}


def test_each_service_knows_only_one_of_two_twins(written: Truth) -> None:
    for one in written.of(Group.TWIN):
        other = written.people[one.pair or 0]
        assert other.pair == one.number
        assert set(one.others) | set(other.others) == set(OTHERS)
        assert not set(one.others) & set(other.others)
        same = ("family_name", "birth_date", "address", "gender")
        assert all(one.subject[name] == other.subject[name] for name in same)
        assert one.subject["given_names"].split()[0] != other.subject["given_names"].split()[0]


def test_a_closed_case_is_no_current_work(population: Population, written: Truth) -> None:
    closed = [each for each in population.assignments if each.record.ended is not None]
    assert len(closed) > 100
    current = Counter((each.resident, each.service) for each in population.assignments if each.record.ended is None)
    assert max(current.values()) == 1
    assert sum(len(person.works) for person in written.people) == sum(current.values())


def test_a_misspelt_name_leaves_the_decision_to_a_human_only_where_no_identifier_helps(written: Truth) -> None:
    for person in written.people:
        for service, work in person.works.items():
            right = person.right_statuses(service)
            if work.spelling is not Spelling.SLIP or service in truth.BY_IDENTIFIER:
                assert right == {"known"}
            else:
                assert right == {"nothing_to_share" if service in truth.CONDITIONAL else "review"}


def test_all_three_benefit_answers_occur(written: Truth) -> None:
    answers = Counter(tuple(person.benefit.values()) for person in written.people)
    assert set(answers) == {("yes", "yes"), ("yes", "no"), ("no", "no"), ("unknown", "unknown")}


def test_workers_and_agencies_use_numbers_reserved_for_fiction(written: Truth) -> None:
    assert all(phone.startswith("07700 900 ") for phone in written.secrets["phones"])
    duty = [hosted.duty_phone for agency in MEMBERS for hosted in agency.every_service]
    assert len(CaseService) == 9
    assert len(set(duty)) == len(CaseService) + len(ReceivingService)
    assert all(phone.startswith("01632 960 ") for phone in duty)


def test_what_is_searched_for_is_long_enough_to_be_found_only_where_it_is(written: Truth) -> None:
    assert all(len(datum) >= 6 for found in written.secrets.values() for datum in found)
