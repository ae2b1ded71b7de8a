"""Collect key revocations from each party, and after a restore those of own keys.

1. A notice counts where its issuer is the key's owner, or stands above it, and signed it with a key that is trusted to
   be the issuer's. Any party may serve it.
2. A revocation is never undone: a later list without the key does not restore it.
3. A key that a party disowns does not count while the party says so (decision 38).
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from time import monotonic

from gateway.federation.anchors import RecordEvent
from gateway.federation.fetch import MAX_NOTICES, MAX_REVOCATIONS_BYTES, Fetcher
from gateway.federation.freshness import REFRESH_AFTER
from gateway.federation.limits import FetchBudget
from gateway.federation.storage import TrustStorage
from gateway.federation.suspensions import SuspensionIndex
from gateway.ports import TransportError
from gateway.runtime.background import Attempt
from gateway.runtime.rate_limit import Cooldown
from gateway.store.tables.federation_records import StoredKeyRevocation
from trust import claims, strict_json
from trust.errors import TrustError, WrongIssuer
from trust.federation.chain import Superior
from trust.federation.historical_keys import HistoricalKeys, parse_historical_keys
from trust.federation.key_revocation import MAX_BYTES, parse_key_revocation, peek_issuer, peek_subject
from trust.identifiers import EntityId, parse_endpoint
from trust.keys import KeySet

ENDPOINT = "federation_historical_keys_endpoint"
ROUND_S = 30.0
"""Time for asking the known parties in one round; the others follow in the next."""


class KeyRevocations:
    """The revocations of one process. ``owner`` returns an entity with its valid chain, or raises ``TrustError``."""

    def __init__(
        self,
        *,
        fetcher: Fetcher,
        suspensions: SuspensionIndex,
        storage: TrustStorage,
        owner: Callable[[EntityId, datetime], Superior],
        record_event: RecordEvent,
        attempt: Attempt,
    ) -> None:
        self._fetcher = fetcher
        self._suspensions = suspensions
        self._storage = storage
        self._owner = owner
        self._record_event = record_event
        self._attempt = attempt
        self._fetches = Cooldown(REFRESH_AFTER - timedelta(seconds=30))

    def collect(self, entities: Iterable[EntityId], *, now: datetime) -> None:
        """Ask each of these, every few minutes, which of its keys it has revoked."""
        until = monotonic() + ROUND_S
        for entity in entities:
            if entity != self._fetcher.own and monotonic() < until and self._fetches.acquire(entity, now):
                self._attempt("key_revocations", partial(self._collect, entity, now))

    def ask(self, source: EntityId, subject: EntityId, *, keys: KeySet | None, now: datetime) -> bool:
        """Ask a party for the revoked keys of an entity that it knows; return whether it answered.

        ``keys`` are federation keys of the entity, for one that knows its own.
        """
        return bool(self._attempt("key_revocations", partial(self._ask, source, subject, keys, now)))

    def _collect(self, entity: EntityId, now: datetime) -> None:
        try:
            owner = self._owner(entity, now)
            if ENDPOINT not in owner.metadata:
                return
            history = self._fetch_history(owner, now)
        except (TransportError, TrustError):
            return  # earlier revocations stay
        self._save(history.revocations, owner, now)
        self._save_of_others(history.revocations, entity, now)
        self._save_disowned(entity, frozenset(history.disowned), now)

    def _fetch_history(self, owner: Superior, now: datetime) -> HistoricalKeys:
        endpoint = parse_endpoint(claims.require_str(owner.metadata, ENDPOINT), entity=owner.entity)
        raw = self._fetcher.historical_keys(endpoint, FetchBudget.start(known=True))
        history = parse_historical_keys(raw, issuer_keys=owner.keys, now=now)
        if history.issuer != owner.entity:
            raise WrongIssuer("The historical keys are another entity's.")
        return history

    def _save_of_others(self, notices: Iterable[bytes], authority: EntityId, now: datetime) -> None:
        """Store what an authority revoked of those who stand below it."""
        for raw in notices:
            try:
                subject = peek_subject(raw)
                if subject == authority:
                    continue
                owner = self._owner(subject, now)
            except TrustError:
                continue
            if authority in owner.above:
                self._save((raw,), owner, now)

    def _save_disowned(self, entity: EntityId, kids: frozenset[str], now: datetime) -> None:
        """Store what a party disowns now: its superior vouches for a key that it does not have."""
        if kids != self._suspensions.snapshot(now).disowned.get(entity, frozenset()):
            self._storage.save_disowned(entity, kids)
            self._suspensions.invalidate()
        if kids:
            self._record_event("key_disowned", entity)

    def _ask(self, source: EntityId, subject: EntityId, keys: KeySet | None, now: datetime) -> bool:
        try:
            document = strict_json.loads(
                self._fetcher.key_revocations(source, subject, FetchBudget.start(known=True)),
                max_bytes=MAX_REVOCATIONS_BYTES,
            )
            notices = claims.require_str_list(document, "revocations", max_items=MAX_NOTICES, max_len=MAX_BYTES)
            owner = self._owner(subject, now)
        except (TransportError, TrustError):
            return False
        if keys is not None:
            others = owner.keys.without(keys.kids).keys
            owner = replace(owner, keys=KeySet.of(keys.use, [*keys.keys, *others]))
        self._save((each.encode("utf-8") for each in notices), owner, now)
        return True

    def _save(self, notices: Iterable[bytes], owner: Superior, now: datetime) -> None:
        known_kids = self._suspensions.snapshot(now).revoked.get(owner.entity, frozenset())
        valid = [notice for raw in notices if (notice := self._open(raw, owner, now)) is not None]
        new = [notice for notice in valid if notice.kid not in known_kids]
        if new and self._storage.save_key_revocations(new, now=now):
            self._suspensions.invalidate()
            self._record_event("key_revoked", owner.entity)

    def _open(self, raw: bytes, owner: Superior, now: datetime) -> StoredKeyRevocation | None:
        """Return a notice that counts; an invalid one does not affect the others."""
        try:
            issuer = peek_issuer(raw)
            if issuer != owner.entity and issuer not in owner.above:
                return None
            keys = owner.keys if issuer == owner.entity else self._owner(issuer, now).keys
            notice = parse_key_revocation(raw, issuer_keys=keys, now=now)
        except TrustError:
            return None
        if (notice.issuer, notice.subject) != (issuer, owner.entity):
            return None
        return StoredKeyRevocation.from_revocation(notice, raw)
