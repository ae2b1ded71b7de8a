"""A proof is for one method at one address with one token, now."""

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.makers import compact, signer
from tests.trust.oauth.token_examples import NOW, NOW_S
from trust import claims
from trust.errors import BadSignature, Expired, MalformedClaims, Mismatch, NotYetValid, TooOld, TrustError, WrongType
from trust.keys import Alg, KeyUse
from trust.oauth import dpop_proof
from trust.strict_json import JsonObject

MINE = signer(KeyUse.DPOP)
URL = "https://police.example/peer/messages"
TOKEN = b"header.payload.signature"
JWK = {name: MINE.public.jwk[name] for name in ("kty", "crv", "x", "y")}


def proof(**changed: object) -> bytes:
    """Make a good proof, changed; a claim set to None is left out."""
    body: JsonObject = {"jti": "p-1", "htm": "POST", "htu": URL, "iat": NOW_S, "ath": claims.digest(TOKEN)}
    merged = body | changed
    kept = {name: value for name, value in merged.items() if value is not None}
    return compact({"alg": "ES256", "typ": "dpop+jwt", "jwk": JWK}, kept, MINE)


def verify(raw: bytes, *, access_token: bytes | None = TOKEN) -> dpop_proof.DPoPProof:
    return dpop_proof.verify(raw, method="POST", url=URL, now=NOW, access_token=access_token)


@pytest.mark.parametrize("alg", [Alg.ES256, Alg.ED25519, Alg.PS256])
@pytest.mark.parametrize("access_token", [TOKEN, None])
def test_what_is_built_verifies(alg: Alg, access_token: bytes | None) -> None:
    by = signer(KeyUse.DPOP, alg)
    raw = dpop_proof.build(signer=by, method="POST", url=URL, now=NOW, jti="p-1", access_token=access_token)
    assert verify(raw, access_token=access_token) == dpop_proof.DPoPProof(jkt=by.kid, jti="p-1", iat=NOW)


@pytest.mark.parametrize(
    ("times", "refusal"),
    [
        ({"exp": NOW_S}, Expired),
        ({"exp": NOW_S - 3600}, Expired),
        ({"exp": "never"}, MalformedClaims),
        ({"nbf": NOW_S + 11}, NotYetValid),
        ({"nbf": True}, MalformedClaims),
    ],
)
def test_an_end_or_a_beginning_that_a_proof_states_is_kept(times: JsonObject, refusal: type[TrustError]) -> None:
    assert verify(proof(exp=NOW_S + 1, nbf=NOW_S + 10))
    with pytest.raises(refusal):
        verify(proof(**times))


@pytest.mark.holds("A24")
@pytest.mark.parametrize("htm", ["GET", "post", "POST ", "PUT"])
def test_a_proof_for_another_method_is_refused(htm: str) -> None:
    with pytest.raises(Mismatch, match="htm"):
        verify(proof(htm=htm))


@pytest.mark.holds("A24")
@pytest.mark.parametrize(
    "htu",
    [
        "https://police.example/peer/receipts",
        "https://police.example/peer/messages/",
        "https://police.example/peer/Messages",
        "https://police.example/peer/../peer/messages",
        "https://police.example",
        "https://police.example:8443/peer/messages",
        "https://police.example.evil.example/peer/messages",
        "https://council.example/peer/messages",
    ],
)
def test_a_proof_for_another_address_is_refused(htu: str) -> None:
    with pytest.raises(Mismatch, match="htu"):
        verify(proof(htu=htu))


@pytest.mark.holds("A24")
@pytest.mark.parametrize(
    "htu",
    [
        "http://police.example/peer/messages",
        "//police.example/peer/messages",
        "/peer/messages",
        "https://user@police.example/peer/messages",
        "https://police.example/peer/messages\n",
        "https://police.example /peer/messages",
        "https:///peer/messages",
        "",
        "x" * 3000,
        None,
        7,
        [URL],
    ],
)
def test_what_is_no_https_address_is_refused(htu: object) -> None:
    with pytest.raises(MalformedClaims):
        verify(proof(htu=htu))


