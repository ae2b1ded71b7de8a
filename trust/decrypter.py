"""The private half of an encryption key, apart from the keys that sign."""

from dataclasses import dataclass, field
from typing import Protocol

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from trust import jwk
from trust.errors import MalformedClaims
from trust.keys import KeyUse, PublicKey, parse_key


class Decrypter(Protocol):
    """Open what was encrypted for one key."""

    @property
    def kid(self) -> str:
        """The thumbprint of the key."""

    @property
    def private(self) -> ec.EllipticCurvePrivateKey:
        """The private key, or an object of its type that keeps it elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalDecrypter:
    """A Decrypter whose private key is in this process's memory."""

    public: PublicKey
    private: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def generate(cls) -> "LocalDecrypter":
        """Make a new P-256 key pair."""
        return cls._around(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_pem(cls, pem: bytes) -> "LocalDecrypter":
        """Read an unencrypted PKCS #8 private key; raise MalformedClaims when it is not one of P-256."""
        try:
            private = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError):
            private = None
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise MalformedClaims("The encryption key must be an unencrypted PKCS #8 PEM file of a P-256 key.")
        return cls._around(private)

    @classmethod
    def _around(cls, private: ec.EllipticCurvePrivateKey) -> "LocalDecrypter":
        public = parse_key(jwk.write(private.public_key()), KeyUse.ENCRYPTION, named=False)
        return cls(public=public, private=private)

    @property
    def kid(self) -> str:
        """The thumbprint of the key."""
        return self.public.kid
