"""What the directory keeps in the store, which all workers of a node share and which outlives them.

The tables are modules of :mod:`gateway.store`, handed in; each function takes the transaction first.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from gateway.ports import Store, Transaction
from gateway.store.tables.federation_records import StoredAnchorKeys, StoredChain, StoredKeyRevocation, StoredSuspension
from trust import jose
from trust.identifiers import EntityId

Link = tuple[EntityId, EntityId]
"""The issuer and the subject of a statement; an entity configuration's are one."""
MadeBy = Mapping[Link, datetime]
"""When statements were made."""
SIGNED_APART = timedelta(minutes=10)
"""How much older than one seen an entity configuration may be: each of an entity's processes signs its own."""


class ChainTable(Protocol):
    """:mod:`gateway.store.tables.trust_chains`."""

    def put_chain(self, tx: Transaction, chain: StoredChain) -> bool:
        """Store a chain; return false where a newer one of its superior was stored meanwhile."""
        ...

    def get_chain(self, tx: Transaction, *, entity: str) -> StoredChain | None:
        """Return what is stored of an entity."""
        ...

    def list_chains(self, tx: Transaction) -> Sequence[StoredChain]:
        """Return what is stored of every entity."""
        ...


class SeenTable(Protocol):
    """:mod:`gateway.store.tables.latest_statements`."""

    def note(self, tx: Transaction, *, issued_at: MadeBy, seen_at: datetime) -> None:
        """Note when statements were made."""
        ...

    def newest(self, tx: Transaction, *, issuer: str, subject: str) -> datetime | None:
        """Return when the newest statement that was seen was made."""
        ...


class SuspensionTable(Protocol):
    """:mod:`gateway.store.tables.suspensions`."""

    def put(self, tx: Transaction, entry: StoredSuspension) -> bool:
        """Store a verified entry; return false where its number is taken."""
        ...

    def replace(self, tx: Transaction, entry: StoredSuspension) -> None:
        """Store a verified entry in place of the one that has its number."""
        ...

    def remove(self, tx: Transaction, *, issuer: str, seq: int) -> None:
        """Remove an entry."""
        ...

    def after(self, tx: Transaction, *, issuer: str, seq: int, limit: int) -> Sequence[StoredSuspension]:
        """Return at most ``limit`` entries of an issuer beyond a number, the lowest first."""
        ...

    def highest(self, tx: Transaction) -> Mapping[str, int]:
        """Return the highest number that is held of each issuer."""
        ...

    def states(self, tx: Transaction) -> Mapping[tuple[str, str], str]:
        """Return what the latest entry of each issuer says of each subject."""
        ...


class AnchorKeysTable(Protocol):
    """:mod:`gateway.store.tables.anchor_keys`."""

    def put(self, tx: Transaction, document: StoredAnchorKeys) -> bool:
        """Store a verified document; return false where its number or a higher one is held."""
        ...

    def load(self, tx: Transaction) -> Sequence[StoredAnchorKeys]:
        """Return the newest document of each anchor."""
        ...


class KeyRevocationTable(Protocol):
    """:mod:`gateway.store.tables.key_revocations`."""

    def put(self, tx: Transaction, revocation: StoredKeyRevocation, *, at: datetime) -> bool:
        """Store a verified notice; return false where the key is known to be revoked."""
        ...

    def kids(self, tx: Transaction) -> Mapping[str, frozenset[str]]:
        """Return the thumbprints of every entity's revoked keys."""
        ...


class DisownedKeysTable(Protocol):
    """:mod:`gateway.store.tables.disowned_keys`."""

    def replace(self, tx: Transaction, *, entity: str, kids: Collection[str]) -> None:
        """Store which keys an entity disowns now."""
        ...

    def kids(self, tx: Transaction) -> Mapping[str, frozenset[str]]:
        """Return the thumbprints of the keys that each entity disowns."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """All of them."""

    chains: ChainTable
    seen: SeenTable
    suspensions: SuspensionTable
    anchor_keys: AnchorKeysTable
    key_revocations: KeyRevocationTable
    disowned_keys: DisownedKeysTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """What authorities have ruled, as it was stored at one moment."""

    states: Mapping[tuple[str, str], str]
    highest: Mapping[str, int]
    anchor_keys: Sequence[StoredAnchorKeys]
    revoked_keys: Mapping[str, frozenset[str]]
    disowned_keys: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The keys that prove an anchor's entries now, and the number of the document by which they became its keys.

    The number is 0 where there is none. Nothing is stored by the keys of a document that was replaced meanwhile.
    """

    kids: frozenset[str]
    number: int

    def covers(self, entry: StoredSuspension) -> bool:
        """Say whether a verified entry is signed with one of the keys."""
        return jose.peek_key_id(entry.raw) in self.kids


