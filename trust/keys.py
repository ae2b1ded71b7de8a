"""Hold keys by purpose: a key is for one use and one algorithm, and its id is its own fingerprint.

A key id is the RFC 7638 thumbprint of the key, so equal ids mean equal keys, and a key that turns up under two
purposes is found by comparing ids. Private keys stay behind the Signer protocol.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from trust import claims, jwk
from trust.errors import ForbiddenAlgorithm, KeyPurposeMismatch, MalformedClaims, UnknownKey, shown
from trust.jwk import PublicCryptoKey, thumbprint
from trust.strict_json import JsonObject

__all__ = ["Alg", "KeySet", "KeyUse", "LocalSigner", "PublicKey", "Signer", "parse_key", "thumbprint"]

MAX_KEYS = 16
"""Keys in one set."""

PrivateCryptoKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


class KeyUse(StrEnum):
    """What a key is for; no key is for two things."""

    FEDERATION = "federation"
    MESSAGE = "message"
    OAUTH = "oauth"
    DPOP = "dpop"
    ENCRYPTION = "encryption"
    EVIDENCE = "evidence"
    RECOVERY = "recovery"
    """Kept offline: it alone may replace an anchor's federation keys."""
    ADMINISTRATOR = "administrator"
    """One person's, who administers a node or an authority; it signs journal entries and is kept off that machine."""
    SIGN_IN = "sign-in"
    """Of an agency's own OpenID provider, whose keys are named and chosen by others (trust.oauth.provider_keys)."""


class Alg(StrEnum):
    """The algorithms that a key may be for (RFC 7518 sections 3 and 4.6, RFC 9864 section 2.2)."""

    ES256 = "ES256"
    ED25519 = "Ed25519"
    PS256 = "PS256"
    RS256 = "RS256"
    """Verified for sign-in keys and never signed with: most OpenID providers sign with nothing else."""
    ECDH_ES = "ECDH-ES"


_SIGNING: Mapping[str, Alg] = {"EC": Alg.ES256, "OKP": Alg.ED25519, "RSA": Alg.PS256}
# The one algorithm that a key of each type is for, by use.
_ALGORITHM: Mapping[KeyUse, Mapping[str, Alg]] = {
    KeyUse.FEDERATION: _SIGNING,
    KeyUse.MESSAGE: _SIGNING,
    KeyUse.OAUTH: _SIGNING,
    KeyUse.DPOP: _SIGNING,
    KeyUse.ENCRYPTION: {"EC": Alg.ECDH_ES},
    KeyUse.EVIDENCE: {"OKP": Alg.ED25519},
    KeyUse.RECOVERY: _SIGNING,
    KeyUse.ADMINISTRATOR: _SIGNING,
    KeyUse.SIGN_IN: {},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """One checked public key; `jwk` holds its public members, `kid`, `alg`, `use` and, once retired, `retired_at`."""

    kid: str
    alg: Alg
    use: KeyUse
    jwk: JsonObject = field(repr=False)
    key: PublicCryptoKey = field(repr=False)
    retired_at: datetime | None = None

    def refuse_after_retirement(self, issued_at: datetime) -> None:
        """Raise UnknownKey for a document dated after the key was retired."""
        if self.retired_at is not None and issued_at > self.retired_at:
            raise UnknownKey("It is dated after its key was retired; sign it with the current key.")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySet:
    """Some public keys for one use."""

    use: KeyUse
    keys: tuple[PublicKey, ...]

    @classmethod
    def of(cls, use: KeyUse, keys: Iterable[PublicKey]) -> "KeySet":
        """Gather keys that are all for this use, none of them twice."""
        gathered = tuple(keys)
        if any(key.use is not use for key in gathered):
            raise KeyPurposeMismatch(f"A set of {use} keys must hold {use} keys only.")
        if len({key.kid for key in gathered}) != len(gathered):
            raise MalformedClaims("A key set must not hold the same key twice.")
        return cls(use=use, keys=gathered)

    @classmethod
    def from_jwks(cls, jwks: JsonObject, use: KeyUse) -> "KeySet":
        """Read a JWK set (RFC 7517 section 5): 1 to 16 keys, each whole, public, and named by its thumbprint."""
        items = claims.require_list(jwks, "keys", min_items=1, max_items=MAX_KEYS)
        return cls.of(use, [parse_key(item, use) for item in items])

    def get(self, kid: str) -> PublicKey:
        """Return the key with this id, or raise UnknownKey."""
        for key in self.keys:
            if key.kid == kid:
                return key
        raise UnknownKey(f"No trusted {self.use} key has the key id {shown(kid)}; it may have been rotated or revoked.")

    @property
    def kids(self) -> frozenset[str]:
        """The ids of all its keys."""
        return frozenset(key.kid for key in self.keys)

    def without(self, kids: Collection[str]) -> "KeySet":
        """Return the set without the keys of these ids; it may be empty then."""
        return KeySet(use=self.use, keys=tuple(key for key in self.keys if key.kid not in kids))

    def require_use(self, use: KeyUse) -> "KeySet":
        """Return the set itself when it is for this use, else raise KeyPurposeMismatch."""
        if self.use is not use:
            raise KeyPurposeMismatch(f"A {self.use} key must not stand in for a {use} key.")
        return self

    def to_jwks(self) -> JsonObject:
        """Write the set as a JWK set."""
        return {"keys": [dict(key.jwk) for key in self.keys]}


class Signer(Protocol):
    """Sign with one private key, wherever it lives."""

    @property
    def kid(self) -> str:
        """The thumbprint of the key."""

    @property
    def alg(self) -> Alg:
        """The one algorithm that the key is for."""

    @property
    def use(self) -> KeyUse:
        """The one use that the key is for."""

    @property
    def public(self) -> PublicKey:
        """The public half."""

    def sign(self, signing_input: bytes) -> bytes:
        """Return the raw JOSE signature of these bytes (RFC 7518 section 3.4: r and s, 32 bytes each, for ES256)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSigner:
    """A Signer whose private key is in this process's memory."""

    public: PublicKey
    _private: PrivateCryptoKey = field(repr=False)

    @classmethod
    def generate(cls, use: KeyUse, alg: Alg = Alg.ES256) -> "LocalSigner":
        """Make a new key pair (RSA of 3072 bits); evidence keys must ask for Ed25519."""
        private: PrivateCryptoKey
        if alg is Alg.ED25519:
            private = ed25519.Ed25519PrivateKey.generate()
        elif alg is Alg.PS256:
            private = rsa.generate_private_key(public_exponent=jwk.RSA_EXPONENT, key_size=3072)
        else:
            private = ec.generate_private_key(ec.SECP256R1())
        return cls._around(private, use)

    @classmethod
    def from_pem(cls, pem: bytes, use: KeyUse) -> "LocalSigner":
        """Read an unencrypted PKCS #8 private key; raise MalformedClaims when it is not one of ours."""
        try:
            private = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError):
            raise MalformedClaims("The private key is not an unencrypted PKCS #8 PEM file.") from None
        if not isinstance(private, PrivateCryptoKey):
            raise MalformedClaims("The private key must be P-256, Ed25519 or RSA.")
        return cls._around(private, use)

    @classmethod
    def _around(cls, private: PrivateCryptoKey, use: KeyUse) -> "LocalSigner":
        if use is KeyUse.ENCRYPTION:
            raise KeyPurposeMismatch("An encryption key does not sign.")
        return cls(public=parse_key(jwk.write(private.public_key()), use, named=False), _private=private)

    @property
    def kid(self) -> str:
        """The thumbprint of the key."""
        return self.public.kid

    @property
    def alg(self) -> Alg:
        """The one algorithm that the key is for."""
        return self.public.alg

    @property
    def use(self) -> KeyUse:
        """The one use that the key is for."""
        return self.public.use

    def sign(self, signing_input: bytes) -> bytes:
        """Return the raw JOSE signature of these bytes."""
        if isinstance(self._private, ec.EllipticCurvePrivateKey):
            r, s = decode_dss_signature(self._private.sign(signing_input, _ES256))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        if isinstance(self._private, ed25519.Ed25519PrivateKey):
            return self._private.sign(signing_input)
        return self._private.sign(signing_input, _PS256, hashes.SHA256())

    def to_pem(self) -> bytes:
        """Write the private key as unencrypted PKCS #8; the caller keeps the file from others."""
        return self._private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


