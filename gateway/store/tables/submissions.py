"""Submissions of case systems: one alert, referral or notice each, with a row of the outbox for each recipient."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, func, or_, select, update

from gateway.ports import Transaction
from gateway.store.delivery_schema import outbox, submissions
from gateway.store.engine.statement import Row, Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, optional_from_microseconds, to_microseconds

_CREATE = Statement(insertion(submissions).on_conflict_do_nothing(index_elements=["client_id", "idempotency_key"]))
_FIND_BY_KEY = Statement(
    select(submissions).where(
        submissions.c.client_id == bindparam("its_client"), submissions.c.idempotency_key == bindparam("its_key")
    )
)
_GET = Statement(select(submissions).where(submissions.c.id == bindparam("its_id")))
_QUEUED_AS = select(func.min(outbox.c.seq)).where(outbox.c.submission == submissions.c.id).scalar_subquery()
"""The steps of a run are submitted one after the other in one instant, so only the outbox knows their order."""
_OF_INCIDENT = Statement(
    select(submissions)
    .where(submissions.c.incident == bindparam("its_incident"))
    .order_by(submissions.c.created_at, _QUEUED_AS, submissions.c.id)
)
_OF_CLIENT = Statement(
    select(submissions)
    .where(
        submissions.c.client_id == bindparam("its_client"),
        submissions.c.kind == bindparam("its_kind"),
        or_(
            submissions.c.created_at < bindparam("before_at"),
            and_(submissions.c.created_at == bindparam("before_at"), submissions.c.id < bindparam("before_id")),
        ),
    )
    .order_by(submissions.c.created_at.desc(), submissions.c.id.desc())
    .limit(bindparam("most"))
)
_CLOSE = Statement(
    update(submissions)
    .where(submissions.c.id == bindparam("its_id"), submissions.c.closed_at.is_(None))
    .values(closed_at=bindparam("at"))
)

_RESEAL = Statement(
    update(submissions).where(submissions.c.id == bindparam("its_id")).values(sealed_request=bindparam("sealed"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionRow:
    """One submission. ``case_key`` is a keyed digest of the agency's own case; ``topic`` the word of its kind.

    ``idempotency_key`` and ``request_digest`` are keyed digests too: a case system may have put anything there.
    ``incident`` ties the submissions of one play together.
    """

    id: str
    client_id: str
    idempotency_key: str
    request_digest: str
    kind: str
    topic: str
    urgency: str
    case_key: str
    incident: str | None
    sealed_request: bytes | None
    created_at: datetime
    closed_at: datetime | None = None


_COLUMNS = tuple(field.name for field in fields(SubmissionRow))


def create(tx: Transaction, row: SubmissionRow) -> SubmissionRow | None:
    """Store a new submission and return none, or return the one that its client already made under this key."""
    values: dict[str, Any] = {name: getattr(row, name) for name in _COLUMNS}
    values["created_at"] = to_microseconds(row.created_at)
    if tx.run(_CREATE, {**values, "closed_at": None}):
        return None
    return find_by_key(tx, client_id=row.client_id, idempotency_key=row.idempotency_key)


def find_by_key(tx: Transaction, *, client_id: str, idempotency_key: str) -> SubmissionRow | None:
    """Return what a client submitted under a key."""
    rows = tx.rows(_FIND_BY_KEY, {"its_client": client_id, "its_key": idempotency_key})
    return _submission(rows[0]) if rows else None


def get(tx: Transaction, *, id: str) -> SubmissionRow | None:  # noqa: A002 - the column's name
    """Return a submission, of whichever client."""
    rows = tx.rows(_GET, {"its_id": id})
    return _submission(rows[0]) if rows else None


def of_incident(tx: Transaction, *, incident: str) -> tuple[SubmissionRow, ...]:
    """Return the submissions of one incident, oldest first."""
    return tuple(map(_submission, tx.rows(_OF_INCIDENT, {"its_incident": incident})))


def of_client(
    tx: Transaction, *, client_id: str, kind: str, before: tuple[datetime, str], limit: int
) -> tuple[SubmissionRow, ...]:
    """Return a page of a client's submissions of a kind, newest first, those older than ``before`` (time and id)."""
    at, id_ = before
    values = {
        "its_client": client_id,
        "its_kind": kind,
        "before_at": to_microseconds(at),
        "before_id": id_,
        "most": limit,
    }
    return tuple(map(_submission, tx.rows(_OF_CLIENT, values)))


def close(tx: Transaction, *, id: str, at: datetime) -> bool:  # noqa: A002 - the column's name
    """Close a submission; return false where it was closed before."""
    return tx.run(_CLOSE, {"its_id": id, "at": to_microseconds(at)}) == 1


def reseal(tx: Transaction, *, id: str, sealed: bytes) -> bool:  # noqa: A002 - the column's name
    """Replace the sealed record of a submission; return false where there is none."""
    return tx.run(_RESEAL, {"its_id": id, "sealed": sealed}) == 1


def _submission(row: Row) -> SubmissionRow:
    values = {name: getattr(row, name) for name in _COLUMNS}
    values["created_at"] = from_microseconds(row.created_at)
    values["closed_at"] = optional_from_microseconds(row.closed_at)
    return SubmissionRow(**values)
