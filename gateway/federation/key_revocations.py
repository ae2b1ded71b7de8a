"""Learn which keys were revoked: from each party itself, and after a restore from every party about one's own.

1. A notice counts where its issuer is the key's owner, or stands above it, and signed it with a key that is trusted to
   be the issuer's. It does not matter who hands it on.
2. What was learned stays: no later list that leaves a key out brings it back.
3. A key that a party disowns does not count while the party says so (decision 38).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from time import monotonic

from gateway.federation.anchors import TrustNotice
from gateway.federation.fetch import MAX_REVOCATIONS_BYTES, MOST_TOLD, Fetcher
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
from trust.federation.historical_keys import parse_historical_keys
from trust.federation.key_revocation import MAX_BYTES, parse_key_revocation, peek_issuer, peek_subject
from trust.identifiers import EntityId, parse_endpoint
from trust.keys import KeySet
from trust.strict_json import JsonObject

ENDPOINT = "federation_historical_keys_endpoint"
ROUND_S = 30.0
"""Time for asking the known parties in one round; the others follow in the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOwner:
    """An entity with its valid chain: its federation keys, what it says of its endpoints, and who stands above it."""

    entity: EntityId
    keys: KeySet
    metadata: JsonObject
    superiors: tuple[EntityId, ...]


class KeyRevocations:
    """What one process does about revoked keys. ``party`` gives an entity with its chain, or raises ``TrustError``."""

    def __init__(
        self,
        *,
        fetcher: Fetcher,
        suspensions: SuspensionIndex,
        storage: TrustStorage,
        party: Callable[[EntityId, datetime], KeyOwner],
        notice: TrustNotice,
        attempt: Attempt,
    ) -> None:
        self._fetcher = fetcher
        self._suspensions = suspensions
        self._storage = storage
        self._party = party
        self._notice = notice
        self._attempt = attempt
        self._asked = Cooldown(REFRESH_AFTER - timedelta(seconds=30))

    def collect(self, entities: Iterable[EntityId], *, now: datetime) -> None:
        """Ask each of these, every few minutes, which of its keys it has revoked."""
        until = monotonic() + ROUND_S
        for entity in entities:
            if entity != self._fetcher.own and monotonic() < until and self._asked.acquire(entity, now):
                self._attempt("key_revocations", partial(self._collect, entity, now))

    def ask(self, teller: EntityId, subject: EntityId, *, keys: KeySet | None, now: datetime) -> bool:
        """Ask a party for what it knows of an entity's revoked keys; return whether it answered.

        ``keys`` are federation keys of the entity, for one that knows its own.
        """
        return bool(self._attempt("key_revocations", partial(self._ask, teller, subject, keys, now)))

    def _collect(self, entity: EntityId, now: datetime) -> None:
        try:
            party = self._party(entity, now)
            if ENDPOINT not in party.metadata:
                return
            endpoint = parse_endpoint(claims.require_str(party.metadata, ENDPOINT), entity=entity)
            raw = self._fetcher.historical_keys(endpoint, FetchBudget.start(known=True))
            history = parse_historical_keys(raw, issuer_keys=party.keys, now=now)
            if history.issuer != entity:
                raise WrongIssuer("The historical keys are another entity's.")
        except (TransportError, TrustError):
            return  # what was learned before stays
        self._keep(history.revocations, party, now)
        self._keep_of_others(history.revocations, entity, now)
        self._keep_disowned(entity, frozenset(history.disowned), now)

    def _keep_of_others(self, told: Iterable[bytes], authority: EntityId, now: datetime) -> None:
        """Keep what an authority revoked of those who stand below it."""
        for raw in told:
            try:
                subject = peek_subject(raw)
                if subject == authority:
                    continue
                party = self._party(subject, now)
            except TrustError:
                continue
            if authority in party.superiors:
                self._keep((raw,), party, now)

    def _keep_disowned(self, entity: EntityId, kids: frozenset[str], now: datetime) -> None:
        """Store what a party disowns now; its superior vouches for a key that it does not have."""
        if kids != self._suspensions.snapshot(now).disowned.get(entity, frozenset()):
            self._storage.save_disowned(entity, kids)
            self._suspensions.invalidate()
        if kids:
            self._notice("key_disowned", entity)

    def _ask(self, teller: EntityId, subject: EntityId, keys: KeySet | None, now: datetime) -> bool:
        try:
            document = strict_json.loads(
                self._fetcher.key_revocations(teller, subject, FetchBudget.start(known=True)),
                max_bytes=MAX_REVOCATIONS_BYTES,
            )
            told = claims.require_str_list(document, "revocations", max_items=MOST_TOLD, max_len=MAX_BYTES)
            party = self._party(subject, now)
        except (TransportError, TrustError):
            return False
        if keys is not None:
            others = party.keys.without(keys.kids).keys
            party = replace(party, keys=KeySet.of(keys.use, [*keys.keys, *others]))
        self._keep((each.encode("utf-8") for each in told), party, now)
        return True

    def _keep(self, told: Iterable[bytes], party: KeyOwner, now: datetime) -> None:
        known = self._suspensions.snapshot(now).revoked.get(party.entity, frozenset())
        good = [found for raw in told if (found := self._opened(raw, party, now)) is not None]
        new = [each for each in good if each.kid not in known]
        if new and self._storage.save_key_revocations(new, now=now):
            self._suspensions.invalidate()
            self._notice("key_revoked", party.entity)

    def _opened(self, raw: bytes, party: KeyOwner, now: datetime) -> StoredKeyRevocation | None:
        """Return a notice that counts; one that does not costs no other."""
        try:
            issuer = peek_issuer(raw)
            if issuer != party.entity and issuer not in party.superiors:
                return None
            keys = party.keys if issuer == party.entity else self._party(issuer, now).keys
            notice = parse_key_revocation(raw, issuer_keys=keys, now=now)
        except TrustError:
            return None
        if (notice.issuer, notice.subject) != (issuer, party.entity):
            return None
        return StoredKeyRevocation.from_revocation(notice, raw)
