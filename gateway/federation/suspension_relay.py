"""Catch up with the logs of suspensions: from any peer that says it knows more, and from the authorities themselves.

An issuer's entries are numbered without a gap. What is missing here is taken up in order, each verified with its
issuer's own keys; so it does not matter who hands them on, and whoever does cannot leave one out unnoticed. Who names
numbers that it cannot show costs two small fetches a minute, out of a budget of its own: nobody who lies keeps others
from being heard. Where an authority does not answer, the nodes that are known are asked in turn, some in each round, so
that one honest party in reach is enough.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from gateway.federation.anchors import Notice
from gateway.federation.fetch import MAX_SUSPENSIONS_BYTES, Fetcher
from gateway.federation.freshness import REFRESH_AFTER
from gateway.federation.storage import Memory
from gateway.federation.suspensions import Rulings
from gateway.ports import StoreBusy, StoreFull, TransportError
from gateway.runtime.background import Unattended
from gateway.runtime.limits import MAX_REMEMBERED, RETRY_AFTER, Budget, Lately, Limits
from gateway.store.tables.federation_records import StoredSuspension
from trust import claims, strict_json
from trust.errors import ChainRefused, TrustError
from trust.federation.suspension import SuspensionState, parse_suspension
from trust.identifiers import EntityId
from trust.keys import KeySet

PAGE = 100
"""Entries that one answer may hold."""
MAX_PAGES = 5
RELAYED_OF_ONE_A_MINUTE = 4
"""Catch-ups that one peer may cause, per process."""
RELAYED_OF_UNKNOWN_A_MINUTE = 10
"""Those of them, over all peers, with logs of authorities that nobody known stands below: they may have to be found."""
ASKED_IN_TURN = 5
"""Others that are asked for the log of one authority in each round while it does not answer itself."""
ASKING_S = 120.0
"""Time for asking everybody about the log of one authority."""
MAX_LOG = 10_000
"""Entries that are taken up from an authority that is not pinned here, so that none fills the store."""
_MAX_ENTRY = 8_192

Known = Callable[[EntityId, datetime], bool]
"""Say whether an authority is pinned, or its chain is held."""
KeysOf = Callable[[EntityId, datetime], KeySet]
"""Return the federation keys of an authority with a valid chain. Raises ``TrustError``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Promised:
    teller: EntityId
    issuer: EntityId
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """What the directory does for a relay."""

    known: Known
    keys_of: KeysOf
    notice: Notice
    background: Unattended


