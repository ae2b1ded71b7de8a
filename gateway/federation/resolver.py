"""Resolve the metadata and keys of entities, by a chain to a pinned anchor.

An entity is resolved in this order:

1. from the process, while its superiors' statements are younger than 5 minutes;
2. from the cache of refusals: of an unknown entity, and of a failed attempt, for 45 s;
3. from the store, where another worker may have put a fresher chain;
4. by asking its superior, in one thread for all that wait, and for an unknown entity within a rate limit;
5. where its superior cannot be asked, by the earlier chain, as long as that is fresh enough
   (:mod:`gateway.federation.freshness`).

No entity is resolved that an authority above it has suspended. Where the superior no longer vouches for an entity, an
empty chain dated now replaces the stored one, so that neither a restart nor an earlier statement restores it.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from gateway.federation.anchors import RecordEvent
from gateway.federation.bundle_import import BundleImporter
from gateway.federation.chain_cache import ChainCache
from gateway.federation.chain_store import VerifiedChain
from gateway.federation.fetch import Fetcher, NotVouchedFor, Unconfirmed
from gateway.federation.freshness import REFRESH_AFTER, SERVED, Freshness, freshness_of, next_freshness
from gateway.federation.key_revocations import KeyRevocations
from gateway.federation.limits import FetchBudget
from gateway.federation.presented_chains import PresentedChain, PresentedChains
from gateway.federation.storage import TrustStorage
from gateway.federation.suspension_relay import RelayPorts, SuspensionRelay
from gateway.federation.suspensions import SuspensionIndex, TrustSnapshot
from gateway.federation.trust_mark_status import RequiredMarks
from gateway.ports import TransportError
from gateway.runtime.background import Unattended
from gateway.runtime.rate_limit import Cooldown, RateLimit, RateLimitPerKey
from gateway.store.tables.federation_records import StoredChain
from trust.error_context import BOUNDS, ROLLBACK, about_statement, section
from trust.errors import ChainRefused, NoChain, RolledBack, TrustError, Untrusted
from trust.federation.anchor_keys import Pin
from trust.federation.chain import Resolution, Superior, TrustedEntity, open_chain
from trust.identifiers import EntityId
from trust.keys import KeySet

KEY_REFRESHES_OF_ONE_A_MINUTE = 3
"""Refreshes a minute that unknown key ids of one entity may cause, per process."""
KEY_REFRESHES_A_MINUTE = 60
"""The same for all entities together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityStatus:
    """One entity as the store has it, for an administrator.

    ``trusted`` and ``freshness`` are ``None`` where it has no valid chain; ``ended`` says that its superior no longer
    vouches for it. ``next_freshness`` is what follows without a refresh, and when. ``suspended_by`` has suspended it,
    or an entity above it. ``revoked_marks`` are the digests of its trust marks that their issuers have revoked.
    """

    entity: EntityId
    freshness: Freshness | None
    trusted: TrustedEntity | None
    ended: bool = False
    age: timedelta | None = None
    next_freshness: tuple[Freshness, datetime] | None = None
    suspended_by: EntityId | None = None
    revoked_marks: tuple[str, ...] = ()

    def due(self, now: datetime, *, within: timedelta) -> bool:
        """Return whether to ask its superior soon, so that no request has to wait for that."""
        if self.trusted is None:
            return not self.ended
        return now + within - self.trusted.refreshed_at >= REFRESH_AFTER


