"""A signature stands for exactly its bytes, its key and its algorithm."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.trust.jose_examples import CLAIMS, GOOD, MINE, TYP, opened
from tests.trust.makers import NOW, b64, compact, header, key_set, signer
from trust import base64url, jose
from trust.errors import (
    BadSignature,
    MalformedClaims,
    MalformedToken,
    TrustError,
    UnknownKey,
)
from trust.keys import Alg, KeySet, KeyUse, LocalSigner

SIGNING = [Alg.ES256, Alg.ED25519, Alg.PS256]
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def test_the_published_ed25519_example_verifies() -> None:
    """RFC 8037 appendix A.4's key over bytes signed with the private key of its A.1."""
    jwk = {"kty": "OKP", "crv": "Ed25519", "alg": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    keys = KeySet.from_jwks({"keys": [jwk | {"kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"}]}, KeyUse.MESSAGE)
    assert jose._ALGORITHMS[Alg.ED25519].verify(
        b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
        keys.keys[0].key,
        bytes.fromhex(
            "860c98d2297f3060a33f42739672d61b53cf3adefed3d3c672f320dc021b411e"
            "9d59b8628dc351e248b88b29468e0e41855b0fb7d83bb15be902bfccb8cd0a02"
        ),
    )


@pytest.mark.parametrize("alg", SIGNING)
def test_a_changed_bit_anywhere_is_noticed(alg: Alg) -> None:
    by = signer(KeyUse.MESSAGE, alg)
    raw = jose.sign(CLAIMS, typ=TYP, signer=by)
    for at in range(0, len(raw), 7):
        changed = bytearray(raw)
        changed[at] ^= 1
        with pytest.raises(TrustError):
            opened(bytes(changed), keys=key_set(by))


def test_a_payload_moved_under_another_signature_is_noticed() -> None:
    other = jose.sign({**CLAIMS, "iss": "https://other.example"}, typ=TYP, signer=MINE)
    spliced = b".".join([*GOOD.split(b".")[:2], other.split(b".")[2]])
    with pytest.raises(BadSignature):
        opened(spliced)


@pytest.mark.parametrize(
    "signature",
    [b"", bytes(63), bytes(64), bytes(65), b"\xff" * 64, bytes(31) + b"\1" + bytes(31) + b"\1", bytes(128)],
)
def test_no_made_up_signature_verifies(signature: bytes) -> None:
    with pytest.raises(BadSignature):
        opened(GOOD.rpartition(b".")[0] + b"." + b64(signature))


def test_a_der_signature_is_refused() -> None:
    signing_input = GOOD.rpartition(b".")[0]
    assert isinstance(MINE._private, ec.EllipticCurvePrivateKey)
    der = MINE._private.sign(signing_input, ec.ECDSA(hashes.SHA256()))
    r, s = decode_dss_signature(der)
    assert opened(signing_input + b"." + b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))).claims
    with pytest.raises(BadSignature):
        opened(signing_input + b"." + b64(der))


def test_the_twin_of_a_signature_opens_as_the_very_same_claims() -> None:
    """So only `jti` can tell a replay, and it does: the claims are the same (A26)."""
    signing_input, _, signature = GOOD.rpartition(b".")
    raw = base64url.decode(signature, "signature")
    twin = P256_ORDER - int.from_bytes(raw[32:], "big")
    assert opened(signing_input + b"." + b64(raw[:32] + twin.to_bytes(32, "big"))).claims == opened(GOOD).claims


@pytest.mark.parametrize(
    "raw",
    [GOOD + b"=", GOOD + b"\n", b" " + GOOD, GOOD.replace(b".", b"=.", 1), GOOD + b"==", GOOD[:-1] + b"+"],
)
def test_another_spelling_of_the_same_bytes_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedToken):
        opened(raw)


def test_stray_bits_in_the_last_character_are_refused() -> None:
    """64 bytes end in a character of which only two bits count; the fifteen other spellings are refused."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    others = [GOOD[:-1] + bytes([each]) for each in alphabet if each != GOOD[-1]]
    for raw in others:
        with pytest.raises((MalformedToken, BadSignature)):
            opened(raw)


def test_a_signature_by_an_rsa_key_of_another_length_is_refused() -> None:
    by = signer(KeyUse.MESSAGE, Alg.PS256)
    raw = jose.sign(CLAIMS, typ=TYP, signer=by)
    short = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signature = short.sign(raw.rpartition(b".")[0], padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    for made_up in (signature, b"", b"\xff" * 1024):
        with pytest.raises(BadSignature):
            opened(raw.rpartition(b".")[0] + b"." + b64(made_up), keys=key_set(by))


def test_nothing_of_the_payload_is_read_before_the_signature_stands() -> None:
    forged = compact(header(MINE, TYP), b"not json", LocalSigner.generate(KeyUse.MESSAGE))
    with pytest.raises(BadSignature):
        opened(forged)


def test_a_retired_key_speaks_only_for_what_came_before() -> None:
    retired_at = NOW - timedelta(hours=1)
    jwk = MINE.public.jwk | {"retired_at": int(retired_at.timestamp())}
    keys = KeySet.from_jwks({"keys": [jwk]}, KeyUse.MESSAGE)
    before = jose.sign(CLAIMS | {"iat": int(retired_at.timestamp())}, typ=TYP, signer=MINE)
    assert opened(before, keys=keys).claims
    with pytest.raises(UnknownKey):
        opened(GOOD, keys=keys)
    with pytest.raises(MalformedClaims):
        opened(jose.sign({"a": 1}, typ=TYP, signer=MINE), keys=keys)
