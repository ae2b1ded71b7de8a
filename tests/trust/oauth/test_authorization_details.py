"""A token is for one agreement down to its bytes, one purpose and some kinds, and covers nothing else."""

from contextlib import suppress
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.oauth.token_examples import DETAIL
from trust.errors import MalformedClaims, TrustError
from trust.identifiers import AgreementId, KindName, PurposeCode
from trust.oauth.authorization_details import covers, parse, to_json
from trust.strict_json import JsonObject

QUERY = KindName("involvement.query")
GOOD: JsonObject = to_json([DETAIL])[0]


@dataclass(frozen=True)
class Agreement:
    id: AgreementId = DETAIL.agreement_id
    version: int = DETAIL.agreement_version
    digest: str = DETAIL.agreement_digest


@dataclass(frozen=True)
class Message:
    agreement: Agreement = Agreement()
    purpose: PurposeCode = DETAIL.purpose
    kind: KindName = QUERY


def test_what_is_written_is_read_back() -> None:
    assert parse(to_json([DETAIL])) == (DETAIL,)
    assert GOOD["kinds"] == ["eligibility.query", "involvement.query"]


@pytest.mark.parametrize(
    "changed",
    [
        {"type": "payment_initiation"},
        {"type": None},
        {"type": ["information_exchange"]},
        {"locations": ["https://police.example"]},
        {"agreement": "eight-key-workers"},
        {"agreement": GOOD["agreement"] | {"id": "Eight Key Workers"}},
        {"agreement": GOOD["agreement"] | {"version": 0}},
        {"agreement": GOOD["agreement"] | {"version": "3"}},
        {"agreement": GOOD["agreement"] | {"version": True}},
        {"agreement": GOOD["agreement"] | {"digest": "x" * 42}},
        {"agreement": GOOD["agreement"] | {"digest": "é" * 43}},
        {"agreement": GOOD["agreement"] | {"clause": "c1"}},
        {"purpose": ""},
        {"purpose": ["early-help"]},
        {"kinds": []},
        {"kinds": "involvement.query"},
        {"kinds": ["involvement.query", "involvement.query"]},
        {"kinds": ["*"]},
        {"kinds": [f"k{number}" for number in range(33)]},
    ],
)
def test_a_detail_of_another_type_or_with_a_wrong_or_unknown_member_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(MalformedClaims):
        parse([GOOD | changed])


@pytest.mark.parametrize("details", [None, {}, [], "x", [GOOD] * 17, [[GOOD]], ["x"], [None]])
def test_details_are_a_short_list_of_objects(details: object) -> None:
    with pytest.raises(MalformedClaims):
        parse(details)


def test_a_message_within_the_detail_is_covered() -> None:
    assert covers(DETAIL, Message())


@pytest.mark.parametrize(
    "message",
    [
        Message(agreement=replace(Agreement(), id=AgreementId("other"))),
        Message(agreement=replace(Agreement(), version=2)),
        Message(agreement=replace(Agreement(), digest="x" * 43)),
        Message(purpose=PurposeCode("early-help.extra")),
        Message(kind=KindName("record.query")),
    ],
)
def test_a_message_that_differs_in_anything_is_not(message: Message) -> None:
    assert not covers(DETAIL, message)


@given(
    st.recursive(
        st.none() | st.text(max_size=5), lambda x: st.lists(x) | st.dictionaries(st.sampled_from(list(GOOD)), x)
    )
)
def test_any_value_is_read_or_refused(details: object) -> None:
    for each in (details, [details], [GOOD | {"agreement": details}]):
        with suppress(TrustError):
            parse(each)
