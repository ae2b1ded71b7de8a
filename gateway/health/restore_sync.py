"""After a restore: ask the others what the store has missed, before anybody is served (assertion A59).

1. Nothing is asked before the new epoch has begun, so that what is answered belongs to it; nor while the clock is
   wrong, which could not tell.
2. A node asks who stands above it, and above each party that it knew, for statements made since: what it trusts from
   now on, those have confirmed after the restore. It trusts no party that they do not confirm.
3. It takes up the suspensions that it lacks, from their issuers and from every peer that can be reached.
4. It revokes again each of its own keys that it had revoked since the copy, as every peer remembers it.
5. An authority takes up its own suspensions from its members, who all relay them: else it would give out the number of
   one of them again, and vouch for a member that it has suspended.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from time import monotonic

from gateway.federation.fetch import MAX_SUSPENSIONS, Fetcher
from gateway.federation.limits import FetchBudget
from gateway.federation.resolver import FederationResolver
from gateway.keys.files import KeyFile, sole_change
from gateway.keys.rotation import apply, draft_revocation
from gateway.keys.vault import FileKeyVault, read_records
from gateway.ports import Clock, Store, Transaction, TransportError
from gateway.runtime.background import Attempt
from gateway.store import condition
from gateway.store.tables import members, store_epoch, suspensions
from gateway.store.tables.federation_records import StoredSuspension
from trust.errors import TrustError
from trust.federation.historical_keys import RevocationReason
from trust.federation.suspension import parse_suspension
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse, parse_key

ENOUGH_ANSWERS = 20
"""Members that told an authority what they have of its suspensions; all have the same unless they lie or lag."""
ASKING_S = 120.0


class KeyFolder:
    """The key files of a node or authority."""

    def __init__(self, directory: Path, needed: Sequence[KeyFile], vault: FileKeyVault) -> None:
        self._directory = directory
        self._needed = needed
        self._vault = vault

    def unrevoked_keys(self) -> KeySet:
        """Return the federation keys that it has or had, the revoked ones left out."""
        past = [parse_key(key.jwk, KeyUse.FEDERATION) for key in self._vault.historical() if key.revoked is None]
        return KeySet.of(KeyUse.FEDERATION, [*self._vault.published(KeyUse.FEDERATION).keys, *past])

    def revoke(self, kids: Collection[str], *, at: datetime) -> None:
        """Revoke those of its keys that it holds and has not revoked."""
        with sole_change(self._directory):
            for kid in sorted(kids):
                records = read_records(self._directory, self._needed)
                if any(each.kid == kid and each.revoked_at is None for each in records):
                    apply(self._directory, draft_revocation(records, kid, RevocationReason.UNSPECIFIED, at=at), at=at)


Endings = Callable[[datetime], None]
"""Ask the parties of agreements out of the backup whether they ended, and close or release each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreSync:
    """What the keeper does in each round until it is done. ``host`` is this machine; ``changed`` is told when it is."""

    host: str
    store: Store
    clock: Clock
    catch_up: "CatchUp"
    endings: Endings
    changed: Callable[[], None]

    def round(self) -> None:
        """Reconcile a restored store; nothing is done to any other."""
        state, now = self.store.read(lambda tx: condition.read(tx, host=self.host)), self.clock.now()
        if state.clock_off or not state.epoch.covers(now):  # 1
            return
        if not state.epoch.reconciled and self.catch_up(now, confirmed=state.epoch.confirmed):
            self.store.write(store_epoch.set_reconciled)
            self.changed()
            state = self.store.read(lambda tx: condition.read(tx, host=self.host))
        if state.epoch.reconciled and not state.epoch.confirmed:
            self.endings(now)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCatchUp:
    """Catch-up of a node with the parties in the copy of its store."""

    own: EntityId
    directory: FederationResolver
    keys: KeyFolder
    attempt: Attempt

    def __call__(self, now: datetime, *, confirmed: bool) -> bool:
        """Have every party confirmed; a node without a superior that vouches for it is not done."""
        try:
            self.directory.refresh(self.own, now=now)  # 2
        except TrustError:
            return False
        for standing in self.directory.statuses(now=now):
            self.attempt("refresh", partial(self._confirm, standing.entity, now))
        self.directory.catch_up(now=now)
        self.directory.catch_up_with_all(now=now)  # 3
        tellers = [standing.entity for standing in self.directory.statuses(now=now) if standing.trusted is not None]
        tellers += self.directory.anchors(now=now)
        return _sync_own_revocations(self.own, self.directory, self.keys, tellers, now) or confirmed  # 4

    def _confirm(self, entity: EntityId, now: datetime) -> None:
        with suppress(TrustError):  # a party that no superior confirms is not trusted
            self.directory.refresh(entity, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityCatchUp:
    """Catch-up of an authority with its own suspensions."""

    own: EntityId
    directory: FederationResolver
    keys: KeyFolder
    store: Store
    fetcher: Fetcher
    attempt: Attempt

    def __call__(self, now: datetime, *, confirmed: bool) -> bool:
        """Ask every member; where there are any, one answer is needed."""
        all_members, responses = self.store.read(members.list), 0
        until = monotonic() + ASKING_S
        for member in all_members:
            responses += bool(
                self.attempt("suspensions", partial(self._catch_up_from, EntityId(member.entity), now))
            )  # 5
            if responses >= ENOUGH_ANSWERS or monotonic() > until:
                break
        tellers = [EntityId(member.entity) for member in all_members]
        synced = _sync_own_revocations(self.own, self.directory, self.keys, tellers, now)  # 4
        return (responses > 0 and synced) or not all_members or confirmed

    def _catch_up_from(self, teller: EntityId, now: datetime) -> bool:
        """Take up everything that one member has; return whether it answered.

        A full page with nothing that follows is no answer, and does not make this authority ask for ever.
        """
        try:
            while True:
                after = self.store.read(suspensions.highest).get(self.own, 0)
                page = self.fetcher.suspensions(teller, self.own, after, FetchBudget.start(known=False))
                entries = list(self._verify(page, after, now))
                self._save(entries, now)
                if len(page) < MAX_SUSPENSIONS or not entries:
                    return len(page) < MAX_SUSPENSIONS
        except (TransportError, TrustError):
            return False

    def _verify(self, entries: Iterable[bytes], after: int, now: datetime) -> Iterable[StoredSuspension]:
        """Yield the entries that follow without a gap, each signed by this authority itself."""
        own_keys = self.keys.unrevoked_keys()
        for number, raw in enumerate(entries, start=after + 1):
            suspension = parse_suspension(raw, issuer_keys=own_keys, now=now)
            if (suspension.issuer, suspension.seq) != (self.own, number):
                return
            yield StoredSuspension.from_suspension(suspension, raw)

    def _save(self, entries: list[StoredSuspension], now: datetime) -> None:
        def work(tx: Transaction) -> None:
            for entry in entries:
                suspensions.put(tx, entry)
                members.set_state(tx, entity=entry.subject, state=entry.state, at=now)

        if entries:
            self.store.write(work)


CatchUp = NodeCatchUp | AuthorityCatchUp


def _sync_own_revocations(
    own: EntityId, directory: FederationResolver, keys: KeyFolder, tellers: Collection[EntityId], now: datetime
) -> bool:
    """Revoke what others remember as revoked of this party's keys; return whether any of them answered."""
    responders = directory.ask_key_revocations(own, keys.unrevoked_keys(), tellers, now=now)
    keys.revoke(directory.revoked_keys(own, now=now), at=now)
    return bool(responders)
