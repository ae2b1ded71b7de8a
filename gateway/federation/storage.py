"""Trust chains and suspensions in the store, shared by all workers of a node."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.ports import Store, Transaction
from gateway.store.tables import (
    anchor_keys,
    disowned_keys,
    key_revocations,
    latest_statements,
    suspensions,
    trust_chains,
)
from gateway.store.tables.federation_records import StoredAnchorKeys, StoredChain, StoredKeyRevocation, StoredSuspension
from trust import jose
from trust.identifiers import EntityId

StatementKey = tuple[EntityId, EntityId]
"""The issuer and the subject of a statement; both are the entity for an entity configuration."""
IssuedAt = Mapping[StatementKey, datetime]
"""The ``iat`` of statements."""
CONFIGURATION_SKEW = timedelta(minutes=10)
"""How much older than the latest one an entity configuration may be: each process of an entity signs its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSuspensions:
    """Suspensions, anchor keys and revoked keys, read in one transaction."""

    states: Mapping[tuple[str, str], str]
    highest: Mapping[str, int]
    anchor_keys: Sequence[StoredAnchorKeys]
    revoked_keys: Mapping[str, frozenset[str]]
    disowned_keys: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeys:
    """The current keys of an anchor, and the number of the document that made them current.

    ``document`` is 0 where there is none. No entry is stored under keys that another document has replaced.
    """

    kids: frozenset[str]
    document: int

    def signed(self, entry: StoredSuspension) -> bool:
        """Return whether one of the keys signed a verified entry."""
        return jose.peek_key_id(entry.raw) in self.kids


class TrustStorage:
    """The federation's tables of the store. Every method may raise ``StoreBusy`` and ``StoreFull``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def chain(self, entity: EntityId) -> StoredChain | None:
        """Return the stored chain of an entity."""
        return self._store.read(lambda tx: trust_chains.get_chain(tx, entity=entity))

    def chains(self) -> Sequence[StoredChain]:
        """Return the stored chain of every entity."""
        return self._store.read(trust_chains.list_chains)

    def save(self, chain: StoredChain, issued_at: IssuedAt, *, now: datetime) -> StatementKey | None:
        """Store a verified chain, unless one of its statements is older than the latest: then return that one's key.

        ``issued_at`` covers the statements fetched for it; those of an earlier chain were compared when it was stored.
        """

        def work(tx: Transaction) -> StatementKey | None:
            older = _find_older(tx, issued_at)
            if older is None and not trust_chains.put_chain(tx, chain):
                entity = EntityId(chain.entity)
                older = next((key for key in issued_at if key[1] == entity), (entity, entity))
            if older is None:
                latest_statements.record(tx, issued_at=issued_at, seen_at=now)
            return older

        return self._store.write(work)

    def record(self, issued_at: IssuedAt, *, now: datetime) -> StatementKey | None:
        """Record statements as the latest; return the key of one that is older than the latest, and record none."""

        def work(tx: Transaction) -> StatementKey | None:
            older = _find_older(tx, issued_at)
            if older is None:
                latest_statements.record(tx, issued_at=issued_at, seen_at=now)
            return older

        return self._store.write(work)

    def record_presented(self, issued_at: IssuedAt, *, now: datetime) -> StatementKey | None:
        """Record statements that no superior was asked for; also return the key of one from before trust ended."""

        def work(tx: Transaction) -> StatementKey | None:
            older = _find_older(tx, issued_at) or _find_ended(tx, issued_at)
            if older is None:
                latest_statements.record(tx, issued_at=issued_at, seen_at=now)
            return older

        return self._store.write(work)

    def find_older(self, issued_at: IssuedAt) -> StatementKey | None:
        """Return the key that :meth:`record_presented` would return, and record none."""
        return self._store.read(lambda tx: _find_older(tx, issued_at) or _find_ended(tx, issued_at))

    def end(self, entity: EntityId, *, now: datetime) -> None:
        """Replace an entity's chain by an empty one dated now, so that no earlier statement restores it."""
        ended = StoredChain(entity=entity, statements=(), refreshed_at=now, expires_at=now, superior_iat=now)
        self._store.write(lambda tx: trust_chains.put_chain(tx, ended))

    def suspensions(self) -> StoredSuspensions:
        """Return suspensions, anchor keys and revoked keys."""
        return self._store.read(
            lambda tx: StoredSuspensions(
                states=suspensions.states(tx),
                highest=suspensions.highest(tx),
                anchor_keys=anchor_keys.load(tx),
                revoked_keys=key_revocations.kids(tx),
                disowned_keys=disowned_keys.kids(tx),
            )
        )

    def save_disowned(self, entity: EntityId, kids: Collection[str]) -> None:
        """Store which keys an entity disowns now."""
        self._store.write(lambda tx: disowned_keys.replace(tx, entity=entity, kids=kids))

    def save_key_revocations(self, notices: Iterable[StoredKeyRevocation], *, now: datetime) -> int:
        """Store verified notices and return the number of new ones."""
        every = tuple(notices)
        return self._store.write(lambda tx: sum(key_revocations.put(tx, each, at=now) for each in every))

    def log(self, issuer: EntityId) -> Sequence[StoredSuspension]:
        """Return every entry of an issuer, the lowest number first."""
        return self._store.read(lambda tx: _read_log(tx, issuer))

    def save_suspensions(
        self, entries: Iterable[StoredSuspension], signing_keys: Mapping[EntityId, SigningKeys]
    ) -> Sequence[StoredSuspension]:
        """Store verified entries, and return those that change a state.

        An entry replaces the one of its number only where a dropped key signed that one. ``signing_keys`` are those
        of the anchors, by which their entries were verified.
        """
        every = tuple(entries)
        return self._store.write(
            lambda tx: [entry for entry in every if _put_entry(tx, entry, signing_keys.get(EntityId(entry.issuer)))]
        )

    def clear_doubtful(self, issuer: EntityId, keys: SigningKeys, *, beyond: int) -> None:
        """Remove the entries of an anchor that dropped keys signed and its own log does not have."""

        def work(tx: Transaction) -> None:
            if _document_number(tx, issuer) != keys.document:
                return
            for entry in _read_log(tx, issuer):
                if entry.seq > beyond and not keys.signed(entry):
                    suspensions.remove(tx, issuer=issuer, seq=entry.seq)

        self._store.write(work)

    def save_anchor_keys(self, document: StoredAnchorKeys) -> bool:
        """Store a verified document; return false where its number or a higher one is stored."""
        return self._store.write(lambda tx: anchor_keys.put(tx, document))