class Memory:
    """The directory's part of the store. Every method may raise ``StoreBusy`` and ``StoreFull``."""

    def __init__(self, store: Store, tables: Tables) -> None:
        self._store = store
        self._tables = tables

    def chain(self, entity: EntityId) -> StoredChain | None:
        """Return what is stored of an entity."""
        return self._store.read(lambda tx: self._tables.chains.get_chain(tx, entity=entity))

    def chains(self) -> Sequence[StoredChain]:
        """Return what is stored of every entity."""
        return self._store.read(self._tables.chains.list_chains)

    def keep(self, chain: StoredChain, made: MadeBy, *, now: datetime) -> Link | None:
        """Store a verified chain; or name the statement of ``made`` that is older than one seen, and store nothing.

        ``made`` is what was fetched for it: what it took over from an earlier chain was looked at then.
        """

        def work(tx: Transaction) -> Link | None:
            older = self._older(tx, made)
            if older is None and not self._tables.chains.put_chain(tx, chain):
                entity = EntityId(chain.entity)
                older = next((link for link in made if link[1] == entity), (entity, entity))
            if older is None:
                self._tables.seen.note(tx, issued_at=made, seen_at=now)
            return older

        return self._store.write(work)

    def note(self, made: MadeBy, *, now: datetime) -> Link | None:
        """Note what was seen; or name a statement that is older than one seen, and note nothing."""

        def work(tx: Transaction) -> Link | None:
            older = self._older(tx, made)
            if older is None:
                self._tables.seen.note(tx, issued_at=made, seen_at=now)
            return older

        return self._store.write(work)

    def note_shown(self, made: MadeBy, *, now: datetime) -> Link | None:
        """As :meth:`note`, where nobody was asked: what was ended since a statement was made stays ended."""

        def work(tx: Transaction) -> Link | None:
            older = self._older(tx, made) or self._ended_since(tx, made)
            if older is None:
                self._tables.seen.note(tx, issued_at=made, seen_at=now)
            return older

        return self._store.write(work)

    def older(self, made: MadeBy) -> Link | None:
        """Name what :meth:`note_shown` would refuse, if there is something, and note nothing."""
        return self._store.read(lambda tx: self._older(tx, made) or self._ended_since(tx, made))

    def _ended_since(self, tx: Transaction, made: MadeBy) -> Link | None:
        for (issuer, subject), issued_at in made.items():
            chain = None if issuer == subject else self._tables.chains.get_chain(tx, entity=subject)
            if chain is not None and not chain.statements and issued_at < chain.superior_iat:
                return issuer, subject
        return None

    def _older(self, tx: Transaction, made: MadeBy) -> Link | None:
        for (issuer, subject), issued_at in made.items():
            newest = self._tables.seen.newest(tx, issuer=issuer, subject=subject)
            if newest is not None and issued_at + (SIGNED_APART if issuer == subject else timedelta()) < newest:
                return issuer, subject
        return None

    def end(self, entity: EntityId, *, now: datetime) -> None:
        """Replace an entity's chain by an empty one dated now, so that nothing made earlier revives it."""
        ended = StoredChain(entity=entity, statements=(), refreshed_at=now, expires_at=now, superior_iat=now)
        self._store.write(lambda tx: self._tables.chains.put_chain(tx, ended))

    def ruled(self) -> Ruled:
        """Return what authorities have ruled."""
        return self._store.read(
            lambda tx: Ruled(
                states=self._tables.suspensions.states(tx),
                highest=self._tables.suspensions.highest(tx),
                anchor_keys=self._tables.anchor_keys.load(tx),
                revoked_keys=self._tables.key_revocations.kids(tx),
                disowned_keys=self._tables.disowned_keys.kids(tx),
            )
        )

    def keep_disowned(self, entity: EntityId, kids: Collection[str]) -> None:
        """Store which keys an entity disowns now."""
        self._store.write(lambda tx: self._tables.disowned_keys.replace(tx, entity=entity, kids=kids))

    def keep_key_revocations(self, notices: Iterable[StoredKeyRevocation], *, now: datetime) -> int:
        """Store verified notices and return how many keys were not known to be revoked."""
        every = tuple(notices)
        return self._store.write(lambda tx: sum(self._tables.key_revocations.put(tx, each, at=now) for each in every))

    def log(self, issuer: EntityId) -> Sequence[StoredSuspension]:
        """Return every entry of an issuer, the lowest number first."""
        return self._store.read(lambda tx: self._log(tx, issuer))

    def keep_suspensions(
        self, entries: Iterable[StoredSuspension], proofs: Mapping[EntityId, Proof]
    ) -> Sequence[StoredSuspension]:
        """Store verified entries, and return those that say something new.

        One whose number is taken stays as it is, unless a dropped key signed it. ``proofs`` are those of the anchors,
        by which their entries were verified.
        """
        every = tuple(entries)
        return self._store.write(
            lambda tx: [entry for entry in every if self._take(tx, entry, proofs.get(EntityId(entry.issuer)))]
        )

    def _take(self, tx: Transaction, entry: StoredSuspension, proof: Proof | None) -> bool:
        table = self._tables.suspensions
        if proof is not None and self._number(tx, entry.issuer) != proof.number:
            return False  # it was verified with keys that were replaced meanwhile
        if table.put(tx, entry):
            return True
        (held,) = table.after(tx, issuer=entry.issuer, seq=entry.seq - 1, limit=1)
        if proof is None or proof.covers(held):
            return False
        table.replace(tx, entry)
        return (held.subject, held.state) != (entry.subject, entry.state)

    def clear_doubted(self, issuer: EntityId, proof: Proof, *, beyond: int) -> None:
        """Remove the entries of an anchor by dropped keys that it does not have itself: those beyond its last one."""

        def work(tx: Transaction) -> None:
            if self._number(tx, issuer) != proof.number:
                return
            for entry in self._log(tx, issuer):
                if entry.seq > beyond and not proof.covers(entry):
                    self._tables.suspensions.remove(tx, issuer=issuer, seq=entry.seq)

        self._store.write(work)

    def _log(self, tx: Transaction, issuer: EntityId) -> Sequence[StoredSuspension]:
        last = self._tables.suspensions.highest(tx).get(issuer, 0)
        return self._tables.suspensions.after(tx, issuer=issuer, seq=0, limit=last)

    def _number(self, tx: Transaction, anchor: str) -> int:
        return next((each.seq for each in self._tables.anchor_keys.load(tx) if each.anchor == anchor), 0)

    def keep_anchor_keys(self, document: StoredAnchorKeys) -> bool:
        """Store a verified document; return false where its number or a higher one is held."""
        return self._store.write(lambda tx: self._tables.anchor_keys.put(tx, document))
