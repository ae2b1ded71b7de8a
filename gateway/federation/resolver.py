"""The directory of a running node: what it knows of each entity, how fresh that is, and what it may therefore do.

A question about an entity is answered, in this order:

1. from memory, while the chain's superior statements are less than 5 minutes old;
2. from the short memory of refusals: one for somebody unknown holds for 45 s, and so does a failed attempt;
3. from the store, where another worker may have put a fresher chain;
4. by asking the superior, one thread for all that wait, and for somebody unknown within a budget a minute;
5. where the superior cannot be asked, by the chain that is held, for as long as its stage allows
   (:mod:`gateway.federation.freshness`).

Whatever it comes from, nobody is trusted whom an authority above has suspended. Where the superior no longer vouches,
the stored chain is replaced by an empty one dated now, so that neither a restart nor an earlier statement revives it.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from gateway.federation.anchors import Superior, TrustNotice
from gateway.federation.bundle_import import BundleImporter
from gateway.federation.chain_cache import ChainCache
from gateway.federation.chain_store import VerifiedChain
from gateway.federation.fetch import Fetcher, NotVouchedFor, Unconfirmed
from gateway.federation.freshness import REFRESH_AFTER, SERVED, Freshness, freshness_of, next_freshness
from gateway.federation.key_revocations import KeyOwner, KeyRevocations
from gateway.federation.limits import FetchBudget
from gateway.federation.presented_chains import PresentedChain, PresentedChains
from gateway.federation.refresh import chained
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
from trust.federation.chain import TrustedEntity
from trust.federation.party_metadata import FEDERATION_ENTITY
from trust.federation.resolve import Resolution
from trust.identifiers import EntityId
from trust.keys import KeySet

KEY_REFRESHES_OF_ONE_A_MINUTE = 3
"""Refreshes a minute that unknown key ids of one entity may cause, per process."""
KEY_REFRESHES_A_MINUTE = 60
"""The same for all entities together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityStatus:
    """One entity as the store holds it, for an administrator.

    ``trusted`` and ``stage`` are ``None`` where no chain stands; ``ended`` says that this is so because its superior
    does not vouch for it any more. ``following`` is the stage that comes next without a refresh, and when.
    ``suspended_by`` has suspended it, or somebody above it. ``revoked_marks`` are the digests of its marks that their
    issuers have revoked.
    """

    entity: EntityId
    stage: Freshness | None
    trusted: TrustedEntity | None
    ended: bool = False
    age: timedelta | None = None
    following: tuple[Freshness, datetime] | None = None
    suspended_by: EntityId | None = None
    revoked_marks: tuple[str, ...] = ()

    def due(self, now: datetime, *, within: timedelta) -> bool:
        """Say whether its superior is to be asked soon, so that no request has to wait for that."""
        if self.trusted is None:
            return not self.ended
        return now + within - self.trusted.refreshed_at >= REFRESH_AFTER


