"""The keys of an entity, opened for one use case: the stage of each, and the keys that its superior vouches for."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from config.settings import NodeSettings
from gateway.administration.context import Settings, now, opened_store, own_entity, superiors
from gateway.administration.errors import OperationRefused
from gateway.administration.outcome import UseCaseResult
from gateway.federation.own_keys import VouchedKeys
from gateway.keys.files import ANCHOR_KEYS, NODE_KEYS, KeyFile, sole_change
from gateway.keys.rotation import record_starts
from gateway.keys.schedule import KEY_OVERLAPS, KeyLifecycle, KeyRecord, Stage, lifecycles, published_keys
from gateway.keys.vault import FileKeyVault, open_vault, read_records
from gateway.ports import Store
from gateway.store.tables import anchor_keys, trust_chains
from trust import jose
from trust.federation import anchor_keys as trust_anchor_keys
from trust.federation import entity_statement
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityKeys:
    """The keys of one entity. ``records`` are settled: what began to sign is written down as begun."""

    settings: Settings
    store: Store
    directory: Path
    records: tuple[KeyRecord, ...]
    vouched: Mapping[str, datetime]

    @property
    def own(self) -> EntityId:
        """The entity whose keys they are."""
        return own_entity(self.settings)

    def lifecycles(self, records: Sequence[KeyRecord] | None = None) -> tuple[KeyLifecycle, ...]:
        """Return the life of each key, or of what they would be."""
        return lifecycles(self.records if records is None else records, vouched_since=self.vouched)

    def federation_keys(self, at: datetime, records: Sequence[KeyRecord] | None = None) -> KeySet:
        """Return the federation keys that are published, or would be."""
        return published_keys(self.lifecycles(records), KeyUse.FEDERATION, now=at)


@contextmanager
def opened_keys(settings: Settings, *, needed: Sequence[KeyFile] | None = None) -> Iterator[EntityKeys]:
    """Open the keys of a node or authority, one use case at a time; ``needed`` are all of its first files.

    Raises ``KeyFilesRefused`` and ``StoreRefused``.
    """
    directory = settings.base_dir / settings.keys.directory
    with sole_change(directory), opened_store(settings) as store:
        vouched = VouchedKeys(store).since()
        first = first_files(settings) if needed is None else needed
        records = record_starts(read_records(directory, first), vouched_since=vouched)
        yield EntityKeys(settings=settings, store=store, directory=directory, records=records, vouched=vouched)


def first_files(settings: Settings) -> tuple[KeyFile, ...]:
    """Return the first key files of a node or of an authority."""
    return NODE_KEYS if isinstance(settings, NodeSettings) else ANCHOR_KEYS


def vault_of(settings: Settings) -> FileKeyVault:
    """Open the private keys of a node or of an authority. Raises ``KeyFilesRefused``."""
    return open_vault(settings.base_dir / settings.keys.directory, needed=first_files(settings))


def kids_vouched_for(keys: EntityKeys) -> frozenset[str]:
    """Return the federation keys that are vouched for, as far as the store knows: by the superior or the recovery key.

    Nothing is verified here: what the store holds was.
    """
    if superiors(keys.settings):
        chain = keys.store.read(lambda tx: trust_chains.get_chain(tx, entity=keys.own))
        raw, typ = (chain.statements[1] if chain and len(chain.statements) > 1 else None), entity_statement.TYP
    else:
        document = keys.store.read(lambda tx: anchor_keys.get(tx, anchor=keys.own))
        raw, typ = (document.raw if document else None), trust_anchor_keys.TYP
    if raw is None:
        return frozenset()
    jwks = jose.peek(raw, typ=typ, max_bytes=entity_statement.MAX_BYTES).claims["jwks"]
    return KeySet.from_jwks(jwks, KeyUse.FEDERATION).kids


def keys_changed() -> OperationRefused:
    """Return the refusal of a change whose keys are not the planned ones any more."""
    return OperationRefused("The keys were changed meanwhile; nothing was changed. Look at them, then repeat this.")


def list_keys(settings: Settings) -> UseCaseResult:
    """Return every key of a node or authority: its use, its stage, since when and until when."""
    at = now()
    with opened_keys(settings) as keys:
        every = keys.lifecycles()
        by_use = ([each for each in every if each.record.use is use] for use in KeyUse)
        lines = [text for some in by_use for text in _lines(keys, some, at)]
        return UseCaseResult(lines=lines, data={"keys": [to_json(keys, each, at) for each in every]})


def to_json(keys: EntityKeys, life: KeyLifecycle, at: datetime) -> dict[str, Any]:
    """Return a key as the commands answer it with ``--json``."""
    record = life.record
    vouched = keys.vouched.get(record.kid) if record.use is KeyUse.FEDERATION and superiors(keys.settings) else None
    return {
        "use": record.use,
        "key_id": record.kid,
        "stage": life.stage(at),
        "created_at": record.created_at.isoformat(),
        "signs_from": _iso(life.begins),
        "retired_at": _iso(life.retires),
        "gone_at": _iso(life.ends),
        "revoked_at": _iso(record.revoked_at),
        "reason": record.reason,
        "vouched_since": _iso(vouched),
    }


def status_message(life: KeyLifecycle, at: datetime) -> str:
    """Return in a few words what a key is doing."""
    record, stage = life.record, life.stage(at)
    if stage is Stage.REVOKED:
        return f"revoked {_day(record.revoked_at)} ({record.reason})"
    if stage is Stage.GONE:
        return f"gone since {_day(life.ends)}"
    if stage is Stage.RETIRED:
        what = "published" if KEY_OVERLAPS[record.use].together else "kept"
        return f"retired {_day(life.retires)}; still {what} until {_day(life.ends)}"
    if stage is Stage.NEXT and life.begins is None:
        return "next: published, and signs once the superior is known to vouch for it"
    if stage is Stage.NEXT:
        return f"next: published, and signs from {_day(life.begins)}"
    doing = "in use" if record.use is KeyUse.ENCRYPTION else "signs"
    return doing + (f" until {_day(life.retires)}" if life.retires else "")


def _lines(keys: EntityKeys, lives: list[KeyLifecycle], at: datetime) -> list[str]:
    if not lives:
        return []
    lines = [f"{lives[0].record.use}:", *(f"  {life.record.kid}  {status_message(life, at)}" for life in lives)]
    if lives[0].record.use is KeyUse.FEDERATION:
        lines += [
            f"  {kid} is published no longer and vouched for still: run `hearthgate trust key announce`, so that it"
            " cannot be used in your name."
            for kid in sorted(kids_vouched_for(keys) - keys.federation_keys(at).kids)
        ]
    return lines


def _day(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