@pytest.mark.parametrize(
    "htu",
    [
        URL,
        f"{URL}?a=b",
        f"{URL}#top",
        "HTTPS://Police.EXAMPLE/peer/messages",
        "https://police.example:443/peer/messages",
        "https://police.example/p%65er/messages",
    ],
)
def test_the_same_address_may_be_written_otherwise(htu: str) -> None:
    assert verify(proof(htu=htu)).jti == "p-1"


def test_addresses_have_one_normal_form() -> None:
    assert dpop_proof.normalise_url("HTTPS://A.example:443?x#y") == "https://a.example/"
    assert dpop_proof.normalise_url("https://a.example/%2f%7E%41%zz") == "https://a.example/%2F~A%zz"


@pytest.mark.holds("A24")
@pytest.mark.parametrize("ath", [claims.digest(b"another token"), claims.digest(TOKEN) + "=", "x"])
def test_a_proof_for_another_token_is_refused(ath: str) -> None:
    with pytest.raises(Mismatch, match="ath"):
        verify(proof(ath=ath))


@pytest.mark.holds("A24")
@pytest.mark.parametrize("ath", [None, "", 7])
def test_a_proof_without_its_token_is_refused_where_there_is_one(ath: object) -> None:
    with pytest.raises(MalformedClaims, match="ath"):
        verify(proof(ath=ath))
    assert verify(proof(ath=None), access_token=None).jti == "p-1"


@pytest.mark.parametrize(
    ("iat", "refusal"),
    [(NOW_S - 61, TooOld), (NOW_S + 11, NotYetValid), (None, MalformedClaims), (True, MalformedClaims)],
)
def test_a_proof_is_made_for_now(iat: object, refusal: type[TrustError]) -> None:
    with pytest.raises(refusal):
        verify(proof(iat=iat))


@pytest.mark.parametrize("iat", [NOW_S - 60, NOW_S + 10])
def test_clocks_may_differ_a_little(iat: int) -> None:
    assert verify(proof(iat=iat)).iat == NOW + timedelta(seconds=iat - NOW_S)


@pytest.mark.parametrize("jti", [None, "", "x" * 129, 7])
def test_a_proof_has_a_short_id(jti: object) -> None:
    with pytest.raises(MalformedClaims, match="jti"):
        verify(proof(jti=jti))


@pytest.mark.holds("A20")
@pytest.mark.parametrize("typ", ["JWT", "at+jwt", "client-authentication+jwt", "DPoP+jwt"])
def test_another_kind_of_token_is_no_proof(typ: str) -> None:
    body = {"jti": "p-1", "htm": "POST", "htu": URL, "iat": NOW_S, "ath": claims.digest(TOKEN)}
    with pytest.raises(WrongType):
        verify(compact({"alg": "ES256", "typ": typ, "jwk": JWK}, body, MINE))


def test_a_proof_under_a_key_that_did_not_sign_it_is_refused() -> None:
    other = signer(KeyUse.DPOP, number=1)
    body = {"jti": "p-1", "htm": "POST", "htu": URL, "iat": NOW_S, "ath": claims.digest(TOKEN)}
    with pytest.raises(BadSignature):
        verify(compact({"alg": "ES256", "typ": "dpop+jwt", "jwk": JWK}, body, other))


@given(st.text(max_size=60))
def test_any_address_is_normalised_or_refused(url: str) -> None:
    for each in (url, f"https://a.example/{url}", f"https://{url}"):
        with suppress(TrustError):
            once = dpop_proof.normalise_url(each)
            assert dpop_proof.normalise_url(once) == once


VALUES = st.none() | st.text(max_size=8) | st.integers() | st.lists(st.text(max_size=4), max_size=2)


@given(
    st.dictionaries(st.sampled_from(["jti", "htm", "htu", "iat", "ath"]), VALUES, max_size=3), st.binary(max_size=99)
)
def test_any_claims_and_any_bytes_are_verified_or_refused(changed: JsonObject, noise: bytes) -> None:
    for raw in (proof(**changed), noise):
        with suppress(TrustError):
            verify(raw)