def _find_ended(tx: Transaction, issued_at: IssuedAt) -> StatementKey | None:
    for (issuer, subject), made_at in issued_at.items():
        chain = None if issuer == subject else trust_chains.get_chain(tx, entity=subject)
        if chain is not None and not chain.statements and made_at < chain.superior_iat:
            return issuer, subject
    return None


def _find_older(tx: Transaction, issued_at: IssuedAt) -> StatementKey | None:
    for (issuer, subject), made_at in issued_at.items():
        latest = latest_statements.latest(tx, issuer=issuer, subject=subject)
        if latest is not None and made_at + (CONFIGURATION_SKEW if issuer == subject else timedelta()) < latest:
            return issuer, subject
    return None


def _put_entry(tx: Transaction, entry: StoredSuspension, keys: SigningKeys | None) -> bool:
    if keys is not None and _document_number(tx, entry.issuer) != keys.document:
        return False  # it was verified with keys that were replaced meanwhile
    if suspensions.put(tx, entry):
        return True
    (stored,) = suspensions.after(tx, issuer=entry.issuer, seq=entry.seq - 1, limit=1)
    if keys is None or keys.signed(stored):
        return False
    suspensions.replace(tx, entry)
    return (stored.subject, stored.state) != (entry.subject, entry.state)


def _read_log(tx: Transaction, issuer: EntityId) -> Sequence[StoredSuspension]:
    last = suspensions.highest(tx).get(issuer, 0)
    return suspensions.after(tx, issuer=issuer, seq=0, limit=last)


def _document_number(tx: Transaction, anchor: str) -> int:
    return next((each.seq for each in anchor_keys.load(tx) if each.anchor == anchor), 0)
