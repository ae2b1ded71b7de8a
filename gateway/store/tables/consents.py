"""Consents of this node's own case systems, and the references of all that ended.

What a consent says rests sealed. It is found by the keyed digests of its person, and by its own id.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, bindparam, or_, select, update

from gateway.ports import Transaction
from gateway.store.consent_schema import consent_keys, consent_tasks, consent_uses, consents, ended_consents
from gateway.store.engine.statement import Row, Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, optional_from_microseconds, to_microseconds

GRANTED, REFUSED, WITHDRAWN, EXPIRED = "granted", "refused", "withdrawn", "expired"
_SLOTS = 8
_NO_KEY = ""

_CREATE = Statement(insertion(consents).on_conflict_do_nothing(index_elements=["client_id", "idempotency_key"]))
_GET = Statement(select(consents).where(consents.c.id == bindparam("its_id")))
_BY_KEY = Statement(
    select(consents).where(
        consents.c.client_id == bindparam("its_client"), consents.c.idempotency_key == bindparam("its_key")
    )
)
_OF_CLIENT = Statement(
    select(consents)
    .where(
        consents.c.client_id == bindparam("its_client"),
        or_(
            consents.c.created_at < bindparam("before_at"),
            and_(consents.c.created_at == bindparam("before_at"), consents.c.id < bindparam("before_id")),
        ),
    )
    .order_by(consents.c.created_at.desc(), consents.c.id.desc())
    .limit(bindparam("most"))
)
_ENDING_OF_CLIENT = Statement(
    select(consents)
    .where(
        consents.c.client_id == bindparam("its_client"),
        consents.c.state == GRANTED,
        consents.c.expires_on <= bindparam("last"),
        or_(
            consents.c.created_at < bindparam("before_at"),
            and_(consents.c.created_at == bindparam("before_at"), consents.c.id < bindparam("before_id")),
        ),
    )
    .order_by(consents.c.created_at.desc(), consents.c.id.desc())
    .limit(bindparam("most"))
)
_UNWARNED = Statement(
    select(consents)
    .where(
        consents.c.state == GRANTED,
        consents.c.expires_on <= bindparam("last"),
        ~select(consent_tasks.c.id)
        .where(consent_tasks.c.consent == consents.c.id, consent_tasks.c.kind == bindparam("its_kind"))
        .exists(),
    )
    .order_by(consents.c.expires_on, consents.c.id)
    .limit(bindparam("most"))
)
_ALL = Statement(select(consents).order_by(consents.c.created_at, consents.c.id).limit(bindparam("most")))
_END = Statement(
    update(consents)
    .where(consents.c.id == bindparam("its_id"), consents.c.state == GRANTED)
    .values(
        state=bindparam("its_state"),
        ended_at=bindparam("at"),
        notices_due=bindparam("at"),
        sealed=bindparam("its_sealed"),
    )
)
_NOTIFIED = Statement(update(consents).where(consents.c.id == bindparam("its_id")).values(notices_due=None))
_TO_EXPIRE = Statement(
    select(consents)
    .where(consents.c.state == GRANTED, consents.c.expires_on < bindparam("today"))
    .order_by(consents.c.expires_on)
    .limit(bindparam("most"))
)
_TO_NOTIFY = Statement(
    select(consents)
    .where(consents.c.notices_due.is_not(None))
    .order_by(consents.c.notices_due)
    .limit(bindparam("most"))
)
_PUT_KEY = Statement(insertion(consent_keys).on_conflict_do_nothing(index_elements=["key", "consent"]))
_AGAINST = Statement(
    select(consents)
    .distinct()
    .select_from(consent_keys.join(consents, consents.c.id == consent_keys.c.consent))
    .where(
        or_(*(consent_keys.c.key == bindparam(f"key_{slot}") for slot in range(_SLOTS))),
        or_(consents.c.state == WITHDRAWN, consents.c.state == REFUSED),
    )
)
_USE = Statement(
    insertion(consent_uses).on_conflict_do_update(
        index_elements=["consent", "service", "purpose"], set_={"used_at": bindparam("used_at")}
    )
)
_USES = Statement(
    select(consent_uses)
    .where(consent_uses.c.consent == bindparam("its_consent"))
    .order_by(consent_uses.c.service, consent_uses.c.purpose)
)
_PUT_ENDED = Statement(insertion(ended_consents).on_conflict_do_nothing(index_elements=["key"]))
_ENDED = Statement(select(ended_consents.c.ended_at).where(ended_consents.c.key == bindparam("its_key")))
_PUT_TASK = Statement(insertion(consent_tasks).on_conflict_do_nothing(index_elements=["id"]))
_TASKS = Statement(
    select(consent_tasks)
    .where(consent_tasks.c.consent == bindparam("its_consent"))
    .order_by(consent_tasks.c.created_at, consent_tasks.c.kind, consent_tasks.c.id)
)
_DONE = Statement(
    update(consent_tasks)
    .where(consent_tasks.c.id == bindparam("its_id"), consent_tasks.c.done_at.is_(None))
    .values(done_at=bindparam("at"), outcome=bindparam("its_outcome"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRow:
    """One consent. ``service`` is the one of ours that recorded it; ``notices_due`` since when its end is not told."""

    id: str
    client_id: str
    idempotency_key: str
    request_digest: str
    service: str
    state: str
    created_at: datetime
    expires_on: date | None
    sealed: bytes
    ended_at: datetime | None = None
    notices_due: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentUse:
    """A service that was shown a consent, for a purpose."""

    service: str
    purpose: str
    used_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentTask:
    """Something that a named worker does about a consent that ended."""

    id: str
    consent: str
    kind: str
    client_id: str
    service: str
    created_at: datetime
    due_at: datetime
    sealed: bytes
    done_at: datetime | None = None
    outcome: str | None = None


def create(tx: Transaction, row: ConsentRow, keys: Iterable[str]) -> ConsentRow | None:
    """Store a new consent with the keys of its person and return none, or return what this key already stands for."""
    if not tx.run(_CREATE, _values(row)):
        rows = tx.rows(_BY_KEY, {"its_client": row.client_id, "its_key": row.idempotency_key})
        return _row(rows[0])
    for key in keys:
        tx.run(_PUT_KEY, {"key": key, "consent": row.id})
    return None


def get(tx: Transaction, consent: str) -> ConsentRow | None:
    """Return a consent, of whichever client."""
    rows = tx.rows(_GET, {"its_id": consent})
    return _row(rows[0]) if rows else None


def of_client(tx: Transaction, *, client_id: str, before: tuple[datetime, str], limit: int) -> tuple[ConsentRow, ...]:
    """Return a page of a client's consents, newest first, those older than ``before`` (time and id)."""
    at, last = before
    values = {"its_client": client_id, "before_at": to_microseconds(at), "before_id": last, "most": limit}
    return tuple(map(_row, tx.rows(_OF_CLIENT, values)))


