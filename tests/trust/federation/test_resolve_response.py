"""A resolver's answer carries its proof, and is for its requester only."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.exchange.strategies import changed
from tests.trust.federation.members import (
    ABOUT,
    ANCHOR,
    ANCHOR_KEY,
    COUNCIL,
    COUNCIL_KEY,
    LIFE_S,
    OWN,
    TOP,
    council_metadata,
)
from tests.trust.makers import NOW, NOW_S, compact, header, key_set
from trust.errors import (
    Expired,
    LivesTooLong,
    MalformedClaims,
    TrustError,
    UnknownKey,
    WrongAudience,
    WrongType,
)
from trust.federation.resolve_response import TYP, ResolveResponse, build_resolve_response, parse_resolve_response
from trust.federation.trust_mark import StatedMark
from trust.keys import Signer

ANSWER = ResolveResponse(
    issuer=ANCHOR,
    subject=COUNCIL,
    issued_at=NOW,
    expires_at=NOW + timedelta(seconds=LIFE_S),
    metadata=council_metadata(),
    trust_chain=(OWN, ABOUT, TOP),
    trust_marks=(StatedMark(mark_type="https://anchor.example/marks/any", raw=b"a.b.c"),),
)
CLAIMS: dict[str, Any] = {
    "iss": ANCHOR,
    "sub": COUNCIL,
    "iat": NOW_S,
    "exp": NOW_S + LIFE_S,
    "metadata": council_metadata(),
    "trust_chain": [each.decode() for each in (OWN, ABOUT, TOP)],
    "trust_marks": [{"trust_mark_type": "https://anchor.example/marks/any", "trust_mark": "a.b.c"}],
}


def opened(body: dict[str, Any], by: Signer = ANCHOR_KEY, typ: str = TYP) -> ResolveResponse:
    raw = compact(header(by, typ), {name: value for name, value in body.items() if value is not None}, by)
    return parse_resolve_response(raw, issuer_keys=key_set(ANCHOR_KEY), now=NOW)


def test_what_is_built_is_read() -> None:
    raw = build_resolve_response(ANSWER, ANCHOR_KEY)
    assert parse_resolve_response(raw, issuer_keys=key_set(ANCHOR_KEY), now=NOW) == ANSWER == opened(CLAIMS)


def test_an_answer_need_not_tell_of_marks() -> None:
    assert opened(CLAIMS | {"trust_marks": None}).trust_marks == ()


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"iss": None}, MalformedClaims),
        ({"sub": None}, MalformedClaims),
        ({"metadata": None}, MalformedClaims),
        ({"trust_chain": None}, MalformedClaims),
        ({"trust_chain": []}, MalformedClaims),
        ({"trust_chain": [str(each) for each in range(8)]}, MalformedClaims),
        ({"trust_marks": [7]}, MalformedClaims),
        ({"exp": NOW_S + 120 * 3600 + 1}, LivesTooLong),
        ({"iat": NOW_S - 60, "exp": NOW_S}, Expired),
        ({"aud": COUNCIL}, WrongAudience),
    ],
)
def test_an_answer_of_another_form_is_refused(change: dict[str, Any], refusal: type[TrustError]) -> None:
    with pytest.raises(refusal):
        opened(CLAIMS | change)


def test_only_the_resolver_answers() -> None:
    with pytest.raises(UnknownKey):
        opened(CLAIMS, by=COUNCIL_KEY)
    with pytest.raises(WrongType):
        opened(CLAIMS, typ="entity-statement+jwt")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with suppress(TrustError):
        parse_resolve_response(raw, issuer_keys=key_set(ANCHOR_KEY), now=NOW)


@given(changed(CLAIMS))
def test_any_signed_claims_give_an_answer_or_a_refusal(body: dict[str, Any]) -> None:
    with suppress(TrustError):
        assert opened(body).trust_chain
