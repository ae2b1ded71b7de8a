"""Seal bytes for rest, so that a stolen store is unreadable without its key.

AES-256-GCM under a key and nonce made for each record: HKDF-SHA256 stretches the store's key with 32 random bytes,
which the cryptography library draws and which stand before the ciphertext. So no nonce is ever chosen, counted or
stored elsewhere, none repeats after a restore from backup, and one key may seal any number of records
(NIST SP 800-38D section 8; RFC 5869).

A sealed record is: one version byte, 32 bytes of salt, the ciphertext, 16 bytes of tag.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from trust.errors import Unverified

KEY_BYTES = 32
_VERSION = b"\x01"
_SALT_BYTES = 32
_NONCE_BYTES = 12
_LABEL = b"hearthgate sealed record 1"


def new_key() -> bytes:
    """Make a key for `seal`: 32 bytes drawn by the cryptography library."""
    return AESGCM.generate_key(bit_length=KEY_BYTES * 8)


def seal(key: bytes, plaintext: bytes, associated: bytes) -> bytes:
    """Encrypt a record; it opens again only with the same key and the same `associated` bytes (its place)."""
    salt = AESGCM.generate_key(bit_length=_SALT_BYTES * 8)
    record_key, nonce = _derive(key, salt)
    return _VERSION + salt + AESGCM(record_key).encrypt(nonce, plaintext, _VERSION + associated)


def open_sealed(key: bytes, sealed: bytes, associated: bytes) -> bytes:
    """Decrypt a record, or raise Unverified when key, bytes or place are not those it was sealed with."""
    salt, ciphertext = sealed[1 : 1 + _SALT_BYTES], sealed[1 + _SALT_BYTES :]
    if sealed[:1] != _VERSION or len(salt) != _SALT_BYTES:
        raise Unverified("The sealed record is not of a version known here.")
    record_key, nonce = _derive(key, salt)
    try:
        return AESGCM(record_key).decrypt(nonce, ciphertext, _VERSION + associated)
    except InvalidTag:
        raise Unverified("The sealed record was changed, moved, or sealed with another key.") from None


def _derive(key: bytes, salt: bytes) -> tuple[bytes, bytes]:
    if len(key) != KEY_BYTES:
        raise ValueError(f"a sealing key has {KEY_BYTES} bytes")
    okm = HKDF(algorithm=SHA256(), length=KEY_BYTES + _NONCE_BYTES, salt=salt, info=_LABEL).derive(key)
    return okm[:KEY_BYTES], okm[KEY_BYTES:]
