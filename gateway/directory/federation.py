"""The directory of a running node: what it knows of each entity, how fresh that is, and what it may therefore do.

A question about an entity is answered, in this order:

1. from memory, while the chain's superior statement is less than 5 minutes old;
2. from the short memory of refusals: one for somebody unknown holds for 45 s, and so does a failed attempt;
3. from the store, where another worker may have put a fresher chain;
4. by asking the superior, one thread for all that wait, and for somebody unknown within a budget a minute;
5. where the superior cannot be asked, by the chain that is held, for as long as its stage allows
   (:mod:`gateway.directory.stages`).

What was accepted is stored before it is used; the store refuses anything older than it has seen, so a rollback is
noticed by every worker and across restarts. Where the superior no longer vouches, the stored chain is replaced by an
empty one dated now, so that neither a restart nor an earlier statement revives it.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Protocol

from gateway.directory.fetching import RESOLVE_S, ChainFetcher, NotVouchedFor, Resolved, Unconfirmed
from gateway.directory.stages import Stage, stage_of
from gateway.ports import Store, Transaction
from gateway.single_flight import SingleFlight
from gateway.trust_records import StoredChain
from trust.errors import ChainRefused, NoChain, TrustError, Untrusted
from trust.federation.chain import TrustedEntity, refuse_rollback, verify_chain
from trust.identifiers import EntityId

REFRESH_AFTER = timedelta(minutes=5)
RETRY_AFTER = timedelta(seconds=45)
"""How long a refusal of a stranger, and a failed attempt at a known entity, are remembered (section 5: 30 to 60 s)."""
STRANGERS_A_MINUTE = 30
"""Resolutions of entities that no chain is held of, per worker process."""
MAX_REMEMBERED = 4_096
_MINUTE = timedelta(minutes=1)
_JOIN_S = RESOLVE_S + 0.5


class ChainTable(Protocol):
    """What the directory needs of :mod:`gateway.store.trusted`."""

    def put_chain(self, tx: Transaction, chain: StoredChain) -> bool:
        """Store a chain; return false where a newer superior statement was seen before."""
        ...

    def get_chain(self, tx: Transaction, *, entity: str) -> StoredChain | None:
        """Return what is stored of an entity."""
        ...

    def list_chains(self, tx: Transaction) -> Sequence[StoredChain]:
        """Return what is stored of every entity."""
        ...


class Notice(Protocol):
    """Hear what an administrator should know.

    The codes are ``refresh_failed``, ``stale``, ``rolled_back`` and ``not_vouched_for``.
    """

    def __call__(self, code: str, entity: EntityId) -> None:
        """Note one event; it may come with every attempt."""
        ...


class _Remembered:
    """Refusals by entity, each for a while; the oldest make room."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._refusals: OrderedDict[EntityId, tuple[datetime, Untrusted]] = OrderedDict()

    def get(self, entity: EntityId, now: datetime) -> Untrusted | None:
        held = self._refusals.get(entity)
        # a clock that was put back makes an entry worthless, not eternal
        return held[1] if held is not None and timedelta() <= now - held[0] < RETRY_AFTER else None

    def put(self, entity: EntityId, refused: Untrusted, now: datetime) -> None:
        with self._lock:
            self._refusals[entity] = (now, refused)
            self._refusals.move_to_end(entity)
            if len(self._refusals) > MAX_REMEMBERED:
                self._refusals.popitem(last=False)

    def drop(self, entity: EntityId) -> None:
        with self._lock:
            self._refusals.pop(entity, None)


class _Budget:
    """So many a minute."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._taken: deque[datetime] = deque()

    def take(self, now: datetime) -> bool:
        with self._lock:
            while self._taken and not timedelta() <= now - self._taken[0] < _MINUTE:
                self._taken.popleft()
            if len(self._taken) >= self._most:
                return False
            self._taken.append(now)
            return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One entity as the store holds it, for an administrator."""

    entity: EntityId
    stage: Stage | None
    trusted: TrustedEntity | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    trusted: TrustedEntity
    statements: tuple[bytes, ...]


