"""The anchor at the end of a chain may shorten the time without a refresh, and not lengthen it."""

from datetime import timedelta

import pytest

from tests.trust.federation.members import ABOUT, ANCHOR_KEY, OWN, PINNED, anchor_claims, statement, verified
from tests.trust.makers import NOW
from trust.errors import MalformedClaims
from trust.federation.chain import verify_anchor, verify_chain
from trust.federation.freshness import (
    MEMBER,
    PROFILE_BOUNDS,
    SHORTEST_BOUNDS,
    Bounds,
    build_bounds,
    parse_bounds,
)
from trust.federation.party_metadata import FEDERATION_ENTITY
from trust.strict_json import JsonObject

HOUR = 3600


def top(stated: object) -> bytes:
    """Give the anchor's configuration with these bounds in it."""
    body = anchor_claims()
    body["metadata"][FEDERATION_ENTITY][MEMBER] = stated
    return statement(ANCHOR_KEY, body)


def bounds(stated: JsonObject) -> Bounds:
    return verified(top=top(stated)).bounds


def test_an_anchor_that_says_nothing_has_the_profiles_bounds() -> None:
    assert verified().bounds == PROFILE_BOUNDS
    assert bounds({}) == PROFILE_BOUNDS


@pytest.mark.holds("A29")
def test_an_anchor_shortens_each_bound() -> None:
    assert bounds({"alarm": 600, "urgent_only": HOUR, "closed": 2 * HOUR}) == Bounds(
        alarm_after=timedelta(minutes=10), urgent_only_after=timedelta(hours=1), closed_after=timedelta(hours=2)
    )


@pytest.mark.holds("A29")
def test_an_anchor_lengthens_none() -> None:
    assert bounds({"alarm": 901, "urgent_only": 25 * HOUR, "closed": 10**9}) == PROFILE_BOUNDS


def test_what_is_closed_is_neither_urgent_nor_served_in_full() -> None:
    assert bounds({"closed": HOUR}).urgent_only_after == timedelta(hours=1)
    assert bounds({"closed": 600}) == SHORTEST_BOUNDS


def test_a_chain_without_its_anchors_own_word_has_the_shortest_bounds() -> None:
    assert verify_chain([OWN, ABOUT], anchors=PINNED, now=NOW).bounds == SHORTEST_BOUNDS


@pytest.mark.parametrize("stated", [900, [], {"alarm": 599}, {"closed": -1}, {"closed": "1"}, {"alarm": True}])
def test_bounds_that_cannot_be_read_refuse_the_anchors_configuration(stated: object) -> None:
    with pytest.raises(MalformedClaims) as refused:
        verify_anchor(top(stated), anchors=PINNED, now=NOW)
    assert refused.value.rule == "exchange profile section 6"
    assert refused.value.statement == "Entity configuration of https://anchor.example"


@pytest.mark.parametrize("written", [PROFILE_BOUNDS, SHORTEST_BOUNDS])
def test_what_is_written_is_read(written: Bounds) -> None:
    assert parse_bounds({FEDERATION_ENTITY: build_bounds(written)}) == written
