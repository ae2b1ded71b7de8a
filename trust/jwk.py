"""Turn JSON Web Keys into public keys and back: P-256, Ed25519 and RSA, public members only.

RFC 7517 section 4, RFC 7518 section 6, RFC 8037 section 2, RFC 7638. Points are checked to lie on their curve, and keys
known to be weak are refused (`trust.weak_keys`).
"""

from collections.abc import Mapping
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from trust import base64url, claims, strict_json, weak_keys
from trust.errors import MalformedClaims, MalformedToken
from trust.strict_json import JsonObject

PublicCryptoKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey

RSA_MIN_BITS = 2048
RSA_MAX_BITS = 8192
RSA_EXPONENT = 65537
_PRIVATE_MEMBERS = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")

# The members that make a key of each type, in the order that RFC 7638 section 3.2 hashes them.
_MEMBERS: Mapping[str, tuple[str, ...]] = {
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
    "RSA": ("e", "kty", "n"),
}
_CURVES: Mapping[str, str] = {"EC": "P-256", "OKP": "Ed25519"}
_COORDINATE_BYTES = 32
# Every DPoP proof brings its key along, and a peer uses the same one for a while: decoding a point costs a tenth of a
# verification, and the same members are the same key for ever.
_KEYS_REMEMBERED = 512
_MAX_MEMBER = 1366  # base64url characters of 8192 bits


def refuse_private(unverified_jwk: JsonObject) -> None:
    """Raise MalformedClaims where a secret stands in what is published."""
    if any(name in unverified_jwk for name in _PRIVATE_MEMBERS):
        raise MalformedClaims("A published key must not hold private members; treat that key as compromised.")


def key_members(unverified_jwk: JsonObject) -> JsonObject:
    """Return only what makes the key itself, or raise MalformedClaims: unknown type or curve, or private members."""
    refuse_private(unverified_jwk)
    kty = claims.require_str(unverified_jwk, "kty")
    names = _MEMBERS.get(kty)
    if names is None or ("crv" in names and unverified_jwk.get("crv") != _CURVES[kty]):
        raise MalformedClaims("A key must be P-256, Ed25519 or RSA.")
    return {name: claims.require_str(unverified_jwk, name, max_len=_MAX_MEMBER) for name in names}


def thumbprint(jwk: JsonObject) -> str:
    """Return the RFC 7638 thumbprint of a public key: base64url SHA-256 of its required members alone, in order."""
    return members_thumbprint(key_members(jwk))


def members_thumbprint(members: JsonObject) -> str:
    """Return the thumbprint of what `key_members` returned."""
    return _thumbprint(tuple(members.items()))


@lru_cache(maxsize=_KEYS_REMEMBERED)
def _thumbprint(items: tuple[tuple[str, str], ...]) -> str:
    return claims.digest(strict_json.dumps(dict(items)))


def load(members: JsonObject) -> PublicCryptoKey:
    """Make the public key of what `key_members` returned; raise MalformedClaims when there is no such key."""
    return _load(tuple(members.items()))


@lru_cache(maxsize=_KEYS_REMEMBERED)
def _load(items: tuple[tuple[str, str], ...]) -> PublicCryptoKey:
    members = dict(items)
    try:
        if members["kty"] == "EC":
            point = b"\x04" + _coordinate(members, "x") + _coordinate(members, "y")
            return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        if members["kty"] == "OKP":
            return _edwards(_coordinate(members, "x"))
        exponent, modulus = _number(members, "e"), _number(members, "n")
        if exponent != RSA_EXPONENT or not RSA_MIN_BITS <= modulus.bit_length() <= RSA_MAX_BITS or modulus % 2 == 0:
            raise MalformedClaims("An RSA key must have an odd modulus of 2048 to 8192 bits and the exponent 65537.")
        if weak_keys.is_roca_modulus(modulus):
            raise MalformedClaims("This RSA key was made by a faulty library and can be broken (CVE-2017-15361).")
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError:
        raise MalformedClaims("A key's numbers are not those of a key of its type.") from None


def _edwards(raw: bytes) -> ed25519.Ed25519PublicKey:
    if not weak_keys.is_ed25519_point(raw):
        raise MalformedClaims("An Ed25519 key must be a point of its curve, and not one of small order.")
    return ed25519.Ed25519PublicKey.from_public_bytes(raw)


def write(key: PublicCryptoKey) -> JsonObject:
    """Return the members of a public key; raise MalformedClaims for an elliptic curve other than P-256."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        if not isinstance(key.curve, ec.SECP256R1):
            raise MalformedClaims("An elliptic curve key must be on the curve P-256.")
        point = key.public_numbers()
        return {
            "crv": "P-256",
            "kty": "EC",
            "x": _text(point.x, _COORDINATE_BYTES),
            "y": _text(point.y, _COORDINATE_BYTES),
        }
    if isinstance(key, ed25519.Ed25519PublicKey):
        return {"crv": "Ed25519", "kty": "OKP", "x": base64url.encode(key.public_bytes_raw()).decode("ascii")}
    numbers = key.public_numbers()
    return {"e": _text(numbers.e), "kty": "RSA", "n": _text(numbers.n)}


def _coordinate(members: JsonObject, name: str) -> bytes:
    raw = _octets(members, name)
    if len(raw) != _COORDINATE_BYTES:
        raise MalformedClaims(f"A key's '{name}' must be {_COORDINATE_BYTES} bytes long.")
    return raw


def _number(members: JsonObject, name: str) -> int:
    raw = _octets(members, name)
    if raw.startswith(b"\0"):
        raise MalformedClaims(f"A key's '{name}' must not start with a zero byte.")
    return int.from_bytes(raw, "big")


def _octets(members: JsonObject, name: str) -> bytes:
    try:
        return base64url.decode(members[name].encode("ascii"), f"key member '{name}'")
    except (UnicodeEncodeError, MalformedToken):
        raise MalformedClaims(f"A key's '{name}' is not base64url without padding.") from None


def _text(number: int, length: int | None = None) -> str:
    return base64url.encode(number.to_bytes(length or (number.bit_length() + 7) // 8, "big")).decode("ascii")
