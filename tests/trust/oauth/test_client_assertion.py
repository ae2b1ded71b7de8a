"""A client is who it says only to the one server that it addressed, for a minute."""

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.makers import compact, header, key_set, signer
from tests.trust.oauth.token_examples import CLIENT, ISSUER, KEYS, NOW, NOW_S, OAUTH
from trust import jose
from trust.errors import (
    Expired,
    KeyPurposeMismatch,
    LivesTooLong,
    MalformedClaims,
    TrustError,
    WrongAudience,
    WrongIssuer,
    WrongType,
)
from trust.keys import KeyUse
from trust.oauth import client_assertion
from trust.strict_json import JsonObject

TYP = client_assertion.TYP


def assertion(**changed: object) -> bytes:
    """Make a good assertion, changed; a claim set to None is left out."""
    body: JsonObject = {"iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "jti": "j-1", "iat": NOW_S, "exp": NOW_S + 60}
    merged = body | changed
    return compact(header(OAUTH, TYP), {name: value for name, value in merged.items() if value is not None}, OAUTH)


def verify(raw: bytes, *, typ_optional: bool = False) -> client_assertion.ClientAssertion:
    return client_assertion.verify(raw, client_id=CLIENT, issuer=ISSUER, keys=KEYS, now=NOW, typ_optional=typ_optional)


def test_what_is_built_verifies() -> None:
    raw = client_assertion.build(client_id=CLIENT, issuer=ISSUER, signer=OAUTH, now=NOW, jti="j-1")
    expected = client_assertion.ClientAssertion(client_id=CLIENT, jti="j-1", iat=NOW, exp=NOW + timedelta(seconds=60))
    assert verify(raw) == expected
    assert client_assertion.peek_client_id(raw) == CLIENT


@pytest.mark.holds("A18", "A19")
@pytest.mark.parametrize(
    "aud",
    [
        f"{ISSUER}/token",
        f"{ISSUER}/",
        [ISSUER],
        [ISSUER, "https://other.example"],
        [],
        f"{ISSUER}.evil.example",
        ISSUER[:-1],
        "https://POLICE.example",
        "https://other.example",
        "",
        None,
        {"a": ISSUER},
        7,
    ],
)
def test_an_assertion_for_anything_but_the_issuers_one_string_is_refused(aud: object) -> None:
    with pytest.raises(WrongAudience):
        verify(assertion(aud=aud))


@pytest.mark.holds("A18")
@pytest.mark.parametrize("name", ["iss", "sub"])
@pytest.mark.parametrize("value", ["https://other.example", [CLIENT], f"{CLIENT}.evil.example", CLIENT[:-1], None, ""])
def test_an_assertion_by_or_about_another_client_is_refused(name: str, value: object) -> None:
    with pytest.raises(WrongIssuer):
        verify(assertion(**{name: value}))


@pytest.mark.holds("A21")
@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"exp": None}, MalformedClaims),
        ({"iat": None}, MalformedClaims),
        ({"exp": NOW_S + 61}, LivesTooLong),
        ({"exp": NOW_S + 315_576_000}, LivesTooLong),
        ({"iat": NOW_S - 61, "exp": NOW_S - 1}, Expired),
    ],
)
def test_an_assertion_lives_for_a_minute(changed: dict[str, object], refusal: type[TrustError]) -> None:
    with pytest.raises(refusal):
        verify(assertion(**changed))


@pytest.mark.parametrize("jti", [None, "", "x" * 129, 7, "a\nb"])
def test_an_assertion_has_a_short_id(jti: object) -> None:
    with pytest.raises(MalformedClaims, match="jti"):
        verify(assertion(jti=jti))


@pytest.mark.holds("A20")
@pytest.mark.parametrize("typ", ["JWT", "at+jwt", "dpop+jwt", "entity-statement+jwt", "Client-Authentication+jwt", ""])
@pytest.mark.parametrize("typ_optional", [True, False])
def test_another_kind_of_token_is_no_assertion(typ: str, typ_optional: bool) -> None:
    body = {"iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "jti": "j-1", "iat": NOW_S, "exp": NOW_S + 60}
    with pytest.raises(WrongType):
        verify(compact(header(OAUTH, typ), body, OAUTH), typ_optional=typ_optional)


def test_only_a_local_client_may_leave_the_type_out() -> None:
    body = {"iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "jti": "j-1", "iat": NOW_S, "exp": NOW_S + 60}
    raw = compact({"alg": "ES256", "kid": OAUTH.kid}, body, OAUTH)
    assert verify(raw, typ_optional=True).jti == "j-1"
    assert client_assertion.peek_client_id(raw, typ_optional=True) == CLIENT
    with pytest.raises(WrongType):
        verify(raw)


def test_an_assertion_may_carry_a_chain_of_more_than_its_own_cap() -> None:
    body = {"iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "jti": "j-1", "iat": NOW_S, "exp": NOW_S + 60}
    raw = jose.sign(body, typ=TYP, signer=OAUTH, headers={"trust_chain": ["A" * 40_000, "B" * 20_000]})
    assert verify(raw).jti == "j-1"
    with pytest.raises(TrustError):
        verify(raw, typ_optional=True)


def test_a_message_key_signs_no_assertion() -> None:
    with pytest.raises(KeyPurposeMismatch):
        client_assertion.verify(
            assertion(), client_id=CLIENT, issuer=ISSUER, keys=key_set(signer(KeyUse.MESSAGE)), now=NOW
        )


@given(
    st.dictionaries(
        st.sampled_from(["iss", "sub", "aud", "jti", "iat", "exp", "nbf"]), st.none() | st.text() | st.integers()
    )
)
def test_any_claims_are_verified_or_refused(body: JsonObject) -> None:
    raw = compact(header(OAUTH, TYP), body, OAUTH)
    with suppress(TrustError):
        verify(raw)
    with suppress(TrustError):
        client_assertion.peek_client_id(raw)
