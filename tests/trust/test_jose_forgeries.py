"""Signatures that have passed elsewhere do not pass here: the kinds of change that public attack vectors make."""

import hmac
from itertools import count, product

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.trust.jose_examples import CLAIMS, GOOD, MINE, TYP, opened
from tests.trust.makers import b64, compact, header, key_set, signer
from trust import base64url, jose, jwk
from trust.errors import BadSignature, ForbiddenAlgorithm, MalformedClaims
from trust.jwk import PublicCryptoKey
from trust.keys import Alg, KeySet, KeyUse

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
SHA1, SHA256 = hashes.SHA1(), hashes.SHA256()  # noqa: S303 - signed with on purpose, to be refused
SIGNING_INPUT, _, SIGNATURE = GOOD.rpartition(b".")
R, S = (int.from_bytes(base64url.decode(SIGNATURE, "signature")[at : at + 32], "big") for at in (0, 32))


def stands(alg: Alg, key: PublicCryptoKey, signing_input: bytes, signature: bytes) -> bool:
    return bool(jose._ALGORITHMS[alg].verify(signing_input, key, signature))


def numbers(*parts: tuple[int, int]) -> bytes:
    """Join numbers, each given with its length in bytes."""
    return b"".join(number.to_bytes(length, "big") for number, length in parts)


def refused(signature: bytes, signing_input: bytes = SIGNING_INPUT, keys: KeySet | None = None) -> None:
    with pytest.raises(BadSignature):
        opened(signing_input + b"." + b64(signature), keys=keys or key_set(MINE))


