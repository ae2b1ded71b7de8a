"""A token is good for one resource, from one server, for a few minutes, and says what it is bound to."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.makers import compact, header, key_set, signer
from tests.trust.oauth.token_examples import CLIENT, DETAIL, ISSUER, KEYS, NOW, NOW_S, OAUTH
from trust.errors import (
    Expired,
    KeyPurposeMismatch,
    LivesTooLong,
    MalformedClaims,
    TrustError,
    UnknownKey,
    WrongAudience,
    WrongIssuer,
    WrongType,
)
from trust.keys import KeyUse
from trust.oauth import access_token, authorization_details
from trust.oauth.access_token import AccessToken, AccessTokenClaims
from trust.strict_json import JsonObject

RESOURCE = "https://police.example/peer"
JKT = signer(KeyUse.DPOP).kid
TOKEN = AccessTokenClaims(
    iss=ISSUER,
    sub=CLIENT,
    client_id=CLIENT,
    aud=RESOURCE,
    jti="t-1",
    iat=NOW,
    exp=NOW + timedelta(seconds=300),
    jkt=JKT,
    details=(DETAIL,),
)
BODY: JsonObject = {
    "iss": ISSUER,
    "sub": CLIENT,
    "client_id": CLIENT,
    "aud": RESOURCE,
    "jti": "t-1",
    "iat": NOW_S,
    "exp": NOW_S + 300,
    "cnf": {"jkt": JKT},
    "authorization_details": authorization_details.to_json([DETAIL]),
}


def token(**changed: object) -> bytes:
    """Make a good token, changed; a claim set to None is left out."""
    merged = BODY | changed
    return compact(header(OAUTH, "at+jwt"), {name: value for name, value in merged.items() if value is not None}, OAUTH)


def verify(raw: bytes, *, max_life: timedelta = access_token.PEER_MAX_LIFE) -> AccessToken:
    return access_token.verify(raw, issuer=ISSUER, audience=RESOURCE, keys=KEYS, now=NOW, max_life=max_life)


def test_what_is_built_verifies() -> None:
    assert verify(access_token.build(TOKEN, OAUTH)) == TOKEN
    assert verify(token()) == TOKEN


def test_a_bearer_token_of_the_case_face_says_that_it_is_bound_to_nothing() -> None:
    bearer = replace(TOKEN, jkt=None, details=(), scope="lookups", exp=NOW + timedelta(seconds=600))
    verified = verify(access_token.build(bearer, OAUTH), max_life=access_token.CASE_MAX_LIFE)
    assert verified == bearer
    assert verified.jkt is None


@pytest.mark.holds("A18")
@pytest.mark.parametrize(
    "aud",
    ["https://police.example", f"{RESOURCE}/", RESOURCE[:-1], [RESOURCE], [RESOURCE, "x"], None, "", {"a": 1}, CLIENT],
)
def test_a_token_for_another_resource_or_several_is_refused(aud: object) -> None:
    with pytest.raises(WrongAudience):
        verify(token(aud=aud))


@pytest.mark.holds("A18")
@pytest.mark.parametrize("iss", [f"{ISSUER}/", ISSUER[:-1], f"{ISSUER}.evil.example", [ISSUER], None, "", CLIENT])
def test_a_token_of_another_server_is_refused(iss: object) -> None:
    with pytest.raises(WrongIssuer):
        verify(token(iss=iss))


@pytest.mark.holds("A20")
@pytest.mark.parametrize("typ", ["JWT", "jwt", "AT+JWT", "application/at+jwt", "dpop+jwt", "exchange-receipt+jwt", ""])
def test_another_kind_of_token_is_no_access_token(typ: str) -> None:
    with pytest.raises(WrongType):
        verify(compact(header(OAUTH, typ), BODY, OAUTH))


@pytest.mark.holds("A20")
def test_a_token_without_a_type_is_no_access_token() -> None:
    with pytest.raises(WrongType):
        verify(compact({"alg": "ES256", "kid": OAUTH.kid}, BODY, OAUTH))


@pytest.mark.holds("A21")
@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"exp": None}, MalformedClaims),
        ({"iat": None}, MalformedClaims),
        ({"exp": True}, MalformedClaims),
        ({"exp": NOW_S + 301}, LivesTooLong),
        ({"exp": NOW_S + 864_000}, LivesTooLong),
        ({"iat": NOW_S - 300, "exp": NOW_S}, Expired),
    ],
)
def test_a_peers_token_lives_for_five_minutes(changed: dict[str, object], refusal: type[TrustError]) -> None:
    with pytest.raises(refusal):
        verify(token(**changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"sub": None},
        {"client_id": None},
        {"client_id": ["a"]},
        {"jti": None},
        {"jti": "x" * 129},
        {"scope": 7},
        {"cnf": {}},
        {"cnf": "x"},
        {"cnf": []},
        {"cnf": {"jkt": "short"}},
        {"cnf": {"jkt": None}},
        {"authorization_details": []},
        {"authorization_details": {}},
        {"authorization_details": [{"type": "payment"}]},
    ],
)
def test_a_token_says_all_that_it_must_and_rightly(changed: dict[str, object]) -> None:
    with pytest.raises(MalformedClaims):
        verify(token(**changed))


def test_a_null_binding_is_not_the_same_as_none() -> None:
    raw = compact(header(OAUTH, "at+jwt"), BODY | {"cnf": None}, OAUTH)
    with pytest.raises(MalformedClaims):
        verify(raw)


def test_a_token_signed_with_another_key_is_refused() -> None:
    other = signer(KeyUse.OAUTH, number=1)
    with pytest.raises(UnknownKey):
        verify(compact(header(other, "at+jwt"), BODY, other))


def test_a_message_key_verifies_no_token() -> None:
    keys = key_set(signer(KeyUse.MESSAGE))
    with pytest.raises(KeyPurposeMismatch):
        access_token.verify(
            token(), issuer=ISSUER, audience=RESOURCE, keys=keys, now=NOW, max_life=access_token.PEER_MAX_LIFE
        )


VALUES = st.none() | st.text(max_size=8) | st.integers() | st.lists(st.text(max_size=4), max_size=2)


@given(st.dictionaries(st.sampled_from(list(BODY)), VALUES, max_size=3))
def test_any_claims_are_verified_or_refused(changed: JsonObject) -> None:
    with suppress(TrustError):
        verify(compact(header(OAUTH, "at+jwt"), BODY | changed, OAUTH))
