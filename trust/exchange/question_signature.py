"""The signature of a question without the question: what is kept of it, and how a third party verifies it.

A JWS signature is made over a digest of the signing input. The header, that digest and the signature are therefore
enough to verify it with the asking agency's message key, and no word about the person is in them.

Verified, in this order: 1 the header, held to what a message's may be; 2 the key, one of the agency's message keys, and
its algorithm; 3 the signature over the digest.

Not verified: what was asked, when, and that the digest is that of a message. With ES256 anyone can compute a signature
for *some* digest that they cannot choose, so it counts together with the record that the asking agency has of the same
``message_digest``; with PS256 it counts alone. Ed25519 signs the message itself and not a digest of it (RFC 8032
section 5.1.6), so it cannot be verified in this way: :class:`NoDigestSignature`.
"""

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from trust import base64url, jose
from trust.claims import digest, require_str
from trust.errors import BadSignature, ForbiddenAlgorithm
from trust.exchange.envelope import MAX_BYTES
from trust.exchange.message import TYP
from trust.keys import Alg, KeySet, KeyUse, PublicKey
from trust.strict_json import JsonObject

_NO_PAYLOAD = base64url.encode(b"{}")
_HALF = 32
_MAX_SIGNATURE = 2_048


class NoDigestSignature(ForbiddenAlgorithm):
    """The signature's algorithm signs the message itself, so it cannot be verified by a digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionSignature:
    """The parts of a message's JWS that hold nothing of its content, each as it stands there or in base64url.

    ``signing_input`` is the SHA-256 of the encoded header, a dot and the encoded payload; ``message_digest`` that of
    the whole message, which the evidence of both agencies has.
    """

    protected: str
    signature: str
    signing_input: str
    message_digest: str


def signature_of(raw: bytes) -> QuestionSignature:
    """Take the signature out of a message whose signature was verified."""
    signed, _, signature = raw.rpartition(b".")
    return QuestionSignature(
        protected=signed.partition(b".")[0].decode("ascii"),
        signature=signature.decode("ascii"),
        signing_input=digest(signed),
        message_digest=digest(raw),
    )


def signature_to_json(kept: QuestionSignature) -> JsonObject:
    """Return the form in which a signature is kept and exported."""
    return {
        "protected": kept.protected,
        "signature": kept.signature,
        "signing_input_sha256": kept.signing_input,
        "message_sha256": kept.message_digest,
    }


def parse_signature(document: JsonObject) -> QuestionSignature:
    """Read that form. Raises ``TrustError``."""
    return QuestionSignature(
        protected=require_str(document, "protected", max_len=jose.MAX_HEADER),
        signature=require_str(document, "signature", max_len=_MAX_SIGNATURE),
        signing_input=require_str(document, "signing_input_sha256"),
        message_digest=require_str(document, "message_sha256"),
    )


def verify_question_signature(kept: QuestionSignature, *, keys: KeySet) -> PublicKey:
    """Verify a signature by the module's numbered plan and return the key that made it. Raises ``TrustError``."""
    raw = b".".join([kept.protected.encode("ascii", "replace"), _NO_PAYLOAD, kept.signature.encode("ascii", "replace")])
    header = jose.peek(raw, typ=TYP, max_bytes=MAX_BYTES).header  # 1
    key = keys.require_use(KeyUse.MESSAGE).get(header["kid"])  # 2
    if key.alg != header["alg"]:
        raise ForbiddenAlgorithm(f"The header's 'alg' must be {key.alg}, the algorithm that this key is for.")
    signed = base64url.decode(kept.signing_input.encode("ascii", "replace"), "digest")
    signature = base64url.decode(kept.signature.encode("ascii", "replace"), "signature")
    try:
        _verify(key, signature, signed)  # 3
    except (InvalidSignature, ValueError):
        raise BadSignature("The signature is not that key's over this digest.") from None
    return key


def _verify(key: PublicKey, signature: bytes, signed: bytes) -> None:
    public, hashed = key.key, Prehashed(SHA256())
    if key.alg is Alg.ES256 and isinstance(public, ec.EllipticCurvePublicKey):
        if len(signature) != 2 * _HALF:
            raise InvalidSignature
        halves = (int.from_bytes(signature[:_HALF]), int.from_bytes(signature[_HALF:]))
        public.verify(encode_dss_signature(*halves), signed, ec.ECDSA(hashed))
    elif key.alg is Alg.PS256 and isinstance(public, rsa.RSAPublicKey):
        salt = hashlib.sha256().digest_size
        public.verify(signature, signed, padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=salt), hashed)
    else:
        raise NoDigestSignature(f"A signature by {key.alg} cannot be verified without the message.")
