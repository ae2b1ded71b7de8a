"""Tasks of a duty role: a question was refused for want of an agreement; share, or record why not.

What describes the person rests sealed until the task is decided or lapses, and is erased then with its keys.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache

from sqlalchemy import BindParameter, and_, bindparam, delete, func, or_, select, update

from gateway.ports import Transaction
from gateway.store.engine.statement import Row, Statement, insertion, numbered_values
from gateway.store.engine.timestamps import from_microseconds, optional_from_microseconds, to_microseconds
from gateway.store.sharing_schema import sharing_task_keys, sharing_tasks

_INSERT = insertion(sharing_tasks)
_OPEN = Statement(_INSERT)
_COUNT_IN = Statement(
    _INSERT.on_conflict_do_update(index_elements=["id"], set_={"questions": sharing_tasks.c.questions + 1})
)
_GET = Statement(select(sharing_tasks).where(sharing_tasks.c.id == bindparam("its_id")))
_OF_DAY = Statement(
    select(func.count().label("number"))
    .select_from(sharing_tasks)
    .where(
        sharing_tasks.c.peer == bindparam("its_peer"),
        sharing_tasks.c.day == bindparam("its_day"),
        sharing_tasks.c.is_summary == 0,
    )
)
_LIST_OPEN = Statement(
    select(sharing_tasks)
    .where(
        sharing_tasks.c.service == bindparam("its_service"),
        sharing_tasks.c.state == "open",
        or_(
            bindparam("after_at") < sharing_tasks.c.due_at,
            and_(bindparam("after_at") == sharing_tasks.c.due_at, sharing_tasks.c.id > bindparam("after_id")),
        ),
    )
    .order_by(sharing_tasks.c.due_at, sharing_tasks.c.id)
    .limit(bindparam("most"))
)
_DUE = Statement(
    select(sharing_tasks)
    .where(sharing_tasks.c.state == "open", sharing_tasks.c.due_at <= bindparam("by"))
    .limit(bindparam("most"))
)
_CLOSE = Statement(
    update(sharing_tasks)
    .where(sharing_tasks.c.id == bindparam("its_id"), sharing_tasks.c.state == "open")
    .values(state=bindparam("to_state"), decided_at=bindparam("at"), decision=bindparam("its_decision"), sealed=None)
)
_FORGET = Statement(delete(sharing_task_keys).where(sharing_task_keys.c.task == bindparam("its_id")))


@cache
def _put_keys(count: int) -> Statement:
    return Statement(insertion(sharing_task_keys, rows=count))


@cache
def _find(count: int) -> Statement:
    keys: list[BindParameter[str]] = [bindparam(f"key{number}") for number in range(count)]
    tasks = select(sharing_task_keys.c.task).where(sharing_task_keys.c.key.in_(keys))
    return Statement(
        select(sharing_tasks.c.id)
        .where(
            sharing_tasks.c.id.in_(tasks),
            sharing_tasks.c.peer == bindparam("its_peer"),
            sharing_tasks.c.day == bindparam("its_day"),
        )
        .limit(1)
    )


class TaskState(StrEnum):
    """Where a task stands. One that lapsed was decided by no person in time."""

    OPEN = "open"
    DECIDED = "decided"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """One task, or the summary of further ``questions`` of one ``peer`` on a day, which describes no person.

    ``asker`` is the service that asked, in full; ``service`` is this node's; ``code`` says why it was refused.
    """

    id: str
    peer: str
    asker: str
    service: str
    kind: str
    code: str
    day: str
    opened_at: datetime
    due_at: datetime
    sealed: bytes | None
    is_summary: bool = False
    questions: int = 1
    state: TaskState = TaskState.OPEN
    decided_at: datetime | None = None
    decision: str | None = None


def open(tx: Transaction, task: TaskRow, keys: Iterable[str]) -> None:  # noqa: A001 - read as `sharing_tasks.open`
    """Store a task, to be found by these keys of the person until it is closed."""
    tx.run(_OPEN, _values(task))
    rows = [{"key": key, "task": task.id} for key in dict.fromkeys(keys)]
    if rows:
        tx.run(_put_keys(len(rows)), numbered_values(rows))


def count_in(tx: Transaction, summary: TaskRow) -> None:
    """Store a summary, or count one more question in the one that is there."""
    tx.run(_COUNT_IN, _values(summary))


def get(tx: Transaction, *, id: str) -> TaskRow | None:  # noqa: A002 - the column's name
    """Return a task, or none."""
    rows = tx.rows(_GET, {"its_id": id})
    return _task(rows[0]) if rows else None


def is_open_today(tx: Transaction, keys: Sequence[str], *, peer: str, day: str) -> bool:
    """Say whether a peer's question about a person with one of these keys made a task on a day that is open still."""
    if not keys:
        return False
    values: dict[str, str | int] = {f"key{number}": key for number, key in enumerate(keys)}
    return bool(tx.rows(_find(len(keys)), {**values, "its_peer": peer, "its_day": day}))


def count_of_day(tx: Transaction, *, peer: str, day: str) -> int:
    """Return how many tasks a peer's questions made on a day, without the summaries."""
    return int(tx.rows(_OF_DAY, {"its_peer": peer, "its_day": day})[0].number)


def list_open(tx: Transaction, *, services: Iterable[str], after: tuple[int, str], limit: int) -> tuple[TaskRow, ...]:
    """Return tasks of these services that wait, from behind a place; the one that is due first first."""
    tasks: list[TaskRow] = []
    for service in services:
        values = {"its_service": service, "after_at": after[0], "after_id": after[1], "most": limit}
        tasks.extend(map(_task, tx.rows(_LIST_OPEN, values)))
    return tuple(sorted(tasks, key=lambda each: (each.due_at, each.id))[:limit])


def list_due(tx: Transaction, *, by: datetime, limit: int) -> tuple[TaskRow, ...]:
    """Return open tasks of every service that are due by a moment."""
    return tuple(map(_task, tx.rows(_DUE, {"by": to_microseconds(by), "most": limit})))


def close(
    tx: Transaction,
    *,
    id: str,  # noqa: A002 - the column's name
    state: TaskState,
    at: datetime,
    decision: str | None = None,
) -> bool:
    """Close a task and erase what describes the person; return false where it was closed before."""
    values = {"its_id": id, "to_state": str(state), "at": to_microseconds(at), "its_decision": decision}
    if tx.run(_CLOSE, values) != 1:
        return False
    tx.run(_FORGET, {"its_id": id})
    return True


def _values(task: TaskRow) -> dict[str, object]:
    return {
        "id": task.id,
        "peer": task.peer,
        "asker": task.asker,
        "service": task.service,
        "kind": task.kind,
        "code": task.code,
        "day": task.day,
        "questions": task.questions,
        "is_summary": int(task.is_summary),
        "state": str(task.state),
        "opened_at": to_microseconds(task.opened_at),
        "due_at": to_microseconds(task.due_at),
        "decided_at": None,
        "decision": None,
        "sealed": task.sealed,
    }


def _task(row: Row) -> TaskRow:
    return TaskRow(
        id=row.id,
        peer=row.peer,
        asker=row.asker,
        service=row.service,
        kind=row.kind,
        code=row.code,
        day=row.day,
        opened_at=from_microseconds(row.opened_at),
        due_at=from_microseconds(row.due_at),
        sealed=row.sealed,
        is_summary=bool(row.is_summary),
        questions=int(row.questions),
        state=TaskState(row.state),
        decided_at=optional_from_microseconds(row.decided_at),
        decision=row.decision,
    )
