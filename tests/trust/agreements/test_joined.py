"""A node sees of those who joined what is open to it, and decides on that alone."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trust.agreements.examples import facts, parsed, request
from tests.trust.agreements.joining_examples import (
    AGREEMENT,
    COLLEGE,
    MARK,
    OFFICE,
    SCHOOL,
    admitted,
    joiners,
    joins,
    open_document,
    ruled,
)
from tests.trust.exchange.examples import COUNCIL, NOW, TRUST
from trust.agreements.accession import PartyRuling, Ruling
from trust.agreements.agreement import Agreement, InForce
from trust.agreements.clause_selection import QuerySpec, explain_no_clause, select_clauses
from trust.agreements.decision import DenialCode, LocalPolicy, Permit, decide_request
from trust.agreements.decision_record import RequestCase, decision_inputs, input_digests, replay_of
from trust.agreements.denial import Denial
from trust.agreements.joined import HeldAccession, JoinerRecords, as_seen_by, may_rule
from trust.agreements.joining import PairState
from trust.exchange.involvement import INVOLVEMENT_QUERY
from trust.identifiers import ClauseId, EntityId, PurposeCode, RoleCode, ServiceSlug, service_ref

TODAY = NOW.date()
OPENS = TODAY + timedelta(days=15)
SCHOOL_OFFICE = service_ref(SCHOOL, OFFICE)
TEAM = service_ref(TRUST, ServiceSlug("community-team"))
CONFERENCE = ClauseId("conference")


def seen(held: JoinerRecords, by: EntityId = TRUST, on: date = TODAY) -> Agreement:
    return as_seen_by(AGREEMENT, by, held, on)


def asked(
    held: JoinerRecords, on: date = TODAY, *, clause: str = "who-else", purpose: str = "early-help"
) -> RequestCase:
    """Give the trust's decision on a question of the school's."""
    message = request(
        iss=SCHOOL,
        from_service=OFFICE,
        agreement=AGREEMENT.ref,
        clause=ClauseId(clause),
        purpose=PurposeCode(purpose),
    )
    return RequestCase(
        facts=facts(message, sender_marks=frozenset({MARK})),
        agreement=InForce(agreement=seen(held, on=on)),
        local=LocalPolicy(),
        own=TRUST,
        now=NOW + (on - TODAY),
    )


def denied(case: RequestCase) -> Denial:
    decision = case.decide()
    assert isinstance(decision, Denial)
    return decision


def test_an_agreement_without_joiners_is_itself() -> None:
    assert seen(JoinerRecords()) is AGREEMENT


@pytest.mark.holds("A72")
def test_an_accession_that_no_party_admitted_changes_nothing() -> None:
    signed = HeldAccession(accession=joins())
    confirmed = ruled(signed.accession, Ruling.CONFIRMED)
    for by in (TRUST, COUNCIL, SCHOOL):
        assert seen(joiners(signed, rulings=(confirmed,)), by, OPENS) is AGREEMENT


def test_a_joiner_asks_once_its_days_have_ended_and_not_a_day_before() -> None:
    held = joiners(admitted(joins()))
    refusal = denied(asked(held, OPENS - timedelta(days=1)))
    assert refusal.code is DenialCode.SERVICE_NOT_PARTY
    assert f"opens on {OPENS}" in refusal.reason
    assert isinstance(asked(held, OPENS).decide(), Permit)


def test_a_confirmation_opens_the_pair_of_its_party_alone() -> None:
    accession = joins()
    held = joiners(admitted(accession), rulings=(ruled(accession, Ruling.CONFIRMED),))
    assert isinstance(asked(held).decide(), Permit)
    assert SCHOOL_OFFICE not in seen(held, COUNCIL).services
    assert {party.entity for party in seen(held, SCHOOL).parties} == {TRUST, SCHOOL}


def test_a_marac_clause_opens_by_confirmation_only() -> None:
    accession = joins()
    waits = joiners(admitted(accession))
    refusal = denied(asked(waits, OPENS, clause=CONFERENCE, purpose="marac"))
    assert refusal.code is DenialCode.SERVICE_NOT_COVERED
    assert f"{TRUST} has to confirm it first" in refusal.reason
    held = joiners(admitted(accession), rulings=(ruled(accession, Ruling.CONFIRMED),))
    assert isinstance(asked(held, clause=CONFERENCE, purpose="marac").decide(), Permit)


def test_an_objection_outlasts_the_days_and_a_new_accession() -> None:
    first, second = joins(), joins(SCHOOL, "office", "pastoral", at=NOW + timedelta(minutes=1))
    objects = ruled(first, Ruling.OBJECTED)
    held = joiners(admitted(first), admitted(second), rulings=(objects,))
    refusal = denied(asked(held, OPENS + timedelta(days=300)))
    assert "objected" in refusal.reason
    confirms = replace(ruled(second, Ruling.CONFIRMED))
    assert isinstance(asked(joiners(admitted(second), rulings=(confirms,))).decide(), Permit)


def test_a_new_accession_keeps_the_old_one_open_until_it_opens_itself() -> None:
    first = admitted(joins())
    later = NOW + timedelta(days=20)
    second = admitted(joins(SCHOOL, "office", "pastoral", at=later), at=later, learnt_at=later)
    pastoral = service_ref(SCHOOL, ServiceSlug("pastoral"))
    before, after = (
        seen(joiners(first, second), on=day).services for day in (later.date(), later.date() + timedelta(15))
    )
    assert (SCHOOL_OFFICE in before, pastoral in before) == (True, False)
    assert {SCHOOL_OFFICE, pastoral} <= after


@pytest.mark.holds("A72")
@pytest.mark.parametrize("hours", [-1, 1])
def test_of_two_joiners_each_decides_on_the_other_on_any_dates_of_admission(hours: int) -> None:
    school = admitted(joins(), learnt_at=NOW - timedelta(days=90))
    college = admitted(joins(COLLEGE), at=NOW + timedelta(hours=hours))
    by_school = ruled(college.accession, Ruling.CONFIRMED, by=SCHOOL)
    by_college = ruled(school.accession, Ruling.CONFIRMED, by=COLLEGE)

    def state(by: EntityId, *rulings: PartyRuling, on: date = TODAY) -> PairState:
        return (
            seen(joiners(school, college, rulings=rulings), by, on)
            .pairs[{SCHOOL, COLLEGE}.difference({by}).pop()]
            .state
        )

    for by in (SCHOOL, COLLEGE):
        assert state(by) is state(by, by_college) is PairState.WAITING
        assert state(by, by_college, on=OPENS) is state(by, by_school) is PairState.UNOPPOSED
        assert state(by, by_school, by_college) is PairState.CONFIRMED
        assert state(by, ruled(college.accession, Ruling.OBJECTED, by=SCHOOL), by_college) is PairState.OBJECTED


@pytest.mark.parametrize("rulings", [(), ("school",), ("college",), ("school", "college")])
def test_each_member_may_rule_on_each_other_joiner_in_every_state(rulings: tuple[str, ...]) -> None:
    school, college = admitted(joins()), admitted(joins(COLLEGE))
    made = {
        "school": ruled(college.accession, Ruling.CONFIRMED, by=SCHOOL),
        "college": ruled(school.accession, Ruling.CONFIRMED, by=COLLEGE),
    }
    records = joiners(school, college, rulings=tuple(made[each] for each in rulings))
    assert all(may_rule(AGREEMENT, records, *each) for each in ((SCHOOL, COLLEGE), (COLLEGE, SCHOOL), (TRUST, SCHOOL)))
    stranger = EntityId("https://stranger.example")
    refused = ((SCHOOL, SCHOOL), (stranger, SCHOOL), (SCHOOL, stranger), (SCHOOL, TRUST))
    assert not any(may_rule(AGREEMENT, records, *each) for each in refused)
    waits = joiners(HeldAccession(accession=joins()), college)
    assert not may_rule(AGREEMENT, waits, SCHOOL, COLLEGE), "it is not admitted itself"


@pytest.mark.holds("A72")
def test_no_date_of_an_admission_opens_a_conference_to_a_joiner_that_another_has_not_confirmed() -> None:
    school, college = admitted(joins()), admitted(joins(COLLEGE), at=NOW - timedelta(days=365))
    by_college = ruled(school.accession, Ruling.CONFIRMED, by=COLLEGE)
    view = seen(joiners(school, college, rulings=(by_college,)), SCHOOL, OPENS)
    [conference] = [each for each in view.clauses if each.id == CONFERENCE]
    assert service_ref(COLLEGE, OFFICE) not in conference.askers | conference.holders


@settings(max_examples=60, deadline=None)
@given(
    order=st.permutations(range(4)),
    states=st.lists(st.sampled_from([None, *Ruling]), min_size=2, max_size=2),
    days=st.integers(min_value=0, max_value=30),
)
def test_both_nodes_see_one_pair_in_any_order(order: list[int], states: list[Ruling | None], days: int) -> None:
    several = [admitted(joins(each), at=NOW + timedelta(seconds=at)) for each in (SCHOOL, COLLEGE) for at in (0, 1)]
    rulings = tuple(
        ruled(record.accession, state, by=by)
        for record, state, by in zip((several[2], several[0]), states, (SCHOOL, COLLEGE), strict=True)
        if state is not None
    )
    on = TODAY + timedelta(days=days)
    here = seen(joiners(*several, rulings=rulings), SCHOOL, on).pairs[COLLEGE]
    there = seen(joiners(*(several[each] for each in order), rulings=rulings[::-1]), COLLEGE, on).pairs[SCHOOL]
    assert here == there


def test_a_joiner_that_asks_too_early_is_told_why_at_its_own_node() -> None:
    spec = QuerySpec(
        asker=SCHOOL_OFFICE,
        kind=INVOLVEMENT_QUERY,
        purpose=PurposeCode("early-help"),
        role=RoleCode("key-worker"),
        holders=frozenset({TEAM}),
    )
    accession = joins()
    waits = [InForce(agreement=seen(joiners(admitted(accession)), SCHOOL))]
    assert not select_clauses(waits, spec)
    assert f"opens on {OPENS}" in explain_no_clause(waits, spec).reason
    confirmed = joiners(admitted(accession), rulings=(ruled(accession, Ruling.CONFIRMED),))
    [selected] = select_clauses([InForce(agreement=seen(confirmed, SCHOOL))], spec)
    assert selected.holder == TEAM


@pytest.mark.parametrize("on", [TODAY, OPENS])
def test_a_decision_replays_with_the_accessions_of_its_agencies_alone(on: date) -> None:
    others = [admitted(joins(EntityId(f"https://school-{each}.example"))) for each in range(3)]
    case = asked(joiners(admitted(joins()), *others), on)
    inputs = decision_inputs(case)
    assert "school-1" not in str(inputs)
    again = replay_of(inputs, lambda ref: AGREEMENT if ref == AGREEMENT.ref else None)
    assert again.decide() == case.decide() or isinstance(case.decide(), Permit)
    assert isinstance(again.decide(), type(case.decide()))
    assert input_digests(decision_inputs(again), b"key") == input_digests(inputs, b"key")


def test_both_ends_of_an_open_pair_record_the_same_agreement() -> None:
    held = joiners(admitted(joins(), learnt_at=NOW - timedelta(days=3)))
    case = asked(held, OPENS)
    at_the_school = replace(case, agreement=InForce(agreement=seen(held, SCHOOL, OPENS)))
    assert decision_inputs(case)["agreement"] == decision_inputs(at_the_school)["agreement"]


def test_an_accession_to_another_version_is_no_accession_to_this_one() -> None:
    other = parsed(open_document(version=4))
    assert seen(joiners(admitted(joins(agreement=other))), on=OPENS).services == AGREEMENT.services


def test_a_decision_under_a_clause_without_joiners_is_as_before() -> None:
    held = joiners(admitted(joins()))
    assert decide_request(
        facts(request(agreement=AGREEMENT.ref)),
        agreement=InForce(agreement=seen(held, on=OPENS)),
        local=LocalPolicy(),
        own=TRUST,
        now=NOW,
    ) == decide_request(
        facts(request(agreement=AGREEMENT.ref)),
        agreement=InForce(agreement=seen(held, COUNCIL, on=OPENS)),
        local=LocalPolicy(),
        own=TRUST,
        now=NOW,
    )


def test_a_joiner_must_still_hold_the_marks_of_its_class() -> None:
    case = asked(joiners(admitted(joins())), OPENS)
    without = replace(case, facts=replace(case.facts, sender_marks=frozenset()))
    assert denied(without).code is DenialCode.MARK_MISSING
