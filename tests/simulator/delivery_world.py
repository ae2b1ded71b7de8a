"""A seeded world of alerts: nodes that die, a wire and case systems that fail, and what must hold after every step.

The seed chooses every step and every fault. The nodes' own random ids and backoff jitter are not seeded.
"""

import json
from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Any

from adapters.contract import Deadline, DeliveredMessage, MessageRejected, SourceUnavailable
from gateway.delivery.case_submission import CaseSubmission
from gateway.delivery.inbox import DutyReader
from gateway.delivery.outbox import open_outgoing
from gateway.ports import PeerRequest, PeerResponse, Transaction, TransportError
from gateway.store.tables import delivery_events, inbox, outbox
from gateway.store.tables.delivery_events import DeliverySide
from gateway.store.tables.inbox import CaseState, InboxMessage, InboxState
from gateway.store.tables.outbox import Lane, OutboxRow, OutboxState
from tests.simulator.queued import RECIPIENTS, Sending, alert
from tests.simulator.town import COUNCIL, HOUSING, TRUST
from tests.simulator.wire import Pass
from trust.errors import Untrusted
from trust.evidence.leaf import message_key
from trust.exchange.message import Urgency
from trust.identifiers import EntityId, RoleCode, ServiceSlug

READER = DutyReader(id="n-7", role=RoleCode("duty-officer"))
PLACES = (COUNCIL, TRUST, HOUSING)
_RANK = {None: 0, "stored": 1, "in_case_system": 2, "read": 3}
_WARN_S = 300


class ProcessDied(BaseException):
    """A process ended at a commit."""


class Violation(AssertionError):
    """Something that must hold does not."""


@dataclass
class FaultyCaseSystem:
    """A case system in memory, which counts what it takes by message id."""

    fault: Exception | None = None
    stored: dict[str, DeliveredMessage] = field(default_factory=dict)
    can_prove: bool = True

    def receive(self, delivery: DeliveredMessage, *, deadline: Deadline) -> str:
        """Store a message, once however often it comes."""
        assert deadline.remaining_s() > 0
        if self.fault is not None:
            raise self.fault
        self.stored[delivery.message_id] = delivery
        return f"C-{delivery.message_id}"

    def holds(self, message_ids: Sequence[str], *, deadline: Deadline) -> frozenset[str]:
        """Return which of these messages are there."""
        assert deadline.remaining_s() > 0
        if isinstance(self.fault, SourceUnavailable):
            raise self.fault
        return frozenset(message_ids) & self.stored.keys()


