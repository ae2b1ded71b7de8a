"""The work list: messages that wait for a decision, at both sides, by the clocks that were agreed, and tasks.

1. What is due first comes first; what is overdue comes before it.
2. A client sees what it sent itself, what came for the services of its positions, and the tasks of its workers about
   consents that it recorded.
3. The rates of outcomes count the client's own alerts by clause; they name no person and no recipient.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.callers import CaseCaller
from gateway.delivery.outbox import lane_of
from gateway.delivery.usefulness import COUNTED_FOR, ClauseCount, count_outcomes
from gateway.exchange.case_question import EMERGENCY
from gateway.ports import Store, Transaction
from gateway.restrictions.registry import PlaceRegistry, ReleaseView
from gateway.restrictions.reviews import WARN_WITHIN
from gateway.store.tables import place_restrictions, work_items
from gateway.store.tables.delivery_events import DeliverySide
from gateway.store.tables.place_restrictions import StoredRestriction
from gateway.store.tables.work_items import WorkItem
from trust.agreements.agreement import InForce, NotInForce
from trust.exchange.message import Urgency

DUE_WITHIN = timedelta(hours=24)
"""How long before its deadline a message is due."""
PLACE_RELEASE = "place-release"
"""The kind of an item that is no message: a restricted place that waits for a person to release it."""
PLACE_REVIEW = "place-review"
"""The kind of an item that is no message: a restricted place that a person looks at again."""
_REFERENCE = 8
_URGENCIES = {int(lane_of(urgency)): urgency for urgency in Urgency}


class WorkStatus(StrEnum):
    """Where an item stands against its clock."""

    PENDING = "pending"
    DUE = "due"
    OVERDUE = "overdue"


class WorkSide(StrEnum):
    """Whether a client sent a message, or its services received it."""

    SENT = "sent"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkLine:
    """One message that its recipient has not decided, or one task. ``id`` is that of the submission, or of the inbox.

    A task has the kind ``consent``; its topic says what to do, and ``id`` is the consent's.

    ``service`` is the other side's. ``is_read`` says whether a person on duty at the recipient has opened it.
    """

    side: WorkSide
    id: str
    reference: str
    service: str
    kind: str
    topic: str
    urgency: str
    state: str
    at: datetime
    status: WorkStatus
    is_read: bool
    decide_by: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkPage:
    """What waits, the earliest deadline first; ``next`` continues the list as the parameter ``after``."""

    items: tuple[WorkLine, ...]
    next: str | None = None
    emergency: str = EMERGENCY


@dataclass(frozen=True, slots=True, kw_only=True)
class ClauseOutcomes:
    """What recipients said of the alerts under one clause; ``useful_share`` is of those that they closed.

    ``review_when`` is the clause's own trigger of a review, and ``review_due`` says that this client's alerts meet it.
    """

    clause: str
    alerts: int
    closed: int
    outcomes: Mapping[str, int]
    useful_share: float | None = None
    review_when: str | None = None
    review_due: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Usefulness:
    """What came of this client's alerts since a day, by clause."""

    since: datetime
    clauses: tuple[ClauseOutcomes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkList:
    """Show what waits for a decision, and what decisions there were. ``places`` has the tasks of releases."""

    store: Store
    places: PlaceRegistry
    standings: Callable[[datetime], tuple[InForce | NotInForce, ...]]

    def page(
        self, caller: CaseCaller, services: Sequence[str], *, after: tuple[int, str], limit: int, now: datetime
    ) -> tuple[tuple[WorkLine, ...], tuple[int, str] | None]:
        """Return a page of what waits, received for ``services``, and the place at which the next one begins."""
        client_id = caller.client.client_id

        def read(tx: Transaction) -> list[WorkItem]:
            outgoing = work_items.list_sent(tx, client_id=client_id, after=after, limit=limit)
            incoming = work_items.list_received(tx, services=services, after=after, limit=limit)
            tasks = work_items.list_tasks(tx, client_id=client_id, after=after, limit=limit)
            sharing = work_items.list_sharing_tasks(tx, services=services, after=after, limit=limit)
            reviews = place_restrictions.list_to_review(
                tx, client_id=client_id, by=now + WARN_WITHIN, after=after, limit=limit
            )
            return sorted((*outgoing, *incoming, *tasks, *sharing, *map(_review, reviews)), key=lambda each: each.place)

        tasks = self.places.tasks(services, after=after, limit=limit)
        items = sorted((*self.store.read(read), *map(_task, tasks)), key=lambda each: each.place)
        page, more = items[:limit], len(items) >= limit
        return tuple(_line(each, now) for each in page), page[-1].place if more else None

    def usefulness(self, caller: CaseCaller, *, now: datetime) -> Usefulness:
        """Return what recipients said of the caller's alerts in the past year."""
        standings, client_id = self.standings(now), caller.client.client_id
        counts = self.store.read(lambda tx: count_outcomes(tx, standings, now=now, client_id=client_id))
        return Usefulness(since=now - COUNTED_FOR, clauses=tuple(map(_outcomes, counts)))


def status_of(decide_by: datetime | None, now: datetime) -> WorkStatus:
    """Return where a deadline stands."""
    if decide_by is None or decide_by > now + DUE_WITHIN:
        return WorkStatus.PENDING
    return WorkStatus.OVERDUE if decide_by <= now else WorkStatus.DUE


def _task(task: ReleaseView) -> WorkItem:
    """Return the task of a named person, to release a restricted place to a recipient or to decline."""
    return WorkItem(
        side=DeliverySide.RECIPIENT,
        message=task.id,
        id=task.id,
        service=task.recipient,
        reference=task.id[:_REFERENCE],
        kind=PLACE_RELEASE,
        topic=task.service,
        lane=int(lane_of(Urgency.AMBER)),
        state=task.state,
        at=task.opened_at,
        decide_by=task.due_at,
        read_at=None,
    )


def _review(restriction: StoredRestriction) -> WorkItem:
    """Return the task to look at a restriction again: to keep it, or to lift it."""
    return WorkItem(
        side=DeliverySide.SENDER,
        message=restriction.id,
        id=restriction.id,
        service="",
        reference=restriction.id[:_REFERENCE],
        kind=PLACE_REVIEW,
        topic=PLACE_REVIEW,
        lane=int(lane_of(Urgency.AMBER)),
        state="open",
        at=restriction.declared_at,
        decide_by=restriction.review_at,
        read_at=None,
    )


def _line(item: WorkItem, now: datetime) -> WorkLine:
    return WorkLine(
        side=WorkSide.SENT if item.side is DeliverySide.SENDER else WorkSide.RECEIVED,
        id=item.id,
        reference=item.reference,
        service=item.service,
        kind=item.kind,
        topic=item.topic,
        urgency=str(_URGENCIES[item.lane]),
        state=item.state,
        at=item.at,
        status=status_of(item.decide_by, now),
        is_read=item.read_at is not None,
        decide_by=item.decide_by,
    )


def _outcomes(count: ClauseCount) -> ClauseOutcomes:
    return ClauseOutcomes(
        clause=count.clause,
        alerts=count.alerts,
        closed=count.closed,
        outcomes=count.outcomes,
        useful_share=round(count.useful / count.closed, 3) if count.closed else None,
        review_when=None if count.review_when is None else str(count.review_when),
        review_due=count.is_review_due,
    )
