"""The point that a nested token brings along is one of our curve, and nothing about the token has a second form."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash

from tests.trust.jose_examples import GOOD
from tests.trust.makers import b64
from trust import base64url, jose
from trust.decrypter import LocalDecrypter
from trust.errors import MalformedClaims, MalformedInput, MalformedJson, MalformedToken, Undecryptable

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
OURS = LocalDecrypter.generate()
NESTED = jose.encrypt(GOOD, recipient=OURS.public)
EPHEMERAL = ec.generate_private_key(ec.SECP256R1())
SHARED = EPHEMERAL.exchange(ec.ECDH(), OURS.private.public_key())
POINT = EPHEMERAL.public_key().public_numbers()


def coordinates(x: int, y: int) -> dict[str, str]:
    return {
        "kty": "EC",
        "crv": "P-256",
        "x": b64(x.to_bytes(32, "big")).decode(),
        "y": b64(y.to_bytes(32, "big")).decode(),
    }


def nested(epk: object, shared: bytes = SHARED, *, key: LocalDecrypter = OURS) -> bytes:
    """Encrypt by RFC 7518 section 4.6 with any point and any shared secret."""
    header = {"alg": "ECDH-ES", "enc": "A256GCM", "kid": key.kid, "cty": "JWT", "epk": epk}
    encoded = b64(json.dumps(header).encode())
    agreed = (7).to_bytes(4, "big") + b"A256GCM" + bytes(8) + (256).to_bytes(4, "big")
    sealed = AESGCM(ConcatKDFHash(SHA256(), 32, agreed).derive(shared)).encrypt(bytes(12), GOOD, encoded)
    return b".".join([encoded, b"", b64(bytes(12)), b64(sealed[:-16]), b64(sealed[-16:])])


def with_header(document: bytes) -> bytes:
    return b".".join([b64(document), *NESTED.split(b".")[1:]])


def test_the_published_agreement_is_ours() -> None:
    """RFC 7518 appendix C: Bob opens what is encrypted with Alice's point and the secret that the standard prints."""
    d = base64url.decode(b"VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw", "d")
    private = ec.derive_private_key(int.from_bytes(d, "big"), ec.SECP256R1())
    bob = LocalDecrypter(public=LocalDecrypter._around(private).public, private=private)
    assert bob.public.jwk["x"] == "weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ"
    alice = {
        "kty": "EC",
        "crv": "P-256",
        "x": "gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0",
        "y": "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps",
    }
    secret = bytes.fromhex("9e56d91d817135d372834283bf84269cfb316ea3da806a48f6daa7798cfe90c4")
    assert jose.decrypt(nested(alice, secret, key=bob), key=bob) == GOOD


OTHER_CURVE = ec.generate_private_key(ec.SECP256K1()).public_key().public_numbers()


@pytest.mark.parametrize(
    "epk",
    [
        coordinates(0, 0),
        coordinates(POINT.x, 0),
        coordinates(0, POINT.y),
        coordinates(POINT.x, POINT.y ^ 1),
        coordinates(POINT.y, POINT.x),
        coordinates(OTHER_CURVE.x, OTHER_CURVE.y),
        coordinates(P, POINT.y),
        coordinates(2**256 - 1, 2**256 - 1),
        coordinates(POINT.x, POINT.y) | {"x": b64(POINT.x.to_bytes(33, "big")).decode()},
        coordinates(POINT.x, POINT.y) | {"y": b64(POINT.y.to_bytes(32, "big")[:31]).decode()},
        coordinates(POINT.x, POINT.y) | {"y": ""},
        coordinates(POINT.x, POINT.y) | {"y": True},
        coordinates(POINT.x, POINT.y) | {"y": None},
        coordinates(POINT.x, POINT.y) | {"crv": "P-384"},
        coordinates(POINT.x, POINT.y) | {"kty": "OKP", "crv": "X25519"},
        {"kty": "EC", "crv": "P-256", "x": b64(POINT.x.to_bytes(32, "big")).decode()},
        None,
        [],
    ],
)
def test_a_point_that_is_not_of_the_curve_is_refused_before_the_private_key_is_used(epk: object) -> None:
    """Else each answer tells a little of the private key (CVE-2017-16007)."""
    with pytest.raises(MalformedClaims):
        jose.decrypt(nested(epk), key=OURS)