def ending_of_client(
    tx: Transaction, *, client_id: str, last: date, before: tuple[datetime, str], limit: int
) -> tuple[ConsentRow, ...]:
    """Return a page of a client's consents in force that end by a day, as :func:`of_client` does."""
    values = {
        "its_client": client_id,
        "last": last.isoformat(),
        "before_at": to_microseconds(before[0]),
        "before_id": before[1],
        "most": limit,
    }
    return tuple(map(_row, tx.rows(_ENDING_OF_CLIENT, values)))


def unwarned(tx: Transaction, *, last: date, kind: str, limit: int) -> tuple[ConsentRow, ...]:
    """Return consents in force that end by a day and have no task of a kind yet, the first to end first."""
    return tuple(map(_row, tx.rows(_UNWARNED, {"last": last.isoformat(), "its_kind": kind, "most": limit})))


def list_all(tx: Transaction, *, limit: int) -> tuple[ConsentRow, ...]:
    """Return consents of every client, the oldest first."""
    return tuple(map(_row, tx.rows(_ALL, {"most": limit})))


def end(tx: Transaction, consent: str, *, state: str, sealed: bytes, at: datetime) -> bool:
    """Note that a consent was withdrawn or has run out; false where it had ended before."""
    values = {"its_id": consent, "its_state": state, "its_sealed": sealed, "at": to_microseconds(at)}
    return tx.run(_END, values) == 1


def to_expire(tx: Transaction, *, today: date, limit: int) -> tuple[ConsentRow, ...]:
    """Return consents whose last day is over."""
    return tuple(map(_row, tx.rows(_TO_EXPIRE, {"today": today.isoformat(), "most": limit})))


