"""A body is a typed request, or every fault of it by its member's path and never by its value."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.benefits.case_api import EXAMPLE_ELIGIBILITY, EligibilityBody
from gateway.lookups.case_api import EXAMPLE_LOOKUP, LookupBody
from gateway.web import problem
from gateway.web.case_request import read
from gateway.web.problem import Problem

TODAY = date(2026, 3, 2)
CANARY = "Hartley-canary"


def faults_of(body: object, model: type[LookupBody] | type[EligibilityBody] = LookupBody) -> dict[str, str]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(Problem) as raised:
        read(model, raw, today=TODAY)
    return {fault.path: fault.problem for fault in raised.value.faults} or {"": raised.value.kind.code}


def changed(**changes: Any) -> dict[str, Any]:
    body = {**EXAMPLE_LOOKUP, **changes}
    return {name: value for name, value in body.items() if value != "absent"}


def test_the_examples_of_the_description_are_good() -> None:
    for model, example in ((LookupBody, EXAMPLE_LOOKUP), (EligibilityBody, EXAMPLE_ELIGIBILITY)):
        body, described = read(model, json.dumps(example).encode(), today=TODAY)
        assert body.purpose == "early-help"
        assert described.subject.family_name == "Reed"


def test_all_faults_are_named_at_once() -> None:
    body = changed(
        purpose="Early Help",
        reason="absent",
        case_ref="line\none",
        wait_s=31,
        colour="red",
        practitioner={"id": "u", "role": "key-worker", "org_unit": 7, "badge": "x"},
        subject={"nhs_number": "9691292212", "birth_date": "2004-02-30", "nickname": "x", "address": {"town": "x"}},
    )
    assert set(faults_of(body)) == {
        "purpose",
        "reason",
        "case_ref",
        "wait_s",
        "colour",
        "practitioner.org_unit",
        "practitioner.badge",
        "subject.nhs_number",
        "subject.birth_date",
        "subject.nickname",
        "subject.address",
        "subject.address.town",
    }


@pytest.mark.parametrize(
    ("changes", "member", "sentence"),
    [
        ({"subject": "absent"}, "subject", "is missing"),
        ({"subject": []}, "subject", "must be an object"),
        ({"practitioner": {"id": "u", "second_factor": "yes"}}, "practitioner.second_factor", "must be true or false"),
        ({"practitioner": "me"}, "practitioner", "must be an object"),
        ({"reason": ""}, "reason", "must have at least 1 character"),
        ({"reason": "   "}, "reason", "must be one line of printable characters"),
        ({"reason": "r" * 501}, "reason", "may have 500 characters"),
        ({"case_ref": 5}, "case_ref", "must be text"),
        ({"wait_s": "5"}, "wait_s", "must be a number"),
        ({"wait_s": -1}, "wait_s", "must be a number of seconds from 0 to 30"),
        ({"from_service": "Money Advice"}, "from_service", "must be a service's short name"),
        ({"subject": {"birth_date": "2027-01-01"}}, "subject.birth_date", "lies in the future"),
        ({"practitioner": {"call_back": "ring me"}}, "practitioner.call_back", "must be a telephone number"),
        ({"consent": {"evidence": "Mum said so"}}, "consent.evidence", "must be a reference"),
    ],
)
def test_each_fault_has_a_plain_sentence(changes: dict[str, Any], member: str, sentence: str) -> None:
    assert faults_of(changed(**changes))[member].startswith(sentence)


@pytest.mark.holds("A51")
@pytest.mark.parametrize("text", ["a\r\nSet-Cookie: x", "\x1b[31mred", "a\u2028b", "a\u202eb", "a\x00b", "a\x9bb"])
def test_control_characters_and_escapes_are_refused(text: str) -> None:
    practitioner = {"id": text, "role": "key-worker", "org_unit": "north-team"}
    found = faults_of(changed(reason=text, case_ref=text, practitioner=practitioner, subject={"family_name": text}))
    assert set(found) == {"reason", "case_ref", "practitioner.id", "subject.family_name"}


@pytest.mark.holds("A25", "A27")
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b'{"purpose":"a","purpose":"b"}',
        b'{"wait_s":NaN}',
        b'{"wait_s":Infinity}',
        b'{"a":' * 100_000,
        b'{"a":"\xff"}',
        b"\xef\xbb\xbf{}",
        b'{"a":"' + b"x" * 40_000 + b'"}',
    ],
    ids=lambda raw: repr(raw[:20]),
)
def test_what_is_not_one_strict_json_object_is_refused(raw: bytes) -> None:
    assert faults_of(raw) == {"": "not-json"}


@pytest.mark.holds("A50")
def test_no_value_and_no_odd_name_is_repeated() -> None:
    body = changed(
        purpose=f"{CANARY} x",
        reason=[CANARY],
        wait_s=CANARY,
        from_service=f"{CANARY} x",
        practitioner={"id": {"x": CANARY}, "role": f"{CANARY} x", "org_unit": CANARY * 50, "call_back": CANARY},
        subject={"nhs_number": CANARY, "family_name": [CANARY], "birth_date": CANARY, f"{CANARY} who": 1},
    )
    body[f"{CANARY} is the name"] = 1
    with pytest.raises(Problem) as raised:
        read(LookupBody, json.dumps(body).encode(), today=TODAY)
    assert len(raised.value.faults) > 8
    assert CANARY not in problem.to_bytes(raised.value, request_id="0123456789abcdef").decode()


def test_a_benefit_question_is_one_of_three() -> None:
    body = {**EXAMPLE_ELIGIBILITY, "question": "how_much", "as_of": "soon"}
    found = faults_of(body, EligibilityBody)
    assert found["question"] == "must be one of: in_payment, entitled, known_to_service"
    assert found["as_of"] == "must be a date written YYYY-MM-DD"


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*EXAMPLE_LOOKUP, "from_service", "x"]), _json))
def test_any_json_is_read_or_refused(changes: dict[str, Any]) -> None:
    said = None
    try:
        read(LookupBody, json.dumps({**EXAMPLE_LOOKUP, **changes}).encode(), today=TODAY)
    except Problem as refused:
        said = refused.kind
    assert said in {None, problem.INVALID_FIELDS, problem.NOT_JSON}
