"""Trying people out is flagged, on each database, and an ordinary month is not."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from gateway.accountability.enumeration import (
    ABSENCES,
    NEW_PRACTITIONERS,
    OVER_BASELINE,
    AddressLimitReached,
    address_use,
    build_charge,
    observe,
)
from gateway.accountability.rate_limits import AddressUse, QueryCharge
from gateway.demo.people.generator import generate_population
from gateway.ports import Store
from gateway.store.factory import open_store
from gateway.store.tables import flags, query_counts, similar_queries
from trust.agreements.enumeration import MOST_ADDRESSES, THRESHOLDS, Feature, Pattern
from trust.exchange.person import Address, Subject
from trust.identifiers import RoleCode

KEY = bytes(range(32))
NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
AGENCY = "https://council.example"
ASKED = QueryCharge(agency=AGENCY, practitioner="p-1", role=RoleCode("key-worker"), subject="s-1", persons=())


def seen(store: Store, *questions: QueryCharge, now: datetime = NOW) -> None:
    """Observe questions, all in one transaction."""

    def write(tx: object) -> None:
        for asked in questions:
            observe(tx, asked, now=now)  # type: ignore[arg-type]

    store.write(write)


def raised(store: Store) -> set[tuple[str, str]]:
    return {(flag.code, flag.asker) for flag in store.read(flags.list_open)}


def codes(store: Store) -> set[str]:
    return {code for code, _ in raised(store)}


def about(subject: Subject, practitioner: str = "p-1", *, absent: bool = False) -> QueryCharge:
    """Return a question about a person."""
    asked = build_charge(KEY, subject, agency=AGENCY, practitioner=practitioner, role=ASKED.role)
    return replace(asked, absent=absent)


@pytest.mark.holds("A44")
@pytest.mark.parametrize("pattern", sorted(set(Pattern) - {Pattern.PERSON_ADDRESSES}))
def test_many_values_of_one_feature_are_flagged_and_repeats_are_not(store: Store, pattern: Pattern) -> None:
    for number in range(THRESHOLDS[pattern].values - 1):
        asked = replace(ASKED, features=(Feature(pattern, 7, number),))
        seen(store, asked, asked, asked)
    assert raised(store) == set()
    seen(store, replace(ASKED, features=(Feature(pattern, 7, 999),)))
    assert raised(store) == {(pattern, ASKED.asker)}


def test_the_digests_of_a_real_question_fit_each_database(store: Store) -> None:
    subject = Subject(family_name="Hartley", given_names="Daniel", birth_date=date(2008, 3, 14), nino="AB123456C")
    asked = about(subject)
    assert max(abs(each.digest) for each in asked.features) > 2**31
    seen(store, asked, asked)
    assert store.read(lambda tx: address_use(tx, asked.features, now=NOW)) is AddressUse.COUNTED


def test_values_of_another_day_are_forgotten(store: Store) -> None:
    pattern = Pattern.NEIGHBOURING_NUMBERS
    for number in range(THRESHOLDS[pattern].values + 3):
        asked = replace(ASKED, features=(Feature(pattern, 7, number),))
        seen(store, asked, now=NOW + timedelta(hours=12) * number)
    assert raised(store) == set()
    first = NOW.toordinal()
    assert store.write(lambda tx: similar_queries.erase_before(tx, day=first + 1, batch=100)) == 0
    assert store.write(lambda tx: similar_queries.erase_before(tx, day=first + 2, batch=100)) == 2


HOMES = [Feature(Pattern.PERSON_ADDRESSES, 7, number) for number in range(6)]


def at(*homes: Feature, address: AddressUse = AddressUse.COUNTED) -> QueryCharge:
    return replace(ASKED, features=homes, address=address)


def test_three_addresses_of_a_person_count_for_thirty_days(store: Store) -> None:
    for number, home in enumerate(HOMES):
        use = store.read(lambda tx, home=home: address_use(tx, (home,), now=NOW))  # type: ignore[misc]
        assert use is (AddressUse.COUNTED if number < MOST_ADDRESSES else AddressUse.LEFT_OUT)
        seen(store, at(home, address=use))
    assert raised(store) == {(Pattern.PERSON_ADDRESSES, ASKED.asker)}
    assert store.read(lambda tx: address_use(tx, (HOMES[0],), now=NOW)) is AddressUse.COUNTED
    other = replace(HOMES[5], digest=8)
    assert store.read(lambda tx: address_use(tx, (other,), now=NOW)) is AddressUse.COUNTED
    assert store.read(lambda tx: address_use(tx, (other, HOMES[5]), now=NOW)) is AddressUse.LEFT_OUT
    later = NOW + timedelta(days=35)
    assert store.read(lambda tx: address_use(tx, (HOMES[5],), now=later)) is AddressUse.COUNTED


def test_a_fourth_address_that_was_counted_meanwhile_records_nothing(store: Store) -> None:
    seen(store, *(at(home) for home in HOMES[:MOST_ADDRESSES]))
    with pytest.raises(AddressLimitReached):
        seen(store, at(HOMES[3]))
    assert store.read(lambda tx: address_use(tx, (HOMES[3],), now=NOW)) is AddressUse.LEFT_OUT
    assert raised(store) == set()


def test_our_own_practitioners_are_flagged_for_a_fourth_address(store: Store) -> None:
    seen(store, *(at(home, address=AddressUse.UNLIMITED) for home in HOMES[: MOST_ADDRESSES + 1]))
    assert raised(store) == {(Pattern.PERSON_ADDRESSES, ASKED.asker)}


def test_a_practitioner_who_asks_far_more_than_others_in_the_role_at_the_agency_is_flagged(store: Store) -> None:
    for number in range(6):
        seen(store, *[replace(ASKED, practitioner=f"other-{number}")] * 4)
    seen(store, *[ASKED] * 20)
    assert raised(store) == {(OVER_BASELINE, ASKED.asker)}


def test_what_another_agency_asks_is_no_baseline_here(store: Store) -> None:
    """A clinic of five questions a day makes no call centre suspicious, nor a call centre a clinic ordinary."""
    for number in range(7):
        seen(store, *[replace(ASKED, practitioner=f"p-{number}")] * 20)
        seen(store, *[replace(ASKED, agency="https://clinic.example", practitioner=f"c-{number}")] * 4)
    assert raised(store) == set()
    seen(store, *[replace(ASKED, agency="https://clinic.example", practitioner="c-9")] * 20)
    assert raised(store) == {(OVER_BASELINE, "https://clinic.example c-9")}


def test_a_practitioner_alone_in_the_role_is_compared_with_earlier_days(store: Store) -> None:
    for day in range(6):
        seen(store, *[ASKED] * 4, now=NOW + timedelta(days=day))
    seen(store, *[ASKED] * 20, now=NOW + timedelta(days=6))
    assert raised(store) == {(OVER_BASELINE, ASKED.asker)}


@pytest.fixture
def quiet(sqlite_url: str, tmp_path: Path) -> Iterator[Store]:
    store = open_store(sqlite_url, base_dir=tmp_path)
    yield store
    store.close()


def _month(dice: Random) -> Iterator[tuple[datetime, list[QueryCharge]]]:
    """Yield four weeks of a council: practitioners with caseloads of families, who are asked about together.

    Most are not known here. Their numbers are drawn by lot, for those of the demo follow one another.
    """
    people = [each.person for each in generate_population(NOW.date(), size=1_500).residents]
    homes: dict[str, list[Subject]] = {}
    for person in people:
        subject = Subject(
            nhs_number=f"{dice.randrange(10**10):010d}",
            family_name=person.family_name,
            given_names=person.given_names,
            birth_date=person.birth_date,
            address=Address(uprn=person.uprn, postcode=person.postcode),
        )
        homes.setdefault(person.uprn, []).append(subject)
    families = list(homes.values())
    caseloads = {f"p-{number}": dice.sample(families, 25) for number in range(90)}
    started = sorted(caseloads, key=lambda _: dice.random())
    for day in range(28):
        moment = NOW + timedelta(days=day)
        if moment.weekday() >= 5:
            continue
        working = started[: 20 + 5 * day]  # the council begins with twenty, and more join
        busy = 2 if moment.weekday() == 0 else 1
        asked = [
            about(subject, practitioner, absent=dice.random() < 0.85)
            for practitioner in dice.sample(working, k=min(len(working), 35 * busy))
            for family in dice.sample(caseloads[practitioner], k=dice.choice((1, 1, 2, 3)))
            for subject in family
        ]
        yield moment, asked


@pytest.mark.holds("A44")
def test_an_ordinary_month_raises_no_flag_and_a_scan_after_it_does(quiet: Store) -> None:
    dice = Random(44)  # noqa: S311 - an invented month, no secrets
    for moment, asked in _month(dice):
        seen(quiet, *asked, now=moment)
    assert codes(quiet) == set()
    scan = [about(_stranger(number), f"made-up-{number}", absent=True) for number in range(400)]
    seen(quiet, *scan, now=NOW + timedelta(days=28))
    assert codes(quiet) >= {ABSENCES, NEW_PRACTITIONERS}
    assert quiet.read(flags.count_open) <= 4


def _stranger(number: int) -> Subject:
    first = "BDFGHKLMNPRST"[number % 13] + "aeiou"[number // 13 % 5] + "lmnrst"[number // 65 % 6]
    born = NOW.date() - timedelta(days=7_000 + 31 * number)
    return Subject(family_name=f"{first}ton", given_names=f"{first}ina", birth_date=born)


def test_counts_are_forgotten_in_time(store: Store) -> None:
    seen(store, ASKED, replace(ASKED, absent=True))
    kept_until = NOW + query_counts.USUAL_OVER
    assert (
        store.write(
            lambda tx: query_counts.erase_before(tx, day=kept_until.date() - query_counts.USUAL_OVER, batch=100)
        )
        == 0
    )
    after = (kept_until + timedelta(days=1)).date() - query_counts.USUAL_OVER
    assert store.write(lambda tx: query_counts.erase_before(tx, day=after, batch=100)) == 3


def test_days_are_told_apart(store: Store) -> None:
    for day in range(2):
        seen(store, ASKED, now=NOW + timedelta(days=day))
    counter = query_counts.QueryCounter(agency=AGENCY, counted=ASKED.role, asker=ASKED.asker)
    assert list(store.read(lambda tx: query_counts.earlier(tx, counter, day=NOW.date() + timedelta(days=9)))) == [1, 1]