def to_notify(tx: Transaction, *, limit: int) -> tuple[ConsentRow, ...]:
    """Return consents whose end was not told to every service yet, the longest waiting first."""
    return tuple(map(_row, tx.rows(_TO_NOTIFY, {"most": limit})))


def mark_notified(tx: Transaction, consent: str) -> None:
    """Note that every service was told, or that a person has the task to."""
    tx.run(_NOTIFIED, {"its_id": consent})


def against(tx: Transaction, keys: Iterable[str]) -> tuple[ConsentRow, ...]:
    """Return what people with one of these keys withdrew or refused."""
    every, rows = list(keys), dict[str, ConsentRow]()
    for start in range(0, len(every), _SLOTS):
        slots = [*every[start : start + _SLOTS], *[_NO_KEY] * _SLOTS][:_SLOTS]
        for each in tx.rows(_AGAINST, {f"key_{slot}": key for slot, key in enumerate(slots)}):
            rows[each.id] = _row(each)
    return tuple(rows.values())


def note_use(tx: Transaction, consent: str, *, service: str, purpose: str, at: datetime) -> None:
    """Note that a service was shown a consent: it relies on it from now on."""
    tx.run(_USE, {"consent": consent, "service": service, "purpose": purpose, "used_at": to_microseconds(at)})


def uses(tx: Transaction, consent: str) -> tuple[ConsentUse, ...]:
    """Return the services that rely on a consent."""
    return tuple(
        ConsentUse(service=row.service, purpose=row.purpose, used_at=from_microseconds(row.used_at))
        for row in tx.rows(_USES, {"its_consent": consent})
    )


def put_ended(tx: Transaction, key: str, *, at: datetime) -> None:
    """Note that the consent of this key ended. The first notice stands."""
    tx.run(_PUT_ENDED, {"key": key, "ended_at": to_microseconds(at)})


def has_ended(tx: Transaction, key: str) -> bool:
    """Say whether the consent of this key is known to have ended."""
    return bool(tx.rows(_ENDED, {"its_key": key}))


def put_task(tx: Transaction, task: ConsentTask) -> None:
    """Open a task; one of this id stays as it is."""
    tx.run(
        _PUT_TASK,
        {
            "id": task.id,
            "consent": task.consent,
            "kind": task.kind,
            "client_id": task.client_id,
            "service": task.service,
            "created_at": to_microseconds(task.created_at),
            "due_at": to_microseconds(task.due_at),
            "done_at": None,
            "outcome": None,
            "sealed": task.sealed,
        },
    )


def tasks(tx: Transaction, consent: str) -> tuple[ConsentTask, ...]:
    """Return the tasks about a consent, open and done."""
    return tuple(map(_task, tx.rows(_TASKS, {"its_consent": consent})))


def finish_task(tx: Transaction, task: str, *, outcome: str, at: datetime) -> bool:
    """Note what came of a task; false where that was noted before."""
    return tx.run(_DONE, {"its_id": task, "its_outcome": outcome, "at": to_microseconds(at)}) == 1


def _values(row: ConsentRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "client_id": row.client_id,
        "idempotency_key": row.idempotency_key,
        "request_digest": row.request_digest,
        "service": row.service,
        "state": row.state,
        "created_at": to_microseconds(row.created_at),
        "expires_on": None if row.expires_on is None else row.expires_on.isoformat(),
        "ended_at": None if row.ended_at is None else to_microseconds(row.ended_at),
        "notices_due": None,
        "sealed": row.sealed,
    }


def _row(row: Row) -> ConsentRow:
    return ConsentRow(
        id=row.id,
        client_id=row.client_id,
        idempotency_key=row.idempotency_key,
        request_digest=row.request_digest,
        service=row.service,
        state=row.state,
        created_at=from_microseconds(row.created_at),
        expires_on=None if row.expires_on is None else date.fromisoformat(row.expires_on),
        ended_at=optional_from_microseconds(row.ended_at),
        notices_due=optional_from_microseconds(row.notices_due),
        sealed=row.sealed,
    )


def _task(row: Row) -> ConsentTask:
    return ConsentTask(
        id=row.id,
        consent=row.consent,
        kind=row.kind,
        client_id=row.client_id,
        service=row.service,
        created_at=from_microseconds(row.created_at),
        due_at=from_microseconds(row.due_at),
        done_at=optional_from_microseconds(row.done_at),
        outcome=row.outcome,
        sealed=row.sealed,
    )
