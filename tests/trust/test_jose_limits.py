"""Any bytes use little memory, and only a refusal comes out."""

import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trust.jose_examples import CLAIMS, GOOD, KEYS, MINE, TYP, opened, with_header
from tests.trust.makers import b64, compact, header
from trust import jose
from trust.errors import (
    MalformedClaims,
    MalformedInput,
    TooLarge,
    TrustError,
)
from trust.keys import KeySet, KeyUse


@pytest.mark.holds("A27")
def test_a_token_over_its_cap_is_refused_unread() -> None:
    with pytest.raises(TooLarge):
        jose.open_signed(GOOD, typ=TYP, keys=KEYS, max_bytes=len(GOOD) - 1)
    assert jose.open_signed(GOOD, typ=TYP, keys=KEYS, max_bytes=len(GOOD)).claims == CLAIMS


@pytest.mark.holds("A27")
@pytest.mark.parametrize(
    "raw",
    [
        b64(b'{"alg":"ES256","kid":"' + b"k" * 40_000 + b'"}') + b".e30.AAAA",
        b64(b'{"a":' * 8_000) + b".e30.AAAA",
        b64(b"[" * 40_000) + b".e30.AAAA",
        b"e30.e30." + b"A" * 60_000,
        b"." * 60_000,
        b".".join(
            [
                b64(b'{"alg":"ECDH-ES","enc":"A256GCM","zip":"DEF"}'),
                b"",
                b"AAAA",
                b64(zlib.compress(bytes(10**7))),
                b"A",
            ]
        ),
        b"A" * 50_000_000,
    ],
)
def test_giant_headers_deep_nesting_and_zip_bombs_are_refused_with_memory_flat(raw: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(TrustError):
        opened(raw)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.holds("A27")
def test_a_signed_payload_nested_too_deep_is_refused() -> None:
    with pytest.raises(TooLarge):
        opened(with_header(b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}"))


def test_a_chain_raises_the_caps_for_itself_alone() -> None:
    rule = jose.HeaderRule(typ=TYP, trust_chain=True)
    chain = ["A" * 20_000, "B" * 20_000, "C" * 20_000]
    raw = with_header(trust_chain=chain)
    assert jose.open_by_rule(raw, rule=rule, keys=KEYS, max_bytes=8192).header["trust_chain"] == chain
    assert jose.peek_by_rule(raw, rule=rule, max_bytes=8192).header["trust_chain"] == chain
    with pytest.raises(TooLarge):
        jose.open_by_rule(with_header(cty="A" * 20_000), rule=rule, keys=KEYS)
    with pytest.raises(TooLarge):
        jose.open_by_rule(with_header({"a": "A" * 20_000}), rule=rule, keys=KEYS, max_bytes=8192)
    with pytest.raises(TooLarge):
        opened(raw)
    with pytest.raises(TooLarge, match="header, payload or signature"):
        jose.open_by_rule(with_header(trust_chain=["A" * 100_000]), rule=rule, keys=KEYS)


@pytest.mark.parametrize("chain", [[], "A", [7], ["A", "A"], [f"A{number}" for number in range(8)], None, {}])
def test_a_chain_is_one_to_seven_statements(chain: object) -> None:
    raw = compact(header(MINE, TYP, trust_chain=chain), CLAIMS, MINE)
    with pytest.raises(MalformedClaims, match="trust_chain"):
        jose.open_by_rule(raw, rule=jose.HeaderRule(typ=TYP, trust_chain=True), keys=KEYS)


@pytest.mark.holds("A27")
def test_a_giant_signature_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(TooLarge):
        opened(GOOD.rpartition(b".")[0] + b"." + b"A" * 1367)


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b".", b"..", b"...", b"a.b", GOOD + b".", GOOD.rpartition(b".")[0], b"." + GOOD, GOOD + b"." + GOOD),
        *(b"{}", b'{"payload":"","signatures":[]}', b"a.b.c.d.e"),
    ],
)
def test_only_three_segments_are_a_token(raw: bytes) -> None:
    with pytest.raises(MalformedInput):
        opened(raw)


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PARAMETERS = st.sampled_from(["alg", "kid", "typ", "cty", "crit", "jwk", "trust_chain", "x"])
OPENERS: list[Callable[[bytes], object]] = [
    lambda raw: jose.open_signed(raw, typ=TYP, keys=KEYS),
    lambda raw: jose.open_with_embedded_jwk(raw, typ=TYP, max_bytes=4096),
    lambda raw: jose.open_self_signed(raw, typ=TYP, use=KeyUse.MESSAGE, max_bytes=4096),
    lambda raw: jose.peek(raw, typ=TYP, max_bytes=4096),
    lambda raw: jose.peek_by_rule(raw, rule=jose.HeaderRule(typ=TYP, trust_chain=True, typ_optional=True)),
]


@settings(max_examples=150)
@given(st.binary(max_size=300) | st.lists(st.binary(max_size=40).map(b64), max_size=5).map(b".".join))
def test_any_bytes_are_opened_or_refused(raw: bytes) -> None:
    for opener in OPENERS:
        with suppress(TrustError):
            opener(raw)


@settings(max_examples=150)
@given(st.dictionaries(PARAMETERS, JSON_LIKE, max_size=3), JSON_LIKE)
def test_any_header_over_any_payload_is_opened_or_refused(changed: dict[str, object], payload: object) -> None:
    raw = compact(header(MINE, TYP) | changed, payload, MINE)
    for opener in OPENERS:
        with suppress(TrustError):
            opener(raw)


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from(["kty", "crv", "x", "y", "n", "e", "kid", "alg", "use", "key_ops"]), JSON_LIKE))
def test_any_key_is_read_or_refused(changed: dict[str, object]) -> None:
    raw = compact({"alg": "ES256", "typ": TYP, "jwk": MINE.public.jwk | changed}, {}, MINE)
    with suppress(TrustError):
        jose.open_with_embedded_jwk(raw, typ=TYP, max_bytes=65536)
    with suppress(TrustError):
        KeySet.from_jwks({"keys": [MINE.public.jwk | changed]}, KeyUse.MESSAGE)