class FederationDirectory:
    """The :class:`gateway.ports.Directory` of a running node.

    ``chains`` is the module :mod:`gateway.store.trusted`. Nothing is opened before the first question.
    """

    def __init__(self, *, fetcher: ChainFetcher, store: Store, chains: ChainTable, notice: Notice) -> None:
        self._fetcher = fetcher
        self._store = store
        self._chains = chains
        self._notice = notice
        self._held: dict[EntityId, _Held] = {}
        self._refusals = _Remembered()
        self._budget = _Budget(STRANGERS_A_MINUTE)
        self._flights: SingleFlight[TrustedEntity] = SingleFlight()

    def trusted(self, entity: EntityId, *, now: datetime) -> TrustedEntity:
        """Return the entity as its chain describes it, fetching it where the budget allows.

        Raises :class:`trust.errors.Untrusted` for a stranger, an expired or stale chain or a spent budget.
        """
        held = self._held.get(entity)  # 1
        if held is not None and _fresh(held.trusted, now):
            return held.trusted
        refused = self._refusals.get(entity, now)  # 2
        if refused is not None:
            if held is None:
                raise refused
            return _by_stage(held.trusted, now)
        return self._fly(entity, now, self._resolve)

    def refresh(self, entity: EntityId, *, now: datetime) -> TrustedEntity:
        """Ask the superior now, whatever is remembered; else as :meth:`trusted`."""
        self._refusals.drop(entity)
        return self._fly(entity, now, self._ask)

    def known(self, *, now: datetime) -> tuple[Standing, ...]:
        """Return every entity that was ever trusted, without fetching; ``trusted`` is ``None`` where no chain stands.

        What is returned is what the store holds, whatever its age.
        """
        return tuple(self._standing(chain, now) for chain in self._store.read(self._chains.list_chains))

    def _standing(self, chain: StoredChain, now: datetime) -> Standing:
        held = self._verified(chain, now)
        return Standing(
            entity=EntityId(chain.entity),
            stage=None if held is None else stage_of(held.trusted.refreshed_at, now=now),
            trusted=None if held is None else held.trusted,
        )

    def _fly(
        self, entity: EntityId, now: datetime, work: Callable[[EntityId, datetime], TrustedEntity]
    ) -> TrustedEntity:
        try:
            return self._flights.run(entity, lambda: work(entity, now), timeout_s=_JOIN_S)
        except TimeoutError as failed:
            raise Unconfirmed(f"{entity} could not be resolved within the time.") from failed

    def _resolve(self, entity: EntityId, now: datetime) -> TrustedEntity:
        held = self._newest(entity, now)  # 3
        if held is not None and _fresh(held.trusted, now):
            return held.trusted
        if held is None and not self._budget.take(now):  # 4
            raise NoChain(
                f"{entity} is not known here, and too many strangers came in the last minute; come again later."
            )
        return self._ask(entity, now)

    def _ask(self, entity: EntityId, now: datetime) -> TrustedEntity:
        """Ask the superior; fall back on what is held where it cannot be asked, and on nothing where it says no."""
        if entity in self._fetcher.anchors:
            raise NoChain(f"{entity} is a trust anchor and exchanges no messages.")
        stored = self._store.read(lambda tx: self._chains.get_chain(tx, entity=entity))
        held = self._newest(entity, now)
        try:
            resolved = self._fetcher.resolve(entity, held=held.statements if held else (), now=now)
            refuse_rollback(resolved.entity, newest_seen=stored.superior_iat if stored else None)
            self._accept(resolved)
        except NotVouchedFor as refused:
            self._end(entity, refused, now=now, was_known=stored is not None)
            raise
        except Untrusted as refused:
            self._refusals.put(entity, refused, now)
            self._tell(entity, refused, held, now)
            if held is None:
                raise
            return _by_stage(held.trusted, now)  # 5
        self._refusals.drop(entity)
        if not _fresh(resolved.entity, now):
            self._frozen(resolved.entity, now)
        return _by_stage(resolved.entity, now)

    def _accept(self, resolved: Resolved) -> None:
        trusted = resolved.entity
        stored = self._store.write(
            lambda tx: self._chains.put_chain(
                tx,
                StoredChain(
                    entity=trusted.entity_id,
                    statements=resolved.statements,
                    refreshed_at=trusted.refreshed_at,
                    expires_at=trusted.expires_at,
                    superior_iat=trusted.refreshed_at,
                ),
            )
        )
        if not stored:
            raise Unconfirmed(f"A newer statement about {trusted.entity_id} was accepted meanwhile.")
        self._held[trusted.entity_id] = _Held(trusted=trusted, statements=resolved.statements)

    def _end(self, entity: EntityId, refused: NotVouchedFor, *, now: datetime, was_known: bool) -> None:
        """Forget what was held, durably where there was anything."""
        self._held.pop(entity, None)
        self._refusals.put(entity, refused, now)
        if was_known:
            self._store.write(
                lambda tx: self._chains.put_chain(
                    tx, StoredChain(entity=entity, statements=(), refreshed_at=now, expires_at=now, superior_iat=now)
                )
            )
            self._notice("not_vouched_for", entity)

    def _frozen(self, trusted: TrustedEntity, now: datetime) -> None:
        """Remember an answer that was good but old, so that it is not asked for with every question."""
        refused = Unconfirmed(f"The superior repeats an old statement about {trusted.entity_id}.")
        self._refusals.put(trusted.entity_id, refused, now)
        self._tell(trusted.entity_id, refused, self._held.get(trusted.entity_id), now)

    def _tell(self, entity: EntityId, refused: Untrusted, held: _Held | None, now: datetime) -> None:
        if isinstance(refused, ChainRefused):
            self._notice("rolled_back", entity)
        elif held is not None:
            stage = stage_of(held.trusted.refreshed_at, now=now)
            self._notice("refresh_failed" if stage is Stage.NORMAL else "stale", entity)

    def _newest(self, entity: EntityId, now: datetime) -> _Held | None:
        """Return the newest chain of an entity that still stands, from memory or from the store."""
        stored = self._store.read(lambda tx: self._chains.get_chain(tx, entity=entity))
        held = self._held.get(entity)
        if stored is None:
            return None
        if held is None or held.trusted.refreshed_at < stored.superior_iat:
            held = self._verified(stored, now)
            if held is None:
                self._held.pop(entity, None)
                return None
            self._held[entity] = held
        return held if held.trusted.expires_at > now else None

    def _verified(self, stored: StoredChain, now: datetime) -> _Held | None:
        if not stored.statements:
            return None
        try:
            trusted = verify_chain(stored.statements, anchors=self._fetcher.anchors, now=now)
        except TrustError:
            return None
        return _Held(trusted=trusted, statements=tuple(stored.statements))


def _fresh(trusted: TrustedEntity, now: datetime) -> bool:
    return now - trusted.refreshed_at < REFRESH_AFTER and now < trusted.expires_at


def _by_stage(trusted: TrustedEntity, now: datetime) -> TrustedEntity:
    """Return a known entity while it may still be served in full. Urgent kinds, which may go on longer, come later."""
    if now >= trusted.expires_at:
        raise ChainRefused(f"The statements about {trusted.entity_id} have expired; its superior cannot be reached.")
    if stage_of(trusted.refreshed_at, now=now) in {Stage.URGENT_ONLY, Stage.CLOSED}:
        raise ChainRefused(
            f"What is known of {trusted.entity_id} was last confirmed more than 24 hours ago; check the way to its "
            "superior."
        )
    return trusted
