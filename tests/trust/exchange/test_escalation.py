"""The steps of an escalation that are due, and the time of the next one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust.exchange.escalation import NONE, EscalationFacts, EscalationStep, due_steps, next_look

SENT = datetime(2026, 12, 4, 23, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
UNREAD, FALLBACK, OVERDUE = EscalationStep.UNREAD, EscalationStep.FALLBACK, EscalationStep.OVERDUE
LOST, RUNG, UNDELIVERED = EscalationStep.LOST, EscalationStep.RUNG, EscalationStep.UNDELIVERED
RED = EscalationFacts(
    red=True,
    since=SENT,
    is_read=False,
    is_decided=False,
    is_ended=False,
    is_undelivered=False,
    decide_by=SENT + 24 * 60 * MINUTE,
    steps=NONE,
)
AMBER = replace(RED, red=False)


@pytest.mark.holds("A7")
@pytest.mark.parametrize(
    ("minutes", "steps"),
    [
        (0, NONE),
        (4.99, NONE),
        (5, UNREAD),
        (14.99, UNREAD),
        (15, UNREAD | FALLBACK),
        (1440, UNREAD | FALLBACK | OVERDUE),
    ],
)
def test_a_red_message_that_no_one_reads_escalates_in_steps(minutes: float, steps: EscalationStep) -> None:
    assert due_steps(RED, SENT + minutes * MINUTE) == steps


@pytest.mark.holds("A7")
def test_only_a_reading_stops_the_bell_and_only_a_decision_the_clock() -> None:
    read = replace(RED, is_read=True)
    assert due_steps(read, SENT + 20 * MINUTE) == NONE
    assert due_steps(read, SENT + 1440 * MINUTE) == OVERDUE
    decided = replace(RED, is_decided=True)
    assert due_steps(decided, SENT + 1440 * MINUTE) == UNREAD | FALLBACK
    assert due_steps(replace(read, is_decided=True), SENT + 1440 * MINUTE) == NONE


def test_other_messages_ring_only_when_they_are_lost_and_have_a_clock_all_the_same() -> None:
    assert due_steps(AMBER, SENT + 60 * MINUTE) == NONE
    assert due_steps(AMBER, SENT + 1440 * MINUTE) == OVERDUE
    assert due_steps(replace(AMBER, steps=LOST, is_read=True), SENT) == UNREAD
    assert due_steps(replace(AMBER, is_undelivered=True), SENT) == NONE


def test_a_red_message_that_does_not_arrive_is_told_at_once() -> None:
    assert due_steps(replace(RED, is_undelivered=True), SENT) == UNDELIVERED


def test_a_bell_that_no_channel_took_is_rung_again_until_a_person_reads() -> None:
    silent, now = replace(RED, steps=UNREAD | FALLBACK), SENT + 6 * MINUTE
    assert next_look(silent, now) == now + MINUTE
    assert next_look(replace(silent, steps=UNREAD | FALLBACK | RUNG), now) == RED.decide_by
    assert next_look(replace(silent, is_read=True), now) == RED.decide_by


STEPS = st.sets(st.sampled_from(EscalationStep)).map(lambda steps: EscalationStep(sum(steps)))
FACTS = st.builds(
    EscalationFacts,
    red=st.booleans(),
    since=st.just(SENT),
    is_read=st.booleans(),
    is_decided=st.booleans(),
    is_ended=st.booleans(),
    is_undelivered=st.booleans(),
    decide_by=st.none() | st.integers(0, 10_000).map(lambda minutes: SENT + minutes * MINUTE),
    steps=STEPS,
)
TIMES = st.integers(0, 12_000).map(lambda minutes: SENT + minutes * MINUTE)


@given(FACTS, TIMES)
def test_no_step_is_taken_twice_and_none_after_the_end(facts: EscalationFacts, now: datetime) -> None:
    steps = due_steps(facts, now)
    assert not steps & facts.steps
    assert not (facts.is_ended and steps)
    assert not (facts.is_read and LOST not in facts.steps and steps & (UNREAD | FALLBACK))
    assert not (facts.is_decided and steps & OVERDUE)


@given(FACTS, TIMES, TIMES)
def test_a_step_that_is_due_stays_due(facts: EscalationFacts, one: datetime, other: datetime) -> None:
    first, second = sorted((one, other))
    assert due_steps(facts, first) in due_steps(facts, second)


@given(FACTS, TIMES)
def test_the_next_look_comes_as_soon_as_something_is_due(facts: EscalationFacts, now: datetime) -> None:
    facts = replace(facts, steps=facts.steps | due_steps(facts, now))
    look = next_look(facts, now)
    if look is None:
        assert due_steps(facts, now + timedelta(days=3650)) == NONE
    else:
        assert look > now
        assert due_steps(facts, look - timedelta(microseconds=1)) == NONE
