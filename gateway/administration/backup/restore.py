"""Make a node or an authority again from a backup and its private keys, whole or not at all.

It is made beside its final place and renamed: a restore that fails leaves nothing behind, and no existing file is
overwritten. A restored store begins a new epoch: what is dated before it no longer counts, and the node answers no
request until it is reconciled with the others (:mod:`gateway.store.tables.store_epoch`).
"""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.loading import load
from gateway.administration import journal
from gateway.administration.backup import archive, key_export
from gateway.administration.backup.archive import Manifest
from gateway.administration.backup.key_export import KeyExport
from gateway.administration.context import Settings, now, own_entity
from gateway.administration.errors import OperationRefused
from gateway.administration.keys import vault_of
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.keys.files import ANCHOR_KEYS, NODE_KEYS
from gateway.keys.vault import open_vault
from gateway.store.backup.snapshot import StoreCopy, copy_in, refuse_misfit
from trust.keys import KeySet, KeyUse


@contextmanager
def staged_restore(
    backup: Path, folder: Path, *, keys: Path, passphrase: Path, environment: Mapping[str, str]
) -> Iterator[ChangePlan]:
    """Yield the plan of a restore into ``folder``, a new folder; an unapplied plan leaves nothing behind.

    ``keys`` are the exported ones, ``passphrase`` is the file of theirs. ``environment`` overlays the restored
    configuration. Raises :class:`OperationRefused`.
    """
    target = folder.absolute()
    if target.exists():
        raise OperationRefused(f"{folder} exists already, and a restore overwrites nothing; name a new folder.")
    export = key_export.read_export(keys, key_export.read_passphrase(passphrase))
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        staged = _stage(backup, export, staging, environment)
        yield ChangePlan(
            effect=_effect(staged, target),
            question="Restore it?",
            apply=lambda: _restore(staged, staging, target),
        )
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Staged:
    settings: Settings
    manifest: Manifest
    copy: StoreCopy


def _stage(source: Path, export: KeyExport, staging: Path, environment: Mapping[str, str]) -> _Staged:
    """Write keys and parts beside the target, with every check that needs no store."""
    node_folder = staging / archive.FOLDER
    node_folder.mkdir(mode=0o700)
    key_export.write_key_files(export, node_folder)
    keys = _federation_keys(export, node_folder)
    manifest = archive.extract(source, keys=keys, entity=export.entity, into=staging)
    settings = load(node_folder / manifest.config, environment)
    if own_entity(settings) != export.entity:
        raise OperationRefused(f"The configuration in the backup is of {own_entity(settings)}, not of {export.entity}.")
    vault_of(settings)  # refuses keys that are incomplete or open to others
    copy = StoreCopy(kind=manifest.kind, revision=manifest.revision, parts=manifest.store_parts)
    refuse_misfit(copy, settings.store.url, base_dir=settings.base_dir)
    return _Staged(settings=settings, manifest=manifest, copy=copy)


def _federation_keys(export: KeyExport, node_folder: Path) -> KeySet:
    """Return every federation key among the private keys: an older one may have signed an older backup."""
    folder = next((Path(name).parent for name in export.files if Path(name).name == NODE_KEYS[0]), None)
    if folder is None:
        raise OperationRefused("The file of private keys holds no federation key; is it complete?")
    return open_vault(node_folder / folder, needed=ANCHOR_KEYS).published(KeyUse.FEDERATION)


def _effect(staged: _Staged, target: Path) -> list[str]:
    manifest = staged.manifest
    return [
        f"This makes {manifest.entity} again in {target}, as it was on {manifest.made_at:%Y-%m-%d at %H:%M:%S} UTC",
        f"(version {manifest.version}, tables of {manifest.revision}), in the store {staged.settings.store.url}.",
        "What happened since is not in it: messages, lookups and evidence are lost. The new one accepts nothing that",
        "is dated before this moment, and answers 503 until it has asked the others what it missed: keys revoked,",
        "agreements ended, suspensions. Case systems, pending changes, members and what no peer answers for stay",
        "closed until `hearthgate restore confirm`. The old one must not run any more.",
    ]


def _restore(staged: _Staged, staging: Path, target: Path) -> UseCaseResult:
    settings, manifest, at = staged.settings, staged.manifest, now()
    journal.record(settings, "restored", backup_of=manifest.made_at.isoformat(timespec="seconds"))
    epoch = copy_in(staged.copy, settings.store.url, base_dir=settings.base_dir, folder=staging / archive.STORE, at=at)
    (staging / archive.FOLDER).rename(target)
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