class FederationResolver:
    """The :class:`gateway.ports.TrustResolver` of a running node. Nothing is opened before the first question.

    ``pins`` are the anchors that an administrator pinned. ``background`` does what no response waits for.
    """

    def __init__(
        self,
        *,
        fetcher: Fetcher,
        pins: Mapping[EntityId, Pin],
        storage: TrustStorage,
        notice: TrustNotice,
        required_marks: RequiredMarks,
        background: Unattended,
    ) -> None:
        self._own = fetcher.own
        self._background = background
        self._storage = storage
        self._suspensions = SuspensionIndex(storage, pins, own=fetcher.own)
        self._chains = ChainCache(
            fetcher=fetcher,
            suspensions=self._suspensions,
            storage=storage,
            notice=notice,
            required_marks=required_marks,
        )
        ports = RelayPorts(is_known=self._is_known, keys_of=self._authority_keys, notice=notice, background=background)
        self._relay = SuspensionRelay(fetcher=fetcher, suspensions=self._suspensions, storage=storage, ports=ports)
        self._revocations = KeyRevocations(
            fetcher=fetcher,
            suspensions=self._suspensions,
            storage=storage,
            party=self._party,
            notice=notice,
            attempt=background.attempt,
        )
        self._shown = PresentedChains()
        self._key_refreshes = RateLimit(KEY_REFRESHES_A_MINUTE)
        self._key_refreshes_of_one = RateLimitPerKey(KEY_REFRESHES_OF_ONE_A_MINUTE)
        self._keys_asked = Cooldown(REFRESH_AFTER - timedelta(seconds=30))

    def resolve(self, entity: EntityId, *, now: datetime, urgent: bool = False) -> TrustedEntity:
        """Return the entity as its chain describes it, fetching it where the budget allows.

        ``urgent`` is for what an agreement's clause calls so, which goes on for longer while the centre is away. Raises
        :class:`trust.errors.Untrusted` for a stranger, a suspended party, an expired or stale chain, a spent budget.
        """
        held = self._held(entity, now)
        self._suspensions.snapshot(now).refuse_suspended(held.path)
        return _by_stage(held.trusted, now, urgent=urgent)

    def resolve_presented(
        self, entity: EntityId, chain: Sequence[bytes], *, now: datetime, urgent: bool = False
    ) -> TrustedEntity:
        """Return the entity by its presented chain (:mod:`gateway.federation.presented_chains`), unless one is held.

        Raises ``TrustError`` for a chain that does not stand, and as :meth:`resolve` does.
        """
        _, held = self._chains.chains.latest(entity, now=now)
        if held is None and not self._is_shown(entity, chain, now):
            with suppress(NoChain):  # it may end at an anchor that is none of ours, while another way leads to one
                self._shown.put(self._verified(entity, chain, now))
        return self.resolve(entity, now=now, urgent=urgent)

    def cached(self, entity: EntityId, *, now: datetime) -> Resolution | None:
        """Return an entity with its chain, if it is known and served in full now. Nothing is fetched."""
        _, held = self._chains.chains.latest(entity, now=now)
        if held is None or _stage(held.trusted, now) not in SERVED:
            return None
        if self._suspensions.snapshot(now).find_suspension(held.path) is not None:
            return None
        return Resolution(entity=held.trusted, statements=held.statements)

    def authority(self, entity: EntityId, *, now: datetime) -> Superior:
        """Return an authority with a valid chain, asking for it where that is due.

        Raises ``TransportError`` and ``TrustError``.
        """
        return self._chains.superior_of(entity, FetchBudget.start(known=True), now=now)

    def refresh(self, entity: EntityId, *, now: datetime) -> TrustedEntity:
        """Ask the superior now, whatever is remembered; else as :meth:`resolve`."""
        held = self._asked(entity, now)
        self._suspensions.snapshot(now).refuse_suspended(held.path)
        return _by_stage(held.trusted, now, urgent=False)

    def refresh_keys(self, entity: EntityId, kid: str, *, now: datetime) -> TrustedEntity:
        """Return the entity once its keys were asked for again, because one was used that is not known here.

        Nothing is asked where the key has become known meanwhile, nor too often. Raises as :meth:`resolve` does.
        """
        trusted = self.resolve(entity, now=now, urgent=True)
        if kid in _protocol_kids(trusted):
            return trusted
        if not self._key_refreshes_of_one.acquire(entity, now) or not self._key_refreshes.acquire(now):
            return trusted
        self._asked(entity, now)
        return self.resolve(entity, now=now, urgent=True)

    def note_suspensions(self, from_peer: EntityId, seqs: Mapping[EntityId, int], *, now: datetime) -> None:
        """Take up, after the answer, what a peer says is there of suspensions and is not here."""
        if seqs:
            self._relay.receive(from_peer, seqs, now=now)

    def suspension_seqs(self, *, now: datetime) -> Mapping[EntityId, int]:
        """Return the highest number held of each issuer's suspensions; a reply has room for the first of them."""
        return self._suspensions.snapshot(now).seqs

    def anchors(self, *, now: datetime) -> Mapping[EntityId, KeySet]:
        """Return the pinned anchors with the federation keys that they have now."""
        return self._suspensions.snapshot(now).anchors

    def refuse_suspended(self, found: TrustedEntity, *, now: datetime) -> None:
        """Raise :class:`Suspended` where an authority above an entity has ruled it out, or somebody between."""
        self._suspensions.snapshot(now).refuse_suspended((found.entity_id, *found.superiors))

    def catch_up(self, *, now: datetime) -> None:
        """Ask every authority above a known entity for new suspensions, and the anchors for replaced keys.

        Each is asked every few minutes, however often this is called; while one does not answer, some of the known
        nodes are asked for its suspensions each time.
        """
        for authority, others in self._authorities(now).items():
            self._background.attempt("anchor_keys", partial(self._learn_keys, authority, now))
            self._relay.refresh(authority, others, now=now)

    def catch_up_with_all(self, *, now: datetime) -> None:
        """Ask every authority above a known entity, and all known nodes, for its suspensions now."""
        for authority, others in self._authorities(now).items():
            self._relay.refresh_from_all(authority, others, now=now)

    def collect_key_revocations(self, *, now: datetime) -> None:
        """Ask every known party, every few minutes, which of its keys it has revoked."""
        known = (held.entity for _, held in self._chains.chains.all(now=now) if held is not None)
        self._revocations.collect((*self._suspensions.pins, *known), now=now)

    def ask_key_revocations(
        self, subject: EntityId, keys: KeySet, tellers: Iterable[EntityId], *, now: datetime
    ) -> frozenset[EntityId]:
        """Ask these for the revoked keys of an entity, and return those that answered.

        ``keys`` are the federation keys that the entity has or had.
        """
        asked = dict.fromkeys(each for each in tellers if each != self._own)
        return frozenset(each for each in asked if self._revocations.ask(each, subject, keys=keys, now=now))

    def revoked_keys(self, entity: EntityId, *, now: datetime) -> frozenset[str]:
        """Return the thumbprints of an entity's keys that were revoked, as far as that was told here."""
        return self._suspensions.snapshot(now).revoked.get(entity, frozenset())

    def statuses(self, *, now: datetime) -> tuple[EntityStatus, ...]:
        """Return every entity that was ever trusted, those above others first, without fetching, whatever its age."""
        snapshot = self._suspensions.snapshot(now)
        every = self._chains.chains.all(now=now)
        ordered = sorted(every, key=lambda each: len(each[1].path) if each[1] is not None else 0)
        return tuple(_standing(stored, held, snapshot, now) for stored, held in ordered)

    def importer(self) -> BundleImporter:
        """Return what takes in statements that were carried here in a file, and gives those that are held."""
        return BundleImporter(chains=self._chains.chains, suspensions=self._suspensions, storage=self._storage)

    def _learn_keys(self, authority: EntityId, now: datetime) -> None:
        if authority in self._suspensions.pins and self._keys_asked.acquire(authority, now):
            with suppress(TransportError, TrustError):
                self._chains.anchors.learn_keys(authority, FetchBudget.start(known=True), now=now)

    def _held(self, entity: EntityId, now: datetime) -> VerifiedChain:
        shown = self._shown.get(entity)
        if shown is None:
            return self._chains.current(entity, now=now)
        stored, held = self._chains.chains.latest(entity, now=now)
        over = stored is not None and stored.superior_iat > shown.held.stored.superior_iat
        if held is not None or over or shown.held.anchors is not self._suspensions.snapshot(now).anchors:
            self._shown.drop(entity)
            return self._chains.current(entity, now=now)
        if shown.is_fresh(now) and not self._chains.must_ask(shown.held, now=now):
            return shown.held
        return self._after_showing(entity, shown, now)

    def _after_showing(self, entity: EntityId, shown: PresentedChain, now: datetime) -> VerifiedChain:
        """Ask the superior of a party whose chain is no longer young."""
        try:
            return self._chains.current(entity, now=now, shown=shown.held.statements)
        except Unconfirmed:
            if not shown.is_usable(now):
                self._shown.drop(entity)
                raise
            return shown.held
        except NotVouchedFor:
            self._end_shown(entity, now)
            raise
        except Untrusted:
            self._shown.drop(entity)
            raise

    def _asked(self, entity: EntityId, now: datetime) -> VerifiedChain:
        try:
            return self._chains.asked(entity, now=now)
        except NotVouchedFor:
            self._end_shown(entity, now)
            raise

    def _end_shown(self, entity: EntityId, now: datetime) -> None:
        """Have the superior's no outlast whatever the entity showed, or will show again, from before it."""
        if self._shown.get(entity) is not None:
            self._shown.drop(entity)
            self._chains.chains.end(entity, now=now)

    def _is_shown(self, entity: EntityId, chain: Sequence[bytes], now: datetime) -> bool:
        shown = self._shown.get(entity)
        anchors = self._suspensions.snapshot(now).anchors
        return shown is not None and shown.held.anchors is anchors and shown.held.statements == tuple(chain)

    def _verified(self, entity: EntityId, chain: Sequence[bytes], now: datetime) -> PresentedChain:
        resolved = chained(chain, self._chains.chains, now=now)
        held, made = resolved.held, {**resolved.held.trusted.issued_at_by, **resolved.made}
        if held.entity != entity:
            with about_statement("Presented chain", section("4.3")):
                raise ChainRefused(f"It is not that of {entity}, who showed it.")
        stored, _ = self._chains.chains.latest(entity, now=now)
        ended = stored is not None and held.stored.superior_iat < stored.superior_iat
        if ended or self._storage.record_presented(made, now=now) is not None:
            with about_statement(f"Presented chain of {entity}", ROLLBACK):
                raise RolledBack("It is older than what is known here; its bearer must fetch its statements anew.")
        return PresentedChain(held=held, made_at=min(made.values()))

    def _authorities(self, now: datetime) -> Mapping[EntityId, Sequence[EntityId]]:
        """Return the authorities, the pinned ones first, with who may relay for each: those below it before others."""
        known = [held for _, held in self._chains.chains.all(now=now) if held is not None]
        above = dict.fromkeys(self._suspensions.pins) | dict.fromkeys(each for held in known for each in held.path[1:])
        nodes = [held for held in known if held.trusted.node is not None and held.entity != self._own]
        return {
            authority: [held.entity for held in sorted(nodes, key=lambda held: authority not in held.path)]
            for authority in above
        }

    def _party(self, entity: EntityId, now: datetime) -> KeyOwner:
        """Return an entity with its chain; an anchor stands by itself."""
        try:
            if entity in self._suspensions.snapshot(now).anchors:
                superior = self._chains.superior_of(entity, FetchBudget.start(known=True), now=now)
                return KeyOwner(entity=entity, keys=superior.keys, metadata=superior.metadata, superiors=())
        except TransportError as failed:
            raise Unconfirmed(f"{entity} could not be asked: {failed}") from failed
        held = self._chains.current(entity, now=now)
        return KeyOwner(
            entity=entity,
            keys=held.trusted.federation_keys,
            metadata=held.trusted.metadata.get(FEDERATION_ENTITY, {}),
            superiors=held.trusted.superiors,
        )

    def _is_known(self, authority: EntityId, now: datetime) -> bool:
        return authority in self._suspensions.pins or self._chains.chains.latest(authority, now=now)[1] is not None

    def _authority_keys(self, issuer: EntityId, now: datetime) -> KeySet:
        keys = self._suspensions.snapshot(now).anchors.get(issuer)
        if keys is not None:
            return keys
        trusted = self._chains.current(issuer, now=now).trusted
        if not trusted.may_vouch:
            raise ChainRefused(f"{issuer} vouches for nobody, so whom it suspends is nobody's concern.")
        return trusted.federation_keys


