"""On-call channels of services: when each was last tested, whether the test worked, and when it last rang."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from gateway.ports import Transaction
from gateway.store.delivery_schema import bells
from gateway.store.engine.statement import Row, Statement
from gateway.store.engine.timestamps import optional_from_microseconds, to_microseconds

_INSERT = insert(bells).values({column.name: bindparam(column.name) for column in bells.columns})
_NOTE_TEST = Statement(
    _INSERT.on_conflict_do_update(
        index_elements=["service", "channel"],
        set_={name: _INSERT.excluded[name] for name in ("tested_at", "worked")},
    )
)
_NOTE_RING = Statement(
    _INSERT.on_conflict_do_update(index_elements=["service", "channel"], set_={"rung_at": _INSERT.excluded.rung_at})
)
_LIST = Statement(select(bells).order_by(bells.c.service, bells.c.channel))


@dataclass(frozen=True, slots=True, kw_only=True)
class BellRecord:
    """What is known of one channel of a service."""

    service: str
    channel: str
    tested_at: datetime | None
    worked: bool
    rung_at: datetime | None


def note_test(tx: Transaction, *, service: str, channel: str, at: datetime, worked: bool) -> None:
    """Store the latest test of a channel."""
    values = {"service": service, "channel": channel, "tested_at": to_microseconds(at), "worked": int(worked)}
    tx.run(_NOTE_TEST, {**values, "rung_at": None})


def note_ring(tx: Transaction, *, service: str, channel: str, at: datetime) -> None:
    """Store when a channel last took a ring. A ring is no test."""
    values = {"service": service, "channel": channel, "tested_at": None, "worked": 0}
    tx.run(_NOTE_RING, {**values, "rung_at": to_microseconds(at)})


def list(tx: Transaction) -> tuple[BellRecord, ...]:  # noqa: A001 - read as `bells.list`
    """Return every channel that was tested or rang, by service."""
    return tuple(map(_record, tx.rows(_LIST, {})))


def _record(row: Row) -> BellRecord:
    return BellRecord(
        service=row.service,
        channel=row.channel,
        tested_at=optional_from_microseconds(row.tested_at),
        worked=bool(row.worked),
        rung_at=optional_from_microseconds(row.rung_at),
    )