def test_the_mirrored_point_shares_the_secret_and_is_noticed_all_the_same() -> None:
    assert jose.decrypt(nested(coordinates(POINT.x, POINT.y)), key=OURS) == GOOD
    mirrored = coordinates(POINT.x, P - POINT.y)
    assert jose.decrypt(nested(mirrored), key=OURS) == GOOD, "it does share the secret"
    swapped = b".".join([nested(mirrored).split(b".")[0], *nested(coordinates(POINT.x, POINT.y)).split(b".")[1:]])
    with pytest.raises(Undecryptable):
        jose.decrypt(swapped, key=OURS)


def test_an_empty_or_guessed_secret_decrypts_nothing() -> None:
    for secret in (b"", bytes(32), POINT.x.to_bytes(32, "big"), SHARED[::-1], b"\0" + SHARED):
        with pytest.raises(Undecryptable):
            jose.decrypt(nested(coordinates(POINT.x, POINT.y), secret), key=OURS)


def test_a_header_written_otherwise_is_noticed() -> None:
    header: dict[str, Any] = json.loads(base64url.decode(NESTED.split(b".")[0], "header"))
    for written in (json.dumps(header, indent=1), json.dumps(dict(reversed(header.items())), separators=(",", ":"))):
        with pytest.raises(Undecryptable):
            jose.decrypt(with_header(written.encode()), key=OURS)


@pytest.mark.parametrize("more", [b',"alg":"ECDH-ES"}', b',"\\u0065nc":"A256GCM"}', b'}{"zip":"DEF"}', b"}\0"])
def test_a_header_that_two_parsers_read_differently_is_refused(more: bytes) -> None:
    plain = base64url.decode(NESTED.split(b".")[0], "header")
    with pytest.raises(MalformedJson):
        jose.decrypt(with_header(plain[:-1] + more), key=OURS)


def test_parts_of_two_tokens_are_no_token() -> None:
    header, _, nonce, ciphertext, tag = NESTED.split(b".")
    theirs = jose.encrypt(GOOD, recipient=OURS.public).split(b".")
    other = {2: theirs[2], 3: theirs[3], 4: theirs[4]}
    for position, part in other.items():
        parts = [header, b"", nonce, ciphertext, tag]
        parts[position] = part
        with pytest.raises(Undecryptable):
            jose.decrypt(b".".join(parts), key=OURS)
    for cut in (b"", ciphertext[:-4], ciphertext + ciphertext):
        with pytest.raises((Undecryptable, MalformedToken)):
            jose.decrypt(b".".join([header, b"", nonce, cut, tag]), key=OURS)


@pytest.mark.parametrize("length", [0, 1, 4, 8, 12, 15, 17, 20, 32])
def test_a_tag_has_sixteen_bytes(length: int) -> None:
    header, _, nonce, ciphertext, tag = NESTED.split(b".")
    changed = (base64url.decode(tag, "tag") * 2)[:length]
    with pytest.raises(MalformedToken):
        jose.decrypt(b".".join([header, b"", nonce, ciphertext, b64(changed)]), key=OURS)


def test_no_other_serialization_is_a_nested_token() -> None:
    names = ("protected", "encrypted_key", "iv", "ciphertext", "tag")
    flattened: dict[str, Any] = dict(zip(names, map(bytes.decode, NESTED.split(b".")), strict=True))
    for written in (flattened, {**flattened, "header": {"x": "a.b.c.d.e"}}, {**flattened, "recipients": [{}, {}]}):
        with pytest.raises(MalformedInput):
            jose.decrypt(json.dumps(written).encode(), key=OURS)
