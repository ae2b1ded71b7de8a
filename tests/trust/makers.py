"""Keys and hand-made tokens for the tests of `trust`: put together byte by byte, not by the code under test."""

import base64
import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

from trust.keys import Alg, KeySet, KeyUse, LocalSigner, Signer

NOW = datetime(2026, 8, 3, 9, 30, tzinfo=UTC)
NOW_S = int(NOW.timestamp())


@cache
def signer(use: KeyUse, alg: Alg = Alg.ES256, number: int = 0) -> LocalSigner:
    """Give the same key for the same arguments; making RSA keys takes its time."""
    return LocalSigner.generate(use, alg)


def key_set(*signers: Signer) -> KeySet:
    """Gather the public keys of signers of one use."""
    return KeySet.of(signers[0].use, [each.public for each in signers])


def b64(raw: bytes) -> bytes:
    """Encode as RFC 7515 appendix C does."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def compact(header: object, payload: object, by: Signer) -> bytes:
    """Sign any header over any payload, given as JSON values or as raw bytes."""
    parts = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in (header, payload)]
    signing_input = b64(parts[0]) + b"." + b64(parts[1])
    return signing_input + b"." + b64(by.sign(signing_input))


def header(by: Signer, typ: str, **more: object) -> dict[str, Any]:
    """Give the header that `trust.jose.sign` would write, with more or other parameters."""
    return {"alg": by.alg.value, "kid": by.kid, "typ": typ, **more}
