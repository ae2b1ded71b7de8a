"""The table of kinds says what is spoken here."""

from datetime import timedelta

import pytest

from trust.exchange.errors import UnsupportedKind
from trust.exchange.involvement import InvolvementQuery
from trust.exchange.kind import max_life, parse_query, supported
from trust.exchange.kinds import KINDS


def test_both_queries_are_spoken_and_live_five_minutes_at_most() -> None:
    assert supported(KINDS) == {"involvement.query": (1,), "eligibility.query": (1,)}
    assert {kind.max_life for kind in KINDS.values()} == {timedelta(minutes=5)}
    assert max_life(KINDS, "something.else") == timedelta(minutes=5)


def test_a_body_is_read_by_its_kind_and_version() -> None:
    assert parse_query(KINDS, "involvement.query", 1, {}) == InvolvementQuery()


@pytest.mark.parametrize(("kind", "version"), [("involvement.query", 2), ("referral", 1)])
def test_what_is_not_spoken_is_refused(kind: str, version: int) -> None:
    with pytest.raises(UnsupportedKind):
        parse_query(KINDS, kind, version, {})
