"""Catch up with the logs of suspensions: from any peer that says it knows more, and from the authorities themselves.

An issuer's entries are numbered without a gap. What is missing here is taken up in order, each verified with its
issuer's own keys; so it does not matter who hands them on, and whoever does cannot leave one out unnoticed. Who names
numbers that it cannot show costs two small fetches a minute.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.directory.anchors import Notice
from gateway.directory.fetching import MAX_SUSPENSIONS_BYTES, Fetcher
from gateway.directory.limits import RETRY_AFTER, Budget, Lately, Limits
from gateway.directory.memory import Memory
from gateway.directory.rulings import Rulings
from gateway.directory.stages import REFRESH_AFTER
from gateway.ports import StoreBusy, StoreFull, TransportError
from gateway.trust_records import StoredSuspension
from trust import claims, strict_json
from trust.errors import ChainRefused, TrustError
from trust.federation.suspension import SuspensionState, parse_suspension
from trust.identifiers import EntityId
from trust.keys import KeySet

PAGE = 100
"""Entries that one answer may hold."""
MAX_PAGES = 5
RELAYED_A_MINUTE = 10
"""Catch-ups that peers may cause, per process."""
_MAX_ENTRY = 8_192

KeysOf = Callable[[EntityId, datetime], KeySet]
"""Return the federation keys of an authority with a valid chain. Raises ``TrustError``."""
Later = Callable[[Callable[[], None]], None]
"""Do something in another thread, when the answer that is under way need not wait for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Promised:
    teller: EntityId
    issuer: EntityId
    seq: int


class Relay:
    """What one process does about suspensions that it does not have yet."""

    def __init__(
        self, *, fetcher: Fetcher, rulings: Rulings, memory: Memory, keys_of: KeysOf, notice: Notice, later: Later
    ) -> None:
        self._fetcher = fetcher
        self._rulings = rulings
        self._memory = memory
        self._keys_of = keys_of
        self._notice = notice
        self._later = later
        self._budget = Budget(RELAYED_A_MINUTE)
        self._promised = Lately(RETRY_AFTER)
        self._asked = Lately(REFRESH_AFTER - timedelta(seconds=30))

    def note(self, teller: EntityId, seqs: Mapping[EntityId, int], *, now: datetime) -> None:
        """Take up, after the answer, what a peer says is there and is not here."""
        held = self._rulings.view(now).seqs
        for issuer, seq in seqs.items():
            if seq <= held.get(issuer, 0) or not self._promised.first(f"{teller} {issuer}", now):
                continue
            if self._budget.take(now):
                promised = _Promised(teller=teller, issuer=issuer, seq=seq)
                self._later(lambda promised=promised: self._take_up(promised, now))  # type: ignore[misc]

    def ask(self, issuer: EntityId, *, now: datetime) -> None:
        """Ask an authority itself for what is missing, unless that was done within five minutes."""
        if self._asked.first(issuer, now):
            self._pull(issuer, issuer, now)

    def _take_up(self, promised: _Promised, now: datetime) -> None:
        for teller in (promised.teller, promised.issuer):
            self._pull(promised.issuer, teller, now)
            if self._rulings.view(now).seqs.get(promised.issuer, 0) >= promised.seq:
                return

    def _pull(self, issuer: EntityId, teller: EntityId, now: datetime) -> None:
        """Take up everything that one teller has; what cannot be had now is asked for again later."""
        try:
            keys = self._keys_of(issuer, now)
            limits = Limits.beginning(known=True)
            for _ in range(MAX_PAGES):
                if self._page(issuer, keys, self._fetcher_page(issuer, teller, limits, now), now) < PAGE:
                    return
        except TransportError:
            return
        except TrustError:
            self._notice("suspensions_refused", issuer)
        except (StoreBusy, StoreFull):
            self._notice("suspensions_not_stored", issuer)

    def _fetcher_page(self, issuer: EntityId, teller: EntityId, limits: Limits, now: datetime) -> list[bytes]:
        after = self._rulings.view(now).seqs.get(issuer, 0)
        body = self._fetcher.suspensions(teller, issuer, after, limits)
        document = strict_json.loads(body, max_bytes=MAX_SUSPENSIONS_BYTES)
        listed = claims.require_str_list(document, "suspensions", max_items=PAGE, max_len=_MAX_ENTRY)
        return [entry.encode("utf-8") for entry in listed]

    def _page(self, issuer: EntityId, keys: KeySet, entries: list[bytes], now: datetime) -> int:
        """Store the entries up to the first that does not follow, and return how many there were."""
        expected = self._rulings.view(now).seqs.get(issuer, 0) + 1
        good: list[StoredSuspension] = []
        try:
            for raw in entries:
                good.append(_opened(raw, issuer, keys, expected + len(good), now))
        finally:
            self._keep(good)
        return len(entries)

    def _keep(self, good: list[StoredSuspension]) -> None:
        if not good:
            return
        self._memory.keep_suspensions(good)
        self._rulings.look_again()
        for entry in good:
            code = "readmitted" if entry.state == SuspensionState.ACTIVE else entry.state
            self._notice(code, EntityId(entry.subject))


def _opened(raw: bytes, issuer: EntityId, keys: KeySet, expected: int, now: datetime) -> StoredSuspension:
    entry = parse_suspension(raw, issuer_keys=keys, now=now)
    if entry.issuer != issuer or entry.seq != expected:
        raise ChainRefused(f"Entry {expected} of the suspensions of {issuer} is missing, or is another's.")
    return StoredSuspension(
        issuer=issuer,
        seq=entry.seq,
        subject=entry.subject,
        state=entry.state.value,
        issued_at=entry.issued_at,
        raw=raw,
    )
