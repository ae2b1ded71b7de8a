"""Make and open signed JWTs: the one module that touches a JOSE library (RFC 7515, RFC 7519, RFC 8725).

To open one, in this order (WIRE.md section 3):

1. the size caps, before anything is decoded;
2. three segments, each canonical base64url;
3. the header as strict JSON. `alg`, `kid`, `typ` and `cty` are used; `jku`, `x5u`, `x5c`, `b64` and, outside a DPoP
   proof, `jwk` are refused unread; since no extension is known here, any `crit` refuses; parameters that are not known
   are ignored (RFC 7515 section 4);
4. `typ` is exactly the expected one, upper and lower case apart; a provider's `typ` is compared as a media type;
5. `alg` is allow-listed, and is the algorithm of the trusted key that `kid` names;
6. the signature, of exactly its algorithm's length, over the bytes as received;
7. only then the payload as strict JSON, which must be an object;
8. a retired key speaks only for what was issued before it retired.

Not checked here: times, issuer, audience, and whether these bytes were seen before. In particular an ES256 signature
(r, s) has a twin (r, n - s) that verifies just as well, so different bytes may carry the same document: a replay is
recognised by `jti`, never by bytes.

A document that is to rest with a third party is encrypted around its signature (RFC 7516; RFC 7519 section 11.2:
signed, then encrypted), and decrypted in this order:

1. the size cap; 2. five segments, each canonical base64url;
3. the header as strict JSON with exactly `alg`, `enc`, `kid`, `cty` and `epk`: so nothing is compressed (`zip`),
   nothing is critical, and no party information is mixed in;
4. `alg` is ECDH-ES, `enc` is A256GCM, `cty` is JWT;
5. the encrypted key is empty, the nonce has 12 bytes and the tag 16;
6. `epk` is a point of P-256, `kid` names the recipient's key;
7. the ciphertext, with the header as received for its associated data.

Encryption says nothing of who made the document; the signature inside does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from jwt.algorithms import Algorithm, ECAlgorithm, OKPAlgorithm, RSAAlgorithm, RSAPSSAlgorithm

from trust import base64url, claims, jwk, strict_json
from trust.decrypter import Decrypter
from trust.errors import (
    BadSignature,
    ForbiddenAlgorithm,
    ForbiddenHeader,
    KeyPurposeMismatch,
    MalformedToken,
    TooLarge,
    Undecryptable,
    UnknownKey,
    WrongType,
    shown,
)
from trust.keys import Alg, KeySet, KeyUse, PublicKey, Signer, parse_key
from trust.strict_json import JsonObject

MAX_BYTES = 65536
MAX_HEADER = 4096
"""Characters of an encoded header."""
MAX_CHAIN_HEADER = 131072
"""The same where the header may carry a `trust_chain` (WIRE.md section 5: 128 kB a chain)."""
MAX_CHAIN = 7
"""Statements in a `trust_chain`: both ends, and what four intermediates and the anchor say of those below them."""
MAX_SIGNATURE = 1366
"""Characters of an encoded signature by the longest RSA key allowed."""
MAX_KID = 128
MAX_TYP = 64

MAX_ENCRYPTED = 98_304
"""Bytes of an encrypted token: one of `MAX_BYTES` inside, a third longer in base64url, and its header."""

_HEADERS_REMEMBERED = 512
_REMEMBERED_HEADER = 1024  # characters of an encoded one: no chain, and no key but an ordinary one
_KEY_SOURCES = frozenset({"jku", "x5u", "x5c", "jwk"})
"""Parameters that bring a key along or say where to fetch one: a key comes from the trusted chain only (RFC 8725)."""
_CHANGED_PAYLOAD = "b64"
_WITHOUT_CHAIN = "entity-statement+jwt"
"""OpenID Federation 1.0 section 4.3: a statement's own header carries no chain."""
_MEDIA = "application/"
_RENAMED = " Write 'Ed25519' in place of 'EdDSA', which names no curve (RFC 9864)."
_SEGMENTS = 3
# Each key was checked to be of its algorithm's type and curve when it was parsed; PyJWT only computes.
_ALGORITHMS: Mapping[str, Algorithm] = {
    Alg.ES256: ECAlgorithm(ECAlgorithm.SHA256, SECP256R1),
    Alg.ED25519: OKPAlgorithm(),
    Alg.PS256: RSAPSSAlgorithm(RSAPSSAlgorithm.SHA256),
    Alg.RS256: RSAAlgorithm(RSAAlgorithm.SHA256),
}
ACCEPTED = (Alg.ES256, Alg.ED25519, Alg.PS256)
_SIGNATURE_BYTES: Mapping[str, int] = {Alg.ES256: 64, Alg.ED25519: 64}

