"""Make tokens as an attacker would: any header, any claims, any signature."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from trust.base64url import decode
from trust.keys import Signer

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def b64(raw: bytes) -> bytes:
    """Encode without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=")


def signed(header: dict[str, Any], claims: dict[str, Any] | bytes, signer: Signer) -> bytes:
    """Sign exactly this header and these claims with a good key."""
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    signing_input = b64(json.dumps(header).encode()) + b"." + b64(payload)
    return signing_input + b"." + b64(signer.sign(signing_input))


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> bytes:
    """Write a token of the algorithm ``none``."""
    return b64(json.dumps({**header, "alg": "none"}).encode()) + b"." + b64(json.dumps(claims).encode()) + b"."


def hmac_signed(header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> bytes:
    """Sign with HS256, the secret being something that the verifier publishes."""
    signing_input = b64(json.dumps({**header, "alg": "HS256"}).encode()) + b"." + b64(json.dumps(claims).encode())
    return signing_input + b"." + b64(hmac.new(secret, signing_input, hashlib.sha256).digest())


def rs256_signed(header: dict[str, Any], claims: dict[str, Any], key: rsa.RSAPrivateKey) -> bytes:
    """Sign with RS256, the algorithm that the authorization library takes by default."""
    signing_input = b64(json.dumps({**header, "alg": "RS256"}).encode()) + b"." + b64(json.dumps(claims).encode())
    return signing_input + b"." + b64(key.sign(signing_input, padding.PKCS1v15(), hashes.SHA256()))


def twin(token: bytes) -> bytes:
    """Return the same ES256 token with the other signature that is as good: (r, n - s)."""
    signing_input, _, signature = token.rpartition(b".")
    raw = decode(signature, "signature")
    s = int.from_bytes(raw[32:], "big")
    return signing_input + b"." + b64(raw[:32] + (P256_ORDER - s).to_bytes(32, "big"))
