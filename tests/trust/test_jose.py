"""A token opens only whole, of the expected type, signed by a trusted key; everything else is refused."""

import json
from typing import Any

import pytest

from tests.trust.jose_examples import CLAIMS, GOOD, KEYS, MINE, TYP, opened, with_header
from tests.trust.makers import b64, compact, header, key_set, signer
from trust import jose
from trust.errors import (
    BadSignature,
    ForbiddenAlgorithm,
    ForbiddenHeader,
    MalformedClaims,
    MalformedInput,
    MalformedJson,
    TrustError,
    UnknownKey,
    WrongType,
)
from trust.keys import Alg, KeyUse, LocalSigner

SIGNING = [Alg.ES256, Alg.ED25519, Alg.PS256]


@pytest.mark.parametrize("alg", SIGNING)
def test_what_was_signed_opens(alg: Alg) -> None:
    by = signer(KeyUse.MESSAGE, alg)
    token = opened(jose.sign(CLAIMS, typ=TYP, signer=by), keys=key_set(MINE, by) if by != MINE else KEYS)
    assert (token.claims, token.key, token.header) == (CLAIMS, by.public, header(by, TYP))


def test_a_token_made_by_hand_opens_too() -> None:
    assert opened(with_header()).claims == CLAIMS
    assert opened(with_header(cty="JWT")).claims == CLAIMS
    spaced = b' {"typ" : "' + TYP.encode() + b'","alg":"ES256", "kid":"' + MINE.kid.encode() + b'"}'
    assert opened(compact(spaced, CLAIMS, MINE)).claims == CLAIMS


@pytest.mark.holds("A16")
@pytest.mark.parametrize(
    "alg",
    [
        "none",
        "None",
        "NONE",
        "",
        "HS256",
        "HS384",
        "HS512",
        "RS256",
        "RS512",
        "PS384",
        "ES384",
        "ES512",
        "ES256K",
        "EdDSA",
    ],
)
def test_any_algorithm_outside_the_list_is_refused(alg: str) -> None:
    with pytest.raises(ForbiddenAlgorithm, match="must be ES256"):
        opened(with_header(alg=alg))


@pytest.mark.parametrize(
    "alg",
    ["Ed448", "es256", "ES256 ", "ECDH-ES", "dir", "A256GCM", None, 7, ["ES256"], {"a": 1}, True],
)
def test_what_is_no_signature_algorithm_is_refused(alg: object) -> None:
    with pytest.raises(ForbiddenAlgorithm):
        opened(with_header(alg=alg))


@pytest.mark.holds("A16")
def test_an_unsigned_token_is_refused() -> None:
    unsigned = b64(json.dumps(header(MINE, TYP, alg="none")).encode()) + b"." + b64(b"{}") + b"."
    with pytest.raises(ForbiddenAlgorithm, match="must be ES256"):
        opened(unsigned)
    with pytest.raises(BadSignature):
        opened(GOOD.rpartition(b".")[0] + b".")


@pytest.mark.holds("A16")
@pytest.mark.parametrize("alg", ["Ed25519", "PS256"])
def test_an_allowed_algorithm_that_is_not_the_keys_own_is_refused(alg: str) -> None:
    with pytest.raises(ForbiddenAlgorithm):
        opened(with_header(alg=alg))


@pytest.mark.holds("A17")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("jku", "https://evil.example/keys"),
        ("x5u", "https://evil.example/cert"),
        ("x5c", ["MIIB"]),
        ("jwk", signer(KeyUse.MESSAGE, Alg.ED25519).public.jwk),
        ("jwk", MINE.public.jwk),
        ("b64", True),
        ("b64", False),
    ],
)
def test_a_key_or_an_address_in_the_header_is_refused(name: str, value: object) -> None:
    with pytest.raises(ForbiddenHeader, match="parameters"):
        opened(with_header(**{name: value}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x5t", "AAAA"),
        ("x5t#S256", "AAAA"),
        ("trust_chain", ["a", 7]),
        ("zip", "DEF"),
        ("enc", "A256GCM"),
        ("url", "https://evil.example"),
        ("Jku", "https://evil.example/keys"),
        ("nonce", None),
        ("conformance", {"suite": [1, 2]}),
    ],
)
def test_a_parameter_that_is_not_known_is_ignored(name: str, value: object) -> None:
    token = compact(header(MINE, TYP) | {name: value}, CLAIMS, MINE)
    assert opened(token).claims == CLAIMS