@dataclass
class DeliveryWorld:
    """One world on a network that earlier worlds may have used; only this world's submissions are checked."""

    sending: Sending
    seed: int
    systems: dict[EntityId, FaultyCaseSystem] = field(default_factory=dict)
    submissions: dict[str, CaseSubmission] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    ranks: dict[str, int] = field(default_factory=dict)
    steps: Counter[str] = field(default_factory=Counter)
    away: set[EntityId] = field(default_factory=set)
    late: list[PeerRequest] = field(default_factory=list)
    loses: float = 0.0
    hours: int = 0

    def __post_init__(self) -> None:
        self.choose = Random(self.seed)  # noqa: S311 - a test's choices, which its seed repeats
        for entity in RECIPIENTS:
            self.systems[entity] = FaultyCaseSystem()
        for entity in PLACES:
            self.sending.network.wire.faults[entity] = partial(self._pass, entity)
            self._connect(entity)

    def run(self, steps: int) -> None:
        """Make so many steps, checking after each, and drain at last; a failure names the seed and its steps."""
        names: list[str] = []
        try:
            for _ in range(steps):
                step = self.choose.choice(self._steps())
                names.append(step.__name__)
                self.steps[step.__name__] += 1
                self._survive(step)
                self.check()
            names.append("settle")
            self.settle()
        except Exception as fault:
            raise Violation(f"seed {self.seed}, after {', '.join(names)}: {fault!r}") from fault

    def _steps(self) -> list[Callable[[], None]]:
        often = [self.submit, self.submit, self.drain, self.drain, self.drain, self.pass_time, self.pass_time]
        seldom = [
            self.supersede,
            self.switch_peer,
            self.fault_case_system,
            self.desk,
            self.desk,
            self.crash,
            self.crash,
        ]
        return [*often, *seldom, self.deliver_late, self.work, self.work, self.change_wire, self.lose_from_case_system]

    def submit(self, **changes: Any) -> None:
        """Submit an alert to one recipient or two; one whose process dies is submitted again by the same key."""
        names = list(RECIPIENTS.values())
        to = tuple(names) if self.choose.random() < 1 / 3 else (self.choose.choice(names),)
        values = {"urgency": self.choose.choice(list(Urgency)), "case_ref": f"case-{self.choose.randrange(4)}"}
        submission = alert(**{"recipients": to, **values, **changes})
        key = f"key-{self.seed}-{len(self.submissions)}"
        try:
            made = self.sending.submit(submission, key=key)
        except ProcessDied:
            self._restart(COUNCIL)
            made = self.sending.submit(submission, key=key)
        if made in self.submissions:
            raise Violation("one submission stands for two")
        self.submissions[made] = submission

    def supersede(self) -> None:
        """Submit a newer version of an alert that no version replaced."""
        replaced = {each.supersedes for each in self.submissions.values()}
        if free := [each for each in self.submissions if each not in replaced]:
            first = self.choose.choice(free)
            old = self.submissions[first]
            self.submit(supersedes=first, recipients=tuple(map(str, old.recipients)), case_ref=old.case_ref)

    def drain(self) -> None:
        """Have one node's relay send, and sweep."""
        relay = self.sending.network.nodes[self.choose.choice(PLACES)].delivery.relay
        relay.drain()
        relay.sweep()

    def work(self) -> None:
        """Hand messages over to the case systems."""
        self._round(self.choose.choice(list(RECIPIENTS)))

    def desk(self) -> None:
        """Read, and perhaps close, a message as a person of the duty team."""
        entity = self.choose.choice(list(RECIPIENTS))
        desk = self.sending.network.nodes[entity].receiving.inbox
        if rows := desk.page(_service(entity), state=InboxState.OPEN, after=None, limit=50):
            row, now = self.choose.choice(rows), self.sending.clock.now()
            desk.read(_service(entity), row.message, READER, now=now)
            if self.choose.random() < 1 / 2:
                desk.answer(_service(entity), row.message, {"closed": "useful"}, actor="duty-officer", now=now)

    def pass_time(self) -> None:
        """Move the clock by seconds to days, in all less than the messages' time, and escalate."""
        span = self.choose.choice([5, 61, 400, 3_600, 86_400])
        if self.hours + span // 3600 < 9 * 24:
            self.hours += span // 3600
            self._forward(span)

    def switch_peer(self) -> None:
        """Take a recipient down, or up again."""
        self.away ^= {self.choose.choice(list(RECIPIENTS))}

    def change_wire(self) -> None:
        """Change how often the wire loses, doubles or delays."""
        self.loses = self.choose.choice([0.0, 0.0, 0.3, 0.8])

    def fault_case_system(self) -> None:
        """Have a case system fail, refuse, or work again."""
        system = self.systems[self.choose.choice(list(RECIPIENTS))]
        system.fault = self.choose.choice([None, None, SourceUnavailable("away"), MessageRejected("no")])

    def lose_from_case_system(self) -> None:
        """Lose one message from a case system, and have the node ask for all."""
        entity = self.choose.choice(list(RECIPIENTS))
        if stored := self.systems[entity].stored:
            del stored[self.choose.choice(sorted(stored))]
        self.sending.network.nodes[entity].receiving.rounds.verify(self.sending.clock.now())

    def deliver_late(self) -> None:
        """Deliver requests that were delayed, in any order."""
        self.choose.shuffle(self.late)
        while self.late:
            self._deliver(self.late.pop())

    def crash(self) -> None:
        """Let a node die at one of its next commits, just before or just after it, during another step."""
        entity, commits, after = self.choose.choice(PLACES), self.choose.randrange(1, 4), self.choose.random() < 1 / 2
        store = self.sending.network.nodes[entity].store
        real, left = store.write, [commits]

        def write(work: Callable[[Transaction], object]) -> object:
            left[0] -= 1
            if left[0] > 0:
                return real(work)
            if after:
                real(work)
            raise ProcessDied(entity)

        store.write = write  # type: ignore[assignment, method-assign]
        for step in (self.submit, self.drain, self.work, self.drain):
            self._survive(step)
        self._restart(entity)

    def check(self) -> None:
        """Check every promise for every submission of this world."""
        known: set[str] = set()
        for submission, asked in self.submissions.items():
            rows = self.sending.rows(submission)
            _hold(len(rows) == len(asked.recipients), "a delivery of an accepted submission is gone")
            for row in rows:
                known.add(self._name_there(row, row.message))
                self._check_sender(row)
                self._check_recipient(row)
        for entity, system in self.systems.items():
            _hold(system.stored.keys() <= known, f"{entity} has a message that no one sent")

    def settle(self) -> None:
        """Lift every fault, let time pass, and find everything delivered."""
        self.away, self.loses = set(), 0.0
        self.deliver_late()
        for system in self.systems.values():
            system.fault = None
        for _ in range(16):  # what a case system lost before it proved it is handed over again after eight checks
            self._forward(7_200)
            for entity in (*PLACES, *RECIPIENTS):
                self.sending.network.nodes[entity].delivery.relay.drain()
                if entity in RECIPIENTS:
                    self._round(entity)
        self.check()
        for submission in self.submissions:
            for row in self.sending.rows(submission):
                _hold(
                    row.state not in {OutboxState.QUEUED, OutboxState.HELD, OutboxState.PARKED},
                    f"{row.reference} ({row.state}, {row.progress}) waits",
                )
                _hold(
                    row.superseded_by is not None or row.stored_at is not None,
                    f"{row.reference} ({row.state}, {row.progress}) never arrived",
                )
                self._check_settled(row)

    def _check_settled(self, row: OutboxRow) -> None:
        there = self._inbox(row)
        if there is not None and there.case_state is CaseState.IN_CASE_SYSTEM:
            _hold(
                _RANK[row.progress] >= _RANK["in_case_system"],
                f"{row.reference} ({row.state}, {row.progress}) was not told of its arrival",
            )
        if there is not None and there.state is InboxState.OPEN:
            _hold(
                there.case_state not in {CaseState.WAITING, CaseState.HANDED_OVER},
                f"{there.reference} ({there.state}, {there.case_state}) was not handed over",
            )

    def _check_sender(self, row: OutboxRow) -> None:
        store = self.sending.network.nodes[COUNCIL].store
        events = {event for event, _ in self.sending.events(row)}
        _hold(store.read(lambda tx: outbox.sealed(tx, message=row.message)) is not None, "a sealed copy is gone")
        _hold(
            _RANK[row.progress] >= self.ranks.get(row.message, 0),
            f"{row.reference} ({row.state}, {row.progress}) went backwards",
        )
        self.ranks[row.message] = _RANK[row.progress]
        _hold(
            row.state is not OutboxState.FAILED or "failed" in events,
            f"{row.reference} ({row.state}, {row.progress}) failed without an event",
        )
        waited = (self.sending.clock.now() - row.created_at).total_seconds()
        unread = row.read_at is None and row.decision is None and row.superseded_by is None
        if row.lane is Lane.RED and unread and waited > _WARN_S:
            _hold(bool(events & {"sender_warned", "undelivered"}), f"{row.reference}: its sender was not warned")

    def _check_recipient(self, row: OutboxRow) -> None:
        there = self._inbox(row)
        if row.stored_at is None:
            return
        _hold(there is not None, f"{row.reference} ({row.state}, {row.progress}) is receipted and not there")
        if there is None:
            return
        _hold(there.sealed is not None, f"{there.reference}: its sealed copy is gone")
        newer = self._inbox(row, row.superseded_by) if row.superseded_by else None
        _hold(
            newer is None or there.state is not InboxState.OPEN,
            f"{there.reference} ({there.state}, {there.case_state}) is open beside a newer version",
        )
        waited = (self.sending.clock.now() - there.received_at).total_seconds()
        open_red = there.lane == Lane.RED and there.state is InboxState.OPEN and there.read_at is None
        if open_red and waited > _WARN_S:
            store = self.sending.network.nodes[row.peer].store  # type: ignore[index]
            seen = store.read(lambda tx: delivery_events.list(tx, message=there.message, side=DeliverySide.RECIPIENT))
            _hold("unread" in {each.event for each in seen}, f"{there.reference}: no bell rang")

    def _inbox(self, row: OutboxRow, message: str | None = None) -> InboxMessage | None:
        store = self.sending.network.nodes[EntityId(row.peer)].store
        name = self._name_there(row, message or row.message)
        return store.read(lambda tx: inbox.get(tx, name))

    def _name_there(self, row: OutboxRow, message: str) -> str:
        """Return the name that the recipient's node gives to a message of the sender's."""
        if message not in self.names:
            nodes = self.sending.network.nodes
            sealed = nodes[COUNCIL].store.read(lambda tx: outbox.sealed(tx, message=message))
            _hold(sealed is not None, "a sealed copy is gone")
            raw = open_outgoing(nodes[COUNCIL].vault.seal_key(), message, sealed or b"")
            payload = json.loads(urlsafe_b64decode(raw.split(b".")[1] + b"=="))
            key = nodes[EntityId(row.peer)].vault.evidence_hmac_key()
            self.names[message] = message_key(key, COUNCIL, payload["jti"])
        return self.names[message]

    def _forward(self, span: float) -> None:
        network, clock = self.sending.network, self.sending.clock
        clock.forward(seconds=span)
        for entity in PLACES if span >= 3600 else ():
            network.enrol(entity)
        for entity in PLACES:
            directory = network.nodes[entity].directory
            for other in PLACES:
                with suppress(Untrusted):
                    directory.refresh(other, now=clock.now()) if span >= 3600 else directory.resolve(
                        other, now=clock.now()
                    )
            network.nodes[entity].delivery.escalation.round(clock.now())

    def _round(self, entity: EntityId) -> None:
        self.sending.network.nodes[entity].receiving.rounds.case_systems.round(self.sending.clock.now())

    def _survive(self, step: Callable[[], None]) -> None:
        try:
            step()
        except ProcessDied as died:
            self._restart(EntityId(str(died)))
            for entity in PLACES:
                self.sending.network.nodes[entity].delivery.escalation.round(self.sending.clock.now())

    def _restart(self, entity: EntityId) -> None:
        self.sending.network.start(entity)
        self._connect(entity)

    def _connect(self, entity: EntityId) -> None:
        if entity in RECIPIENTS:
            adapter = self.sending.network.adapter(entity, _service(entity))
            adapter = replace(adapter, receiver=self.systems[entity])
            self.sending.network.use_adapter(entity, _service(entity), adapter)

    def _pass(self, entity: EntityId, request: PeerRequest, forward: Pass) -> PeerResponse:
        if entity in self.away:
            raise TransportError(f"{entity}: no connection came about")
        chance = self.choose.random()
        if "/exchange/v1/" not in request.url or chance >= self.loses:
            return self._answered(entity, forward)
        if chance < self.loses / 4:
            raise TransportError(f"{entity}: the request was lost")
        if chance < self.loses / 2:
            self.late.append(request)
            raise TransportError(f"{entity}: the request is late")
        answer = self._answered(entity, forward)
        if chance < self.loses * 3 / 4:
            return self._answered(entity, forward)
        raise TransportError(f"{entity}: the answer {answer.status} was lost")

    def _deliver(self, request: PeerRequest) -> None:
        entity = EntityId("/".join(request.url.split("/")[:3]))
        with suppress(TransportError):
            self._answered(entity, lambda: self.sending.network.wire.deliver(request))

    def _answered(self, entity: EntityId, forward: Pass) -> PeerResponse:
        try:
            return forward()
        except ProcessDied as died:
            if str(died) != entity:
                raise
            self._restart(entity)
            raise TransportError(f"{entity}: it died while it answered") from None


def _service(entity: EntityId) -> ServiceSlug:
    return ServiceSlug(RECIPIENTS[entity].partition("#")[2])


def _hold(truth: bool, fault: str) -> None:
    if not truth:
        raise Violation(fault)
