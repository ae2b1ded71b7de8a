"""The keys that a command looks at or changes, and what the store knows of their superiors' vouching."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from config.settings import NodeSettings
from gateway.administration.context import Settings, opened_store, own_entity, superiors
from gateway.federation.own_keys import VouchedKeys
from gateway.keys.files import ANCHOR_KEYS, NODE_KEYS, KeyFile, sole_change
from gateway.keys.rotation import record_starts
from gateway.keys.schedule import KeyLifecycle, KeyRecord, lifecycles, published_keys
from gateway.keys.vault import read_records
from gateway.ports import Store
from gateway.store.tables import anchor_keys, trust_chains
from trust import jose
from trust.federation import anchor_keys as trust_anchor_keys
from trust.federation import entity_statement
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldKeys:
    """The keys of one entity. ``records`` are settled: what began to sign is written down as begun."""

    settings: Settings
    store: Store
    directory: Path
    records: tuple[KeyRecord, ...]
    vouched: Mapping[str, datetime]

    @property
    def own(self) -> EntityId:
        """Whose keys they are."""
        return own_entity(self.settings)

    def lives(self, records: Sequence[KeyRecord] | None = None) -> tuple[KeyLifecycle, ...]:
        """Return the life of each key, or of what they would be."""
        return lifecycles(self.records if records is None else records, vouched=self.vouched)

    def federation(self, at: datetime, records: Sequence[KeyRecord] | None = None) -> KeySet:
        """Return the federation keys that are published, or would be."""
        return published_keys(self.lives(records), KeyUse.FEDERATION, now=at)


@contextmanager
def held_keys(settings: Settings, *, needed: Sequence[KeyFile] | None = None) -> Iterator[HeldKeys]:
    """Open the keys of a node or authority, for one command at a time; ``needed`` are all of its first files.

    Raises ``KeyFilesRefused`` and ``StoreRefused``.
    """
    directory = settings.base_dir / settings.keys.directory
    with sole_change(directory), opened_store(settings) as store:
        vouched = VouchedKeys(store).since()
        first = needed_files(settings) if needed is None else needed
        records = record_starts(read_records(directory, first), vouched=vouched)
        yield HeldKeys(settings=settings, store=store, directory=directory, records=records, vouched=vouched)


def needed_files(settings: Settings) -> tuple[KeyFile, ...]:
    """Return the first key files of a node or of an authority."""
    return NODE_KEYS if isinstance(settings, NodeSettings) else ANCHOR_KEYS


def named_above(held: HeldKeys) -> frozenset[str]:
    """Return the federation keys that are vouched for, as far as the store knows: by the superior or the recovery key.

    Nothing is verified here: what the store holds was.
    """
    if superiors(held.settings):
        chain = held.store.read(lambda tx: trust_chains.get_chain(tx, entity=held.own))
        raw, typ = (chain.statements[1] if chain and len(chain.statements) > 1 else None), entity_statement.TYP
    else:
        documents = held.store.read(anchor_keys.load)
        raw, typ = next((each.raw for each in documents if each.anchor == held.own), None), trust_anchor_keys.TYP
    if raw is None:
        return frozenset()
    jwks = jose.peek(raw, typ=typ, max_bytes=entity_statement.MAX_BYTES).claims["jwks"]
    return KeySet.from_jwks(jwks, KeyUse.FEDERATION).kids
