"""Changes that take two administrators: asked for by one, made by a second, or made at once in an emergency."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, or_, select, update

from gateway.ports import Transaction
from gateway.store.engine.statement import Row, Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, optional_from_microseconds, to_microseconds
from gateway.store.schema import changes

_PUT = Statement(insertion(changes))
_GET = Statement(select(changes).where(changes.c.id == bindparam("id")))
_LIST = Statement(select(changes).order_by(changes.c.requested_at, changes.c.id))
_SECOND = Statement(
    update(changes)
    .where(changes.c.id == bindparam("change"), changes.c.state == bindparam("from_state"))
    .values(state=bindparam("to_state"), second_by=bindparam("by"), second_at=bindparam("at"))
)
_ANNOUNCE = Statement(
    update(changes)
    .where(or_(changes.c.state == "pending", changes.c.state == "unreviewed"), changes.c.announced_at.is_(None))
    .values(announced_at=bindparam("at"))
)


class ChangeState(StrEnum):
    """What has become of a change."""

    PENDING = "pending"
    """It waits for a second administrator, and is not made."""
    APPROVED = "approved"
    """A second administrator agreed, and it was made."""
    UNREVIEWED = "unreviewed"
    """It was made in an emergency, and no second administrator has looked at it since."""
    REVIEWED = "reviewed"
    """It was made in an emergency, and a second administrator has looked at it."""
    WITHDRAWN = "withdrawn"
    """It was given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change; ``arguments`` are what its act needs to be done. No person stands in it but the administrators.

    ``requested_known_by`` is what proved who asked for it. ``announced_at`` is when members were first told of it, at
    an agency with one administrator.
    """

    id: str
    act: str
    arguments: Mapping[str, Any]
    reason: str
    state: ChangeState
    requested_by: str
    requested_known_by: str
    requested_at: datetime
    emergency: str | None = None
    second_by: str | None = None
    second_at: datetime | None = None
    announced_at: datetime | None = None


def put(tx: Transaction, change: Change) -> None:
    """Store a new change."""
    tx.run(
        _PUT,
        {
            "id": change.id,
            "act": change.act,
            "arguments": json.dumps(dict(change.arguments)),
            "reason": change.reason,
            "state": change.state,
            "emergency": change.emergency,
            "requested_by": change.requested_by,
            "requested_at": to_microseconds(change.requested_at),
            "second_by": None,
            "second_at": None,
            "requested_known_by": change.requested_known_by,
            "announced_at": None,
        },
    )


def get(tx: Transaction, *, id: str) -> Change | None:  # noqa: A002 - the column's name
    """Return a change, if there is one with this id."""
    rows = tx.rows(_GET, {"id": id})
    return _change(rows[0]) if rows else None


def list(tx: Transaction) -> tuple[Change, ...]:  # noqa: A001 - read as `pending_changes.list`
    """Return every change, the oldest first."""
    return tuple(_change(row) for row in tx.rows(_LIST, {}))


def move(tx: Transaction, change: Change, to: ChangeState, *, by: str, at: datetime) -> bool:
    """Let a second administrator move a change on; return false where it is no longer in the state it was read in."""
    values = {"change": change.id, "from_state": change.state, "to_state": to, "by": by, "at": to_microseconds(at)}
    return tx.run(_SECOND, values) == 1


def announce(tx: Transaction, *, at: datetime) -> tuple[Change, ...]:
    """Return what waits for a second administrator or a review, after noting that members are told of it from now."""
    tx.run(_ANNOUNCE, {"at": to_microseconds(at)})
    return tuple(each for each in list(tx) if each.state in {ChangeState.PENDING, ChangeState.UNREVIEWED})


def _change(row: Row) -> Change:
    return Change(
        id=row.id,
        act=row.act,
        arguments=json.loads(row.arguments),
        reason=row.reason,
        state=ChangeState(row.state),
        requested_by=row.requested_by,
        requested_known_by=row.requested_known_by,
        requested_at=from_microseconds(row.requested_at),
        emergency=row.emergency,
        second_by=row.second_by,
        second_at=optional_from_microseconds(row.second_at),
        announced_at=optional_from_microseconds(row.announced_at),
    )