_ECDH, _GCM, _NESTED = Alg.ECDH_ES.value, "A256GCM", "JWT"
_ENCRYPTED_SEGMENTS = 5
_ENCRYPTED_HEADER = frozenset({"alg", "enc", "kid", "cty", "epk"})
_NONCE_BYTES, _TAG_BYTES = 12, 16
_JWE = jwe.JWERegistry(algorithms=[_ECDH, _GCM])
_JWE.max_ciphertext_length = MAX_ENCRYPTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A JWT whose signature stands: its header and claims, the key that verified it, and the set that key came from."""

    header: JsonObject
    claims: JsonObject = field(repr=False)
    key: PublicKey
    keys: KeySet = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedToken:
    """The header and claims of a JWT, unverified."""

    header: JsonObject
    claims: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderRule:
    """What one type's header may hold beyond the common allow-list.

    `typ_optional`: a missing `typ` is accepted, another one never. `trust_chain`: the header may carry a chain of
    statements (OpenID Federation 1.0 section 4.3), and its cap is raised for that alone. `jwk`: the key stands in
    the header instead of being named by `kid` (RFC 9449 section 4.2). `algorithms` are those that a rule allows in
    place of the usual three. `media_type`: `typ` is compared as RFC 7515 section 4.1.9 compares media types, upper and
    lower case alike and `application/` left out or not; for what others' software signs.
    """

    typ: str
    typ_optional: bool = False
    trust_chain: bool = False
    jwk: bool = False
    algorithms: tuple[Alg, ...] = ACCEPTED
    media_type: bool = False

    def fits(self, header: JsonObject) -> bool:
        """Tell whether a header's `typ` is this type."""
        if "typ" not in header:
            return self.typ_optional
        typ = header["typ"]
        if not self.media_type or type(typ) is not str:
            return bool(typ == self.typ)
        return typ.casefold().removeprefix(_MEDIA) == self.typ.casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    encoded_header: bytes
    header: JsonObject
    signing_input: bytes
    payload: bytes
    signature: bytes


def sign(claims: JsonObject, *, typ: str, signer: Signer, headers: JsonObject | None = None) -> bytes:
    """Sign claims as a compact JWS with `alg`, `kid` and `typ` in its header, and `headers` beside them."""
    if headers is None:
        encoded_header = _header(signer.alg, signer.kid, typ)
    else:
        encoded_header = _encode({**headers, "alg": signer.alg.value, "kid": signer.kid, "typ": typ})
    return _sign(encoded_header, claims, signer)


def sign_with_embedded_jwk(claims: JsonObject, *, typ: str, signer: Signer) -> bytes:
    """Sign a DPoP proof: the public key itself stands in the header (RFC 9449 section 4.2)."""
    members = ("kty", "crv", "x", "y", "n", "e")
    public = {name: value for name, value in signer.public.jwk.items() if name in members}
    return _sign(_encode({"alg": signer.alg.value, "jwk": public, "typ": typ}), claims, signer)


def open_signed(raw: bytes, *, typ: str, keys: KeySet, max_bytes: int = MAX_BYTES) -> Opened:
    """Open a JWT signed by one of these trusted keys; the module's numbered plan. Raise nothing but TrustError."""
    return open_by_rule(raw, rule=HeaderRule(typ=typ), keys=keys, max_bytes=max_bytes)


def open_by_rule(raw: bytes, *, rule: HeaderRule, keys: KeySet, max_bytes: int = MAX_BYTES) -> Opened:
    """Open a JWT as `open_signed` does, where its type's header has a rule of its own."""
    parts = _split(raw, rule, max_bytes)  # 1 to 4
    return _verified(parts, keys.get(parts.header["kid"]), keys)  # 5 to 8


def open_with_embedded_jwk(raw: bytes, *, typ: str, max_bytes: int) -> Opened:
    """Open a DPoP proof: the key comes from the header and proves only that its holder made this.

    The key has no known owner until a token's `cnf.jkt` names it. Raise nothing but TrustError.
    """
    rule = HeaderRule(typ=typ, jwk=True)
    parts = _split(raw, rule, max_bytes)
    keys = _embedded(parts.encoded_header, rule)
    return _verified(parts, keys.keys[0], keys)


def open_self_signed(raw: bytes, *, typ: str, use: KeyUse, max_bytes: int) -> Opened:
    """Open a JWT by the keys in its own `jwks`: an entity configuration or an enrolment request.

    This is the one place where a payload is read before its signature stands, because the keys are in it. The result
    proves that the document is whole and that its maker holds the key; only a superior can vouch for the maker.
    """
    parts = _split(raw, HeaderRule(typ=typ), max_bytes)
    unverified_claims = strict_json.loads(parts.payload, max_bytes=max_bytes)
    keys = KeySet.from_jwks(claims.require_object(unverified_claims, "jwks"), use)
    return _verified(parts, keys.get(parts.header["kid"]), keys)


