"""Verified chains: as values in the process, as received bytes in the store.

1. A chain is stored before it is used, so that every worker notices a rollback, also after a restart.
2. A process verifies the signatures of a statement once. It checks the links of a chain again when a key of an anchor
   changes or a key is revoked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from gateway.federation.freshness import REFRESH_AFTER
from gateway.federation.storage import IssuedAt, TrustStorage
from gateway.federation.suspensions import SuspensionIndex, TrustSnapshot
from gateway.store.tables.federation_records import INACTIVE_MARK, StoredChain
from trust.error_context import ROLLBACK, about_statement
from trust.errors import RolledBack, TrustError
from trust.federation.chain import KeysOf, Resolution, TrustChain, TrustedEntity, open_chain, resolve_chain
from trust.federation.key_revocation import without_revoked
from trust.federation.trust_mark import mark_digest
from trust.identifiers import EntityId
from trust.keys import KeySet


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedChain:
    """A resolution under the keys of ``anchors``, and its row in the store."""

    resolution: Resolution
    stored: StoredChain = field(repr=False)
    anchors: Mapping[EntityId, KeySet] = field(repr=False)

    @property
    def trusted(self) -> TrustedEntity:
        """The entity with its metadata."""
        return self.resolution.entity

    @property
    def chain(self) -> TrustChain:
        """The verified statements."""
        return self.resolution.chain

    @property
    def entity(self) -> EntityId:
        """The identifier of the entity."""
        return self.trusted.entity_id

    @property
    def path(self) -> tuple[EntityId, ...]:
        """The entity and those above it, up to the anchor."""
        return self.resolution.path

    @property
    def superior(self) -> EntityId:
        """The immediate superior."""
        return self.trusted.superiors[0]

    def is_fresh(self, now: datetime) -> bool:
        """Return whether the superiors need not be asked yet."""
        return now - self.trusted.refreshed_at < REFRESH_AFTER and now < self.trusted.expires_at

    def without_marks(self, revoked: tuple[str, ...]) -> "VerifiedChain":
        """Return the chain without revoked or inactive trust marks, which are named as the store names them."""
        digests = {mark.removeprefix(INACTIVE_MARK) for mark in revoked}
        marks = tuple(mark for mark in self.trusted.marks if mark_digest(mark.raw) not in digests)
        resolution = replace(self.resolution, entity=replace(self.trusted, marks=marks))
        return replace(self, resolution=resolution, stored=replace(self.stored, revoked_marks=revoked))


class ChainStore:
    """The chains of one process and of the store behind it."""

    def __init__(self, storage: TrustStorage, suspensions: SuspensionIndex) -> None:
        self._storage = storage
        self._suspensions = suspensions
        self._cache: dict[EntityId, VerifiedChain] = {}
        self._open_chains: dict[EntityId, TrustChain] = {}

    def verify(self, chain: TrustChain, *, now: datetime, earlier: Resolution | None = None) -> VerifiedChain:
        """Check a chain under the anchors' present keys; ``earlier`` is as in :func:`resolve_chain`.

        A trust mark also counts where its issuer stands outside the chain, and has a chain. Raises ``TrustError``.
        """
        snapshot = self._suspensions.snapshot(now)
        return verify_under(chain, snapshot, now, keys_of=self.keys_of(now), earlier=earlier)

    def keys_of(self, now: datetime) -> KeysOf:
        """Return a function that gives the federation keys of an entity with a verified chain."""
        snapshot = self._suspensions.snapshot(now)

        def keys(entity: EntityId) -> KeySet | None:
            chain = self.cached(entity, snapshot)
            stored = None if chain is not None else self._storage.chain(entity)
            if stored is not None:
                chain = self._open(stored, snapshot, now, keys_of=None)
            if chain is None or chain.trusted.expires_at <= now or snapshot.find_suspension(chain.path) is not None:
                return None
            return chain.trusted.federation_keys

        return keys

    def cached(self, entity: EntityId, snapshot: TrustSnapshot) -> VerifiedChain | None:
        """Return the chain that this process has verified under the anchors' present keys."""
        chain = self._cache.get(entity)
        return chain if chain is not None and chain.anchors is snapshot.anchors else None

    def latest(self, entity: EntityId, *, now: datetime) -> tuple[StoredChain | None, VerifiedChain | None]:
        """Return the stored row, and its chain if that is valid; another worker may have stored it."""
        stored = self._storage.chain(entity)
        if stored is None:
            return None, None
        return stored, self._load(stored, self._suspensions.snapshot(now), now)

    def accept(self, chain: VerifiedChain, issued_at: IssuedAt, *, now: datetime) -> VerifiedChain:
        """Store a chain and use it. Raises :class:`RolledBack` for a statement older than the latest of its kind.

        Where another worker stored that latest one, its chain is returned.
        """
        earlier = self._cache.get(chain.entity)
        if earlier is not None and earlier.stored == chain.stored and earlier.anchors is chain.anchors:
            return earlier
        older = self._storage.save(chain.stored, issued_at, now=now)
        if older is None:
            self._cache[chain.entity] = chain
            return chain
        _, latest = self.latest(chain.entity, now=now)
        if latest is not None and latest.is_fresh(now):
            return latest
        issuer, subject = older
        with about_statement(f"Statement by {issuer} about {subject}", ROLLBACK):
            raise RolledBack(
                f"It is older than one already accepted: it is replayed, or {issuer} was put back to an earlier state. "
                f"Ask the administrators of {issuer} for a new statement."
            )

    def end(self, entity: EntityId, *, now: datetime) -> None:
        """Remove the chain of an entity, in the process and in the store."""
        self._cache.pop(entity, None)
        self._storage.end(entity, now=now)

    def all(self, *, now: datetime) -> Sequence[tuple[StoredChain, VerifiedChain | None]]:
        """Return every row of the store, with its chain if that is valid."""
        snapshot = self._suspensions.snapshot(now)
        return [(stored, self._load(stored, snapshot, now)) for stored in self._storage.chains()]

    def _load(self, stored: StoredChain, snapshot: TrustSnapshot, now: datetime) -> VerifiedChain | None:
        entity = EntityId(stored.entity)
        chain = self.cached(entity, snapshot)
        if chain is None or chain.stored != stored:
            chain = self._open(stored, snapshot, now, keys_of=self.keys_of(now))
            if chain is None:
                self._cache.pop(entity, None)
                return None
            self._cache[entity] = chain
            self._open_chains.pop(entity, None)
        return chain if chain.trusted.expires_at > now else None

    def _open(
        self, stored: StoredChain, snapshot: TrustSnapshot, now: datetime, keys_of: KeysOf | None
    ) -> VerifiedChain | None:
        if not stored.statements:
            return None
        cached = self._cache.get(EntityId(stored.entity))
        earlier = None if cached is None else cached.resolution
        try:
            chain = self._open_statements(stored, snapshot, now, earlier)
            verified = verify_under(chain, snapshot, now, keys_of=keys_of, earlier=earlier)
        except TrustError:
            return None
        return replace(verified.without_marks(stored.revoked_marks), stored=stored)

    def _open_statements(
        self, stored: StoredChain, snapshot: TrustSnapshot, now: datetime, earlier: Resolution | None
    ) -> TrustChain:
        """Return the statements as verified values, from the process where it has verified these bytes before."""
        entity = EntityId(stored.entity)
        for chain in (None if earlier is None else earlier.chain, self._open_chains.get(entity)):
            if chain is not None and chain.statements == stored.statements:
                return chain
        self._open_chains[entity] = chain = open_chain(stored.statements, anchors=snapshot.anchors, now=now)
        return chain


def verify_under(
    chain: TrustChain,
    snapshot: TrustSnapshot,
    now: datetime,
    *,
    keys_of: KeysOf | None,
    earlier: Resolution | None = None,
) -> VerifiedChain:
    """Check a chain under the keys and revocations of ``snapshot``, which need not be those of the store."""
    trusted = resolve_chain(chain, anchors=snapshot.anchors, now=now, keys_of=keys_of, earlier=earlier)
    trusted = without_revoked(trusted, chain, snapshot.rejected)
    stored = StoredChain(
        entity=trusted.entity_id,
        statements=chain.statements,
        refreshed_at=trusted.refreshed_at,
        expires_at=trusted.expires_at,
        superior_iat=chain.superiors[0].issued_at,
    )
    return VerifiedChain(resolution=Resolution(entity=trusted, chain=chain), stored=stored, anchors=snapshot.anchors)
