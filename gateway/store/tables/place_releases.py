"""Releases of a restricted place to one recipient, each a task of a named person and what they decided."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache

from sqlalchemy import BindParameter, and_, bindparam, or_, select, update

from gateway.ports import Transaction
from gateway.store.engine.statement import Row, Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, optional_from_microseconds, to_microseconds
from gateway.store.place_schema import place_keys, place_releases
from gateway.store.tables.place_restrictions import put_keys

_OPEN = Statement(insertion(place_releases).on_conflict_do_nothing(index_elements=["task_key"]))
_GET = Statement(select(place_releases).where(place_releases.c.id == bindparam("its_id")))
_BY_TASK = Statement(select(place_releases).where(place_releases.c.task_key == bindparam("its_key")))
_LIST_OPEN = Statement(
    select(place_releases)
    .where(
        place_releases.c.service == bindparam("its_service"),
        place_releases.c.state == "open",
        or_(
            bindparam("after_at") < place_releases.c.due_at,
            and_(bindparam("after_at") == place_releases.c.due_at, place_releases.c.id > bindparam("after_id")),
        ),
    )
    .order_by(place_releases.c.due_at, place_releases.c.id)
    .limit(bindparam("most"))
)
_DECIDE = Statement(
    update(place_releases)
    .where(place_releases.c.id == bindparam("its_id"), place_releases.c.state == bindparam("from_state"))
    .values(
        state=bindparam("to_state"),
        sealed=bindparam("its_seal"),
        decided_at=bindparam("at"),
        until=bindparam("its_end"),
    )
)


@cache
def _is_released(count: int) -> Statement:
    keys: list[BindParameter[str]] = [bindparam(f"key{number}") for number in range(count)]
    items = select(place_keys.c.item).where(place_keys.c.key.in_(keys))
    return Statement(
        select(place_releases.c.id)
        .where(
            place_releases.c.id.in_(items),
            place_releases.c.recipient == bindparam("its_recipient"),
            place_releases.c.state == "released",
            place_releases.c.until > bindparam("now"),
        )
        .limit(1)
    )


class ReleaseState(StrEnum):
    """Where a release stands; ``ended`` is one that was taken back."""

    OPEN = "open"
    RELEASED = "released"
    DECLINED = "declined"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRelease:
    """One task or decision. ``service`` is this node's, whose duty role decides; ``recipient`` a service in full.

    ``task_key`` is a keyed digest of record and recipient, so that there is one task for both.
    """

    id: str
    task_key: str
    service: str
    recipient: str
    state: ReleaseState
    sealed: bytes
    opened_at: datetime
    due_at: datetime
    decided_at: datetime | None = None
    until: datetime | None = None


def open(tx: Transaction, release: StoredRelease, keys: Iterable[str]) -> bool:  # noqa: A001 - read as `place_releases.open`
    """Store a task, to be found by these keys of the person; return false where there is one for this task key."""
    values = {
        "id": release.id,
        "task_key": release.task_key,
        "service": release.service,
        "recipient": release.recipient,
        "state": str(release.state),
        "sealed": release.sealed,
        "opened_at": to_microseconds(release.opened_at),
        "due_at": to_microseconds(release.due_at),
        "decided_at": _optional(release.decided_at),
        "until": _optional(release.until),
    }
    if tx.run(_OPEN, values) != 1:
        return False
    put_keys(tx, release.id, keys)
    return True


def get(tx: Transaction, *, id: str) -> StoredRelease | None:  # noqa: A002 - the column's name
    """Return a release, or none."""
    rows = tx.rows(_GET, {"its_id": id})
    return _release(rows[0]) if rows else None


def of_task(tx: Transaction, *, task_key: str) -> StoredRelease | None:
    """Return the release for a record and a recipient, or none."""
    rows = tx.rows(_BY_TASK, {"its_key": task_key})
    return _release(rows[0]) if rows else None


def list_open(
    tx: Transaction, *, services: Iterable[str], after: tuple[int, str], limit: int
) -> tuple[StoredRelease, ...]:
    """Return tasks of these services that wait, from behind a place; the one that is due first first."""
    releases: list[StoredRelease] = []
    for service in services:
        values = {"its_service": service, "after_at": after[0], "after_id": after[1], "most": limit}
        releases.extend(map(_release, tx.rows(_LIST_OPEN, values)))
    return tuple(sorted(releases, key=lambda each: (each.due_at, each.id))[:limit])


def decide(tx: Transaction, release: StoredRelease, *, was: ReleaseState) -> bool:
    """Store what was decided; return false where the release is not in the state ``was`` any more."""
    values = {
        "its_id": release.id,
        "from_state": str(was),
        "to_state": str(release.state),
        "its_seal": release.sealed,
        "at": _optional(release.decided_at),
        "its_end": _optional(release.until),
    }
    return tx.run(_DECIDE, values) == 1


def is_released(tx: Transaction, keys: Sequence[str], *, recipient: str, now: datetime) -> bool:
    """Say whether a named person released the place of a person with one of these keys to a recipient."""
    if not keys:
        return False
    values: dict[str, str | int] = {f"key{number}": key for number, key in enumerate(keys)}
    return bool(tx.rows(_is_released(len(keys)), {**values, "its_recipient": recipient, "now": to_microseconds(now)}))


def _optional(at: datetime | None) -> int | None:
    return None if at is None else to_microseconds(at)


def _release(row: Row) -> StoredRelease:
    return StoredRelease(
        id=row.id,
        task_key=row.task_key,
        service=row.service,
        recipient=row.recipient,
        state=ReleaseState(row.state),
        sealed=row.sealed,
        opened_at=from_microseconds(row.opened_at),
        due_at=from_microseconds(row.due_at),
        decided_at=optional_from_microseconds(row.decided_at),
        until=optional_from_microseconds(row.until),
    )