def test_a_statement_carries_no_chain_in_its_header() -> None:
    typ = "entity-statement+jwt"
    chained = compact(header(MINE, typ) | {"trust_chain": ["a"]}, CLAIMS, MINE)
    assert opened(compact(header(MINE, typ), CLAIMS, MINE), typ=typ).claims == CLAIMS
    with pytest.raises(ForbiddenHeader, match="trust_chain"):
        opened(chained, typ=typ)


@pytest.mark.parametrize(
    ("alg", "sentence"),
    [("EdDSA", "Write 'Ed25519'"), ("RS256", "must be ES256 or Ed25519 or PS256"), ("PS256", "must be ES256, the")],
)
def test_a_wrong_algorithm_is_told_the_right_one(alg: str, sentence: str) -> None:
    with pytest.raises(ForbiddenAlgorithm, match=sentence):
        opened(with_header(alg=alg))


@pytest.mark.holds("A17")
def test_a_key_in_the_header_is_not_used_even_when_it_verifies() -> None:
    other = LocalSigner.generate(KeyUse.MESSAGE)
    with pytest.raises(ForbiddenHeader):
        opened(compact(header(other, TYP, jwk=dict(other.public.jwk)), CLAIMS, other))
    with pytest.raises(UnknownKey):
        opened(compact(header(other, TYP), CLAIMS, other))


@pytest.mark.holds("A25")
@pytest.mark.parametrize("crit", [["exp"], ["b64"], ["alg"], [], "exp", 7, {}, [7]])
def test_any_critical_extension_is_refused(crit: object) -> None:
    with pytest.raises(ForbiddenHeader, match="crit"):
        opened(with_header(crit=crit))


@pytest.mark.holds("A25")
@pytest.mark.parametrize("payload", [b'{"iss":"a","iss":"b"}', b'{"a":NaN}', b'{"a":1}{}', b'{"a":"\\ud800"}'])
def test_a_signed_payload_that_is_not_strict_json_is_refused(payload: bytes) -> None:
    with pytest.raises(MalformedJson):
        opened(with_header(payload))


@pytest.mark.holds("A25")
def test_a_header_that_names_a_parameter_twice_is_refused() -> None:
    twice = json.dumps(header(MINE, TYP))[:-1] + ',"alg":"ES256"}'
    with pytest.raises(MalformedJson):
        opened(compact(twice.encode(), CLAIMS, MINE))


@pytest.mark.holds("A20")
@pytest.mark.parametrize(
    "typ",
    [
        *(
            "exchange-reply+jwt",
            "exchange-receipt+jwt",
            "at+jwt",
            "dpop+jwt",
            "JWT",
            "entity-statement+jwt",
            None,
            "",
            7,
        ),
        *("Exchange-Message+JWT", "application/exchange-message+jwt", "exchange-message+jwt ", [TYP]),
    ],
)
def test_another_type_is_refused(typ: object) -> None:
    with pytest.raises(WrongType):
        opened(with_header(typ=typ))


@pytest.mark.parametrize("kid", [None, "", 7, ["a"], "x" * 129, "a\nb"])
def test_the_key_id_is_a_text(kid: object) -> None:
    with pytest.raises(MalformedClaims, match="kid"):
        opened(with_header(kid=kid))


def test_a_key_that_is_not_in_the_set_is_unknown() -> None:
    with pytest.raises(UnknownKey):
        opened(GOOD, keys=key_set(signer(KeyUse.MESSAGE, Alg.ED25519)))


@pytest.mark.parametrize("payload", [b"[]", b"null", b'"a"', b"1", b"", b"not json"])
def test_the_payload_is_an_object(payload: bytes) -> None:
    with pytest.raises(MalformedJson):
        opened(with_header(payload))


def test_a_token_says_nothing_until_it_is_verified_but_can_be_peeked_at() -> None:
    forged = compact(header(MINE, TYP), CLAIMS, LocalSigner.generate(KeyUse.MESSAGE))
    assert jose.peek(forged, typ=TYP, max_bytes=4096).claims == CLAIMS
    with pytest.raises(WrongType):
        jose.peek(forged, typ="at+jwt", max_bytes=4096)
    with pytest.raises(ForbiddenHeader):
        jose.peek(with_header(jku="https://evil.example"), typ=TYP, max_bytes=4096)


