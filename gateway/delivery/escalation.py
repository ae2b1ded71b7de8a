"""Escalation rounds: warn the sender, ring the on-call bell, name the fallback, and note what is overdue.

1. :mod:`trust.exchange.escalation` says which steps are due; here they are taken, at both sides of a message.
2. A message is claimed, its bell rings, then the steps, their events and their evidence are committed together. A
   process that dies between ringing and committing rings again after its claim; no step is on record twice.
3. A bell that no channel took, or that counts as absent, names the fallback at once, and is rung again every minute.
4. A channel that fails is not tried for other messages of the same round, so that it delays none of them.
5. A store that takes no more work keeps no bell from ringing: the process rings once, and records it when it can.
6. A message that its polling case system has not fetched counts as unread, of any urgency.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from gateway.delivery.on_call import BellStep, OnCall
from gateway.delivery.outbox import open_outgoing
from gateway.evidence import recorder
from gateway.ports import Clock, KeyVault, Store, StoreFull, Transaction
from gateway.runtime.background import Attempt, Wait, run_rounds
from gateway.store.tables import delivery_events, escalations, outbox
from gateway.store.tables.delivery_events import DeliveryEvent, DeliverySide
from gateway.store.tables.escalations import EscalatingMessage
from trust.evidence.leaf import Leaf, LeafKind
from trust.exchange.escalation import (
    NONE,
    UNREAD_AFTER,
    EscalationStep,
    due_steps,
    next_look,
    rings_again,
)
from trust.exchange.kind import Kinds
from trust.exchange.message import peek_message
from trust.identifiers import EntityId, ServiceSlug

CLAIM = timedelta(seconds=60)
"""How long a process may take over the steps of one message."""
ROUND_S = 5.0
BATCH = 50
"""Messages of one side that one round looks at."""
MOST_UNRECORDED = 10_000
"""Messages for which one process rings while the store takes no work."""
NO_BELL = "no_bell"
_EVENTS: Mapping[DeliverySide, Mapping[EscalationStep, str]] = {
    DeliverySide.SENDER: {
        EscalationStep.UNREAD: "sender_warned",
        EscalationStep.FALLBACK: "fallback_named",
        EscalationStep.UNDELIVERED: "undelivered",
        EscalationStep.OVERDUE: "overdue",
    },
    DeliverySide.RECIPIENT: {
        EscalationStep.UNREAD: "unread",
        EscalationStep.RUNG: "bell_rung",
        EscalationStep.FALLBACK: "fallback_named",
        EscalationStep.UNPOLLED: "unpolled",
        EscalationStep.OVERDUE: "overdue",
    },
}
"""The events of steps, in the order in which they are recorded."""
_SENDER_BELLS = {
    EscalationStep.UNREAD: BellStep.UNREAD,
    EscalationStep.FALLBACK: BellStep.UNANSWERED,
    EscalationStep.UNDELIVERED: BellStep.UNDELIVERED,
    EscalationStep.OVERDUE: BellStep.OVERDUE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationPorts:
    """The parts that escalation works with.

    ``sender_service`` returns the service that sent a message of ours, ``last_polls`` when each inbox that a case
    system polls was last polled: ``None`` for never. ``may_work`` is false while the clock is wrong or a restore is not
    reconciled.
    """

    store: Store
    on_call: OnCall
    sender_service: Callable[[str], ServiceSlug | None]
    last_polls: Callable[[Transaction], Mapping[ServiceSlug, datetime | None]]
    attempt: Attempt
    clock: Clock
    may_work: Callable[[], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderServices:
    """The services that sent messages of this node, read from the sealed messages themselves."""

    store: Store
    vault: KeyVault
    kinds: Kinds

    def find(self, message: str) -> ServiceSlug | None:
        """Return the service that sent a message; none once its content was erased."""
        sealed = self.store.read(lambda tx: outbox.sealed(tx, message=message))
        if sealed is None:
            return None
        raw = open_outgoing(self.vault.seal_key(), message, sealed)
        return peek_message(raw, kinds=self.kinds).from_service


class EscalationRound:
    """Escalate what is due, for all services of this node."""

    def __init__(self, ports: EscalationPorts) -> None:
        self.attempt = ports.attempt
        self._ports = ports
        self._unrecorded: dict[str, EscalationStep] = {}

    def run(self, wait: Wait) -> None:
        """Make a round every few seconds until ``wait`` says that it is time to stop."""
        run_rounds(self.attempt, wait, ROUND_S, (("escalation", self._round_now),))

    def _round_now(self) -> None:
        if self._ports.may_work():
            self.round(self._ports.clock.now())

    def round(self, now: datetime) -> None:
        """Take every step that is due. Several processes may do so at once."""
        escalation = _Escalation(ports=self._ports, now=now, unrecorded=self._unrecorded)
        due = self.attempt("escalations", lambda: self._due(now)) or ()
        for message, step in due:
            self.attempt("escalate", partial(escalation.take, message, step))

    def _due(self, now: datetime) -> list[tuple[EscalatingMessage, EscalationStep]]:
        def read(tx: Transaction) -> list[tuple[EscalatingMessage, EscalationStep]]:
            messages = [each for side in DeliverySide for each in escalations.due(tx, side=side, now=now, limit=BATCH)]
            messages += escalations.undelivered(tx, limit=BATCH)
            before = now - UNREAD_AFTER
            unpolled = [
                each
                for service, polled_at in self._ports.last_polls(tx).items()
                if polled_at is None or polled_at <= before
                for each in escalations.unpolled(tx, service=service, before=before, limit=BATCH)
            ]
            return [(each, NONE) for each in messages] + [(each, EscalationStep.UNPOLLED) for each in unpolled]

        return self._ports.store.read(read)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Escalation:
    """One round's work. ``silent`` are services whose bells failed in it, ``unpolled`` those that rang as unpolled.

    ``unrecorded`` has the steps for which this process rang while the store took no work.
    """

    ports: EscalationPorts
    now: datetime
    unrecorded: dict[str, EscalationStep]
    silent: set[ServiceSlug] = field(default_factory=set)
    unpolled: set[ServiceSlug] = field(default_factory=set)

    def take(self, message: EscalatingMessage, more: EscalationStep) -> None:
        """Take the steps of one message that are due, and ``more``."""
        now, store = self.now, self.ports.store
        try:
            claimed = store.write(lambda tx: escalations.claim(tx, message, until=now + CLAIM))
        except StoreFull:
            self._ring_once(message, more)
            raise
        if claimed is None:
            return
        steps = due_steps(claimed.facts, now) | (more & ~claimed.facts.steps)
        steps, code = self._ring(claimed, steps)
        store.write(lambda tx: self._record(tx, claimed, steps, code))
        self.unrecorded.pop(f"{message.side} {message.message}", None)

    def _ring_once(self, message: EscalatingMessage, more: EscalationStep) -> None:
        """Ring for what is due and cannot be recorded, unless this process did."""
        name = f"{message.side} {message.message}"
        facts = replace(message.facts, steps=message.facts.steps | self.unrecorded.get(name, NONE))
        steps = due_steps(facts, self.now) | (more & ~facts.steps)
        if len(self.unrecorded) < MOST_UNRECORDED and (steps or rings_again(facts)):
            steps, _ = self._ring(replace(message, facts=facts), steps)
            self.unrecorded[name] = facts.steps | steps

    def _ring(self, message: EscalatingMessage, steps: EscalationStep) -> tuple[EscalationStep, str | None]:
        """Ring for these steps; return them with what came of the ring, and a code for it."""
        if message.side is DeliverySide.SENDER:
            return self._ring_sender(message, steps), None
        service, code = ServiceSlug(message.service.rpartition("#")[2]), None
        if EscalationStep.UNREAD in steps or rings_again(message.facts):
            lost = EscalationStep.LOST in message.facts.steps
            took = self._bell(service, message.reference, BellStep.LOST if lost else BellStep.UNREAD)
            if took is None or took:
                steps |= EscalationStep.RUNG
            code = {None: NO_BELL, False: "bell_failed", True: None}[took]
            if not took or not self.ports.on_call.is_present(service, self.now):
                steps |= EscalationStep.FALLBACK & ~message.facts.steps
        if EscalationStep.FALLBACK in steps:
            self._bell(service, message.reference, BellStep.FALLBACK)
        if EscalationStep.OVERDUE in steps and message.facts.red:
            self._bell(service, message.reference, BellStep.OVERDUE)
        if EscalationStep.UNPOLLED in steps and service not in self.unpolled:
            self.unpolled.add(service)
            self._bell(service, message.reference, BellStep.UNPOLLED)
        return steps, code

    def _ring_sender(self, message: EscalatingMessage, steps: EscalationStep) -> EscalationStep:
        rings = message.facts.red or EscalationStep.LOST in message.facts.steps
        service = self.ports.sender_service(message.message) if steps and rings else None
        for step, bell in _SENDER_BELLS.items():
            if step in steps and service is not None:
                self._bell(service, message.reference, bell)
        return steps | EscalationStep.RUNG if EscalationStep.UNREAD in steps else steps

    def _bell(self, service: ServiceSlug, reference: str, step: BellStep) -> bool | None:
        """Ring; return whether a channel took it, ``None`` where the service has none."""
        if service in self.silent:
            return False
        results = self.ports.on_call.ring(service, reference, step, self.now)
        if not results:
            return None
        took = any(each.failure is None for each in results)
        if not took:
            self.silent.add(service)
        return took

    def _record(self, tx: Transaction, claimed: EscalatingMessage, steps: EscalationStep, code: str | None) -> None:
        """Store the steps with their events and evidence, unless the claim was lost, and when the next is due."""
        current = escalations.get(tx, claimed)
        if current is None:
            return
        steps_so_far = claimed.facts.steps | steps
        facts = replace(current.facts, steps=steps_so_far)
        if not escalations.take(tx, claimed, steps_so_far, next_at=next_look(facts, self.now)):
            return
        for step, event in _EVENTS[claimed.side].items():
            if step not in steps or (step is EscalationStep.RUNG and code == NO_BELL):
                continue
            outcome = code if step is EscalationStep.UNREAD else None
            delivery_events.put(
                tx,
                DeliveryEvent(message=claimed.message, side=claimed.side, at=self.now, event=event, code=outcome),
            )
            recorder.record(tx, recorder.build_entry(_leaf(claimed, event, outcome, self.now)))


def _leaf(message: EscalatingMessage, event: str, code: str | None, at: datetime) -> Leaf:
    return Leaf(
        kind=LeafKind.ESCALATED,
        at=at,
        outcome_code=event,
        reason_codes=() if code is None else (code,),
        peer=EntityId(message.peer),
        message_id=message.message,
    )
