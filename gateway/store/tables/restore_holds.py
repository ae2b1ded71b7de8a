"""Parts of a restored store that wait for an administrator, since they may have been closed after the copy.

The copy does not know what was revoked, ended, declined or removed since. What peers can tell is taken from them; each
of the rest is held: registered clients, changes that wait for a second administrator, agreements, members and marks.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Text, bindparam, delete, insert, literal_column, select

from gateway.ports import Transaction
from gateway.store.engine.statement import Statement
from gateway.store.schema import agreements, changes, clients, marks_issued, members, restore_holds


class HoldKind(StrEnum):
    """The kinds of what is held."""

    CLIENT = "client"
    CHANGE = "change"
    AGREEMENT = "agreement"
    MEMBER = "member"
    MARK = "mark"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreHold:
    """One thing that is held: a client's, change's or member's id, or the digest of an agreement or a mark."""

    kind: HoldKind
    name: str


_KIND, _NAME = restore_holds.c.kind, restore_holds.c.name


def _all(kind: HoldKind, name: ColumnElement[str], *conditions: ColumnElement[bool]) -> Statement:
    chosen = select(literal_column(f"'{kind}'", Text), name).where(*conditions)
    return Statement(insert(restore_holds).from_select(["kind", "name"], chosen))


_CLEAR = Statement(delete(restore_holds))
_HOLD = (
    _all(HoldKind.CLIENT, clients.c.client_id, clients.c.revoked_at.is_(None)),
    _all(HoldKind.CHANGE, changes.c.id, changes.c.state == literal_column("'pending'")),
    _all(HoldKind.AGREEMENT, agreements.c.digest, agreements.c.ended_at.is_(None)),
    _all(HoldKind.MEMBER, members.c.entity, members.c.state == literal_column("'active'")),
    _all(HoldKind.MARK, marks_issued.c.digest, marks_issued.c.revoked_at.is_(None)),
)
_HELD = Statement(select(_NAME).where(bindparam("of") == _KIND, bindparam("named") == _NAME))
_LIST = Statement(select(restore_holds).order_by(_KIND, _NAME))
_RELEASE = Statement(delete(restore_holds).where(bindparam("of") == _KIND, bindparam("named") == _NAME))


def hold_all(tx: Transaction) -> None:
    """Hold all that is open in a store that was just restored."""
    tx.run(_CLEAR, {})
    for statement in _HOLD:
        tx.run(statement, {})


def is_held(tx: Transaction, kind: HoldKind, name: str) -> bool:
    """Say whether something is held."""
    return bool(tx.rows(_HELD, {"of": kind, "named": name}))


def list(tx: Transaction) -> tuple[RestoreHold, ...]:  # noqa: A001 - read as `restore_holds.list`
    """Return all that is held, by kind and name."""
    return tuple(RestoreHold(kind=HoldKind(row.kind), name=row.name) for row in tx.rows(_LIST, {}))


def release(tx: Transaction, kind: HoldKind, names: Iterable[str]) -> None:
    """Release what peers have answered for."""
    for name in names:
        tx.run(_RELEASE, {"of": kind, "named": name})


def release_all(tx: Transaction) -> None:
    """Release the rest, which an administrator has confirmed."""
    tx.run(_CLEAR, {})