class FederationResolver:
    """The :class:`gateway.ports.TrustResolver` of a running node; it opens nothing before the first call.

    ``pins`` are the anchors that an administrator pinned. ``background`` runs what no response waits for.
    """

    def __init__(
        self,
        *,
        fetcher: Fetcher,
        pins: Mapping[EntityId, Pin],
        storage: TrustStorage,
        record_event: RecordEvent,
        required_marks: RequiredMarks,
        background: Unattended,
    ) -> None:
        self._own = fetcher.own
        self._background = background
        self._storage = storage
        self._suspensions = suspensions = SuspensionIndex(storage, pins, own=fetcher.own)
        self._chains = ChainCache(
            fetcher=fetcher,
            suspensions=suspensions,
            storage=storage,
            record_event=record_event,
            required_marks=required_marks,
        )
        ports = RelayPorts(
            is_known=self._is_known, keys_of=self._authority_keys, record_event=record_event, background=background
        )
        self._relay = SuspensionRelay(fetcher=fetcher, suspensions=suspensions, storage=storage, ports=ports)
        self._revocations = KeyRevocations(
            fetcher=fetcher,
            suspensions=suspensions,
            storage=storage,
            owner=self._key_owner,
            record_event=record_event,
            attempt=background.attempt,
        )
        self._presented = PresentedChains()
        self._key_refreshes = RateLimit(KEY_REFRESHES_A_MINUTE)
        self._key_refreshes_of_one = RateLimitPerKey(KEY_REFRESHES_OF_ONE_A_MINUTE)
        self._anchor_key_fetches = Cooldown(REFRESH_AFTER - timedelta(seconds=30))

    def resolve(self, entity: EntityId, *, now: datetime, urgent: bool = False) -> TrustedEntity:
        """Return the entity as its chain describes it, fetching it within the rate limits.

        An ``urgent`` exchange, by its agreement's clause, accepts an older chain while the superiors cannot be asked.
        Raises :class:`trust.errors.Untrusted` for a stranger, a suspended party, an expired or stale chain, a limit.
        """
        chain = self._current(entity, now)
        self._suspensions.snapshot(now).refuse_suspended(chain.path)
        return _refuse_stale(chain.trusted, now, urgent=urgent)

    def check_standing(self, party: TrustedEntity, *, now: datetime, urgent: bool) -> None:
        """Raise ``Untrusted`` for a party that was suspended meanwhile, or is too stale. Nothing is fetched."""
        self.refuse_suspended(party, now=now)
        _refuse_stale(party, now, urgent=urgent)

    def resolve_presented(
        self, entity: EntityId, chain: Sequence[bytes], *, now: datetime, urgent: bool = False
    ) -> TrustedEntity:
        """Return the entity by the chain that it presents (:mod:`gateway.federation.presented_chains`), unless known.

        Raises ``TrustError`` for an invalid chain, and as :meth:`resolve` does.
        """
        _, latest = self._chains.store.latest(entity, now=now)
        if latest is None and not self._was_presented(entity, chain, now):
            with suppress(
                NoChain
            ):  # it may end at an anchor that is not pinned, while another path ends at one that is
                self._presented.put(self._verify_presented(entity, chain, now))
        return self.resolve(entity, now=now, urgent=urgent)

    def cached(self, entity: EntityId, *, now: datetime) -> Resolution | None:
        """Return an entity with its chain, if it is known and served in full now, without fetching."""
        _, latest = self._chains.store.latest(entity, now=now)
        if latest is None or _freshness(latest.trusted, now) not in SERVED:
            return None
        if self._suspensions.snapshot(now).find_suspension(latest.path) is not None:
            return None
        return latest.resolution

    def authority(self, entity: EntityId, *, now: datetime) -> Superior:
        """Return an authority with a valid chain, refreshing it where that is due.

        Raises ``TransportError`` and ``TrustError``.
        """
        return self._chains.authority(entity, FetchBudget.start(known=True), now)

    def refresh(self, entity: EntityId, *, now: datetime) -> TrustedEntity:
        """Refresh from the immediate superior, bypassing the caches. Raises as :meth:`resolve` does."""
        chain = self._refresh(entity, now)
        self._suspensions.snapshot(now).refuse_suspended(chain.path)
        return _refuse_stale(chain.trusted, now, urgent=False)

    def refresh_keys(self, entity: EntityId, kid: str, *, now: datetime) -> TrustedEntity:
        """Refresh an entity once because it used a key that is not known, within a rate limit.

        Nothing is fetched where the key is known by now. Raises as :meth:`resolve` does.
        """
        trusted = self.resolve(entity, now=now, urgent=True)
        if kid in _protocol_kids(trusted):
            return trusted
        if not self._key_refreshes_of_one.acquire(entity, now) or not self._key_refreshes.acquire(now):
            return trusted
        self._refresh(entity, now)
        return self.resolve(entity, now=now, urgent=True)

    def note_suspensions(self, from_peer: EntityId, seqs: Mapping[EntityId, int], *, now: datetime) -> None:
        """Fetch, after the response, the suspension entries that a peer advertises and this node does not have."""
        if seqs:
            self._relay.receive(from_peer, seqs, now=now)

    def suspension_seqs(self, *, now: datetime) -> Mapping[EntityId, int]:
        """Return the highest number of each issuer's suspensions; a reply has room for the first of them."""
        return self._suspensions.snapshot(now).seqs

    def anchors(self, *, now: datetime) -> Mapping[EntityId, KeySet]:
        """Return the pinned anchors with their current federation keys."""
        return self._suspensions.snapshot(now).anchors

    def refuse_suspended(self, trusted: TrustedEntity, *, now: datetime) -> None:
        """Raise :class:`Suspended` where an authority above an entity has suspended it, or an entity between them."""
        self._suspensions.snapshot(now).refuse_suspended((trusted.entity_id, *trusted.superiors))

    def catch_up(self, *, now: datetime) -> None:
        """Ask every authority above a known entity for new suspensions, and the anchors for replaced keys.

        Each is asked every few minutes, however often this is called; while one does not answer, some of the known
        nodes are asked for its suspensions each time.
        """
        for authority, others in self._authorities(now).items():
            self._background.attempt("anchor_keys", partial(self._fetch_anchor_keys, authority, now))
            self._relay.refresh(authority, others, now=now)

    def catch_up_with_all(self, *, now: datetime) -> None:
        """Ask every authority above a known entity, and all known nodes, for its suspensions now."""
        for authority, others in self._authorities(now).items():
            self._relay.refresh_from_all(authority, others, now=now)

    def collect_key_revocations(self, *, now: datetime) -> None:
        """Ask every known party, every few minutes, which of its keys it has revoked."""
        entities = (chain.entity for _, chain in self._chains.store.all(now=now) if chain is not None)
        self._revocations.collect((*self._suspensions.pins, *entities), now=now)

    def ask_key_revocations(
        self, subject: EntityId, keys: KeySet, sources: Iterable[EntityId], *, now: datetime
    ) -> frozenset[EntityId]:
        """Ask these for the revoked keys of an entity, and return those that answered.

        ``keys`` are the federation keys that the entity has or had.
        """
        others = dict.fromkeys(each for each in sources if each != self._own)
        return frozenset(each for each in others if self._revocations.ask(each, subject, keys=keys, now=now))

    def revoked_keys(self, entity: EntityId, *, now: datetime) -> frozenset[str]:
        """Return the thumbprints of an entity's keys that are known to be revoked."""
        return self._suspensions.snapshot(now).revoked.get(entity, frozenset())

    def statuses(self, *, now: datetime) -> tuple[EntityStatus, ...]:
        """Return every entity that was ever trusted, those above others first, without fetching."""
        snapshot = self._suspensions.snapshot(now)
        every = self._chains.store.all(now=now)
        ordered = sorted(every, key=lambda each: len(each[1].path) if each[1] is not None else 0)
        return tuple(_status(stored, chain, snapshot, now) for stored, chain in ordered)

    def importer(self) -> BundleImporter:
        """Return the importer and exporter of statements in a file."""
        return BundleImporter(chains=self._chains.store, suspensions=self._suspensions, storage=self._storage)

    def _fetch_anchor_keys(self, authority: EntityId, now: datetime) -> None:
        if authority in self._suspensions.pins and self._anchor_key_fetches.acquire(authority, now):
            with suppress(TransportError, TrustError):
                self._chains.anchors.fetch_keys(authority, FetchBudget.start(known=True), now=now)

    def _current(self, entity: EntityId, now: datetime) -> VerifiedChain:
        presented = self._presented.get(entity)
        if presented is None:
            return self._chains.get(entity, now=now)
        stored, latest = self._chains.store.latest(entity, now=now)
        superseded = stored is not None and stored.superior_iat > presented.chain.stored.superior_iat
        if latest is not None or superseded or presented.chain.anchors is not self._suspensions.snapshot(now).anchors:
            self._presented.drop(entity)
            return self._chains.get(entity, now=now)
        if presented.is_fresh(now) and not self._chains.has_unchecked_mark(presented.chain, now=now):
            return presented.chain
        return self._replace_presented(entity, presented, now)

    def _replace_presented(self, entity: EntityId, presented: PresentedChain, now: datetime) -> VerifiedChain:
        """Ask the superior of a party whose presented chain is no longer fresh."""
        try:
            return self._chains.get(entity, now=now, hints=presented.chain.trusted.hints)
        except Unconfirmed:
            if not presented.is_usable(now):
                self._presented.drop(entity)
                raise
            return presented.chain
        except NotVouchedFor:
            self._end_presented(entity, now)
            raise
        except Untrusted:
            self._presented.drop(entity)
            raise

    def _refresh(self, entity: EntityId, now: datetime) -> VerifiedChain:
        try:
            return self._chains.refresh(entity, now=now)
        except NotVouchedFor:
            self._end_presented(entity, now)
            raise

    def _end_presented(self, entity: EntityId, now: datetime) -> None:
        """Store that trust has ended, so that a chain from before then cannot be presented again."""
        if self._presented.get(entity) is not None:
            self._presented.drop(entity)
            self._chains.store.end(entity, now=now)

    def _was_presented(self, entity: EntityId, chain: Sequence[bytes], now: datetime) -> bool:
        presented = self._presented.get(entity)
        if presented is None or presented.chain.anchors is not self._suspensions.snapshot(now).anchors:
            return False
        return presented.chain.stored.statements == tuple(chain)

    def _verify_presented(self, entity: EntityId, statements: Sequence[bytes], now: datetime) -> PresentedChain:
        opened_chain = open_chain(statements, anchors=self._suspensions.snapshot(now).anchors, now=now)
        chain = self._chains.store.verify(opened_chain, now=now)
        issued_at = {**chain.trusted.issued_at_by, (chain.entity, chain.entity): opened_chain.subject.issued_at}
        if chain.entity != entity:
            with about_statement("Presented chain", section("4.3")):
                raise ChainRefused(f"It is not that of {entity}, who showed it.")
        stored, _ = self._chains.store.latest(entity, now=now)
        ended = stored is not None and chain.stored.superior_iat < stored.superior_iat
        if ended or self._storage.record_presented(issued_at, now=now) is not None:
            with about_statement(f"Presented chain of {entity}", ROLLBACK):
                raise RolledBack("It is older than what is known here; its bearer must fetch its statements again.")
        return PresentedChain(chain=chain, oldest_at=min(issued_at.values()))

    def _authorities(self, now: datetime) -> Mapping[EntityId, Sequence[EntityId]]:
        """Return the authorities, pinned ones first, with the nodes that may relay for each, those below it first."""
        chains = [chain for _, chain in self._chains.store.all(now=now) if chain is not None]
        above = dict.fromkeys(self._suspensions.pins) | dict.fromkeys(
            each for chain in chains for each in chain.path[1:]
        )
        nodes = [chain for chain in chains if chain.trusted.node is not None and chain.entity != self._own]
        return {
            authority: [chain.entity for chain in sorted(nodes, key=lambda chain: authority not in chain.path)]
            for authority in above
        }

    def _key_owner(self, entity: EntityId, now: datetime) -> Superior:
        """Return an entity with its valid chain; an anchor stands by itself."""
        if entity not in self._suspensions.snapshot(now).anchors:
            return Superior.from_resolution(self._chains.get(entity, now=now).resolution)
        try:
            return self._chains.authority(entity, FetchBudget.start(known=True), now)
        except TransportError as failed:
            raise Unconfirmed(f"{entity} could not be asked: {failed}") from failed

    def _is_known(self, authority: EntityId, now: datetime) -> bool:
        return authority in self._suspensions.pins or self._chains.store.latest(authority, now=now)[1] is not None

    def _authority_keys(self, issuer: EntityId, now: datetime) -> KeySet:
        keys = self._suspensions.snapshot(now).anchors.get(issuer)
        if keys is not None:
            return keys
        trusted = self._chains.get(issuer, now=now).trusted
        if not trusted.may_vouch:
            raise ChainRefused(f"{issuer} may not vouch for others, so its suspensions do not count.")
        return trusted.federation_keys


