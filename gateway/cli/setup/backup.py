"""``hearthgate backup``: the store and the configuration in one signed file, without a private key in it.

The private keys go into another file, when they are asked for and under a passphrase: together the two open what is
sealed, so they belong in different places.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from config.settings import AnchorSettings
from gateway import __version__
from gateway.administration import journal
from gateway.administration.context import Settings, now
from gateway.administration.errors import OperationRefused
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, config_path, load_settings
from gateway.cli.output import command_output, confirm, show_plan, yes_option
from gateway.cli.setup import archive, key_safe
from gateway.keys.daily_seal import FILE as DAILY_FILE
from gateway.keys.files import ANCHOR_KEYS, NODE_KEYS, read_private
from gateway.keys.vault import FileKeyVault, open_vault
from gateway.store.backup.snapshot import copy_out
from trust.identifiers import EntityId
from trust.keys import KeyUse

SUFFIX = ".backup"
_PRIVATE = (b"PRIVATE KEY-----", b'"d":', b'"d" :')
_NOT_COPIED = frozenset({"key", "directory", "base_dir"})
"""Settings whose path leads to private keys, or to the whole folder."""
_DAILY = Path(DAILY_FILE).stem
_MAX_KEYS = 65_536
_path = click.Path(path_type=Path)


@click.command()
@click.argument("target", metavar="PATH", type=_path)
@click.option("--keys", "keys_too", is_flag=True, help="Write the private keys instead, under a passphrase.")
@click.option("--passphrase-file", type=_path, help="With --keys: the file that holds the passphrase.")
@click.option(
    "--keep", type=click.IntRange(1, 1000), help="PATH is a folder, made where it is missing: keep so many, the newest."
)
@config_option
@yes_option
@command_output
def backup(
    *, target: Path, keys_too: bool, passphrase_file: Path | None, keep: int | None, config: Path | None, yes: bool
) -> UseCaseResult:
    """Write a backup to PATH, a new file, or a folder in which it gets a name of its own. The node may be running.

    It holds the store, the configuration, the pinned keys and the administrators' journal, and no private key.
    """
    if keys_too != (passphrase_file is not None):
        raise click.UsageError("Give --keys and --passphrase-file together.")
    if keep and (keys_too or target.is_file()):
        raise click.UsageError("--keep goes with a folder of backups.")
    settings = load_settings(config)
    if passphrase_file is not None:
        return _keys(settings, target, passphrase_file, yes=yes)
    if keep:
        _make_folder(target)
    made = write_backup(settings, config, target)
    removed = _thin_out(settings, target, keep) if keep else []
    lines = [
        f"The backup is {made}. It holds no private key; `hearthgate backup --keys` writes those, to keep elsewhere."
    ]
    lines += [f"Removed, being older: {path.name}" for path in removed]
    return UseCaseResult(lines=lines, data={"file": str(made), "removed": [str(path) for path in removed]})


def _make_folder(target: Path) -> None:
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as failed:
        raise OperationRefused(f"The folder {target} cannot be made ({failed.strerror}); name another.") from failed


def entity_of(settings: Settings) -> EntityId:
    """Return who a node or an authority is."""
    return EntityId((settings.anchor if isinstance(settings, AnchorSettings) else settings.node).entity_id)


def write_backup(settings: Settings, config: Path | None, target: Path) -> Path:
    """Write a backup and return its path; a folder as ``target`` gets a file that is named by whom and when."""
    at = now()
    path = target / _name(settings, at) if target.is_dir() else target
    signer = _vault(settings).signer(KeyUse.FEDERATION)
    try:
        staging = Path(tempfile.mkdtemp(prefix=".backup.", dir=path.absolute().parent))
    except OSError as failed:
        raise OperationRefused(
            f"A backup cannot be made at {path} ({failed.strerror}); name a folder that is there."
        ) from failed
    try:
        copy = copy_out(settings.store.url, base_dir=settings.base_dir, folder=staging)
        named = {f"{archive.STORE}/{name}": staging / name for name in copy.parts}
        files = _configuration_files(settings, config_path(config))
        named |= {f"{archive.FOLDER}/{file.relative_to(settings.base_dir)}": file for file in files}
        manifest = archive.Manifest(
            entity=entity_of(settings),
            made_at=at,
            version=__version__,
            config=config_path(config).name,
            kind=copy.kind,
            revision=copy.revision,
            store_parts=copy.parts,
            parts=tuple(archive.measure(name, file) for name, file in named.items()),
        )
        archive.write(path, manifest, named.values(), signer)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return path


def _keys(settings: Settings, target: Path, passphrase_file: Path, *, yes: bool) -> UseCaseResult:
    passphrase = key_safe.read_passphrase(passphrase_file)
    _vault(settings)  # refuses keys that are incomplete or open to others
    files = {
        str(file.relative_to(settings.base_dir)): read_private(file, most=_MAX_KEYS) for file in _key_files(settings)
    }
    show_plan(
        f"This writes every private key of {entity_of(settings)} into {target}, encrypted under the passphrase:",
        *(f"  {name}" for name in files),
        "Whoever has it, the passphrase and a backup can be this agency and read what is sealed: keep them apart.",
    )
    confirm("Write the private keys?", yes=yes)
    journal.record(settings, "keys exported", file=str(target), keys=list(files))
    key_safe.lock(target, key_safe.Safe(entity=entity_of(settings), made_at=now(), files=files), passphrase)
    return UseCaseResult(
        lines=[f"The private keys are in {target}. Without the passphrase nobody can use it, this agency included."],
        data={"file": str(target), "keys": list(files)},
    )


def _key_files(settings: Settings) -> list[Path]:
    """Return the files of the vault, and the faces' keys where they lie in the folder too.

    Not the daily keys: a holder of one could make all later ones of it.
    """
    base = settings.base_dir
    directory = base / settings.keys.directory
    if not directory.resolve().is_relative_to(base.resolve()):
        raise OperationRefused(
            f"The keys lie outside {base}, in {directory}, and are looked after there; copy that folder."
        )
    faces = [settings.peer] if isinstance(settings, AnchorSettings) else [settings.peer, settings.case]
    own = {base / face.key for face in faces if (base / face.key).resolve().is_relative_to(base.resolve())}
    return [*sorted(each for each in directory.iterdir() if each.is_file() and each.stem != _DAILY), *sorted(own)]


def _configuration_files(settings: Settings, config: Path) -> Iterator[Path]:
    """Yield the configuration, the journal, and the certificates and pinned keys that lie in the same folder.

    Raises :class:`OperationRefused` for a private key among them.
    """
    base = settings.base_dir
    named = {base / path for name, path in _paths(settings.model_dump()) if name not in _NOT_COPIED}
    within = {path for path in named if path.resolve().is_relative_to(base.resolve())}
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
            yield from (found for item in value if isinstance(item, Mapping) for found in _paths(item))


def _thin_out(settings: Settings, folder: Path, keep: int) -> list[Path]:
    """Remove the oldest backups of this entity in a folder, by the names that this command gives."""
    pattern = re.compile(re.escape(_host(settings)) + r"-\d{8}T\d{6}Z" + re.escape(SUFFIX))
    ours = sorted(path for path in folder.iterdir() if pattern.fullmatch(path.name))
    old = ours[:-keep]
    for path in old:
        path.unlink()
    return old


def _name(settings: Settings, at: datetime) -> str:
    return f"{_host(settings)}-{at:%Y%m%dT%H%M%SZ}{SUFFIX}"


def _host(settings: Settings) -> str:
    return entity_of(settings).removeprefix("https://").replace("/", "_")


def _vault(settings: Settings) -> FileKeyVault:
    needed = ANCHOR_KEYS if isinstance(settings, AnchorSettings) else NODE_KEYS
    return open_vault(settings.base_dir / settings.keys.directory, needed=needed)
