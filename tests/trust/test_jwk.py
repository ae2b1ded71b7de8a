"""Only whole, public keys of the three types become keys."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tests.trust.makers import b64, signer
from trust import jwk
from trust.errors import MalformedClaims, TrustError
from trust.keys import Alg, KeyUse

# RFC 7638 section 3.1
RFC_7638_KEY = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjB"
    "ZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8"
    "KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_"
    "xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}
# RFC 8037 appendix A.2 and A.3
RFC_8037_KEY = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}


def members(alg: Alg) -> dict[str, Any]:
    return jwk.key_members(signer(KeyUse.MESSAGE, alg).public.jwk)


def test_thumbprints_are_those_of_the_standards() -> None:
    assert jwk.thumbprint(RFC_7638_KEY) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    assert jwk.thumbprint(RFC_8037_KEY) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.parametrize("alg", [Alg.ES256, Alg.ED25519, Alg.PS256])
def test_a_key_is_written_as_it_was_read(alg: Alg) -> None:
    assert jwk.write(jwk.load(members(alg))) == members(alg)


@pytest.mark.parametrize("name", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_a_private_member_is_refused(name: str) -> None:
    with pytest.raises(MalformedClaims, match="compromised"):
        jwk.key_members(members(Alg.ES256) | {name: "AQAB"})


@pytest.mark.parametrize(
    "changed",
    [
        {"kty": "oct"},
        {"kty": None},
        {"kty": ["EC"]},
        {"crv": "P-384"},
        {"crv": "secp256k1"},
        {"crv": None},
        {"crv": {}},
        {"x": None},
        {"x": 7},
        {"x": ""},
        {"x": "AAAA"},
        {"x": "é"},
        {"x": "="},
        {"y": "AAAA"},
        {"x": b64(bytes(32)).decode()},
        {"y": b64(b"\xff" * 32).decode()},
        {"y": b64(b"\x01" * 32).decode()},
        {"x": b64(b"\0" + b"\x01" * 32).decode()},
        {"x": "A" * 1367},
    ],
)
def test_a_point_off_the_curve_or_of_another_shape_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(MalformedClaims):
        jwk.load(jwk.key_members(members(Alg.ES256) | changed))


def test_a_coordinate_keeps_its_leading_zeros() -> None:
    """RFC 7518 section 6.2.1.2; a shorter spelling would be a second one with another thumbprint."""
    while True:
        point = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
        raw = point.x.to_bytes(32, "big")
        if raw[0] == 0:
            break
    whole = {"kty": "EC", "crv": "P-256", "x": b64(raw).decode(), "y": b64(point.y.to_bytes(32, "big")).decode()}
    assert jwk.write(jwk.load(whole)) == whole
    for x in (raw.lstrip(b"\0"), b"\0" + raw):
        with pytest.raises(MalformedClaims, match="32 bytes"):
            jwk.load(whole | {"x": b64(x).decode()})


def test_a_coordinate_is_below_the_prime_and_infinity_is_no_key() -> None:
    """There is a point with x = 0, which x = p would spell a second time."""
    prime = 2**256 - 2**224 + 2**192 + 2**96 - 1
    b = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
    y = pow(b, (prime + 1) // 4, prime)

    def point(x: int, y: int) -> dict[str, str]:
        return {"kty": "EC", "crv": "P-256"} | {
            name: b64(n.to_bytes(32, "big")).decode() for name, n in (("x", x), ("y", y))
        }

    assert jwk.write(jwk.load(point(0, y))) == point(0, y)
    for odd in (point(prime, y), point(0, 0), point(0, prime), point(prime, prime)):
        with pytest.raises(MalformedClaims):
            jwk.load(odd)


@pytest.mark.parametrize("changed", [{"crv": "X25519"}, {"crv": "Ed448"}, {"x": b64(bytes(31)).decode()}])
def test_an_edwards_key_is_on_ed25519(changed: dict[str, object]) -> None:
    with pytest.raises(MalformedClaims):
        jwk.load(jwk.key_members(members(Alg.ED25519) | changed))


def rsa_members(modulus: int, exponent: int) -> dict[str, str]:
    def text(number: int) -> str:
        return b64(number.to_bytes((number.bit_length() + 7) // 8, "big")).decode()

    return {"kty": "RSA", "n": text(modulus), "e": text(exponent)}


@pytest.mark.parametrize(
    "key",
    [
        rsa_members((1 << 2046) + 1, 65537),
        rsa_members((1 << 8192) + 1, 65537),
        rsa_members((1 << 2047) + 1, 3),
        rsa_members((1 << 2047) + 1, 1),
        rsa_members((1 << 2047) + 1, (1 << 31) + 1),
        rsa_members(1 << 2047, 65537),
        rsa_members((1 << 2047) + 1, 65537) | {"e": b64(b"\0\x01\0\x01").decode()},
        rsa_members((1 << 2047) + 1, 65537) | {"n": ""},
    ],
)
def test_an_rsa_key_is_neither_weak_nor_slow_nor_odd(key: dict[str, str]) -> None:
    with pytest.raises(MalformedClaims):
        jwk.load(jwk.key_members(key))


def test_the_smallest_rsa_key_is_2048_bits() -> None:
    assert isinstance(jwk.load(jwk.key_members(rsa_members((1 << 2047) + 1, 65537))), rsa.RSAPublicKey)


def test_a_key_on_another_curve_is_not_written() -> None:
    with pytest.raises(MalformedClaims):
        jwk.write(ec.generate_private_key(ec.SECP384R1()).public_key())


def test_the_standards_key_is_the_one_it_says() -> None:
    key = jwk.load(jwk.key_members(RFC_8037_KEY))
    assert isinstance(key, ed25519.Ed25519PublicKey)
    with pytest.raises(TrustError):
        jwk.key_members({})
