"""The private keys in one file under a passphrase, to be kept apart from every backup.

scrypt (RFC 7914) with 128 MiB of work derives a key from the passphrase. AES-256-GCM (:mod:`trust.sealing`) seals the
files under it, bound to the header that names their entity. The parameters are constants and not read from the file:
a forged file cannot choose how much memory it takes.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from gateway.administration.errors import OperationRefused
from gateway.administration.files import read_input, write_new
from gateway.keys.files import KeyFilesRefused, refuse_open_files
from trust import base64url, strict_json
from trust.claims import from_seconds, require_int, require_str, to_seconds
from trust.errors import TrustError
from trust.identifiers import EntityId, parse_entity_id
from trust.sealing import KEY_BYTES, open_sealed, seal
from trust.strict_json import JsonObject

SHORTEST_PASSPHRASE = 16
"""Characters of five words of a dice list, at least."""
_FORMAT = "hearthgate private keys 1"
_COST, _BLOCKS, _PARALLEL = 2**17, 8, 1
_SALT_BYTES = 32
_MAX_FILE = 1_000_000
_MAX_PASSPHRASE = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyExport:
    """The private keys of one entity: its key files by their path below its folder."""

    entity: EntityId
    made_at: datetime
    files: Mapping[str, bytes] = field(repr=False)


def read_passphrase(path: Path) -> bytes:
    """Return the passphrase that stands in a file which only its owner can read. Raises :class:`OperationRefused`."""
    try:
        refuse_open_files([path])
    except KeyFilesRefused as refused:
        raise OperationRefused("The passphrase file cannot be used:", refused.faults) from refused
    passphrase = path.read_bytes()[:_MAX_PASSPHRASE].strip()
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise OperationRefused(
            f"The passphrase has fewer than {SHORTEST_PASSPHRASE} characters; take several random words."
        )
    return passphrase


def write_export(target: Path, export: KeyExport, passphrase: bytes) -> None:
    """Write the keys into a new file. Raises :class:`OperationRefused`."""
    salt = os.urandom(_SALT_BYTES)
    header = {
        "format": _FORMAT,
        "entity_id": export.entity,
        "made_at": to_seconds(export.made_at),
        "salt": base64url.encode(salt).decode("ascii"),
    }
    content = strict_json.dumps({name: _text(raw) for name, raw in export.files.items()})
    sealed = seal(_derived_key(passphrase, salt), content, strict_json.dumps(header))
    write_new(target, strict_json.dumps({**header, "sealed": _text(sealed)}), "The private keys", mode=0o600)


def read_export(path: Path, passphrase: bytes) -> KeyExport:
    """Return the keys. Raises :class:`OperationRefused` for another passphrase, and for a file that was changed."""
    document = strict_json.loads(read_input(path, "The file of private keys"), max_bytes=_MAX_FILE)
    header = {name: value for name, value in document.items() if name != "sealed"}
    if header.get("format") != _FORMAT:
        raise OperationRefused(f"{path} is not a file of private keys that `hearthgate backup --keys` wrote.")
    salt = base64url.decode(require_str(header, "salt").encode("ascii"), "salt")
    sealed = base64url.decode(require_str(document, "sealed", max_len=_MAX_FILE).encode("ascii"), "sealed keys")
    try:
        content = open_sealed(_derived_key(passphrase, salt), sealed, strict_json.dumps(header))
    except TrustError as refused:
        raise OperationRefused("The passphrase is another one, or the file of private keys was changed.") from refused
    return KeyExport(
        entity=parse_entity_id(require_str(header, "entity_id")),
        made_at=from_seconds(require_int(header, "made_at")),
        files=_files(strict_json.loads(content, max_bytes=_MAX_FILE)),
    )


def write_key_files(export: KeyExport, folder: Path) -> None:
    """Write the key files below a new folder, for their owner only."""
    for name, raw in export.files.items():
        path = folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_new(path, raw, "A private key", mode=0o600)


def _files(document: JsonObject) -> dict[str, bytes]:
    files = {}
    for name in document:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise OperationRefused("The file of private keys names a path outside the node's folder.")
        text = require_str(document, name, max_len=_MAX_FILE)
        files[name] = base64url.decode(text.encode("ascii"), "key file")
    return files


def _derived_key(passphrase: bytes, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=KEY_BYTES, n=_COST, r=_BLOCKS, p=_PARALLEL).derive(passphrase)


def _text(raw: bytes) -> str:
    return base64url.encode(raw).decode("ascii")
