"""Write a backup: store and configuration in one signed file, the private keys in another under a passphrase.

Both files together open what is sealed, so they belong in different places.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway import __version__
from gateway.administration import journal
from gateway.administration.backup import archive, key_export
from gateway.administration.backup.key_export import KeyExport
from gateway.administration.context import Settings, certificates, now, own_entity
from gateway.administration.errors import OperationRefused
from gateway.administration.keys import vault_of
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.keys.daily_seal import FILE as DAILY_FILE
from gateway.keys.files import read_private
from gateway.store.backup.snapshot import copy_out
from trust.keys import KeyUse

SUFFIX = ".backup"
_PRIVATE = (b"PRIVATE KEY-----", b'"d":', b'"d" :')
_NOT_COPIED = frozenset({"key", "directory", "base_dir"})
"""Settings whose path leads to private keys, or to the whole folder."""
_DAILY = Path(DAILY_FILE).stem
_MAX_KEYS = 65_536


def create_backup(settings: Settings, config: Path, target: Path, *, keep: int | None) -> UseCaseResult:
    """Write a backup, and remove the older ones of a folder but ``keep``. Raises :class:`OperationRefused`."""
    if keep:
        _make_folder(target)
    path = write_backup(settings, config, target)
    removed = _remove_oldest(settings, target, keep) if keep else []
    lines = [
        f"The backup is {path}. It holds no private key; `hearthgate backup --keys` writes those, to keep elsewhere."
    ]
    lines += [f"Removed, being older: {each.name}" for each in removed]
    return UseCaseResult(lines=lines, data={"file": str(path), "removed": [str(each) for each in removed]})


def write_backup(settings: Settings, config: Path, target: Path) -> Path:
    """Write a backup and return its path; in a folder ``target``, the file is named by entity and time."""
    at = now()
    path = target / _name(settings, at) if target.is_dir() else target
    signer = vault_of(settings).signer(KeyUse.FEDERATION)
    try:
        staging = Path(tempfile.mkdtemp(prefix=".backup.", dir=path.absolute().parent))
    except OSError as failed:
        raise OperationRefused(
            f"A backup cannot be made at {path} ({failed.strerror}); name a folder that is there."
        ) from failed
    try:
        copy = copy_out(settings.store.url, base_dir=settings.base_dir, folder=staging)
        sources = {f"{archive.STORE}/{name}": staging / name for name in copy.parts}
        files = _configuration_files(settings, config)
        sources |= {f"{archive.FOLDER}/{file.relative_to(settings.base_dir)}": file for file in files}
        manifest = archive.Manifest(
            entity=own_entity(settings),
            made_at=at,
            version=__version__,
            config=config.name,
            kind=copy.kind,
            revision=copy.revision,
            store_parts=copy.parts,
            parts=tuple(archive.measure(name, file) for name, file in sources.items()),
        )
        archive.write(path, manifest, sources.values(), signer)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return path


def plan_key_export(settings: Settings, target: Path, passphrase_file: Path) -> ChangePlan:
    """Plan to write every private key into a file under a passphrase. Raises :class:`OperationRefused`."""
    passphrase, own = key_export.read_passphrase(passphrase_file), own_entity(settings)
    vault_of(settings)  # refuses keys that are incomplete or open to others
    files = {
        str(file.relative_to(settings.base_dir)): read_private(file, most=_MAX_KEYS) for file in _key_files(settings)
    }

    def apply() -> UseCaseResult:
        journal.record(settings, "keys exported", file=str(target), keys=list(files))
        key_export.write_export(target, KeyExport(entity=own, made_at=now(), files=files), passphrase)
        line = f"The private keys are in {target}. Without the passphrase they cannot be read again."
        return UseCaseResult(lines=[line], data={"file": str(target), "keys": list(files)})

    effect = [
        f"This writes every private key of {own} into {target}, encrypted under the passphrase:",
        *(f"  {name}" for name in files),
        "With the passphrase and a backup, this file acts as this agency and reads what is sealed: keep them apart.",
    ]
    return ChangePlan(effect=effect, question="Write the private keys?", apply=apply)


def _make_folder(target: Path) -> None:
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as failed:
        raise OperationRefused(f"The folder {target} cannot be made ({failed.strerror}); name another.") from failed


def _key_files(settings: Settings) -> list[Path]:
    """Return the files of the vault, and the listeners' keys that are in the folder.

    Not the daily keys: all later ones can be derived from one.
    """
    base = settings.base_dir
    directory = base / settings.keys.directory
    if not directory.resolve().is_relative_to(base.resolve()):
        raise OperationRefused(f"The keys lie outside {base}, in {directory}, and are not exported; copy that folder.")
    own = {key for _, key in certificates(settings) if key.resolve().is_relative_to(base.resolve())}
    return [*sorted(each for each in directory.iterdir() if each.is_file() and each.stem != _DAILY), *sorted(own)]


def _configuration_files(settings: Settings, config: Path) -> Iterator[Path]:
    """Yield the configuration, the journal, and the certificates and pinned keys that lie in the same folder.

    Raises :class:`OperationRefused` for a private key among them.
    """
    base = settings.base_dir
    paths = {base / path for name, path in _paths(settings.model_dump()) if name not in _NOT_COPIED}
    within = {path for path in paths if path.resolve().is_relative_to(base.resolve())}
    for path in sorted({base / config.name, base / journal.FILE} | within):
        if not path.is_file():
            continue
        if any(mark in path.read_bytes() for mark in _PRIVATE):
            raise OperationRefused(
                f"{path} holds a private key, and no backup may: move the key into a file of its own."
            )
        yield path


def _paths(table: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    """Yield every path of the settings with the name of its setting."""
    for name, value in table.items():
        if isinstance(value, Path):
            yield name, value
        elif isinstance(value, Mapping):
            yield from _paths(value)
        elif isinstance(value, tuple):
            yield from (path for item in value if isinstance(item, Mapping) for path in _paths(item))


def _remove_oldest(settings: Settings, folder: Path, keep: int) -> list[Path]:
    """Remove the oldest backups of this entity in a folder, by the names that this module gives."""
    pattern = re.compile(re.escape(_host(settings)) + r"-\d{8}T\d{6}Z" + re.escape(SUFFIX))
    ours = sorted(path for path in folder.iterdir() if pattern.fullmatch(path.name))
    old = ours[:-keep]
    for path in old:
        path.unlink()
    return old


def _name(settings: Settings, at: datetime) -> str:
    return f"{_host(settings)}-{at:%Y%m%dT%H%M%SZ}{SUFFIX}"


def _host(settings: Settings) -> str:
    return own_entity(settings).removeprefix("https://").replace("/", "_")
