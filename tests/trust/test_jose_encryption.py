"""A message at rest with a third party opens for its recipient alone, and nothing odd is decrypted."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trust.jose_examples import CLAIMS, GOOD, MINE, opened
from tests.trust.makers import b64, signer
from trust import base64url, jose, jwk
from trust.decrypter import LocalDecrypter
from trust.errors import (
    ForbiddenAlgorithm,
    ForbiddenHeader,
    KeyPurposeMismatch,
    MalformedClaims,
    MalformedToken,
    TooLarge,
    TrustError,
    Undecryptable,
    UnknownKey,
    WrongType,
)
from trust.keys import KeyUse

OURS, OTHER = LocalDecrypter.generate(), LocalDecrypter.generate()
NESTED = jose.encrypt(GOOD, recipient=OURS.public)
HEADER: dict[str, Any] = json.loads(base64url.decode(NESTED.split(b".")[0], "header"))


def with_header(**changed: object) -> bytes:
    """Return a nested token under another header; a parameter set to None is left out."""
    merged = {name: value for name, value in (HEADER | changed).items() if value is not None}
    return b".".join([b64(json.dumps(merged).encode()), *NESTED.split(b".")[1:]])


def with_segment(position: int, content: bytes) -> bytes:
    segments = NESTED.split(b".")
    segments[position] = b64(content)
    return b".".join(segments)


def by_hand(plaintext: bytes, header: dict[str, Any], ephemeral: ec.EllipticCurvePrivateKey) -> bytes:
    """Encrypt by RFC 7518 section 4.6 and nothing of ours or of the library's."""
    encoded = b64(json.dumps({**header, "epk": jwk.write(ephemeral.public_key())}).encode())
    shared = ephemeral.exchange(ec.ECDH(), OURS.private.public_key())
    named = len(header["enc"]).to_bytes(4, "big") + header["enc"].encode()
    key = ConcatKDFHash(SHA256(), 32, named + bytes(8) + (256).to_bytes(4, "big")).derive(shared)
    sealed = AESGCM(key).encrypt(bytes(12), plaintext, encoded)
    return b".".join([encoded, b"", b64(bytes(12)), b64(sealed[:-16]), b64(sealed[-16:])])


def test_what_was_encrypted_comes_out_and_is_then_opened_as_ever() -> None:
    inside = jose.decrypt(NESTED, key=OURS)
    assert inside == GOOD
    assert opened(inside).claims == CLAIMS
    assert GOOD not in NESTED
    assert jose.encrypt(GOOD, recipient=OURS.public) != NESTED


def test_another_implementation_is_understood() -> None:
    header = {"alg": "ECDH-ES", "enc": "A256GCM", "kid": OURS.kid, "cty": "JWT"}
    assert jose.decrypt(by_hand(GOOD, header, ec.generate_private_key(ec.SECP256R1())), key=OURS) == GOOD


def test_a_token_of_the_largest_size_still_fits() -> None:
    assert jose.decrypt(jose.encrypt(b"a" * jose.MAX_BYTES, recipient=OURS.public), key=OURS) == b"a" * jose.MAX_BYTES


def test_only_the_recipient_reads_it() -> None:
    with pytest.raises(UnknownKey):
        jose.decrypt(NESTED, key=OTHER)
    with pytest.raises(Undecryptable):
        jose.decrypt(with_header(kid=OTHER.kid), key=OTHER)


def test_a_key_for_something_else_encrypts_nothing() -> None:
    with pytest.raises(KeyPurposeMismatch):
        jose.encrypt(GOOD, recipient=MINE.public)


@pytest.mark.holds("A27")
def test_a_compressed_token_is_refused_before_anything_is_inflated() -> None:
    with pytest.raises(ForbiddenHeader):
        jose.decrypt(with_header(zip="DEF"), key=OURS)


@pytest.mark.holds("A27")
def test_a_token_over_its_cap_is_refused_unread() -> None:
    with pytest.raises(TooLarge):
        jose.decrypt(NESTED, key=OURS, max_bytes=len(NESTED) - 1)
    with pytest.raises(TooLarge):
        jose.decrypt(b64(b" " * 5_000) + b"....", key=OURS)


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"alg": "ECDH-ES+A128KW"}, ForbiddenAlgorithm),
        ({"alg": "RSA1_5"}, ForbiddenAlgorithm),
        ({"alg": "dir"}, ForbiddenAlgorithm),
        ({"alg": "PBES2-HS256+A128KW"}, ForbiddenAlgorithm),
        ({"enc": "A128GCM"}, ForbiddenAlgorithm),
        ({"enc": "A128CBC-HS256"}, ForbiddenAlgorithm),
        ({"cty": None}, ForbiddenHeader),
        ({"cty": "json"}, WrongType),
        ({"apu": "QWxpY2U"}, ForbiddenHeader),
        ({"crit": ["exp"]}, ForbiddenHeader),
        ({"p2c": 10**9}, ForbiddenHeader),
        ({"jku": "https://attacker.example/keys"}, ForbiddenHeader),
        ({"epk": signer(KeyUse.OAUTH).public.jwk}, ForbiddenHeader),
        ({"epk": {"kty": "OKP", "crv": "X25519", "x": "A" * 43}}, MalformedClaims),
        ({"epk": {"kty": "EC", "crv": "P-384", "x": "A" * 64, "y": "A" * 64}}, MalformedClaims),
        ({"epk": {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}}, MalformedClaims),
        ({"epk": {**HEADER["epk"], "d": "A" * 43}}, MalformedClaims),
        ({"epk": "text"}, MalformedClaims),
    ],
)
def test_an_unusual_header_is_refused(changed: dict[str, object], refusal: type[TrustError]) -> None:
    with pytest.raises(refusal):
        jose.decrypt(with_header(**changed), key=OURS)


@pytest.mark.parametrize(
    ("position", "content"), [(1, b"key"), (2, bytes(11)), (2, bytes(16)), (4, bytes(12)), (4, b"")]
)
def test_a_wrapped_key_an_odd_nonce_and_a_short_tag_are_refused(position: int, content: bytes) -> None:
    with pytest.raises(MalformedToken):
        jose.decrypt(with_segment(position, content), key=OURS)


@settings(max_examples=60)
@given(st.integers(min_value=0, max_value=len(NESTED) - 1), st.integers(min_value=1, max_value=255))
def test_every_changed_byte_is_noticed(position: int, change: int) -> None:
    changed = bytearray(NESTED)
    changed[position] ^= change
    with pytest.raises(TrustError):
        jose.decrypt(bytes(changed), key=OURS)


@given(st.lists(st.binary(max_size=40), min_size=5, max_size=5))
def test_any_bytes_are_refused(segments: list[bytes]) -> None:
    with pytest.raises(TrustError):
        jose.decrypt(b".".join(map(b64, segments)), key=OURS)


def test_a_private_key_comes_back_from_its_file_and_another_is_refused() -> None:
    with pytest.raises(MalformedClaims):
        LocalDecrypter.from_pem(signer(KeyUse.MESSAGE).to_pem()[:-40])
    assert LocalDecrypter.from_pem(signer(KeyUse.MESSAGE).to_pem()).public.use is KeyUse.ENCRYPTION
