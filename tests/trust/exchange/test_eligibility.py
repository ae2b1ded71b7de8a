"""A benefit question has three answers, and the reply has no room for anything else."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given

from tests.trust.exchange.strategies import changed, objects
from trust.errors import TrustError
from trust.exchange.eligibility import (
    Answer,
    EligibilityAnswer,
    EligibilityQuery,
    Question,
    build_reply_body,
    parse_query_body,
    parse_reply_body,
)
from trust.exchange.errors import MalformedBody

QUERY = EligibilityQuery(question=Question.IN_PAYMENT, as_of=date(2026, 9, 1), benefit="universal-credit")
ANSWER = EligibilityAnswer(answer=Answer.YES, as_of=date(2026, 8, 31))


def test_question_and_answer_are_read_back_as_they_were_written() -> None:
    assert parse_query_body(QUERY.to_body()) == QUERY
    assert parse_reply_body(build_reply_body(ANSWER)) == ANSWER


@pytest.mark.parametrize("answer", Answer)
def test_the_reply_is_an_answer_and_a_date_and_nothing_else(answer: Answer) -> None:
    assert set(build_reply_body(EligibilityAnswer(answer=answer, as_of=date(2026, 9, 1)))) == {"answer", "as_of"}


def test_what_a_registry_adds_is_dropped() -> None:
    assert parse_reply_body({**build_reply_body(ANSWER), "amount": "393.45"}) == ANSWER


def test_all_faults_of_a_question_are_named() -> None:
    with pytest.raises(MalformedBody) as refused:
        parse_query_body({"question": "how_much", "benefit": "Universal Credit"})
    assert [fault.path for fault in refused.value.faults] == ["body.question", "body.as_of", "body.benefit"]


@given(body=objects("question", "benefit", "as_of", "answer") | changed(QUERY.to_body()))
def test_any_body_gives_a_value_or_a_refusal(body: dict[str, Any]) -> None:
    for parse in (parse_query_body, parse_reply_body):
        try:
            parse(body)
        except TrustError:
            continue
