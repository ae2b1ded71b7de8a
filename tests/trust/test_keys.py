"""A key is for one use and one algorithm, and its id is its thumbprint."""

from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.trust.makers import key_set, signer
from trust import keys
from trust.errors import ForbiddenAlgorithm, KeyPurposeMismatch, MalformedClaims, TrustError, UnknownKey
from trust.keys import Alg, KeySet, KeyUse, LocalSigner

SIGNING = [Alg.ES256, Alg.ED25519, Alg.PS256]


def published(**changed: object) -> dict[str, Any]:
    """Give one message key's JWK, changed; a member set to None is left out."""
    merged = signer(KeyUse.MESSAGE).public.jwk | changed
    return {name: value for name, value in merged.items() if value is not None}


def read(*jwks: object, use: KeyUse = KeyUse.MESSAGE) -> KeySet:
    return KeySet.from_jwks({"keys": list(jwks)}, use)


@pytest.mark.parametrize("alg", SIGNING)
def test_a_set_is_written_as_it_was_read(alg: Alg) -> None:
    keys_there = key_set(signer(KeyUse.MESSAGE, alg))
    read_back = KeySet.from_jwks(keys_there.to_jwks(), KeyUse.MESSAGE)
    assert read_back.to_jwks() == keys_there.to_jwks()
    assert read_back.kids == {signer(KeyUse.MESSAGE, alg).kid}


def test_a_published_key_says_its_id_algorithm_and_use_and_nothing_private() -> None:
    jwk = signer(KeyUse.MESSAGE).public.jwk
    assert set(jwk) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    assert (jwk["kid"], jwk["alg"], jwk["use"]) == (keys.thumbprint(jwk), "ES256", "sig")


@pytest.mark.parametrize("kid", [None, "", "my-key", 7, ["a"]])
def test_a_key_id_must_be_the_thumbprint(kid: object) -> None:
    with pytest.raises(MalformedClaims, match="thumbprint"):
        read(published(kid=kid))


@pytest.mark.parametrize("alg", [None, "ES384", "RS256", "none", "Ed25519", "EdDSA", "es256", 7, ["ES256"], "ECDH-ES"])
def test_a_key_must_name_the_one_algorithm_it_is_for(alg: object) -> None:
    with pytest.raises(ForbiddenAlgorithm):
        read(published(alg=alg))


@pytest.mark.parametrize("changed", [{"use": "enc"}, {"use": 7}, {"key_ops": ["sign"]}, {"key_ops": "verify"}])
def test_a_key_published_for_something_else_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(MalformedClaims):
        read(published(**changed))


def test_members_that_say_nothing_of_the_key_are_dropped() -> None:
    key = read(published(x5u="https://evil.example", key_ops=["verify"], note="x")).keys[0]
    assert key.jwk == signer(KeyUse.MESSAGE).public.jwk


@pytest.mark.parametrize("jwks", [{}, {"keys": []}, {"keys": "x"}, {"keys": ["x"]}, {"keys": [published()] * 17}])
def test_a_set_is_one_to_sixteen_keys(jwks: dict[str, Any]) -> None:
    with pytest.raises(MalformedClaims):
        KeySet.from_jwks(jwks, KeyUse.MESSAGE)


def test_the_same_key_twice_is_refused() -> None:
    with pytest.raises(MalformedClaims, match="twice"):
        read(published(), published())


def test_a_set_gives_the_key_that_is_asked_for() -> None:
    one, two = signer(KeyUse.MESSAGE), signer(KeyUse.MESSAGE, Alg.ED25519)
    assert key_set(one, two).get(two.kid) == two.public
    with pytest.raises(UnknownKey):
        key_set(one).get(two.kid)


def test_a_set_is_for_one_use() -> None:
    with pytest.raises(KeyPurposeMismatch):
        KeySet.of(KeyUse.MESSAGE, [signer(KeyUse.OAUTH).public])
    with pytest.raises(KeyPurposeMismatch):
        key_set(signer(KeyUse.OAUTH)).require_use(KeyUse.MESSAGE)


def test_only_a_message_key_may_be_retired_and_stay() -> None:
    key = read(published(retired_at=1_785_000_000)).keys[0]
    assert key.retired_at == datetime.fromtimestamp(1_785_000_000, UTC)
    assert key.jwk["retired_at"] == 1_785_000_000
    oauth = dict(signer(KeyUse.OAUTH).public.jwk) | {"retired_at": 1_785_000_000}
    with pytest.raises(MalformedClaims):
        read(oauth, use=KeyUse.OAUTH)
    with pytest.raises(MalformedClaims):
        read(published(retired_at="yesterday"))


def test_an_encryption_key_is_pinned_to_its_algorithm_and_does_not_sign() -> None:
    jwk = published(alg="ECDH-ES", use="enc")
    assert read(jwk, use=KeyUse.ENCRYPTION).keys[0].alg is Alg.ECDH_ES
    with pytest.raises(ForbiddenAlgorithm):
        read(jwk)
    with pytest.raises(ForbiddenAlgorithm):
        read(published(), use=KeyUse.ENCRYPTION)
    with pytest.raises(KeyPurposeMismatch):
        LocalSigner.generate(KeyUse.ENCRYPTION)


def test_the_operations_of_an_encryption_key_are_not_to_verify() -> None:
    for operations in ([], ["deriveKey"], ["encrypt"]):
        assert read(published(alg="ECDH-ES", use="enc", key_ops=operations), use=KeyUse.ENCRYPTION).keys
    with pytest.raises(MalformedClaims, match="key_ops"):
        read(published(alg="ECDH-ES", use="enc", key_ops=["deriveKey", "verify"]), use=KeyUse.ENCRYPTION)


def test_evidence_is_signed_with_ed25519_only() -> None:
    assert LocalSigner.generate(KeyUse.EVIDENCE, Alg.ED25519).alg is Alg.ED25519
    with pytest.raises(ForbiddenAlgorithm):
        LocalSigner.generate(KeyUse.EVIDENCE)


@pytest.mark.parametrize("alg", SIGNING)
def test_a_signer_survives_its_file_and_shows_no_secret(alg: Alg) -> None:
    first = signer(KeyUse.MESSAGE, alg)
    again = LocalSigner.from_pem(first.to_pem(), KeyUse.MESSAGE)
    assert (again.kid, again.alg, again.use) == (first.kid, alg, KeyUse.MESSAGE)
    assert "_private" not in repr(first)
    assert again.public == first.public


def pem(private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, password: bytes | None = None) -> bytes:
    return private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption(),
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        pem(ec.generate_private_key(ec.SECP256R1()), b"secret"),
        pem(ec.generate_private_key(ec.SECP384R1())),
        pem(rsa.generate_private_key(public_exponent=3, key_size=2048)),
        pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
    ],
)
def test_a_file_that_holds_no_key_of_ours_is_refused(content: bytes) -> None:
    with pytest.raises(TrustError):
        LocalSigner.from_pem(content, KeyUse.MESSAGE)
