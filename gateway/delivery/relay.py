"""The relay: lease what is due, send it, and write down what became of it.

1. One thread looks, leases and writes; a few others send. Outcomes share a transaction, and so do leases.
2. Red rows go before amber ones, and these before green ones. Each peer has a bounded share of what is under way.
3. A peer that takes nothing is tried with one row at a time; its others are not looked at until that one gets through.
4. Rows of one case and recipient are sent one after the other, never two of them at a time.
5. Nothing is loaded whole: a pass reads a few rows of each peer, and a sender the sealed bytes of one request.
6. A row that was not delivered within its time is parked, and waits for an operator.

Several relays share one outbox; a lease that runs out returns a row to all of them, so a relay may die at any moment.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from queue import Empty, PriorityQueue, SimpleQueue
from threading import Thread
from time import monotonic

from gateway.delivery import outbox
from gateway.delivery.dispatch import Dispatcher, SendAttempt
from gateway.delivery.sending_policy import PolicyBatch, SendingPolicy
from gateway.delivery.settlement import Settlement
from gateway.ports import Clock, Store, StoreBusy, StoreFull, StoreOutcomeUnknown, Transaction
from gateway.runtime.background import Attempt, Wait, run_rounds
from gateway.store.tables import outbox as rows
from gateway.store.tables.outbox import Lane, OutboxRow, OutboxState, OutboxType, WaitingPeer
from trust.exchange.batch import MAX_MESSAGES

POLL_S = 0.2
"""How soon a new row is seen: one small read for each look."""
LEASE_S = 60.0
SWEEP_S = 30.0
LOOKED_AT = 2 * MAX_MESSAGES
"""Rows of one peer and lane that a pass looks at."""
PEERS_LOOKED_AT = 64
SWEPT = 200
"""Rows of one peer that a sweep changes in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayLimits:
    """``parallel`` requests are under way at once, and ``for_one_peer`` of them to one peer."""

    parallel: int = 8
    for_one_peer: int = 4


@dataclass(frozen=True, slots=True, order=True)
class _Task:
    """Leased rows of one peer on their way to a sender: by lane, then in the order of the leases."""

    lane: int
    number: int
    rows: tuple[OutboxRow, ...] = ()
    batch: PolicyBatch | None = None
    until: float = 0.0


