"""Attacks that chance finds seldom, step by step, before the same oracle as :mod:`test_attacker`."""

from collections.abc import Iterator
from itertools import chain

import pytest

from tests.simulator.attack import ADDRESSES, CONFIGURATION, Attack
from tests.simulator.town import ANCHOR, COUNTY, HOUSING, POLICE
from trust.federation.suspension import SuspensionState

HOUR = 3600


@pytest.fixture
def attack() -> Iterator[Attack]:
    made = Attack()
    made.restart()
    yield made
    made.what_was_ruled_is_never_made_up_and_never_taken_back()
    made.teardown()


def later(attack: Attack, seconds: int, *, urgent: bool = False) -> None:
    attack.time_passes_and_it_looks_around(seconds, 0, urgent=urgent)


@pytest.mark.holds("A28")
def test_what_was_said_before_is_repeated(attack: Attack) -> None:
    later(attack, 0)
    later(attack, 420)
    attack.he_repeats_what_authorities_said(0)
    later(attack, 420)
    attack.the_node_is_looked_after("restart")
    later(attack, 46)


def test_a_party_is_met_by_what_it_signed_with_a_key_that_was_replaced_since(attack: Attack) -> None:
    raw = attack.tree.configuration(POLICE)
    attack.a_key_is_stolen_and_replaced(POLICE, federation=True)
    said = [*chain.from_iterable(attack.tree.truth.said.values())]
    attack.he_answers(POLICE + CONFIGURATION, said.index(raw), "foreign")
    later(attack, 0)


@pytest.mark.holds("A31")
def test_what_an_authority_said_while_its_clock_was_ahead_is_repeated_at_once(attack: Attack) -> None:
    later(attack, 0)
    attack.an_authoritys_clock_is_ahead(POLICE, HOUR)
    attack.he_repeats_what_authorities_said(len(attack.tree.truth.said[COUNTY, POLICE]) - 1)
    later(attack, 420)


def test_the_first_entry_of_a_log_is_left_out(attack: Attack) -> None:
    later(attack, 0)
    attack.an_authority_rules(POLICE, SuspensionState.SUSPENDED, by_anchor=True)
    attack.an_authority_rules(HOUSING, SuspensionState.SUSPENDED, by_anchor=True)
    attack.he_tells_of_suspensions(0, HOUSING, ANCHOR, 0)
    later(attack, 1)


def test_an_entity_is_met_for_the_first_time_by_old_statements(attack: Attack) -> None:
    attack.tree.statement(ANCHOR, HOUSING)
    attack.tree.suspend(ANCHOR, HOUSING)
    attack.he_repeats_what_authorities_said(0)
    later(attack, 960)
    assert HOUSING not in attack.stored.known


def test_what_was_said_before_a_no_is_repeated_after_it(attack: Attack) -> None:
    later(attack, 0)
    attack.tree.clock.forward(seconds=200)
    attack.tree.statement(COUNTY, POLICE)  # newer than what was seen, and from before the end
    attack.tree.suspend(COUNTY, POLICE)
    later(attack, 301)
    assert POLICE in attack.stored.denied
    attack.the_node_is_looked_after("restart")
    attack.he_repeats_what_authorities_said(1)
    later(attack, 46)


@pytest.mark.parametrize("urgent", [False, True])
def test_everybody_is_silent(attack: Attack, *, urgent: bool) -> None:
    later(attack, 0)
    for address in ADDRESSES:
        attack.he_answers(address, 0, "silence")
    for seconds in (960, 23 * HOUR, 2 * HOUR, 100 * HOUR):
        later(attack, seconds, urgent=urgent)


def test_the_anchors_key_is_replaced_for_one_worker_first(attack: Attack) -> None:
    later(attack, 0)
    attack.it_looks_around(1, urgent=True)
    attack.tree.clock.forward(hours=25)
    attack.what_was_ruled_is_never_made_up_and_never_taken_back()  # both have just looked into the store
    attack.a_key_is_stolen_and_replaced(ANCHOR, federation=True)
    attack.it_catches_up(0)
    attack.it_looks_around(1, urgent=True)