def test_the_published_es256_example_verifies() -> None:
    """RFC 7515 appendix A.3."""
    key = jwk.load(
        {
            "crv": "P-256",
            "kty": "EC",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        }
    )
    signing_input = (
        b"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQog"
        b"Imh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    )
    signature = base64url.decode(
        b"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q", "signature"
    )
    assert stands(Alg.ES256, key, signing_input, signature)
    assert not stands(Alg.ES256, key, signing_input + b"A", signature)


def test_no_pair_of_edge_values_is_a_signature() -> None:
    """Nought for both passed for any bytes and any key once (CVE-2022-21449)."""
    edges = (0, 1, 2, P256_ORDER - 1, P256_ORDER, P256_ORDER + 1, 2**255, 2**256 - 1)
    for r, s in product(edges, edges):
        refused(numbers((r, 32), (s, 32)))
    for edge in edges:
        refused(numbers((edge, 32), (S, 32)))
        refused(numbers((R, 32), (edge, 32)))


@pytest.mark.parametrize(
    "signature",
    [
        numbers((R, 33), (S, 33)),
        numbers((R, 32), (S, 33)),
        numbers((R, 32), (S, 32), (0, 2)),
        numbers((R + P256_ORDER, 33), (S, 33)),
        numbers((R, 33), (S + P256_ORDER, 33)),
        numbers((R + 2**256, 33), (S, 33)),
        numbers((R, 288), (S, 288)),
        numbers((S, 32), (R, 32)),
        numbers((P256_ORDER - R, 32), (S, 32)),
        numbers((R, 32)),
    ],
    ids=count(),  # the numbers differ in each process
)
def test_the_two_numbers_have_one_place_and_one_length(signature: bytes) -> None:
    refused(signature)


def test_another_hash_under_the_same_key_is_no_es256() -> None:
    assert isinstance(MINE._private, ec.EllipticCurvePrivateKey)
    for algorithm in (hashes.SHA512(), hashes.SHA384(), SHA1, hashes.SHA3_256()):
        r, s = decode_dss_signature(MINE._private.sign(SIGNING_INPUT, ec.ECDSA(algorithm)))
        refused(numbers((r, 32), (s, 32)))


def test_an_ed25519_signature_has_no_twin() -> None:
    """S and S + L are one number to a verifier that forgets to look (RFC 8032 section 5.1.7)."""
    by = signer(KeyUse.MESSAGE, Alg.ED25519)
    signing_input, _, encoded = jose.sign(CLAIMS, typ=TYP, signer=by).rpartition(b".")
    signature = base64url.decode(encoded, "signature")
    s = int.from_bytes(signature[32:], "little")
    assert opened(signing_input + b"." + encoded, keys=key_set(by)).claims
    for times in range(1, 16):
        twin = signature[:32] + (s + times * ED25519_ORDER).to_bytes(32, "little")
        refused(twin, signing_input, key_set(by))
    for changed in (signature[:63], signature + b"\0", signature[32:] + signature[:32], signature[:32] + bytes(32)):
        refused(changed, signing_input, key_set(by))


ODD_PADDINGS = [
    *((padding.PSS(padding.MGF1(SHA256), salt), SHA256) for salt in (0, 20, 31, 33, padding.PSS.MAX_LENGTH)),
    (padding.PSS(padding.MGF1(SHA1), 32), SHA256),
    (padding.PSS(padding.MGF1(hashes.SHA512()), 32), SHA256),
    (padding.PSS(padding.MGF1(hashes.SHA512()), 32), hashes.SHA512()),
    (padding.PSS(padding.MGF1(SHA256), 32), hashes.SHA384()),
    (padding.PKCS1v15(), SHA256),
]


@pytest.mark.parametrize(("pad", "digest"), ODD_PADDINGS)
def test_ps256_is_one_padding_one_salt_length_and_one_hash(
    pad: padding.AsymmetricPadding, digest: hashes.HashAlgorithm
) -> None:
    by = signer(KeyUse.MESSAGE, Alg.PS256)
    assert isinstance(by._private, rsa.RSAPrivateKey)
    signing_input = jose.sign(CLAIMS, typ=TYP, signer=by).rpartition(b".")[0]
    refused(by._private.sign(signing_input, pad, digest), signing_input, key_set(by))


def test_an_rsa_signature_is_one_number_below_the_modulus() -> None:
    by = signer(KeyUse.MESSAGE, Alg.PS256)
    assert isinstance(by._private, rsa.RSAPrivateKey)
    modulus = by._private.public_key().public_numbers().n
    signing_input, _, encoded = jose.sign(CLAIMS, typ=TYP, signer=by).rpartition(b".")
    signature = base64url.decode(encoded, "signature")
    number = int.from_bytes(signature, "big")
    for odd in (0, 1, modulus - 1, modulus, modulus - number):
        refused(odd.to_bytes(384, "big"), signing_input, key_set(by))
    for changed in (b"\0" + signature, signature + b"\0", signature[1:], (number + modulus).to_bytes(385, "big")):
        refused(changed, signing_input, key_set(by))


@pytest.mark.holds("A16")
def test_a_public_key_is_no_shared_secret() -> None:
    """CVE-2015-9235: the verifier's public key, in any spelling, taken for an HMAC key."""
    key = MINE.public.key
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for secret in (pem, pem.strip(), base64url.decode(MINE.public.jwk["x"].encode(), "x"), b""):
        for alg, refusal in (("HS256", ForbiddenAlgorithm), ("ES256", BadSignature)):
            raw = compact(header(MINE, TYP, alg=alg), CLAIMS, MINE).rpartition(b".")[0]
            mac = hmac.digest(secret, raw, "sha256")
            for signature in (mac, mac + mac):
                with pytest.raises(refusal):
                    opened(raw + b"." + b64(signature))


@pytest.mark.holds("A16")
def test_rs256_is_no_way_to_use_a_key_for_ps256() -> None:
    by = signer(KeyUse.MESSAGE, Alg.PS256)
    assert isinstance(by._private, rsa.RSAPrivateKey)
    raw = compact(header(by, TYP, alg="RS256"), CLAIMS, by).rpartition(b".")[0]
    signed = raw + b"." + b64(by._private.sign(raw, padding.PKCS1v15(), SHA256))
    rule = jose.HeaderRule(typ=TYP, algorithms=(Alg.RS256, Alg.PS256))
    with pytest.raises(ForbiddenAlgorithm):
        opened(signed, keys=key_set(by))
    with pytest.raises(ForbiddenAlgorithm, match="must be PS256"):
        jose.open_by_rule(signed, rule=rule, keys=key_set(by))


def test_a_key_of_another_curve_is_no_es256_key_under_any_name() -> None:
    for curve, size in ((ec.SECP384R1(), 48), (ec.SECP521R1(), 66), (ec.SECP256K1(), 32)):
        point = ec.generate_private_key(curve).public_key().public_numbers()
        members = {name: b64(n.to_bytes(size, "big")).decode() for name, n in (("x", point.x), ("y", point.y))}
        for crv in ("P-256", "P-384", "P-521", "secp256k1"):
            with pytest.raises(MalformedClaims):
                jwk.load(jwk.key_members({"kty": "EC", "crv": crv, **members}))