def peek(raw: bytes, *, typ: str, max_bytes: int) -> UnverifiedToken:
    """Read a JWT without verifying it, to find out whose keys to verify it with; every other check is made."""
    return peek_by_rule(raw, rule=HeaderRule(typ=typ), max_bytes=max_bytes)


def peek_by_rule(raw: bytes, *, rule: HeaderRule, max_bytes: int = MAX_BYTES) -> UnverifiedToken:
    """Read a JWT as `peek` does, where its type's header has a rule of its own."""
    parts = _split(raw, rule, max_bytes)
    return UnverifiedToken(header=parts.header, claims=strict_json.loads(parts.payload, max_bytes=max_bytes))


def encrypt(signed: bytes, *, recipient: PublicKey) -> bytes:
    """Encrypt a signed JWT for the holder of one encryption key, as a nested JWT."""
    if recipient.use is not KeyUse.ENCRYPTION:
        raise KeyPurposeMismatch(f"A {recipient.use} key must not stand in for an encryption key.")
    header = {"alg": _ECDH, "enc": _GCM, "kid": recipient.kid, "cty": _NESTED}
    public = ECKey.import_key(jwk.key_members(recipient.jwk))
    return jwe.encrypt_compact(header, signed, public, registry=_JWE).encode("ascii")


def decrypt(raw: bytes, *, key: Decrypter, max_bytes: int = MAX_ENCRYPTED) -> bytes:
    """Return the signed JWT inside a nested one, still to be opened; the module's second plan.

    Raise nothing but TrustError, and the same :class:`Undecryptable` for every wrong key and every changed byte.
    """
    _check_encrypted(raw, key, max_bytes)  # 1 to 6
    try:
        opened = jwe.decrypt_compact(raw, ECKey.import_key(key.private), registry=_JWE)  # 7
    except (JoseError, ValueError) as failed:
        raise Undecryptable("It is not encrypted for this key, or was changed on its way.") from failed
    return opened.plaintext or b""


def _check_encrypted(raw: bytes, key: Decrypter, max_bytes: int) -> None:
    if len(raw) > max_bytes:  # 1
        raise TooLarge(f"The encrypted token has more than {max_bytes} bytes.")
    if raw.count(b".") != _ENCRYPTED_SEGMENTS - 1:  # 2
        raise MalformedToken("The encrypted token is not five segments joined by dots.")
    encoded = raw.split(b".")
    if len(encoded[0]) > MAX_HEADER:
        raise TooLarge("The token's header is longer than its cap.")
    _, wrapped, nonce, _, tag = decoded = [base64url.decode(each, "segment") for each in encoded]
    header = strict_json.loads(decoded[0], max_bytes=MAX_HEADER)  # 3
    if header.keys() != _ENCRYPTED_HEADER:
        raise ForbiddenHeader("The header of an encrypted token must have exactly alg, enc, kid, cty and epk.")
    if (header["alg"], header["enc"]) != (_ECDH, _GCM):  # 4
        raise ForbiddenAlgorithm(f"An encrypted token must be {_ECDH} with {_GCM}.")
    if header["cty"] != _NESTED:
        raise WrongType(f"The header's 'cty' must be exactly '{_NESTED}': what is inside must be signed.")
    if wrapped or len(nonce) != _NONCE_BYTES or len(tag) != _TAG_BYTES:  # 5
        raise MalformedToken("The encrypted key must be empty, the nonce 12 bytes long and the tag 16.")
    epk = claims.require_object(header, "epk")  # 6
    if jwk.key_members(epk) != epk or epk["kty"] != "EC":
        raise ForbiddenHeader("The header's 'epk' must be a public P-256 key and nothing else.")
    jwk.load(epk)
    if header["kid"] != key.kid:
        raise UnknownKey(f"It is encrypted for the key {shown(header['kid'])}, which is not this node's.")


def peek_key_id(raw: bytes) -> str:
    """Read which key a JWT says that it is signed with, to find out whether that key is known by now; no more."""
    header = strict_json.loads(base64url.decode(raw.partition(b".")[0], "header"), max_bytes=MAX_CHAIN_HEADER)
    return claims.require_str(header, "kid", max_len=MAX_KID)


def _split(raw: bytes, rule: HeaderRule, max_bytes: int) -> _Parts:
    max_header = MAX_CHAIN_HEADER if rule.trust_chain else MAX_HEADER
    if len(raw) > max_bytes + (MAX_CHAIN_HEADER if rule.trust_chain else 0):  # 1
        raise TooLarge(f"The token has more than {max_bytes} bytes.")
    if raw.count(b".") != _SEGMENTS - 1:  # 2
        raise MalformedToken("The token is not three segments joined by dots.")
    encoded_header, encoded_payload, encoded_signature = raw.split(b".")
    if len(encoded_header) > max_header or len(encoded_payload) > max_bytes or len(encoded_signature) > MAX_SIGNATURE:
        raise TooLarge("The token's header, payload or signature is longer than its cap.")
    read = _read_header if len(encoded_header) > _REMEMBERED_HEADER else _known_header
    return _Parts(
        encoded_header=encoded_header,
        header=read(encoded_header, rule),  # 3 to 5
        signing_input=raw[: len(encoded_header) + 1 + len(encoded_payload)],
        payload=base64url.decode(encoded_payload, "payload"),
        signature=base64url.decode(encoded_signature, "signature"),
    )


