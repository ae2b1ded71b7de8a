"""The outcomes of attempts, written for a batch in one transaction.

1. A row that only its peer's state concerns keeps its place and counts no fault: the peer gets a backoff of its own.
2. A row that the peer refuses is tried again later, each time after longer, and parked after so many refusals.
3. What may not leave is held and decided again; a hold of the peer as a whole ends for all its rows at once.
4. A peer that takes no more for a while is left alone with such rows as long as it says. No red row waits for others.
5. A backoff is capped before it is spread, over its whole length, so that relays do not come back together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.delivery import outbox
from gateway.delivery.dispatch import Ending, SendAttempt
from gateway.delivery.receipts import ReceiptBook
from gateway.ports import Transaction
from gateway.store.tables import outbox as rows
from gateway.store.tables import peer_backoffs, peer_limits
from gateway.store.tables.outbox import Lane, NextTry, OutboxRow, OutboxState
from gateway.store.tables.peer_backoffs import PeerBackoff

MOST_FAULTS = 10
"""Refusals of one row in a row, over about half an hour, after which it is parked: a poison message stops no other."""
FAULT_S = 5.0
MOST_FAULT_S = 600.0
HOLD_S = 60.0
MOST_HOLD_S = 3_600.0
PEER_S = 2.0
MOST_PEER_S = 300.0
MOST_PEER_RED_S = 60.0
"""How long a peer that is away is left alone while a red message waits for it."""
SOON_S = 1.0
MOST_LIMITED = 200
"""Rows that wait, in one transaction, for what a peer said of one."""
_GOT_THROUGH = frozenset({Ending.RECEIPTED, Ending.TAKEN, Ending.REFUSED, Ending.FAILED, Ending.LIMITED})
_OUR_OWN = frozenset({"internal", "erased"})
"""Codes of attempts that never reached the peer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """Write down how attempts ended. ``spread`` returns a number from 0 to 1, another each time."""

    receipts: ReceiptBook
    owner: str
    spread: Callable[[], float]

    def settle(self, tx: Transaction, attempts: Sequence[SendAttempt], *, now: datetime) -> None:
        """Store every outcome, with its events and its evidence."""
        for each in attempts:
            self._settle(tx, each, now)
        for peer in {each.row.peer for each in attempts}:
            self._settle_peer(tx, peer, [each for each in attempts if each.row.peer == peer], now)

    def _settle(self, tx: Transaction, attempt: SendAttempt, now: datetime) -> None:
        row = attempt.row
        match attempt.ending:
            case Ending.RECEIPTED if attempt.receipt is not None:
                self.receipts.record(tx, row.message, attempt.receipt, attempt.raw, now=now, tried=True)
            case Ending.TAKEN:
                outbox.receipt_taken(tx, row, now=now)
            case Ending.FAILED:
                outbox.end(tx, row, OutboxState.FAILED, reason=attempt.code, now=now)
            case Ending.REFUSED:
                self._refused(tx, attempt, now)
            case Ending.LIMITED:
                self._limited(tx, attempt, now)
            case Ending.HELD:
                self._put_off(tx, row, self._hold(row, attempt.code, now), now)
            case Ending.PEER_UNTRUSTED:
                on_hold = NextTry(
                    state=OutboxState.HELD, reason=rows.UNTRUSTED, again_at=now, faults=row.faults, tried=False
                )
                self._put_off(tx, row, on_hold, now)
            case _:
                wait_s = SOON_S if attempt.ending is Ending.NOT_TRIED else 0.0
                tried = attempt.ending is Ending.PEER_AWAY
                again_at = now + timedelta(seconds=wait_s)
                same = NextTry(state=OutboxState.QUEUED, reason=None, again_at=again_at, faults=row.faults, tried=tried)
                self._put_off(tx, row, same, now)

    def _refused(self, tx: Transaction, attempt: SendAttempt, now: datetime) -> None:
        row, faults = attempt.row, _faults(attempt.row) + 1
        if faults >= MOST_FAULTS:
            outbox.end(tx, row, OutboxState.PARKED, reason=attempt.code, now=now)
            return
        again_at = now + self.backoff(faults, first_s=FAULT_S, most_s=MOST_FAULT_S)
        again = NextTry(state=OutboxState.QUEUED, reason=attempt.code, again_at=again_at, faults=faults, tried=True)
        self._put_off(tx, row, again, now)

    def _limited(self, tx: Transaction, attempt: SendAttempt, now: datetime) -> None:
        """Wait as long as the peer says, with the rows that it would turn away too, and not all to the same moment."""
        row = attempt.row
        most_s = MOST_PEER_RED_S if row.lane is Lane.RED else MOST_FAULT_S
        wait_s = min(max(SOON_S, attempt.retry_after_s), most_s)
        until = now + timedelta(seconds=wait_s + SOON_S * self.spread())
        again = NextTry(state=OutboxState.QUEUED, reason=attempt.code, again_at=until, faults=_faults(row), tried=False)
        self._put_off(tx, row, again, now)
        peer_limits.limit(tx, row, reason=attempt.code, until=until, most=MOST_LIMITED)

    def _hold(self, row: OutboxRow, code: str, now: datetime) -> NextTry:
        times = row.faults + 1 if row.state is OutboxState.HELD else 1
        again_at = now + self.backoff(times, first_s=HOLD_S, most_s=MOST_HOLD_S)
        return NextTry(state=OutboxState.HELD, reason=code, again_at=again_at, faults=times, tried=False)

    def _put_off(self, tx: Transaction, row: OutboxRow, next_try: NextTry, now: datetime) -> None:
        outbox.put_off(tx, row, next_try, owner=self.owner, now=now)

    def _settle_peer(self, tx: Transaction, peer: str, attempts: Sequence[SendAttempt], now: datetime) -> None:
        """Note what the attempts of a batch say of their peer; one that got through says most."""
        earlier = peer_backoffs.get(tx, peer=peer)
        endings = {each.ending for each in attempts if each.code not in _OUR_OWN}
        was_untrusted = earlier is not None and earlier.reason == rows.UNTRUSTED
        if endings & _GOT_THROUGH or (was_untrusted and Ending.HELD in endings):  # a held row was decided again
            peer_backoffs.clear(tx, peer=peer)
            return
        failed = [each for each in attempts if each.ending in {Ending.PEER_AWAY, Ending.PEER_UNTRUSTED}]
        if not failed or (earlier is not None and now < earlier.retry_at):  # else those under way count several times
            return
        failures = 1 if earlier is None else earlier.failures + 1
        most_s = MOST_PEER_RED_S if any(each.row.lane is Lane.RED for each in failed) else MOST_PEER_S
        backoff = PeerBackoff(
            peer=peer,
            failures=failures,
            since=now if earlier is None else earlier.since,
            retry_at=now + self.backoff(failures, first_s=PEER_S, most_s=most_s),
            reason=failed[-1].code,
        )
        peer_backoffs.put(tx, backoff)

    def backoff(self, failures: int, *, first_s: float, most_s: float) -> timedelta:
        """Return how long to wait after so many failures in a row: anything from a second to the capped time."""
        longest_s = min(most_s, first_s * 2.0 ** min(failures - 1, 20))
        return timedelta(seconds=max(SOON_S, longest_s * self.spread()))


def _faults(row: OutboxRow) -> int:
    """Return how often a row was refused in a row; while it is held, the number counts decisions."""
    return row.faults if row.state is OutboxState.QUEUED else 0
