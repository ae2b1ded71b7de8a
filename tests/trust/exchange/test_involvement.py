"""A query names what it wants, and a reply has one shape for each status."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.exchange.strategies import changed, objects
from trust.errors import TrustError
from trust.exchange.errors import MalformedBody
from trust.exchange.involvement import (
    FIELDS,
    MAX_INVOLVEMENTS,
    SIZE_STEP,
    Involvement,
    InvolvementField,
    InvolvementQuery,
    InvolvementStatus,
    build_reply_body,
    involvement_to_fields,
    parse_query_body,
    parse_reply_body,
)
from trust.exchange.kind import ReplyTerms
from trust.strict_json import dumps

TERMS = ReplyTerms(answered_on=date(2026, 9, 1), keep_until=date(2026, 12, 1), onward="none")
FOUND = {"organisation": "Vale Mental Health", "worker": "Ines Okparaebo", "since": "2026-02-03"}
KNOWN = build_reply_body(
    InvolvementStatus.KNOWN, terms=TERMS, involvements=[FOUND], as_of=date(2026, 8, 30), duty_phone="01632 960000"
)


def test_an_involvement_becomes_texts_and_leaves_out_what_is_not_known() -> None:
    involvement = Involvement(organisation="Vale", since=date(2026, 2, 3), last_contact_month="2026-08")
    assert involvement_to_fields(involvement) == {
        InvolvementField.ORGANISATION: "Vale",
        InvolvementField.SINCE: "2026-02-03",
        InvolvementField.LAST_CONTACT_MONTH: "2026-08",
    }


def test_a_plan_is_a_field_of_its_own_and_goes_only_where_it_is_named() -> None:
    involvement = Involvement(service_type="social-care", plan="child protection plan")
    fields = involvement_to_fields(involvement)
    assert fields == {InvolvementField.SERVICE_TYPE: "social-care", InvolvementField.PLAN: "child protection plan"}
    told = {str(field): text for field, text in fields.items()}
    reply = parse_reply_body(build_reply_body(InvolvementStatus.KNOWN, terms=TERMS, involvements=[told]))
    assert reply.involvements == (told,)


@pytest.mark.parametrize("query", [InvolvementQuery(), InvolvementQuery(fields=frozenset({"worker", "phone"}))])
def test_a_query_is_read_back_as_it_was_written(query: InvolvementQuery) -> None:
    assert parse_query_body(query.to_body()) == query


def test_unknown_members_and_fields_of_a_query_are_dropped_and_named() -> None:
    query = parse_query_body({"fields": ["worker", "shoe_size"], "colour": 1})
    assert query == InvolvementQuery(fields=frozenset({"worker"}), dropped=("colour", "fields[]"))


def test_a_known_reply_is_read_back_with_its_terms() -> None:
    reply = parse_reply_body(KNOWN)
    assert reply.status is InvolvementStatus.KNOWN
    assert reply.involvements == (FOUND,)
    assert (reply.as_of, reply.keep_until, reply.onward) == (date(2026, 8, 30), date(2026, 12, 1), "none")


def test_a_field_that_is_no_involvement_field_is_dropped_on_reading() -> None:
    body = {**KNOWN, "involvements": [{**FOUND, "diagnosis": "x"}]}
    assert parse_reply_body(body).involvements == (FOUND,)


def test_more_involvements_than_anybody_has_are_no_answer() -> None:
    parse_reply_body({**KNOWN, "involvements": [FOUND] * MAX_INVOLVEMENTS})
    with pytest.raises(MalformedBody):
        parse_reply_body({**KNOWN, "involvements": [FOUND] * (MAX_INVOLVEMENTS + 1)})


@pytest.mark.parametrize("status", [s for s in InvolvementStatus if s is not InvolvementStatus.KNOWN])
def test_no_other_reply_holds_any_found_record(status: InvolvementStatus) -> None:
    empty = build_reply_body(status, terms=TERMS, duty_phone="01632 960000")
    full = build_reply_body(
        status, terms=TERMS, duty_phone="01632 960000", involvements=[FOUND], as_of=date(2026, 8, 30)
    )
    assert empty == full
    further = {"no_current_involvement"} if status is InvolvementStatus.NO_CURRENT_INVOLVEMENT else set()
    assert set(empty) == set(KNOWN) | further


def test_nothing_to_share_says_that_it_is_not_a_no_and_gives_a_number() -> None:
    note = build_reply_body(InvolvementStatus.NOTHING_TO_SHARE, terms=TERMS, duty_phone="01632 960000")["note"]
    assert "does not mean that we are not involved" in note
    assert "01632 960000" in note


def test_review_gives_a_number_to_ring_and_promises_no_later_answer() -> None:
    note = build_reply_body(InvolvementStatus.REVIEW, terms=TERMS, duty_phone="01632 960000")["note"]
    assert note == "Someone here must decide whether this is the same person. Our duty line is 01632 960000."


def test_an_involvement_that_ended_is_not_known_to_an_asker_that_knows_no_other_word() -> None:
    body = build_reply_body(InvolvementStatus.NO_CURRENT_INVOLVEMENT, terms=TERMS, duty_phone="01632 960000")
    assert (body["status"], body["no_current_involvement"]) == ("not_known", True)
    assert body["note"] == "We have a record of this person, and no current involvement. Our duty line is 01632 960000."
    assert parse_reply_body(body).status is InvolvementStatus.NO_CURRENT_INVOLVEMENT
    del body["no_current_involvement"]
    assert parse_reply_body(body).status is InvolvementStatus.NOT_KNOWN


@pytest.mark.parametrize(
    "change",
    [
        {"no_current_involvement": True},
        {"status": "no_current_involvement", "involvements": []},
        {"status": "review", "involvements": [], "no_current_involvement": True},
        {"status": "not_known", "involvements": [], "no_current_involvement": "yes"},
        {"status": "refused"},
        {"status": "no_reply"},
        {"status": "not_known"},
        {"involvements": []},
        {"involvements": [{"worker": "two\nlines"}]},
        {"involvements": [{"since": "03/02/2026"}]},
        {"involvements": [{"last_contact_month": "2026-08-30"}]},
        {"onward": "Anyone You Like"},
        {"as_of": None},
    ],
)
def test_a_reply_that_contradicts_itself_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedBody):
        parse_reply_body({**KNOWN, **change})


@given(body=objects("fields", "status", "involvements", "as_of", "keep_until", "onward", "note") | changed(KNOWN))
def test_any_body_gives_a_value_or_a_refusal(body: dict[str, Any]) -> None:
    for parse in (parse_query_body, parse_reply_body):
        try:
            parse(body)
        except TrustError:
            continue


ROWS = st.lists(st.dictionaries(st.sampled_from(sorted(FIELDS)), st.text("ab\u00e9", min_size=1)), max_size=3)


@given(rows=ROWS)
def test_the_size_of_a_reply_is_a_step(rows: list[dict[str, str]]) -> None:
    for status in (InvolvementStatus.KNOWN, InvolvementStatus.NOTHING_TO_SHARE):
        body = build_reply_body(status, terms=TERMS, involvements=rows)
        assert len(dumps(body)) % SIZE_STEP == 0