def _standing(stored: StoredChain, held: VerifiedChain | None, snapshot: TrustSnapshot, now: datetime) -> EntityStatus:
    entity, ended = EntityId(stored.entity), not stored.statements
    if held is None:
        return EntityStatus(entity=entity, stage=None, trusted=None, ended=ended)
    refreshed_at = held.trusted.refreshed_at
    ruled = snapshot.find_suspension(held.path)
    return EntityStatus(
        entity=entity,
        stage=_stage(held.trusted, now),
        trusted=held.trusted,
        age=now - refreshed_at,
        following=next_freshness(refreshed_at, bounds=held.trusted.bounds, now=now),
        suspended_by=ruled[1] if ruled is not None else None,
        revoked_marks=stored.revoked_marks,
    )


def _protocol_kids(trusted: TrustedEntity) -> frozenset[str]:
    kids: frozenset[str] = frozenset()
    if trusted.node is not None:
        kids |= trusted.node.message_keys.kids
    if trusted.oauth_client_keys is not None:
        kids |= trusted.oauth_client_keys.kids
    return kids


def _stage(trusted: TrustedEntity, now: datetime) -> Freshness:
    return freshness_of(trusted.refreshed_at, bounds=trusted.bounds, now=now)


def _by_stage(trusted: TrustedEntity, now: datetime, *, urgent: bool) -> TrustedEntity:
    """Return a known entity while it may still be served: at first in full, and then in what is urgent only."""
    expired = now >= trusted.expires_at
    stage = _stage(trusted, now)
    if not expired and (stage in SERVED or (urgent and stage is Freshness.URGENT_ONLY)):
        return trusted
    statement = f"Subordinate statement by {trusted.superiors[0]} about {trusted.entity_id}"
    if expired:
        with about_statement(statement, section("10.4")):
            raise ChainRefused(
                "It, or what stands above it, has expired, and no superior answers; check the way to them."
            )
    refused = ChainRefused(
        f"What is known of {trusted.entity_id} was last confirmed at {trusted.refreshed_at:%Y-%m-%d %H:%M} UTC, too "
        f"long ago for {'this' if stage is Freshness.URGENT_ONLY else 'anything'} under {trusted.anchor}; check the "
        "way to its superior."
    )
    refused.place(statement=statement, rule=BOUNDS)
    raise refused