class Relay:
    """What one process does about suspensions that it does not have yet."""

    def __init__(self, *, fetcher: Fetcher, rulings: Rulings, memory: Memory, ways: Ways) -> None:
        self._fetcher = fetcher
        self._rulings = rulings
        self._memory = memory
        self._ways = ways
        self._of_one: dict[EntityId, Budget] = {}
        self._of_unknown = Budget(RELAYED_OF_UNKNOWN_A_MINUTE)
        self._promised = Lately(RETRY_AFTER)
        self._asked = Lately(REFRESH_AFTER - timedelta(seconds=30))
        self._doubted = Lately(RETRY_AFTER)
        self._silent: set[EntityId] = set()
        self._turn = 0

    def note(self, teller: EntityId, seqs: Mapping[EntityId, int], *, now: datetime) -> None:
        """Take up, after the answer, what a peer says is there and is not here."""
        held = self._rulings.view(now).seqs
        for issuer, seq in seqs.items():
            if seq <= held.get(issuer, 0) or not self._promised.first(f"{teller} {issuer}", now):
                continue
            if self._may_cause(teller, issuer, now):
                promised = _Promised(teller=teller, issuer=issuer, seq=seq)
                self._ways.background.later(lambda promised=promised: self._take_up(promised, now))  # type: ignore[misc]

    def ask(self, issuer: EntityId, others: Sequence[EntityId], *, now: datetime) -> None:
        """Ask an authority itself for what is missing, every few minutes; while it is silent, others in turn.

        It is asked each time while entries are in doubt, since they readmit nobody.
        """
        doubted = issuer in self._rulings.view(now).doubted and self._doubted.first(issuer, now)
        if self._asked.first(issuer, now) or doubted:
            if self._pull(issuer, issuer, now):
                self._silent.discard(issuer)
            else:
                self._silent.add(issuer)
        if issuer in self._silent and others:
            for step in range(min(ASKED_IN_TURN, len(others))):
                self._pull(issuer, others[(self._turn + step) % len(others)], now)
            self._turn += ASKED_IN_TURN

    def ask_all(self, issuer: EntityId, others: Sequence[EntityId], *, now: datetime) -> None:
        """Ask everybody now, within :data:`ASKING_S`, whatever was asked a moment ago."""
        until = monotonic() + ASKING_S
        for teller in dict.fromkeys((issuer, *others)):
            if monotonic() < until:
                self._pull(issuer, teller, now)

    def _may_cause(self, teller: EntityId, issuer: EntityId, now: datetime) -> bool:
        if len(self._of_one) > MAX_REMEMBERED:
            self._of_one.clear()
        if not self._of_one.setdefault(teller, Budget(RELAYED_OF_ONE_A_MINUTE)).take(now):
            return False
        return self._ways.known(issuer, now) or self._of_unknown.take(now)

    def _take_up(self, promised: _Promised, now: datetime) -> None:
        for teller in (promised.teller, promised.issuer):
            self._pull(promised.issuer, teller, now)
            if self._rulings.view(now).seqs.get(promised.issuer, 0) >= promised.seq:
                self._promised.forget(f"{promised.teller} {promised.issuer}")  # it told the truth, and may tell more
                return

    def _pull(self, issuer: EntityId, teller: EntityId, now: datetime) -> bool:
        """Take up everything that one teller has; return whether it answered with what stands."""
        return bool(self._ways.background.attempt("suspensions", lambda: self._pulled(issuer, teller, now)))

    def _pulled(self, issuer: EntityId, teller: EntityId, now: datetime) -> bool:
        try:
            keys = self._ways.keys_of(issuer, now)
            limits = Limits.beginning(known=True)
            for _ in range(MAX_PAGES):
                if self._page(issuer, keys, self._fetcher_page(issuer, teller, limits, now), now) < PAGE:
                    if teller == issuer:
                        self._settle(issuer, keys, now)
                    return True
        except TransportError:
            return False
        except TrustError:
            self._ways.notice("suspensions_refused", issuer)
            return False
        except (StoreBusy, StoreFull):
            self._ways.notice("suspensions_not_stored", issuer)
            return False
        return True

    def _fetcher_page(self, issuer: EntityId, teller: EntityId, limits: Limits, now: datetime) -> list[bytes]:
        after = self._rulings.view(now).seqs.get(issuer, 0)
        body = self._fetcher.suspensions(teller, issuer, after, limits)
        document = strict_json.loads(body, max_bytes=MAX_SUSPENSIONS_BYTES)
        listed = claims.require_str_list(document, "suspensions", max_items=PAGE, max_len=_MAX_ENTRY)
        return [entry.encode("utf-8") for entry in listed]

    def _page(self, issuer: EntityId, keys: KeySet, entries: list[bytes], now: datetime) -> int:
        """Store the entries up to the first that does not follow, and return how many there were."""
        expected = self._rulings.view(now).seqs.get(issuer, 0) + 1
        if expected + len(entries) > MAX_LOG + 1 and issuer not in self._rulings.pins:
            raise ChainRefused(f"The log of the suspensions of {issuer} is longer than any that is taken up here.")
        good: list[StoredSuspension] = []
        try:
            for raw in entries:
                good.append(_opened(raw, issuer, keys, expected + len(good), now))
        finally:
            self._keep(good, issuer, keys, now)
        return len(entries)

    def _settle(self, issuer: EntityId, keys: KeySet, now: datetime) -> None:
        """Remove what is in doubt, once the issuer itself has handed out its whole log and that was not in it."""
        view = self._rulings.view(now)
        proof = view.proofs.get(issuer)
        if issuer in view.doubted and proof is not None and proof.kids == keys.kids:
            self._memory.clear_doubted(issuer, proof, beyond=view.seqs.get(issuer, 0))
            self._rulings.look_again()

    def _keep(self, good: list[StoredSuspension], issuer: EntityId, keys: KeySet, now: datetime) -> None:
        proofs = self._rulings.view(now).proofs
        if not good or (issuer in proofs and proofs[issuer].kids != keys.kids):  # they were replaced meanwhile
            return
        new = self._memory.keep_suspensions(good, proofs)
        self._rulings.look_again()
        for entry in new:
            code = "readmitted" if entry.state == SuspensionState.ACTIVE else entry.state
            self._ways.notice(code, EntityId(entry.subject))


def _opened(raw: bytes, issuer: EntityId, keys: KeySet, expected: int, now: datetime) -> StoredSuspension:
    entry = parse_suspension(raw, issuer_keys=keys, now=now)
    if entry.issuer != issuer or entry.seq != expected:
        raise ChainRefused(f"Entry {expected} of the suspensions of {issuer} is missing, or is another's.")
    return StoredSuspension.of(entry, raw)
