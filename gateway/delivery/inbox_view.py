"""The inbox of a service as its people and its case system see it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gateway.delivery.inbox import Inbox, NoSuchMessage
from gateway.delivery.outbox import lane_of
from gateway.delivery.sealed_records import open_answer
from gateway.delivery.submission_view import DeliveryOutcome, DeliveryStep, outcome_of
from gateway.delivery.work_list import WorkStatus, status_of
from gateway.exchange.case_question import EMERGENCY
from gateway.ports import Transaction
from gateway.store.tables import answers, delivery_events, inbox_polls
from gateway.store.tables import inbox as rows
from gateway.store.tables.delivery_events import DeliverySide
from gateway.store.tables.inbox import InboxMessage, InboxState
from gateway.store.tables.inbox_polls import InboxPoll
from trust.exchange.message import Urgency
from trust.identifiers import RoleCode, ServiceSlug
from trust.strict_json import JsonObject

_URGENCIES = {int(lane_of(urgency)): urgency for urgency in Urgency}


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxItem:
    """One message. ``id`` is this node's name for it, ``reference`` the one for the telephone.

    ``case_state`` says how far it has come into the case system, ``link`` whether its persons were matched there.
    ``status`` compares ``decide_by`` with the clock until there is a ``decision``. ``document`` is the message, cut to
    what its clause grants; a list leaves it out.
    """

    id: str
    reference: str
    kind: str
    topic: str
    urgency: str
    from_agency: str
    from_service: str
    service: str
    received_at: datetime
    state: str
    case_state: str
    link: str
    status: WorkStatus
    is_read: bool
    decide_by: datetime | None = None
    decision: str | None = None
    outcomes: tuple[DeliveryOutcome, ...] = ()
    steps: tuple[DeliveryStep, ...] = ()
    document: JsonObject | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxList:
    """Open messages, oldest first; ``next`` continues the list as the parameter ``after``."""

    items: tuple[InboxItem, ...]
    next: str | None = None
    emergency: str = EMERGENCY


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceInbox:
    """The inboxes of the services of this node. ``duty_roles`` stop a bell, or every role where a service has none."""

    inbox: Inbox
    duty_roles: Mapping[ServiceSlug, frozenset[RoleCode]]

    def page(
        self, services: Iterable[str], *, after: tuple[int, str] | None, limit: int, now: datetime
    ) -> tuple[tuple[InboxItem, ...], tuple[int, str] | None]:
        """Return open messages of these services, and the place at which the next page begins."""
        messages = [
            each
            for service in services
            for each in self.inbox.page(ServiceSlug(service), state=InboxState.OPEN, after=after, limit=limit)
        ]
        page = sorted(messages, key=rows.cursor)[:limit]
        more = len(messages) >= limit
        return tuple(_item(each, now) for each in page), rows.cursor(page[-1]) if more else None

    def record_poll(self, services: Iterable[str], *, client_id: str, now: datetime) -> None:
        """Note that a case system asked for what came."""
        polls = [InboxPoll(service=service, client_id=client_id, polled_at=now) for service in services]

        def effect(tx: Transaction) -> None:
            for poll in polls:
                inbox_polls.record(tx, poll)

        self.inbox.store.write(effect)

    def service_of(self, services: Iterable[str], message: str, *, kind: str | None = None) -> ServiceSlug:
        """Return the service among these that a message, of this kind, came for. Raises :class:`NoSuchMessage`."""
        row = self.inbox.store.read(lambda tx: rows.get(tx, message))
        if row is None or row.service not in set(services) or kind not in {None, row.kind}:
            raise NoSuchMessage
        return ServiceSlug(row.service)

    def get(self, service: ServiceSlug, message: str, *, now: datetime) -> InboxItem:
        """Return a message with its content, outcomes and steps. Raises :class:`NoSuchMessage`."""
        row, document = self.inbox.get(service, message)
        side, key = DeliverySide.RECIPIENT, self.inbox.vault.seal_key()
        stored, events = self.inbox.store.read(
            lambda tx: (
                answers.list(tx, message=message, side=side),
                delivery_events.list(tx, message=message, side=side),
            )
        )
        outcomes = (outcome_of(each, open_answer(key, message, side, each.seq, sealed=each.sealed)) for each in stored)
        steps = (DeliveryStep(at=each.at, event=each.event, code=each.code, actor=each.actor) for each in events)
        return _item(row, now, outcomes=tuple(outcomes), steps=tuple(steps), document=document)


def _item(
    row: InboxMessage,
    now: datetime,
    *,
    outcomes: tuple[DeliveryOutcome, ...] = (),
    steps: tuple[DeliveryStep, ...] = (),
    document: JsonObject | None = None,
) -> InboxItem:
    return InboxItem(
        id=row.message,
        reference=row.reference,
        kind=row.kind,
        topic=row.topic,
        urgency=str(_URGENCIES[row.lane]),
        from_agency=row.issuer,
        from_service=row.from_service,
        service=row.service,
        received_at=row.received_at,
        state=row.state,
        case_state=row.case_state,
        link=row.link,
        status=WorkStatus.PENDING if row.decision else status_of(row.decide_by, now),
        is_read=row.read_at is not None,
        decide_by=row.decide_by,
        decision=row.decision,
        outcomes=outcomes,
        steps=steps,
        document=document,
    )
