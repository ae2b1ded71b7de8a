"""The chains that are held: in this process as they were verified, in the store as they were received.

What was accepted is stored before it is used, so that a rollback is noticed by every worker and across restarts. A
chain out of the store is verified again, as are all that are held once an anchor's keys have changed.
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
from trust.federation.chain import KeysOf, TrustedEntity, verify_chain
from trust.federation.key_revocation import without_revoked
from trust.federation.trust_mark import mark_digest
from trust.identifiers import EntityId
from trust.keys import KeySet


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedChain:
    """A verified chain. ``path`` is the entity and those above it; ``stored`` is what it was verified from."""

    trusted: TrustedEntity
    path: tuple[EntityId, ...]
    stored: StoredChain = field(repr=False)
    anchors: Mapping[EntityId, KeySet] = field(repr=False)

    @property
    def entity(self) -> EntityId:
        """Whose chain it is."""
        return self.trusted.entity_id

    @property
    def statements(self) -> tuple[bytes, ...]:
        """Its statements, leaf first."""
        return self.stored.statements

    @property
    def superior(self) -> EntityId:
        """Who vouches for the entity directly."""
        return self.path[1]

    def is_fresh(self, now: datetime) -> bool:
        """Say whether its superiors need not be asked yet."""
        return now - self.trusted.refreshed_at < REFRESH_AFTER and now < self.trusted.expires_at


class ChainStore:
    """The chains of one process and of the store behind it."""

    def __init__(self, storage: TrustStorage, suspensions: SuspensionIndex) -> None:
        self._storage = storage
        self._suspensions = suspensions
        self._held: dict[EntityId, VerifiedChain] = {}

    def verified(
        self, statements: Sequence[bytes], *, now: datetime, revoked_marks: tuple[str, ...] = ()
    ) -> VerifiedChain:
        """Verify a chain under the anchors' present keys, and leave out the marks that were revoked.

        Marks count also where their issuer stands elsewhere and its chain is held. Raises ``TrustError``.
        """
        return self.verified_under(statements, self._suspensions.snapshot(now), now, revoked_marks, self.keys_of(now))

    def keys_of(self, now: datetime) -> KeysOf:
        """Return what gives the federation keys of an entity whose chain is held."""
        snapshot = self._suspensions.snapshot(now)

        def keys(entity: EntityId) -> KeySet | None:
            held = self.cached(entity, snapshot)
            stored = None if held is not None else self._storage.chain(entity)
            if stored is not None:
                held = self._opened(stored, snapshot, now, keys_of=None)
            if held is None or held.trusted.expires_at <= now or snapshot.find_suspension(held.path) is not None:
                return None
            return held.trusted.federation_keys

        return keys

    def cached(self, entity: EntityId, snapshot: TrustSnapshot) -> VerifiedChain | None:
        """Return what this process holds, if it was verified under the anchors' present keys."""
        held = self._held.get(entity)
        return held if held is not None and held.anchors is snapshot.anchors else None

    def latest(self, entity: EntityId, *, now: datetime) -> tuple[StoredChain | None, VerifiedChain | None]:
        """Return what the store has, and the chain that stands; the store's, where another worker's is newer."""
        stored = self._storage.chain(entity)
        if stored is None:
            return None, None
        held = self._standing(stored, self._suspensions.snapshot(now), now)
        return stored, held

    def accept(self, held: VerifiedChain, made: IssuedAt, *, now: datetime) -> VerifiedChain:
        """Store a chain and use it. Raises :class:`RolledBack` where a newer statement than one of ``made`` was seen.

        Where that was another worker's, who was quicker, its chain is returned.
        """
        earlier = self._held.get(held.entity)
        if earlier is not None and earlier.stored == held.stored and earlier.anchors is held.anchors:
            return earlier
        older = self._storage.save(held.stored, made, now=now)
        if older is None:
            self._held[held.entity] = held
            return held
        _, newest = self.latest(held.entity, now=now)
        if newest is not None and newest.is_fresh(now):
            return newest
        issuer, subject = older
        with about_statement(f"Statement by {issuer} about {subject}", ROLLBACK):
            raise RolledBack(
                f"It is older than one already accepted: somebody replays it, or {issuer} was put back to an earlier "
                "state; its administrators can tell, and a new statement ends it."
            )

    def end(self, entity: EntityId, *, now: datetime) -> None:
        """Forget an entity, durably."""
        self._held.pop(entity, None)
        self._storage.end(entity, now=now)

    def all(self, *, now: datetime) -> Sequence[tuple[StoredChain, VerifiedChain | None]]:
        """Return every entity that was ever trusted, with the chain that stands."""
        snapshot = self._suspensions.snapshot(now)
        return [(stored, self._standing(stored, snapshot, now)) for stored in self._storage.chains()]

    def _standing(self, stored: StoredChain, snapshot: TrustSnapshot, now: datetime) -> VerifiedChain | None:
        entity = EntityId(stored.entity)
        held = self.cached(entity, snapshot)
        if held is None or held.stored != stored:
            held = self._opened(stored, snapshot, now, keys_of=self.keys_of(now))
            if held is None:
                self._held.pop(entity, None)
                return None
            self._held[entity] = held
        return held if held.trusted.expires_at > now else None

    def _opened(
        self, stored: StoredChain, snapshot: TrustSnapshot, now: datetime, keys_of: KeysOf | None
    ) -> VerifiedChain | None:
        if not stored.statements:
            return None
        try:
            held = self.verified_under(stored.statements, snapshot, now, stored.revoked_marks, keys_of)
        except TrustError:
            return None
        return replace(held, stored=stored)

    @staticmethod
    def verified_under(
        statements: Sequence[bytes],
        snapshot: TrustSnapshot,
        now: datetime,
        revoked_marks: tuple[str, ...],
        keys_of: KeysOf | None,
    ) -> VerifiedChain:
        """Verify a chain under what is ruled in ``snapshot``, which need not be what the store has."""
        trusted = verify_chain(statements, anchors=snapshot.anchors, now=now, keys_of=keys_of)
        trusted = without_revoked(trusted, statements, snapshot.rejected)
        if revoked_marks:
            dropped = {revoked.removeprefix(INACTIVE_MARK) for revoked in revoked_marks}
            marks = tuple(mark for mark in trusted.marks if mark_digest(mark.raw) not in dropped)
            trusted = replace(trusted, marks=marks)
        entity = trusted.entity_id
        stored = StoredChain(
            entity=entity,
            statements=tuple(statements),
            refreshed_at=trusted.refreshed_at,
            expires_at=trusted.expires_at,
            superior_iat=trusted.issued_at_by[trusted.superiors[0], entity],
            revoked_marks=revoked_marks,
        )
        return VerifiedChain(
            trusted=trusted, path=(entity, *trusted.superiors), stored=stored, anchors=snapshot.anchors
        )
