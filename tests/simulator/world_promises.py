"""Promises that hold in a seeded world, for everything that was submitted in it."""

import json
from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.delivery.case_submission import CaseSubmission
from gateway.delivery.outbox import open_outgoing
from gateway.store.tables import delivery_events, inbox, outbox
from gateway.store.tables.delivery_events import DeliverySide
from gateway.store.tables.inbox import CaseState, InboxMessage, InboxState
from gateway.store.tables.outbox import Lane, OutboxRow, OutboxState
from tests.simulator.network import Network
from tests.simulator.queued import Sending
from tests.simulator.town import COUNCIL
from trust.evidence.leaf import message_key
from trust.identifiers import EntityId

_RANK = {None: 0, "stored": 1, "in_case_system": 2, "read": 3}
_WARN_S = 300
_ONCE = ("stored", "read")


class Violation(AssertionError):
    """Something that must hold does not."""


@dataclass
class Promises:
    """The promises of one world. ``systems`` are the ids of the messages in each recipient's case system."""

    sending: Sending
    submissions: Mapping[str, CaseSubmission]
    names: dict[str, str] = field(default_factory=dict)
    ranks: dict[str, int] = field(default_factory=dict)

    def check(self, systems: Mapping[EntityId, set[str]]) -> None:
        """Check what holds at every moment."""
        known: set[str] = set()
        for submission, asked in self.submissions.items():
            rows = self.sending.rows(submission)
            hold(len(rows) == len(asked.recipients), "a delivery of an accepted submission is gone")
            for row in rows:
                known.add(self._name_there(row, row.message))
                self._check_sender(row)
                self._check_recipient(row)
        for entity, ids in systems.items():
            hold(ids <= known, f"{entity} has a message that no one sent")

    def check_settled(self, systems: Mapping[EntityId, set[str]]) -> None:
        """Check that everything arrived, and that each side knows it of the other."""
        for submission in self.submissions:
            for row in self.sending.rows(submission):
                name = f"{row.reference} ({row.state}, {row.progress})"
                waits = row.state in {OutboxState.QUEUED, OutboxState.HELD, OutboxState.PARKED}
                hold(not waits, f"{name} waits")
                hold(row.superseded_by is not None or row.stored_at is not None, f"{name} never arrived")
                there = self._inbox(row)
                if there is not None:
                    self._check_known(row, there, systems[EntityId(row.peer)])

    def _check_known(self, row: OutboxRow, there: InboxMessage, system: set[str]) -> None:
        name = f"{there.reference} ({there.state}, {there.case_state}; {row.state}, {row.progress})"
        if there.case_state is CaseState.IN_CASE_SYSTEM:
            hold(_RANK[row.progress] >= _RANK["in_case_system"], f"{name}: its arrival was not told")
            hold(there.message in system, f"{name}: its loss was not found")
        if there.case_state in {CaseState.LOST, CaseState.REJECTED}:
            hold("failed" in self._events(row), f"{name}: its failure was not told")
        if there.read_at is not None:
            hold(row.read_at is not None, f"{name}: its reading was not told")
        if there.decision is not None:
            hold(row.decision == there.decision, f"{name}: {there.decision} was not told, but {row.decision}")
        if there.state is InboxState.OPEN:
            waits = there.case_state in {CaseState.WAITING, CaseState.HANDED_OVER}
            hold(not waits, f"{name} was not handed over")

    def _check_sender(self, row: OutboxRow) -> None:
        store, events = self.sending.network.nodes[COUNCIL].store, self._events(row)
        name = f"{row.reference} ({row.state}, {row.progress})"
        hold(store.read(lambda tx: outbox.sealed(tx, message=row.message)) is not None, "a sealed copy is gone")
        hold(_RANK[row.progress] >= self.ranks.get(row.message, 0), f"{name} went backwards")
        self.ranks[row.message] = _RANK[row.progress]
        hold(row.state is not OutboxState.FAILED or "failed" in events, f"{name} failed without an event")
        hold(all(events[event] <= 1 for event in _ONCE), f"{name}: a state was told twice")
        waited = (self.sending.clock.now() - row.created_at).total_seconds()
        unread = row.read_at is None and row.decision is None and row.superseded_by is None
        if row.lane is Lane.RED and unread and waited > _WARN_S:
            hold(not events.keys().isdisjoint({"sender_warned", "undelivered"}), f"{name}: its sender was not warned")

    def _check_recipient(self, row: OutboxRow) -> None:
        if row.stored_at is None:
            return
        there = self._inbox(row)
        if there is None:
            raise Violation(f"{row.reference} ({row.state}, {row.progress}) is receipted and not there")
        name = f"{there.reference} ({there.state}, {there.case_state})"
        hold(there.sealed is not None, f"{name}: its sealed copy is gone")
        events = self._events_there(row, there)
        hold(all(events[event] <= 1 for event in _ONCE), f"{name}: a state came about twice")
        newer = self._inbox(row, row.superseded_by) if row.superseded_by else None
        hold(newer is None or there.state is not InboxState.OPEN, f"{name} is open beside a newer version")
        waited = (self.sending.clock.now() - there.received_at).total_seconds()
        open_red = there.lane == Lane.RED and there.state is InboxState.OPEN and there.read_at is None
        hold(not open_red or waited <= _WARN_S or "unread" in events, f"{name}: no bell rang")

    def _events(self, row: OutboxRow) -> Counter[str]:
        return Counter(event for event, _ in self.sending.events(row))

    def _events_there(self, row: OutboxRow, there: InboxMessage) -> Counter[str]:
        store = self.sending.network.nodes[EntityId(row.peer)].store
        seen = store.read(lambda tx: delivery_events.list(tx, message=there.message, side=DeliverySide.RECIPIENT))
        return Counter(each.event for each in seen)

    def _inbox(self, row: OutboxRow, message: str | None = None) -> InboxMessage | None:
        store = self.sending.network.nodes[EntityId(row.peer)].store
        name = self._name_there(row, message or row.message)
        return store.read(lambda tx: inbox.get(tx, name))

    def _name_there(self, row: OutboxRow, message: str) -> str:
        if message not in self.names:
            self.names[message] = name_at_recipient(self.sending.network, EntityId(row.peer), message)
        return self.names[message]


def name_at_recipient(network: Network, recipient: EntityId, message: str) -> str:
    """Return the name that a recipient's node gives to a message of the council's, which has another name for it."""
    nodes = network.nodes
    sealed = nodes[COUNCIL].store.read(lambda tx: outbox.sealed(tx, message=message))
    hold(sealed is not None, "a sealed copy is gone")
    raw = open_outgoing(nodes[COUNCIL].vault.seal_key(), message, sealed or b"")
    payload = json.loads(urlsafe_b64decode(raw.split(b".")[1] + b"=="))
    return message_key(nodes[recipient].vault.evidence_hmac_key(), COUNCIL, payload["jti"])


def hold(truth: bool, fault: str) -> None:
    """Raise :class:`Violation` unless something is true."""
    if not truth:
        raise Violation(fault)
