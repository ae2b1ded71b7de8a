"""The file of a backup: a signed manifest, then its parts in the manifest's order, in an uncompressed tar.

The manifest is a JWT under the federation key: a damaged, altered or foreign backup is refused. To read one:

1. read the first member, the manifest, within its cap;
2. verify its signature by one of this entity's keys, and its issuer;
3. require of each further member an ordinary file with the name and the length that the manifest states next;
4. compare each part's SHA-256 while it is written out;
5. refuse anything after the last part.

A name in it can only lead below the folder that it is written to.
"""

import hashlib
import io
import os
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO

from gateway.administration.errors import OperationRefused
from trust import jose
from trust.claims import (
    from_seconds,
    require_int,
    require_list,
    require_object,
    require_str,
    require_str_list,
    to_seconds,
)
from trust.errors import TrustError
from trust.identifiers import EntityId, parse_entity_id
from trust.keys import KeySet, Signer
from trust.strict_json import JsonObject

TYP = "store-backup+jwt"
FOLDER, STORE = "folder", "store"
"""The first part of a name: a file of the node's folder, or a part of the store's copy."""
_MANIFEST = "manifest.jwt"
_MAX_MANIFEST = 262_144
_MAX_PARTS = 500
_MAX_NAME = 200
_BLOCK = 1_048_576


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivePart:
    """One file of a backup. ``name`` begins with :data:`FOLDER` or :data:`STORE`."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The entity, the time and the parts of a backup. ``config`` is the name of the configuration file."""

    entity: EntityId
    made_at: datetime
    version: str
    config: str
    kind: str
    revision: str
    store_parts: tuple[str, ...]
    parts: tuple[ArchivePart, ...] = field(repr=False)


def measure(name: str, path: Path) -> ArchivePart:
    """Return a file as a part, after reading all of it."""
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return ArchivePart(name=name, size=size, sha256=digest.hexdigest())


def write(target: Path, manifest: Manifest, sources: Iterable[Path], signer: Signer) -> None:
    """Write a new file that only its owner can read; ``sources`` are the parts' files in their order.

    Raises :class:`OperationRefused`, leaving nothing behind.
    """
    signed = jose.sign(_to_claims(manifest), typ=TYP, signer=signer)
    partial = target.with_name(f".{target.name}.partial")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                tar.addfile(_entry(_MANIFEST, len(signed), manifest.made_at), io.BytesIO(signed))
                for part, source in zip(manifest.parts, sources, strict=True):
                    with source.open("rb") as content:
                        tar.addfile(_entry(part.name, part.size, manifest.made_at), content)
            file.flush()
            os.fsync(file.fileno())
        os.link(partial, target)  # unlike a rename, it overwrites nothing
    except OSError as failed:
        raise OperationRefused(f"The backup {target} cannot be written ({failed.strerror}).") from failed
    finally:
        partial.unlink(missing_ok=True)


def extract(path: Path, *, keys: KeySet, entity: EntityId, into: Path) -> Manifest:
    """Write every part below ``into``, which is new, and return what was verified. Raises :class:`OperationRefused`."""
    with _open_tar(path) as tar, _tar_errors():
        manifest = _verified(_first(tar), keys, entity)  # 1, 2
        for part in manifest.parts:
            member = tar.next()
            if member is None or not member.isreg() or (member.name, member.size) != (part.name, part.size):  # 3
                raise _changed()
            content = tar.extractfile(member)
            if content is None or _write_out(content, into / part.name) != part.sha256:  # 4
                raise _changed()
        if tar.next() is not None:  # 5
            raise _changed()
    return manifest


def _verified(raw: bytes, keys: KeySet, entity: EntityId) -> Manifest:
    try:
        claims = jose.open_signed(raw, typ=TYP, keys=keys, max_bytes=_MAX_MANIFEST).claims
    except TrustError as refused:
        raise OperationRefused(
            f"The backup's manifest is not signed by a federation key of {entity}: {refused.detail}"
        ) from refused
    manifest = _from_claims(claims)
    if manifest.entity != entity:
        raise OperationRefused(f"The backup is of {manifest.entity}, not of {entity}.")
    return manifest


def _to_claims(manifest: Manifest) -> JsonObject:
    return {
        "iss": manifest.entity,
        "iat": to_seconds(manifest.made_at),
        "version": manifest.version,
        "config": manifest.config,
        "store": {"kind": manifest.kind, "revision": manifest.revision, "parts": list(manifest.store_parts)},
        "parts": [{"name": part.name, "size": part.size, "sha256": part.sha256} for part in manifest.parts],
    }


def _from_claims(claims: JsonObject) -> Manifest:
    store = require_object(claims, "store")
    parts = [_part({"part": item}) for item in require_list(claims, "parts", max_items=_MAX_PARTS, min_items=1)]
    return Manifest(
        entity=parse_entity_id(require_str(claims, "iss")),
        made_at=from_seconds(require_int(claims, "iat")),
        version=require_str(claims, "version", max_len=_MAX_NAME),
        config=_safe(require_str(claims, "config", max_len=_MAX_NAME)),
        kind=require_str(store, "kind", max_len=_MAX_NAME),
        revision=require_str(store, "revision", max_len=_MAX_NAME),
        store_parts=tuple(map(_safe, require_str_list(store, "parts", max_items=_MAX_PARTS, min_items=1))),
        parts=tuple(parts),
    )


def _part(holder: JsonObject) -> ArchivePart:
    item = require_object(holder, "part")
    name = _safe(require_str(item, "name", max_len=_MAX_NAME))
    if name.partition("/")[0] not in {FOLDER, STORE}:
        raise _changed()
    return ArchivePart(name=name, size=require_int(item, "size"), sha256=require_str(item, "sha256", max_len=64))


def _safe(name: str) -> str:
    """Return a name that leads below the folder it is joined to. Raises :class:`OperationRefused`."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or str(path) != name:
        raise _changed()
    return name


def _open_tar(path: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(path, mode="r:")
    except (OSError, tarfile.TarError) as failed:
        raise OperationRefused(f"{path} is not a backup that can be read; check the path.") from failed


@contextmanager
def _tar_errors() -> Iterator[None]:
    """Refuse an archive that ends early or is malformed as one that was changed."""
    try:
        yield
    except tarfile.TarError as failed:
        raise _changed() from failed


def _first(tar: tarfile.TarFile) -> bytes:
    member = tar.next()
    content = tar.extractfile(member) if member is not None and member.isreg() else None
    if member is None or content is None or member.name != _MANIFEST or member.size > _MAX_MANIFEST:
        raise OperationRefused("The file does not begin with a backup's manifest; is it the right one?")
    return content.read()


def _write_out(content: IO[bytes], path: Path) -> str:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = hashlib.sha256()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while block := content.read(_BLOCK):
            digest.update(block)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _entry(name: str, size: int, at: datetime) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, int(at.timestamp())
    return entry


def _changed() -> OperationRefused:
    return OperationRefused(
        "The backup was changed or damaged after it was made, so nothing of it is used; take another one."
    )
