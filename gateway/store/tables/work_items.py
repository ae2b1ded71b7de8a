"""Messages and tasks that wait for a person, at both sides, and what the decisions on this node's alerts were."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, func, literal_column, or_, select

from gateway.ports import Transaction
from gateway.store.consent_schema import consent_tasks
from gateway.store.delivery_schema import RECEIVED_UNDECIDED, SENT_UNDECIDED, inbox, outbox, submissions
from gateway.store.engine.statement import Row, Statement
from gateway.store.engine.timestamps import from_microseconds, optional_from_microseconds, to_microseconds
from gateway.store.tables import sharing_tasks
from gateway.store.tables.delivery_events import DeliverySide

SHARING_TASK = "sharing-task"
"""The kind of an item that asks a duty role to share without an agreement, or to record why not."""
CONSENT_TASK = "consent"
"""The kind of an item that is a worker's task about a consent."""
_AMBER = 1
_NEVER = 2**62
"""Behind every deadline: a message without one comes last."""
_SENT_BY = func.coalesce(outbox.c.decide_by, _NEVER)
_RECEIVED_BY = func.coalesce(inbox.c.decide_by, _NEVER)
_SENT = Statement(
    select(
        outbox.c.message,
        outbox.c.submission.label("id"),
        outbox.c.service,
        outbox.c.reference,
        outbox.c.kind,
        submissions.c.topic,
        outbox.c.lane,
        outbox.c.state,
        outbox.c.created_at.label("at"),
        outbox.c.decide_by,
        outbox.c.read_at,
    )
    .select_from(outbox.join(submissions, submissions.c.id == outbox.c.submission))
    .where(
        SENT_UNDECIDED,
        submissions.c.client_id == bindparam("its_client"),
        or_(
            bindparam("after_at") < _SENT_BY,
            and_(bindparam("after_at") == _SENT_BY, outbox.c.message > bindparam("after_message")),
        ),
    )
    .order_by(_SENT_BY, outbox.c.message)
    .limit(bindparam("most"))
)
_RECEIVED = Statement(
    select(
        inbox.c.message,
        inbox.c.message.label("id"),
        inbox.c.from_service.label("service"),
        inbox.c.reference,
        inbox.c.kind,
        inbox.c.topic,
        inbox.c.lane,
        inbox.c.state,
        inbox.c.received_at.label("at"),
        inbox.c.decide_by,
        inbox.c.read_at,
    )
    .where(
        RECEIVED_UNDECIDED,
        inbox.c.service == bindparam("its_service"),
        or_(
            bindparam("after_at") < _RECEIVED_BY,
            and_(bindparam("after_at") == _RECEIVED_BY, inbox.c.message > bindparam("after_message")),
        ),
    )
    .order_by(_RECEIVED_BY, inbox.c.message)
    .limit(bindparam("most"))
)
EVERY_CLIENT = ""
_TASKS = Statement(
    select(consent_tasks)
    .where(
        consent_tasks.c.done_at.is_(None),
        consent_tasks.c.client_id == bindparam("its_client"),
        or_(
            bindparam("after_at") < consent_tasks.c.due_at,
            and_(bindparam("after_at") == consent_tasks.c.due_at, consent_tasks.c.id > bindparam("after_message")),
        ),
    )
    .order_by(consent_tasks.c.due_at, consent_tasks.c.id)
    .limit(bindparam("most"))
)
_OUTCOMES = Statement(
    select(outbox.c.clause, outbox.c.decision, func.count(literal_column("1")).label("number"))
    .select_from(outbox.join(submissions, submissions.c.id == outbox.c.submission))
    .where(
        or_(bindparam("its_client") == "", submissions.c.client_id == bindparam("its_client")),
        outbox.c.kind == bindparam("its_kind"),
        outbox.c.created_at >= bindparam("since"),
        outbox.c.clause.is_not(None),
    )
    .group_by(outbox.c.clause, outbox.c.decision)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItem:
    """One message that waits. ``id`` is that of the submission, or of the message in the inbox.

    ``service`` is the other side's; ``lane`` is 0 for red, 1 for amber and 2 for green.
    """

    side: DeliverySide
    message: str
    id: str
    service: str
    reference: str
    kind: str
    topic: str
    lane: int
    state: str
    at: datetime
    decide_by: datetime | None
    read_at: datetime | None

    @property
    def place(self) -> tuple[int, str]:
        """The place in the list: what is due first comes first."""
        return _NEVER if self.decide_by is None else to_microseconds(self.decide_by), self.message


def list_sent(tx: Transaction, *, client_id: str, after: tuple[int, str], limit: int) -> tuple[WorkItem, ...]:
    """Return messages of a client that their recipients have not decided, from behind a place."""
    values = {"its_client": client_id, "after_at": after[0], "after_message": after[1], "most": limit}
    return tuple(_item(row, DeliverySide.SENDER) for row in tx.rows(_SENT, values))


def list_received(
    tx: Transaction, *, services: Iterable[str], after: tuple[int, str], limit: int
) -> tuple[WorkItem, ...]:
    """Return messages that these services of this node have not decided, from behind a place."""
    items: list[WorkItem] = []
    for service in services:
        values = {"its_service": service, "after_at": after[0], "after_message": after[1], "most": limit}
        items.extend(_item(row, DeliverySide.RECIPIENT) for row in tx.rows(_RECEIVED, values))
    return tuple(sorted(items, key=lambda each: each.place)[:limit])


def list_tasks(tx: Transaction, *, client_id: str, after: tuple[int, str], limit: int) -> tuple[WorkItem, ...]:
    """Return open tasks about consents that a client recorded, from behind a place; ``id`` is the consent's."""
    values = {"its_client": client_id, "after_at": after[0], "after_message": after[1], "most": limit}
    return tuple(
        WorkItem(
            side=DeliverySide.SENDER,
            message=row.id,
            id=row.consent,
            service=row.service,
            reference="",
            kind=CONSENT_TASK,
            topic=row.kind,
            lane=_AMBER,
            state="open",
            at=from_microseconds(row.created_at),
            decide_by=from_microseconds(row.due_at),
            read_at=None,
        )
        for row in tx.rows(_TASKS, values)
    )


def list_sharing_tasks(
    tx: Transaction, *, services: Iterable[str], after: tuple[int, str], limit: int
) -> tuple[WorkItem, ...]:
    """Return open tasks of these services to share or to record why not, from behind a place."""
    return tuple(
        WorkItem(
            side=DeliverySide.RECIPIENT,
            message=task.id,
            id=task.id,
            service=task.asker,
            reference=task.id[:8],
            kind=SHARING_TASK,
            topic=task.code,
            lane=_AMBER,
            state=str(task.state),
            at=task.opened_at,
            decide_by=task.due_at,
            read_at=None,
        )
        for task in sharing_tasks.list_open(tx, services=services, after=after, limit=limit)
    )


def outcomes(
    tx: Transaction, *, kind: str, since: datetime, client_id: str = EVERY_CLIENT
) -> dict[str, dict[str | None, int]]:
    """Return how often each decision was made on messages of one client or of all, by clause; ``None`` for none."""
    counts: defaultdict[str, dict[str | None, int]] = defaultdict(dict)
    values = {"its_client": client_id, "its_kind": kind, "since": to_microseconds(since)}
    for row in tx.rows(_OUTCOMES, values):
        counts[row.clause][row.decision] = int(row.number)
    return dict(counts)


def _item(row: Row, side: DeliverySide) -> WorkItem:
    return WorkItem(
        side=side,
        message=row.message,
        id=row.id,
        service=row.service,
        reference=row.reference,
        kind=row.kind,
        topic=row.topic,
        lane=row.lane,
        state=row.state,
        at=from_microseconds(row.at),
        decide_by=optional_from_microseconds(row.decide_by),
        read_at=optional_from_microseconds(row.read_at),
    )
