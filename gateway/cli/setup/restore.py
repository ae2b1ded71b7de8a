"""``hearthgate restore``: a node or authority made again from a backup and its private keys, whole or not at all.

It is made beside its final place and renamed, so that a restore that fails leaves nothing behind, and nothing that
exists is overwritten. A restored store begins a new epoch: what is dated before it counts no more, and it serves nobody
until it was reconciled with the others (:mod:`gateway.store.tables.store_epoch`).
"""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from config.loading import load
from config.settings import AnchorSettings
from gateway.administration import journal
from gateway.administration.context import Settings, now
from gateway.administration.errors import OperationRefused
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import environment
from gateway.cli.output import command_output, confirm, show_plan, yes_option
from gateway.cli.setup import archive, key_safe
from gateway.cli.setup.archive import Manifest
from gateway.cli.setup.backup import entity_of
from gateway.cli.setup.key_safe import Safe
from gateway.cli.setup.restore_confirm import restore_confirm
from gateway.keys.files import ANCHOR_KEYS, NODE_KEYS
from gateway.keys.vault import open_vault
from gateway.store.backup.snapshot import StoreCopy, copy_in, refuse_misfit
from trust.keys import KeySet, KeyUse

_path = click.Path(path_type=Path)


class _Restore(click.Command):
    """`restore`, with `restore confirm` beside it: an argument of the one is no name of a command."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Hand `confirm` over to its own command."""
        if args[:1] == ["confirm"]:
            return restore_confirm.make_context(f"{info_name} confirm", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


@click.command(cls=_Restore)
@click.argument("source", metavar="BACKUP", type=_path)
@click.argument("folder", metavar="DIR", type=_path)
@click.option("--keys", "keys_file", type=_path, required=True, help="The private keys, as `backup --keys` wrote them.")
@click.option("--passphrase-file", type=_path, required=True, help="The file that holds their passphrase.")
@yes_option
@command_output
def restore(*, source: Path, folder: Path, keys_file: Path, passphrase_file: Path, yes: bool) -> UseCaseResult:
    """Make a node or an authority again in DIR, a new folder, from BACKUP and its private keys.

    `hearthgate restore confirm` opens afterwards what peers could not answer for.
    """
    target = folder.absolute()
    if target.exists():
        raise OperationRefused(f"{folder} exists already, and a restore overwrites nothing; name a new folder.")
    safe = key_safe.unlock(keys_file, key_safe.read_passphrase(passphrase_file))
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        prepared = _prepare(source, safe, staging)
        _announce(prepared, target)
        confirm("Restore it?", yes=yes)
        outcome = _restore(prepared, staging, target)
        (staging / archive.FOLDER).rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    settings: Settings
    manifest: Manifest
    copy: StoreCopy


def _prepare(source: Path, safe: Safe, staging: Path) -> _Prepared:
    """Put keys and parts into place beside the target, with everything checked that can be before a store is made."""
    made = staging / archive.FOLDER
    made.mkdir(mode=0o700)
    key_safe.write_out(safe, made)
    keys = _federation_keys(safe, made)
    manifest = archive.extract(source, keys=keys, entity=safe.entity, into=staging)
    settings = load(made / manifest.config, environment())
    if entity_of(settings) != safe.entity:
        raise OperationRefused(f"The configuration in the backup is of {entity_of(settings)}, not of {safe.entity}.")
    needed = ANCHOR_KEYS if isinstance(settings, AnchorSettings) else NODE_KEYS
    open_vault(made / settings.keys.directory, needed=needed)
    copy = StoreCopy(kind=manifest.kind, revision=manifest.revision, parts=manifest.store_parts)
    refuse_misfit(copy, settings.store.url, base_dir=settings.base_dir)
    return _Prepared(settings=settings, manifest=manifest, copy=copy)


def _federation_keys(safe: Safe, made: Path) -> KeySet:
    """Return every federation key among the private keys: an older one may have signed an older backup."""
    folder = next((Path(name).parent for name in safe.files if Path(name).name == NODE_KEYS[0]), None)
    if folder is None:
        raise OperationRefused("The file of private keys holds no federation key; is it complete?")
    return open_vault(made / folder, needed=ANCHOR_KEYS).published(KeyUse.FEDERATION)


def _announce(prepared: _Prepared, target: Path) -> None:
    manifest = prepared.manifest
    show_plan(
        f"This makes {manifest.entity} again in {target}, as it was on {manifest.made_at:%Y-%m-%d at %H:%M:%S} UTC",
        f"(version {manifest.version}, tables of {manifest.revision}), in the store {prepared.settings.store.url}.",
        "What happened since is not in it: messages, lookups and evidence are lost. The new one accepts nothing that",
        "is dated before this moment, and answers 503 until it has asked the others what it missed: keys revoked,",
        "agreements ended, suspensions. Case systems, pending changes, members and what no peer answers for stay",
        "closed until `hearthgate restore confirm`. The old one must not run any more.",
    )


def _restore(prepared: _Prepared, staging: Path, target: Path) -> UseCaseResult:
    settings, manifest, at = prepared.settings, prepared.manifest, now()
    journal.record(settings, "restored", backup_of=manifest.made_at.isoformat(timespec="seconds"))
    epoch = copy_in(
        prepared.copy, settings.store.url, base_dir=settings.base_dir, folder=staging / archive.STORE, at=at
    )
    config = target / manifest.config
    return UseCaseResult(
        lines=[
            f"{manifest.entity} is restored in {target}. Its store is in its epoch {epoch.number} now.",
            "What to do next:",
            f"  1. Run it: hearthgate serve --config {config}",
            f"  2. Look at it: hearthgate doctor --config {config}",
            f"  3. Close what was closed since the backup, then: hearthgate restore confirm --config {config}",
        ],
        data={
            "directory": str(target),
            "config": str(config),
            "entity_id": manifest.entity,
            "made_at": manifest.made_at.isoformat(),
            "epoch": epoch.number,
        },
    )