_END = _Task(lane=len(Lane), number=0)
"""It sorts after every row, and ends the sender that takes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayParts:
    """The parts that a relay works with. ``show`` is told of each waiting peer and since when its oldest row waits."""

    store: Store
    clock: Clock
    policy: SendingPolicy
    dispatcher: Dispatcher
    settlement: Settlement
    may_work: Callable[[], bool]
    show: Callable[[dict[str, datetime], datetime], None]
    observe: Callable[[SendAttempt], None]
    attempt: Attempt


class Relay:
    """Send what is in the outbox until told to stop. Made and run by one thread of one process."""

    def __init__(self, parts: RelayParts, limits: RelayLimits) -> None:
        self._parts = parts
        self.attempt = parts.attempt
        self._limits = limits
        self._tasks: PriorityQueue[_Task] = PriorityQueue()
        self._ended: SimpleQueue[Sequence[SendAttempt]] = SimpleQueue()
        self._unwritten: list[Sequence[SendAttempt]] = []
        self._under_way: Counter[str] = Counter()
        self._numbers = 0
        self._turn = 0
        self._swept_at = float("-inf")

    def run(self, wait: Wait) -> None:
        """Send until ``wait`` says that it is time to stop; what is under way is finished and written."""
        senders = [Thread(target=self._send, name=f"relay-{n}", daemon=True) for n in range(self._limits.parallel)]
        for each in senders:
            each.start()
        pause = partial(self._pause, wait)
        run_rounds(self.attempt, pause, POLL_S, (("relay", self.make_pass), ("sweep", self._sweep_if_due)))
        for _ in senders:
            self._tasks.put(_END)
        for each in senders:
            each.join(LEASE_S)
        self._collect(0)
        self.attempt("relay", self._write)

    def _pause(self, wait: Wait, seconds: float) -> bool:
        """Wait for what is under way, or for new rows, and say whether it is time to stop."""
        self._collect(seconds if self._under_way else 0)
        return wait(0 if self._under_way else seconds)

    def make_pass(self) -> None:
        """Write what has ended, and lease what is due."""
        self._write()
        if not self._unwritten and self._parts.may_work():
            self.lease_due()

    def _sweep_if_due(self) -> None:
        if monotonic() - self._swept_at >= SWEEP_S:
            self._swept_at = monotonic()
            self.sweep()

    def drain(self) -> None:
        """Send what is due now on this thread, until nothing is."""
        while self._parts.may_work() and self.lease_due():
            self.send_leased()
            self._collect(0)
            self._write()

    def lease_due(self) -> int:
        """Lease what is due and there is room for, and return how many rows that were."""
        return self._lease(self._parts.clock.now())

    def send_leased(self) -> None:
        """Send on this thread what was leased; what came of it is not written yet."""
        while not self._tasks.empty():
            self._do(self._tasks.get())

    def sweep(self) -> None:
        """Park what was not delivered in time, hold what waits for a suspended peer, and show how long peers wait."""
        now, store = self._parts.clock.now(), self._parts.store
        waiting = store.read(rows.waiting_peers)
        for each in waiting:
            for state in (OutboxState.QUEUED, OutboxState.HELD):
                self._sweep_peer(each, state, now)
        oldest = store.read(lambda tx: {each.peer: rows.oldest_waiting(tx, peer=each.peer) for each in waiting})
        self._parts.show({peer: since for peer, since in oldest.items() if since is not None}, now)

    def _collect(self, seconds: float) -> None:
        """Take what has ended, waiting at most ``seconds`` for the first."""
        with suppress(Empty):
            self._unwritten.append(self._ended.get(timeout=seconds) if seconds else self._ended.get_nowait())
            while True:
                self._unwritten.append(self._ended.get_nowait())

    def _write(self) -> None:
        """Write outcomes; where the store takes none, they stay here, and no more is leased."""
        if not self._unwritten:
            return
        batch = [attempt for attempts in self._unwritten for attempt in attempts]
        try:
            self._settle(batch)
        except (StoreBusy, StoreFull, StoreOutcomeUnknown):
            raise
        except Exception:  # noqa: BLE001 - one outcome that cannot be written costs no other; its lease runs out
            for attempt in batch:
                self.attempt("settle", partial(self._settle, (attempt,)))
        for attempts in self._unwritten:
            self._under_way[attempts[0].row.peer] -= 1
        self._unwritten.clear()
        self._under_way += Counter()  # peers without any are dropped
        for attempt in batch:
            self._parts.observe(attempt)

    def _settle(self, batch: Sequence[SendAttempt]) -> None:
        now = self._parts.clock.now()
        self._parts.store.write(lambda tx: self._parts.settlement.settle(tx, batch, now=now))

    def _lease(self, now: datetime) -> int:
        """Lease what is due and there is room for, and return how many rows that were."""
        room = 2 * self._limits.parallel - self._under_way.total()
        if room <= 0:
            return 0
        open_peers = self._open_peers(now)
        candidates = self._parts.store.read(lambda tx: _candidates(tx, tuple(open_peers), now, 2 * room * MAX_MESSAGES))
        if not candidates:
            return 0
        until = now + timedelta(seconds=LEASE_S)
        pick = _Pick(owner=self._parts.settlement.owner, room=room, open_peers=open_peers, now=now, until=until)
        requests = self._parts.store.write(lambda tx: pick.lease(tx, candidates))
        batch, lease_ends = self._parts.policy.begin(now), monotonic() + LEASE_S / 2
        for leased in requests:
            self._under_way[leased[0].peer] += 1
            self._numbers += 1
            self._tasks.put(_Task(leased[0].lane, self._numbers, tuple(leased), batch, lease_ends))
        return sum(map(len, requests))

    def _open_peers(self, now: datetime) -> "dict[str, _Room]":
        """Return some peers that have room, and how much; a later pass begins with others."""
        waiting = self._parts.store.read(rows.waiting_peers)
        rooms = [
            (each.peer, _Room(requests=room, rows=MAX_MESSAGES if each.backoff is None else 1))
            for each in waiting
            if (room := self._room_of(each, now)) > 0
        ]
        self._turn = (self._turn + 1) % max(1, len(rooms))
        return dict((rooms[self._turn :] + rooms[: self._turn])[:PEERS_LOOKED_AT])

    def _room_of(self, waiting: WaitingPeer, now: datetime) -> int:
        """Return how many more requests to a peer may be under way: one at a time while it takes nothing."""
        under_way = self._under_way[waiting.peer]
        if waiting.backoff is None:
            return self._limits.for_one_peer - under_way
        return 1 - under_way if waiting.backoff.retry_at <= now else 0

    def _send(self) -> None:
        while (task := self._tasks.get()) is not _END:
            self.attempt("send", partial(self._do, task))

    def _do(self, task: _Task) -> None:
        if task.batch is not None:
            self._ended.put(self._parts.dispatcher.attempt(task.rows, task.batch, until=task.until))

    def _sweep_peer(self, waiting: WaitingPeer, state: OutboxState, now: datetime) -> None:
        untrusted = waiting.backoff is not None and waiting.backoff.reason == rows.UNTRUSTED
        hold = untrusted and state is OutboxState.QUEUED

        def effect(tx: Transaction) -> None:
            for row in rows.of_peer(tx, peer=waiting.peer, state=state, limit=SWEPT):
                if row.lease_owner is not None and (row.lease_until is None or row.lease_until > now):
                    continue
                if row.expires_at <= now:
                    outbox.end(tx, row, OutboxState.PARKED, reason=outbox.EXPIRED, now=now)
                elif hold and rows.hold(tx, row, reason=rows.UNTRUSTED):
                    outbox.note_hold(tx, row, OutboxState.HELD, rows.UNTRUSTED, now=now)

        first = self._parts.store.read(lambda tx: rows.of_peer(tx, peer=waiting.peer, state=state, limit=1))
        if first and (hold or first[0].expires_at <= now):
            self._parts.store.write(effect)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Room:
    """How many more requests to a peer may be under way, with how many rows each."""

    requests: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pick:
    """The rows of one pass, leased in its transaction, by the requests that they may share."""

    owner: str
    room: int
    open_peers: dict[str, _Room]
    now: datetime
    until: datetime

    def lease(self, tx: Transaction, candidates: Sequence[OutboxRow]) -> list[list[OutboxRow]]:
        """Lease rows in their order while there is room, and put off those that wait for an earlier one."""
        requests: list[list[OutboxRow]] = []
        filling: dict[tuple[str, OutboxType, bool], list[OutboxRow]] = {}
        number_of, keys = Counter[str](), set[str]()
        for row in candidates:
            which, most = (row.peer, row.typ, row.lane is Lane.RED), self.open_peers[row.peer]
            is_full = which not in filling or len(filling[which]) >= most.rows
            if is_full and (len(requests) >= self.room or number_of[row.peer] >= most.requests):
                continue
            earlier = self.until if row.order_key in keys else rows.waits_until(tx, row)
            if row.expires_at <= self.now:
                outbox.end(tx, row, OutboxState.PARKED, reason=outbox.EXPIRED, now=self.now)
            elif earlier is not None:
                rows.defer(tx, row, until=max(earlier, self.now + timedelta(seconds=1)))
            elif self._take(tx, row):
                keys.add(row.order_key)
                if is_full:
                    filling[which] = []
                    requests.append(filling[which])
                    number_of[row.peer] += 1
                filling[which].append(row)
        return requests

    def _take(self, tx: Transaction, row: OutboxRow) -> bool:
        return rows.lease(tx, row, owner=self.owner, now=self.now, until=self.until)


def _candidates(tx: Transaction, peers: Sequence[str], now: datetime, enough: int) -> list[OutboxRow]:
    """Return a few due rows of each peer, the most urgent first, and of each peer one in turn."""
    candidates: list[OutboxRow] = []
    for lane in Lane:
        if len(candidates) < enough:
            candidates += _in_turn([rows.due(tx, peer=peer, lane=lane, now=now, limit=LOOKED_AT) for peer in peers])
    return candidates


def _in_turn(sequences: Sequence[Sequence[OutboxRow]]) -> Iterator[OutboxRow]:
    for position in range(max(map(len, sequences), default=0)):
        for each in sequences:
            if position < len(each):
                yield each[position]