def _status(stored: StoredChain, chain: VerifiedChain | None, snapshot: TrustSnapshot, now: datetime) -> EntityStatus:
    entity, ended = EntityId(stored.entity), not stored.statements
    if chain is None:
        return EntityStatus(entity=entity, freshness=None, trusted=None, ended=ended)
    refreshed_at = chain.trusted.refreshed_at
    suspension = snapshot.find_suspension(chain.path)
    return EntityStatus(
        entity=entity,
        freshness=_freshness(chain.trusted, now),
        trusted=chain.trusted,
        age=now - refreshed_at,
        next_freshness=next_freshness(refreshed_at, bounds=chain.trusted.bounds, now=now),
        suspended_by=suspension[1] if suspension is not None else None,
        revoked_marks=stored.revoked_marks,
    )


def _protocol_kids(trusted: TrustedEntity) -> frozenset[str]:
    kids: frozenset[str] = frozenset()
    if trusted.node is not None:
        kids |= trusted.node.message_keys.kids
    if trusted.oauth_client_keys is not None:
        kids |= trusted.oauth_client_keys.kids
    return kids


def _freshness(trusted: TrustedEntity, now: datetime) -> Freshness:
    return freshness_of(trusted.refreshed_at, bounds=trusted.bounds, now=now)


def _refuse_stale(trusted: TrustedEntity, now: datetime, *, urgent: bool) -> TrustedEntity:
    """Return an entity while it may be served: at first in full, then for urgent exchanges only."""
    expired = now >= trusted.expires_at
    freshness = _freshness(trusted, now)
    if not expired and (freshness in SERVED or (urgent and freshness is Freshness.URGENT_ONLY)):
        return trusted
    statement = f"Subordinate statement by {trusted.superiors[0]} about {trusted.entity_id}"
    if expired:
        with about_statement(statement, section("10.4")):
            raise ChainRefused(
                "It, or what stands above it, has expired, and no superior answers; check the way to them."
            )
    refused = ChainRefused(
        f"What is known of {trusted.entity_id} was last confirmed at {trusted.refreshed_at:%Y-%m-%d %H:%M} UTC, too "
        f"long ago for {'this' if freshness is Freshness.URGENT_ONLY else 'anything'} under {trusted.anchor}; check "
        "the way to its superior."
    )
    refused.place(statement=statement, rule=BOUNDS)
    raise refused
