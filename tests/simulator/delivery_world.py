"""A seeded world of alerts, referrals and notices: nodes die or lose their power, wire and case systems fail.

What must hold is checked after every step. The seed chooses every step and every fault. The nodes' own random ids and
backoff jitter are not seeded.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from random import Random
from typing import Any

from adapters.contract import Deadline, DeliveredMessage, MessageRejected, SourceUnavailable
from gateway.delivery.case_submission import CaseSubmission, SubmissionRefused
from gateway.delivery.inbox import DutyReader
from gateway.ports import PeerRequest, PeerResponse, Transaction, TransportError
from gateway.store.tables.inbox import InboxState
from tests.simulator.disk import Disk
from tests.simulator.faults import MESSAGES
from tests.simulator.queued import RECIPIENTS, Sending
from tests.simulator.town import COUNCIL
from tests.simulator.wire import Pass
from tests.simulator.world_network import PLACES, draw_answer, draw_submission
from tests.simulator.world_promises import Promises, Violation, hold
from trust.errors import Untrusted
from trust.exchange.message import Urgency
from trust.federation.suspension import SuspensionState
from trust.identifiers import EntityId, RoleCode, ServiceSlug

READER = DutyReader(id="n-7", role=RoleCode("duty-officer"))
_LEARNT_S = 360
"""How soon every node knows of a suspension."""
_CLAIMED_S = 61
_LOSES = (0.0, 0.3, 0.3, 0.8)
_SETTLES_WITHIN = 16
"""Rounds: what a case system lost before it proved it is handed over again after eight checks."""


class ProcessDied(BaseException):
    """A process ended at a commit."""


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
    """One world on a network of its own, whose files lie on ``disk``."""

    sending: Sending
    disk: Disk
    seed: int
    systems: dict[EntityId, FaultyCaseSystem] = field(default_factory=dict)
    submissions: dict[str, CaseSubmission] = field(default_factory=dict)
    steps: Counter[str] = field(default_factory=Counter)
    away: set[EntityId] = field(default_factory=set)
    suspended: dict[EntityId, float] = field(default_factory=dict)
    late: list[PeerRequest] = field(default_factory=list)
    astray: list[str] = field(default_factory=list)
    answers: dict[bytes, bytes] = field(default_factory=dict)
    passed_s: float = 0.0

    def __post_init__(self) -> None:
        self.choose = Random(self.seed)  # noqa: S311 - a test's choices, which its seed repeats
        self.loses = self.choose.choice(_LOSES)
        self.promises = Promises(sending=self.sending, submissions=self.submissions)
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
        often = [self.submit, self.drain, self.pass_time, self.desk, self.work]
        half = [self.supersede, self.supersede_on_the_way, self.lose_power, self.crash, self.deliver_late]
        seldom = [
            self.change_wire,
            self.switch_peer,
            self.switch_standing,
            self.fault_case_system,
            self.lose_from_case_system,
        ]
        return [*3 * often, *2 * half, *seldom]

    def submit(self, **changes: Any) -> None:
        """Submit something to one recipient or two; one whose process dies is submitted again by the same key."""
        names = list(RECIPIENTS.values())
        to = tuple(names) if self.choose.random() < 1 / 3 else (self.choose.choice(names),)
        urgency, case_ref = self.choose.choice(list(Urgency)), f"case-{self.choose.randrange(4)}"
        values = {"recipients": to, "urgency": urgency, "case_ref": case_ref, **changes}
        self._submit(draw_submission(self.choose, **values))

    def _submit(self, submission: CaseSubmission) -> None:
        key = f"key-{self.seed}-{sum(self.steps.values())}-{len(self.submissions)}"
        try:
            made = self._again_if_it_died(lambda: self.sending.submit(submission, key=key))
        except SubmissionRefused:
            hold(self.steps["switch_standing"] > 0, "a submission was refused though every recipient stands")
            return
        hold(made not in self.submissions, "one submission stands for two")
        self.submissions[made] = submission

    def _again_if_it_died(self, submit: Callable[[], str]) -> str:
        try:
            return submit()
        except ProcessDied:
            self._restart(COUNCIL)
        except Exception:
            if not self._is_dark(COUNCIL):
                raise
            self._restart(COUNCIL)
        return submit()

    def supersede(self) -> None:
        """Submit a newer version of what was submitted last and no version replaced."""
        replaced = {each.supersedes for each in self.submissions.values()}
        if free := [each for each in self.submissions if each not in replaced]:
            first = free[-1]
            self._submit(replace(self.submissions[first], supersedes=first))

    def supersede_on_the_way(self) -> None:
        """Submit something whose message is late, and a newer version of it that overtakes it, or does not."""
        self.submit()
        self.loses, before = self.choose.choice([0.0, 1.0]), self.loses
        self._drain(COUNCIL)
        self.loses = before
        self.supersede()
        self._drain(COUNCIL)
        if self.choose.random() < 1 / 2:
            self.deliver_late()

    def drain(self) -> None:
        """Have one node's relay send, and sweep."""
        self._drain(self.choose.choice(PLACES))

    def _drain(self, entity: EntityId) -> None:
        relay = self.sending.network.nodes[entity].delivery.relay
        relay.drain()
        relay.sweep()

    def work(self) -> None:
        """Hand messages over to the case systems."""
        self._round(self.choose.choice(list(RECIPIENTS)))

    def desk(self) -> None:
        """Read, and perhaps answer, a message as a person of the duty team."""
        entity = self.choose.choice(list(RECIPIENTS))
        desk = self.sending.network.nodes[entity].receiving.inbox
        if rows := desk.page(_service(entity), state=InboxState.OPEN, after=None, limit=50):
            row, now = self.choose.choice(rows), self.sending.clock.now()
            desk.read(_service(entity), row.message, READER, now=now)
            answer = draw_answer(self.choose, row.kind, row.decision)
            if answer is not None and self.choose.random() < 1 / 2:
                desk.answer(_service(entity), row.message, answer, actor="duty-officer", now=now)

    def pass_time(self) -> None:
        """Move the clock by seconds to days, in all less than the messages' time, and escalate."""
        span = self.choose.choice([5, 61, 400, 3_600, 86_400])
        if self.passed_s + span < 9 * 86_400:
            self._forward(span)

    def switch_peer(self) -> None:
        """Take a recipient down, or up again."""
        self.away ^= {self.choose.choice(list(RECIPIENTS))}

    def switch_standing(self) -> None:
        """Have the anchor suspend a recipient, or end its suspension."""
        entity = self.choose.choice(list(RECIPIENTS))
        if entity in self.suspended:
            del self.suspended[entity]
        else:
            self.suspended[entity] = self.passed_s
        self._enrol(entity)

    def change_wire(self) -> None:
        """Change how often the wire loses, doubles or delays."""
        self.loses = self.choose.choice(_LOSES)

    def fault_case_system(self) -> None:
        """Have a case system fail, refuse, or work again."""
        system = self.systems[self.choose.choice(list(RECIPIENTS))]
        system.fault = self.choose.choice([None, None, SourceUnavailable("away"), MessageRejected("no")])

    def lose_from_case_system(self) -> None:
        """Lose one message from a case system, and have the node ask for all."""
        self._lose_from(self.choose.choice(list(RECIPIENTS)))

    def _lose_from(self, entity: EntityId) -> None:
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
        self._go_on()
        self._restart(entity)

    def lose_power(self) -> None:
        """Let a node lose its power between two commits, or in the midst of what it writes during another step."""
        entity = self.choose.choice(PLACES)
        self.disk.cut(self.sending.network.folder_of(entity), after=self.choose.choice([*8 * [0], *range(1, 40, 2)]))
        if not self._is_dark(entity):
            self._go_on()
        self._restart(entity)

    def _go_on(self) -> None:
        for step in (self.submit, self.drain, self.work, self.drain):
            self._survive(step)

    def check(self) -> None:
        """Check every promise for every submission of this world."""
        hold(not self.astray, f"{self.astray}")
        self.promises.check({entity: set(system.stored) for entity, system in self.systems.items()})

    def settle(self) -> None:
        """Lift every fault and find everything delivered, also what case systems lose then and what comes last."""
        self.away, self.loses, self.suspended = set(), 0.0, {}
        for entity in PLACES:
            self.disk.due.clear()
            self._enrol(entity)
        if self.choose.random() < 1 / 2:
            self.deliver_late()
        for system in self.systems.values():
            system.fault = None
        self._settle()
        self.deliver_late()
        for entity in RECIPIENTS:
            self._lose_from(entity)
        self._settle()

    def _settle(self) -> None:
        for entity in RECIPIENTS:
            self.sending.network.nodes[entity].receiving.rounds.verify(self.sending.clock.now())
        for _ in range(_SETTLES_WITHIN):
            self._forward(7_200)
            for entity in (*PLACES, *RECIPIENTS):
                self.sending.network.nodes[entity].delivery.relay.drain()
                if entity in RECIPIENTS:
                    self._round(entity)
            with suppress(Violation):
                self._check_settled()
                break
        self.check()
        self._check_settled()

    def _check_settled(self) -> None:
        self.promises.check_settled({entity: set(system.stored) for entity, system in self.systems.items()})

    def _forward(self, span: float) -> None:
        network, clock = self.sending.network, self.sending.clock
        clock.forward(seconds=span)
        days, self.passed_s = self.passed_s // 86_400, self.passed_s + span
        if self.passed_s // 86_400 > days:
            for entity in PLACES:
                self._enrol(entity)
        learns = span >= 3600 and self.steps["switch_standing"] > 0
        for entity in RECIPIENTS if learns else ():  # as the rounds of maintenance do
            for here, there in ((COUNCIL, entity), (entity, COUNCIL)):
                with suppress(Untrusted):
                    network.nodes[here].directory.resolve(there, now=clock.now())
        for entity in PLACES:
            network.nodes[entity].delivery.escalation.round(clock.now())

    def _enrol(self, entity: EntityId) -> None:
        """Have the anchor say again how a node stands."""
        state = SuspensionState.SUSPENDED if entity in self.suspended else SuspensionState.ACTIVE
        self.sending.network.enrol(entity, state=state)

    def _round(self, entity: EntityId) -> None:
        self.sending.network.nodes[entity].receiving.rounds.case_systems.round(self.sending.clock.now())

    def _survive(self, step: Callable[[], None]) -> None:
        died: set[EntityId] = set()
        try:
            step()
        except ProcessDied as process:
            died.add(EntityId(str(process)))
        except Exception:
            if not any(map(self._is_dark, PLACES)):
                raise
        died.update(filter(self._is_dark, PLACES))
        for entity in died:
            self._restart(entity)
        if died:  # what they claimed is due again once the claims have ended
            self._forward(_CLAIMED_S)

    def _is_dark(self, entity: EntityId) -> bool:
        return self.disk.is_dark(self.sending.network.folder_of(entity))

    def _restart(self, entity: EntityId) -> None:
        network = self.sending.network
        if self._is_dark(entity):
            network.stop(entity)
            self.disk.restore(network.folder_of(entity), self.choose)
        network.start(entity)
        self._connect(entity)

    def _connect(self, entity: EntityId) -> None:
        if entity in RECIPIENTS:
            adapter = self.sending.network.adapter(entity, _service(entity))
            adapter = replace(adapter, receiver=self.systems[entity])
            self.sending.network.use_adapter(entity, _service(entity), adapter)

    def _pass(self, entity: EntityId, request: PeerRequest, forward: Pass) -> PeerResponse:
        if entity in self.away:
            raise TransportError(f"{entity}: no connection came about")
        if request.url.endswith(MESSAGES) and self.passed_s - self.suspended.get(entity, self.passed_s) > _LEARNT_S:
            self.astray.append("a message went to a suspended member")
        chance = self.choose.random()
        if "/exchange/v1/" not in request.url or chance >= self.loses:
            return self._answered(entity, request, forward)
        if chance < self.loses / 4:
            raise TransportError(f"{entity}: the request was lost")
        if chance < self.loses / 2:
            self.late.append(request)
            raise TransportError(f"{entity}: the request is late")
        answer = self._answered(entity, request, forward)
        if chance < self.loses * 3 / 4:
            return self._answered(entity, request, forward)
        raise TransportError(f"{entity}: the answer {answer.status} was lost")

    def _deliver(self, request: PeerRequest) -> None:
        entity = EntityId("/".join(request.url.split("/")[:3]))
        with suppress(TransportError):
            self._answered(entity, request, lambda: self.sending.network.wire.deliver(request))

    def _answered(self, entity: EntityId, request: PeerRequest, forward: Pass) -> PeerResponse:
        try:
            answer = forward()
        except ProcessDied as died:
            if str(died) != entity:
                raise
            self._restart(entity)
            raise TransportError(f"{entity}: it died while it answered") from None
        if self._is_dark(entity):
            self._restart(entity)
            raise TransportError(f"{entity}: it lost its power while it answered")
        if answer.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            self.astray.append(f"{request.url} failed")
        is_receipt = request.url.endswith(MESSAGES) and answer.status == HTTPStatus.OK
        if is_receipt and self.answers.setdefault(request.body, answer.body) != answer.body:
            self.astray.append("a message that came again got another answer")
        return answer


def _service(entity: EntityId) -> ServiceSlug:
    return ServiceSlug(RECIPIENTS[entity].partition("#")[2])