def test_a_missing_type_passes_only_where_the_rule_says_so() -> None:
    rule = jose.HeaderRule(typ=TYP, typ_optional=True)
    assert jose.open_by_rule(with_header(typ=None), rule=rule, keys=KEYS).claims == CLAIMS
    for typ in ("JWT", "", "at+jwt"):
        with pytest.raises(WrongType):
            jose.open_by_rule(with_header(typ=typ), rule=rule, keys=KEYS)


def test_a_proof_opens_with_the_key_in_its_header() -> None:
    by = signer(KeyUse.DPOP)
    raw = jose.sign_with_embedded_jwk({"jti": "1"}, typ="dpop+jwt", signer=by)
    token = jose.open_with_embedded_jwk(raw, typ="dpop+jwt", max_bytes=4096)
    assert (token.key.kid, token.key.use, token.claims) == (by.kid, KeyUse.DPOP, {"jti": "1"})
    assert set(token.header) == {"alg", "typ", "jwk"}
    assert set(token.header["jwk"]) == {"kty", "crv", "x", "y"}


def proof(**changed: Any) -> bytes:
    by = signer(KeyUse.DPOP)
    jwk = {name: by.public.jwk[name] for name in ("kty", "crv", "x", "y")}
    merged = {"alg": "ES256", "typ": "dpop+jwt", "jwk": jwk} | changed
    return compact({name: value for name, value in merged.items() if value is not None}, {"jti": "1"}, by)


def test_a_proof_may_say_more_than_is_used() -> None:
    labelled = dict(signer(KeyUse.DPOP).public.jwk) | {"kid": "my key", "ext": True}
    raw = proof(jwk=labelled, extra="suite", kid="my key")
    assert jose.open_with_embedded_jwk(raw, typ="dpop+jwt", max_bytes=4096).key.kid == signer(KeyUse.DPOP).kid


@pytest.mark.parametrize(
    "changed",
    [
        {"jwk": None},
        {"jwk": "x"},
        {"jwk": []},
        {"jwk": {}},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"jwk": dict(signer(KeyUse.DPOP).public.jwk) | {"d": "AAAA"}},
        {"jwk": dict(signer(KeyUse.DPOP, Alg.ED25519).public.jwk)},
        {"alg": "Ed25519"},
        {"alg": "none"},
        {"alg": "HS256"},
        {"typ": "JWT"},
        {"jku": "https://evil.example"},
        {"crit": ["jwk"]},
        {"kid": ""},
    ],
)
def test_a_proof_holds_one_public_key_and_nothing_to_fetch(changed: dict[str, object]) -> None:
    assert jose.open_with_embedded_jwk(proof(), typ="dpop+jwt", max_bytes=4096).claims
    with pytest.raises(TrustError):
        jose.open_with_embedded_jwk(proof(**changed), typ="dpop+jwt", max_bytes=4096)


def test_a_self_signed_document_opens_with_one_of_its_own_keys_only() -> None:
    by, other = signer(KeyUse.FEDERATION), signer(KeyUse.FEDERATION, Alg.ED25519)
    typ = "entity-statement+jwt"

    def self_opened(raw: bytes) -> jose.Opened:
        return jose.open_self_signed(raw, typ=typ, use=KeyUse.FEDERATION, max_bytes=4096)

    good = self_opened(jose.sign({"jwks": key_set(by, other).to_jwks()}, typ=typ, signer=by))
    assert good.key == by.public
    assert good.keys.kids == {by.kid, other.kid}
    with pytest.raises(UnknownKey):
        self_opened(jose.sign({"jwks": key_set(other).to_jwks()}, typ=typ, signer=by))
    with pytest.raises(BadSignature):
        self_opened(compact(header(by, typ), {"jwks": key_set(by).to_jwks()}, LocalSigner.generate(KeyUse.FEDERATION)))
    payloads: list[object] = [{}, {"jwks": 1}, {"jwks": {"keys": []}}, b"[]", b"{"]
    for payload in payloads:
        with pytest.raises(MalformedInput):
            self_opened(compact(header(by, typ), payload, by))
