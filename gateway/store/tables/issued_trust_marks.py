"""Every trust mark that this authority ever signed, and which it has revoked.

A mark is known by what was signed and not by its signature, of which others than ours may verify as well (A26).
An entity may have a mark of a type for as long as one of them, expired or not, is not revoked: an authority renews the
signed bytes by itself, and an administrator ends what they say.
"""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, select, update

from gateway.ports import Transaction
from gateway.store.engine.statement import Row, Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, optional_from_microseconds, to_microseconds
from gateway.store.schema import marks_issued
from trust.federation.trust_mark import mark_digest

_PUT = Statement(insertion(marks_issued).on_conflict_do_nothing(index_elements=["digest"]))
_GET = Statement(select(marks_issued).where(marks_issued.c.digest == bindparam("digest")))
_ORDERED = select(marks_issued).order_by(
    marks_issued.c.mark_type, marks_issued.c.subject, marks_issued.c.issued_at, marks_issued.c.digest
)
_ALL = Statement(_ORDERED)
_OF_TYPE = Statement(_ORDERED.where(marks_issued.c.mark_type == bindparam("kind")))
_OF_SUBJECT = Statement(_ORDERED.where(marks_issued.c.subject == bindparam("bearer")))
_OF_BOTH = Statement(
    _ORDERED.where(marks_issued.c.mark_type == bindparam("kind"), marks_issued.c.subject == bindparam("bearer"))
)
_REVOKE = Statement(
    update(marks_issued)
    .where(
        marks_issued.c.mark_type == bindparam("kind"),
        marks_issued.c.subject == bindparam("bearer"),
        marks_issued.c.revoked_at.is_(None),
    )
    .values(revoked_at=bindparam("at"), reason=bindparam("why"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedTrustMark:
    """One mark as it was signed; ``digest`` is :func:`trust.federation.trust_mark.mark_digest` of its bytes."""

    digest: str
    mark_type: str
    subject: str
    raw: bytes = field(repr=False)
    issued_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None = None
    reason: str | None = None


def put(tx: Transaction, mark: IssuedTrustMark) -> None:
    """Store a mark that was just signed."""
    tx.run(
        _PUT,
        {
            "digest": mark.digest,
            "mark_type": mark.mark_type,
            "subject": mark.subject,
            "raw": mark.raw,
            "issued_at": to_microseconds(mark.issued_at),
            "expires_at": None if mark.expires_at is None else to_microseconds(mark.expires_at),
            "revoked_at": None,
            "reason": None,
        },
    )


def get(tx: Transaction, *, raw: bytes) -> IssuedTrustMark | None:
    """Return the mark that says the same as ``raw``, whose signature is not looked at, if it was signed here."""
    rows = tx.rows(_GET, {"digest": mark_digest(raw)})
    return _mark(rows[0]) if rows else None


def list(  # noqa: A001 - read as `issued_trust_marks.list`
    tx: Transaction, *, mark_type: str | None = None, subject: str | None = None
) -> tuple[IssuedTrustMark, ...]:
    """Return the marks of a type, of a subject, of both or of all: by type and subject, the oldest of each first."""
    if mark_type is not None and subject is not None:
        rows = tx.rows(_OF_BOTH, {"kind": mark_type, "bearer": subject})
    elif mark_type is not None:
        rows = tx.rows(_OF_TYPE, {"kind": mark_type})
    elif subject is not None:
        rows = tx.rows(_OF_SUBJECT, {"bearer": subject})
    else:
        rows = tx.rows(_ALL, {})
    return tuple(_mark(row) for row in rows)


def revoke(tx: Transaction, *, mark_type: str, subject: str, reason: str, at: datetime) -> int:
    """Revoke every mark of a type that a subject has, renewed ones too; return how many it were."""
    return tx.run(_REVOKE, {"kind": mark_type, "bearer": subject, "why": reason, "at": to_microseconds(at)})


def _mark(row: Row) -> IssuedTrustMark:
    return IssuedTrustMark(
        digest=row.digest,
        mark_type=row.mark_type,
        subject=row.subject,
        raw=bytes(row.raw),
        issued_at=from_microseconds(row.issued_at),
        expires_at=optional_from_microseconds(row.expires_at),
        revoked_at=optional_from_microseconds(row.revoked_at),
        reason=row.reason,
    )