_ES256 = ec.ECDSA(hashes.SHA256())
_PS256 = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=hashes.SHA256.digest_size)


def parse_key(unverified_jwk: object, use: KeyUse, *, named: bool = True) -> PublicKey:
    """Read one public JWK for one use.

    A `named` key must have `kid` and `alg`. Where `kid`, `alg`, `use` or `key_ops` are there, they must agree with the
    key and its use; the `kid` of a key in a DPoP proof is its maker's own label and is dropped, as members that say
    nothing of the key itself are. Raise MalformedClaims or ForbiddenAlgorithm.
    """
    if type(unverified_jwk) is not dict:
        raise MalformedClaims("A key must be an object.")
    members = jwk.key_members(unverified_jwk)
    alg = _ALGORITHM[use].get(members["kty"])
    if alg is None:
        fit = " or ".join(sorted(_ALGORITHM[use].values()))
        raise ForbiddenAlgorithm(f"A key of this type cannot be a {use} key here; make one for {fit}.")
    if (named or "alg" in unverified_jwk) and unverified_jwk.get("alg") != alg:
        raise ForbiddenAlgorithm(f"A key's 'alg' must be {alg}, the one algorithm that a key of its type is for here.")
    kid = jwk.members_thumbprint(members)
    if use is not KeyUse.DPOP and (named or "kid" in unverified_jwk) and unverified_jwk.get("kid") != kid:
        raise MalformedClaims(f"A key's 'kid' must be its RFC 7638 thumbprint, {kid}.")
    jwk_use = "enc" if use is KeyUse.ENCRYPTION else "sig"
    _check_operations(unverified_jwk, jwk_use)
    public = members | {"kid": kid, "alg": alg.value, "use": jwk_use}
    retired_at = None
    if "retired_at" in unverified_jwk:
        if use is not KeyUse.MESSAGE:
            raise MalformedClaims("Only message keys may stay published after they retire.")
        public["retired_at"] = claims.require_int(unverified_jwk, "retired_at", maximum=claims.LATEST_SECONDS)
        retired_at = claims.from_seconds(public["retired_at"])
    return PublicKey(kid=kid, alg=alg, use=use, jwk=public, key=jwk.load(members), retired_at=retired_at)


def _check_operations(unverified_jwk: JsonObject, jwk_use: str) -> None:
    if unverified_jwk.get("use", jwk_use) != jwk_use:
        raise MalformedClaims("A key's 'use' does not fit what it is published for.")
    if "key_ops" in unverified_jwk:
        operations = claims.require_str_list(unverified_jwk, "key_ops", max_items=8)
        if ("verify" in operations) != (jwk_use == "sig"):
            raise MalformedClaims("A key's 'key_ops' does not fit what it is published for.")
