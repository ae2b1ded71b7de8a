"""Of what a provider publishes, only whole public keys for its one algorithm are taken."""

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.simulator.clocks import SetClock
from tests.support.sign_in import KID, SignInService, rsa_key
from trust import base64url, jwk
from trust.errors import ForbiddenAlgorithm, MalformedClaims
from trust.keys import Alg, KeyUse
from trust.oauth import provider_keys

SERVICE = SignInService(clock=SetClock())
OWN = SERVICE.jwks()["keys"][2]


def test_only_the_keys_of_the_one_algorithm_are_taken() -> None:
    curve = {**jwk.write(ec.generate_private_key(ec.SECP256R1()).public_key()), "kid": "curve"}
    listed = {"keys": [*SERVICE.jwks()["keys"], curve, {"kty": "oct", "kid": "elsewhere"}]}
    assert provider_keys.parse(listed, Alg.RS256).kids == {KID}
    assert provider_keys.parse(listed, Alg.ES256).kids == {"curve"}
    assert provider_keys.parse(listed, Alg.RS256).use is KeyUse.SIGN_IN


@pytest.mark.parametrize(
    "changes",
    [{"use": "enc"}, {"alg": "RS384"}, {"alg": "PS256"}, {"key_ops": ["sign"]}, {"kid": None}, {"kid": ""}],
)
def test_keys_for_something_else_are_passed_over(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedClaims, match="no signing key for RS256"):
        provider_keys.parse({"keys": [OWN | changes]}, Alg.RS256)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"alg": "RS512"}, "names another algorithm"),
        ({"use": "enc"}, "not to verify"),
        ({"kid": 7}, "kid is not a text"),
        ({"e": "Aw"}, "exponent 65537"),
        ({"kty": "EC"}, "another algorithm"),
    ],
)
def test_a_set_without_a_fitting_key_is_told_why(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(MalformedClaims, match=reason):
        provider_keys.parse({"keys": [OWN | changes]}, Alg.RS256)


@pytest.mark.parametrize("spelling", ["zero octet", "two zero octets", "padding"])
def test_numbers_are_taken_as_providers_write_them(spelling: str) -> None:
    octets = base64url.decode(OWN["n"].encode(), "n")
    written = {
        "zero octet": base64url.encode(b"\0" + octets).decode(),
        "two zero octets": base64url.encode(b"\0\0" + octets).decode(),
        "padding": base64.urlsafe_b64encode(octets).decode(),
    }[spelling]
    parsed = provider_keys.parse({"keys": [OWN | {"n": written, "e": "AAEAAQ", "use": None}]}, Alg.RS256)
    assert parsed.keys[0].jwk["n"] == OWN["n"]


def test_a_short_key_is_passed_over() -> None:
    short = jwk.write(rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key())
    with pytest.raises(MalformedClaims, match="no signing key"):
        provider_keys.parse({"keys": [{**short, "kid": "short"}]}, Alg.RS256)


@pytest.mark.parametrize(
    "secret",
    [
        {**OWN, "kid": "other", "d": "AQAB"},
        {**OWN, "kid": "other", "use": "enc", "p": "AQAB"},
        {"kty": "EC", "crv": "P-384", "kid": "other", "d": "AQAB"},
        {"kty": "oct", "kid": "shared", "k": "c2VjcmV0"},
    ],
)
def test_a_private_member_ends_the_trust_in_the_whole_set(secret: dict[str, Any]) -> None:
    with pytest.raises(MalformedClaims, match="compromised"):
        provider_keys.parse({"keys": [OWN, secret]}, Alg.RS256)


def test_one_id_names_one_key() -> None:
    other = {**jwk.write(rsa_key().public_key()), "kid": KID}
    with pytest.raises(MalformedClaims, match="twice"):
        provider_keys.parse({"keys": [OWN, other]}, Alg.RS256)


@pytest.mark.parametrize("listed", [{}, {"keys": []}, {"keys": ["x"]}, {"keys": [OWN] * 65}, {"keys": "all"}])
def test_what_is_no_key_set_is_refused(listed: dict[str, Any]) -> None:
    with pytest.raises(MalformedClaims):
        provider_keys.parse(listed, Alg.RS256)


def test_no_provider_signs_with_an_encryption_algorithm() -> None:
    with pytest.raises(ForbiddenAlgorithm):
        provider_keys.parse(SERVICE.jwks(), Alg.ECDH_ES)
