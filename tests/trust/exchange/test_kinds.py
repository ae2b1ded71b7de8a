"""The table of kinds says what is spoken here."""

from datetime import timedelta

import pytest

from trust.exchange.errors import MalformedBody, UnsupportedKind
from trust.exchange.involvement import InvolvementQuery
from trust.exchange.kind import is_queued, max_life, no_reply, parse_query, supported
from trust.exchange.kinds import KINDS
from trust.identifiers import KindName

QUERIES = {"involvement.query", "eligibility.query"}
QUEUED = {"alert", "referral", "notice", "disclosure"}


def test_queries_live_five_minutes_at_most_and_queued_kinds_fifteen_days() -> None:
    assert supported(KINDS) == dict.fromkeys(QUERIES | QUEUED, (1,))
    assert {name for name in KINDS if is_queued(KINDS, name)} == QUEUED
    assert {KINDS[KindName(name)].max_life for name in QUERIES} == {timedelta(minutes=5)}
    assert {KINDS[KindName(name)].max_life for name in QUEUED} == {timedelta(days=15)}
    assert max_life(KINDS, "something.else") == timedelta(minutes=5)
    assert not is_queued(KINDS, "something.else")


def test_only_queued_kinds_have_answers_and_only_queries_have_replies() -> None:
    for kind in KINDS.values():
        assert (kind.parse_answer is not None) == kind.queued
        assert (kind.parse_reply is no_reply) == kind.queued
    with pytest.raises(MalformedBody):
        no_reply({})


def test_a_body_is_read_by_its_kind_and_version() -> None:
    assert parse_query(KINDS, "involvement.query", 1, {}) == InvolvementQuery()


@pytest.mark.parametrize(("kind", "version"), [("involvement.query", 2), ("referral", 2)])
def test_what_is_not_spoken_is_refused(kind: str, version: int) -> None:
    with pytest.raises(UnsupportedKind):
        parse_query(KINDS, kind, version, {})