def _read_header(encoded: bytes, rule: HeaderRule) -> JsonObject:
    max_header = MAX_CHAIN_HEADER if rule.trust_chain else MAX_HEADER
    header = strict_json.loads(base64url.decode(encoded, "header"), max_bytes=max_header)  # 3
    if len(encoded) > MAX_HEADER and "trust_chain" not in header:
        raise TooLarge("The token's header is longer than its cap.")
    _check_header(header, rule)
    return header


_known_header = lru_cache(maxsize=_HEADERS_REMEMBERED)(_read_header)
"""The same for a short header, once for all documents that begin with its bytes. No caller changes a header."""


@lru_cache(maxsize=_HEADERS_REMEMBERED)
def _embedded(encoded_header: bytes, rule: HeaderRule) -> KeySet:
    """Return the key that stands in a header: a peer's proofs all begin with the same bytes while it keeps its key."""
    unverified_jwk = _read_header(encoded_header, rule)["jwk"]
    return KeySet.of(KeyUse.DPOP, [parse_key(unverified_jwk, KeyUse.DPOP, named=False)])


def _check_header(header: JsonObject, rule: HeaderRule) -> None:
    forbidden = header.keys() & ((_KEY_SOURCES - ({"jwk"} if rule.jwk else set())) | {_CHANGED_PAYLOAD})
    if rule.typ == _WITHOUT_CHAIN:
        forbidden |= header.keys() & {"trust_chain"}
    if forbidden:
        raise ForbiddenHeader(f"The header must not have the parameters {', '.join(sorted(forbidden))}.")
    if "crit" in header:
        raise ForbiddenHeader("The header names critical extensions ('crit'); none is known here.")
    if not rule.fits(header):  # 4
        raise WrongType(f"The header's 'typ' must be exactly '{rule.typ}'.")
    if type(header.get("alg")) is not str or header["alg"] not in rule.algorithms:  # 5
        hint = _RENAMED if header.get("alg") == "EdDSA" and Alg.ED25519 in rule.algorithms else ""
        raise ForbiddenAlgorithm(f"The header's 'alg' must be {' or '.join(rule.algorithms)}.{hint}")
    if "cty" in header:
        claims.require_str(header, "cty", max_len=MAX_TYP)
    if rule.trust_chain and "trust_chain" in header:
        claims.require_str_list(header, "trust_chain", min_items=1, max_items=MAX_CHAIN, max_len=MAX_CHAIN_HEADER)
    if rule.jwk:
        claims.require_object(header, "jwk")
    if not rule.jwk or "kid" in header:
        claims.require_str(header, "kid", max_len=MAX_KID)


def _verified(parts: _Parts, key: PublicKey, keys: KeySet) -> Opened:
    if key.alg != parts.header["alg"]:  # 5
        raise ForbiddenAlgorithm(f"The header's 'alg' must be {key.alg}, the algorithm that this key is for.")
    expected = _SIGNATURE_BYTES.get(key.alg, len(parts.signature))
    if len(parts.signature) != expected or not _stands(parts, key):  # 6
        raise BadSignature("The signature is not that key's over these bytes: they were changed, or signed by another.")
    opened = strict_json.loads(parts.payload, max_bytes=len(parts.payload))  # 7
    if key.retired_at is not None:  # 8
        issued = claims.require_int(opened, "iat", maximum=claims.LATEST_SECONDS)
        key.refuse_after_retirement(claims.from_seconds(issued))
    return Opened(header=parts.header, claims=opened, key=key, keys=keys)


def _stands(parts: _Parts, key: PublicKey) -> bool:
    return bool(_ALGORITHMS[key.alg].verify(parts.signing_input, key.key, parts.signature))


def _sign(encoded_header: bytes, claims: JsonObject, signer: Signer) -> bytes:
    signing_input = encoded_header + b"." + base64url.encode(strict_json.dumps(claims))
    return signing_input + b"." + base64url.encode(signer.sign(signing_input))


@lru_cache(maxsize=256)
def _header(alg: Alg, kid: str, typ: str) -> bytes:
    return _encode({"alg": alg.value, "kid": kid, "typ": typ})


def _encode(header: JsonObject) -> bytes:
    return base64url.encode(strict_json.dumps(header))
