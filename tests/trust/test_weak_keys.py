"""Keys that anybody could sign with, or that are no keys at all, are refused where they are published."""

import secrets
from math import prod

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from tests.trust.makers import b64
from trust import jwk, weak_keys
from trust.errors import MalformedClaims

P = 2**255 - 19
ONE = (1).to_bytes(32, "little")
BASE_POINT = (4 * pow(5, -1, P) % P).to_bytes(32, "little")
FORGED = BASE_POINT + ONE
"""R = B and S = 1: under a key of order one, [S]B = R + [k]A for any bytes."""
SIGN_BIT = 1 << 255


def edwards(y: int) -> dict[str, str]:
    return {"kty": "OKP", "crv": "Ed25519", "x": b64(y.to_bytes(32, "little")).decode()}


def order_eight() -> int:
    """Return `y` of a point that doubles to one with y = 0: there x^2 = -y^2 (RFC 8032 section 5.1.4)."""
    d = -121665 * pow(121666, -1, P) % P
    # With x^2 = -y^2 the curve -x^2 + y^2 = 1 + d x^2 y^2 reads d y^4 + 2 y^2 - 1 = 0.
    i = pow(2, (P - 1) // 4, P)
    for sign in (1, -1):
        square = (-1 + sign * root(1 + d, i)) * pow(d, -1, P) % P
        if pow(square, (P - 1) // 2, P) == 1:
            return root(square, i)
    raise AssertionError


def root(square: int, i: int) -> int:
    candidate = pow(square, (P + 3) // 8, P)
    return candidate if candidate * candidate % P == square % P else candidate * i % P


def test_a_signature_that_anybody_can_make_is_the_reason() -> None:
    ed25519.Ed25519PublicKey.from_public_bytes(ONE).verify(FORGED, b"anything")
    with pytest.raises(MalformedClaims, match="small order"):
        jwk.load(edwards(1))


@pytest.mark.parametrize("sign", [0, SIGN_BIT])
@pytest.mark.parametrize("y", [0, 1, P - 1, order_eight(), P - order_eight()])
def test_no_point_of_small_order_is_a_key_under_either_sign(y: int, sign: int) -> None:
    with pytest.raises(MalformedClaims, match="small order"):
        jwk.load(edwards(y | sign))


@pytest.mark.parametrize("y", range(P, 2**255))
def test_a_second_spelling_of_a_point_is_no_key(y: int) -> None:
    for sign in (0, SIGN_BIT):
        with pytest.raises(MalformedClaims):
            jwk.load(edwards(y | sign))


def test_about_half_of_all_numbers_are_no_point_and_no_key_verifies_with_them() -> None:
    refused = 0
    for _ in range(64):
        raw = secrets.token_bytes(32)
        if not weak_keys.is_ed25519_point(raw):
            refused += 1
            with pytest.raises(InvalidSignature):
                ed25519.Ed25519PublicKey.from_public_bytes(raw).verify(FORGED, b"anything")
            with pytest.raises(MalformedClaims):
                jwk.load({"kty": "OKP", "crv": "Ed25519", "x": b64(raw).decode()})
    assert 8 < refused < 56


def test_every_honest_key_is_a_point() -> None:
    for _ in range(64):
        assert weak_keys.is_ed25519_point(ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw())


def test_an_rsa_key_with_the_mark_of_the_faulty_library_is_refused() -> None:
    product = 2 * prod(weak_keys._PRIMES)
    for power in (0, 1, secrets.randbelow(product)):
        modulus = (1 << 2047) // product * product + product + pow(65537, power, product)
        number = b64(modulus.to_bytes(256, "big")).decode()
        with pytest.raises(MalformedClaims, match="CVE-2017-15361"):
            jwk.load({"kty": "RSA", "n": number, "e": "AQAB"})


def test_an_honest_rsa_key_does_not_bear_the_mark() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    assert not weak_keys.is_roca_modulus(key.public_numbers().n)
