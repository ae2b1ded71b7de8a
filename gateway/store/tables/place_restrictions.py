"""Restrictions on the places of persons, found by keyed digests of what is known of the person."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import BindParameter, and_, bindparam, or_, select, update

from gateway.ports import Transaction
from gateway.store.engine.statement import Row, Statement, insertion, numbered_values
from gateway.store.engine.timestamps import from_microseconds, optional_from_microseconds, to_microseconds
from gateway.store.place_schema import place_keys, place_restrictions

_PUT = Statement(insertion(place_restrictions))
_GET = Statement(select(place_restrictions).where(place_restrictions.c.id == bindparam("its_id")))
_OF_CLIENT = Statement(
    select(place_restrictions)
    .where(place_restrictions.c.client_id == bindparam("its_client"), place_restrictions.c.lifted_at.is_(None))
    .order_by(place_restrictions.c.declared_at.desc(), place_restrictions.c.id)
)
_ALL = Statement(
    select(place_restrictions)
    .where(place_restrictions.c.lifted_at.is_(None))
    .order_by(place_restrictions.c.declared_at.desc(), place_restrictions.c.id)
)
_EVERY_CLIENT = "*"
_TO_REVIEW = Statement(
    select(place_restrictions)
    .where(
        or_(bindparam("its_client") == _EVERY_CLIENT, place_restrictions.c.client_id == bindparam("its_client")),
        place_restrictions.c.lifted_at.is_(None),
        place_restrictions.c.review_at <= bindparam("by"),
        or_(
            bindparam("after_at") < place_restrictions.c.review_at,
            and_(
                bindparam("after_at") == place_restrictions.c.review_at,
                place_restrictions.c.id > bindparam("after_id"),
            ),
        ),
    )
    .order_by(place_restrictions.c.review_at, place_restrictions.c.id)
    .limit(bindparam("most"))
)
_REVIEW = Statement(
    update(place_restrictions)
    .where(
        place_restrictions.c.id == bindparam("its_id"),
        place_restrictions.c.lifted_at.is_(None),
        place_restrictions.c.sealed == bindparam("was"),
    )
    .values(sealed=bindparam("its_sealed"), review_at=bindparam("at"))
)
_ASK_TO_LIFT = Statement(
    update(place_restrictions)
    .where(
        place_restrictions.c.id == bindparam("its_id"),
        place_restrictions.c.lifted_at.is_(None),
        place_restrictions.c.sealed_lift.is_(None),
    )
    .values(sealed_lift=bindparam("sealed"))
)
_LIFT = Statement(
    update(place_restrictions)
    .where(place_restrictions.c.id == bindparam("its_id"), place_restrictions.c.lifted_at.is_(None))
    .values(sealed_lift=bindparam("sealed"), lifted_at=bindparam("at"))
)


@cache
def _put_keys(count: int) -> Statement:
    return Statement(insertion(place_keys, rows=count).on_conflict_do_nothing())


@cache
def _find(count: int) -> Statement:
    keys: list[BindParameter[str]] = [bindparam(f"key{number}") for number in range(count)]
    items = select(place_keys.c.item).where(place_keys.c.key.in_(keys))
    return Statement(
        select(place_restrictions)
        .where(place_restrictions.c.id.in_(items), place_restrictions.c.lifted_at.is_(None))
        .order_by(place_restrictions.c.declared_at, place_restrictions.c.id)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRestriction:
    """One restriction. ``client_id`` is the case system that declared it, or empty for a command.

    ``sealed_lift`` is there once a first person asked to lift it.
    """

    id: str
    client_id: str
    sealed: bytes
    declared_at: datetime
    review_at: datetime | None = None
    sealed_lift: bytes | None = None
    lifted_at: datetime | None = None


def put(tx: Transaction, restriction: StoredRestriction, keys: Iterable[str]) -> None:
    """Store a restriction, to be found by these keys."""
    review_at = restriction.review_at
    tx.run(
        _PUT,
        {
            "id": restriction.id,
            "client_id": restriction.client_id,
            "sealed": restriction.sealed,
            "declared_at": to_microseconds(restriction.declared_at),
            "review_at": None if review_at is None else to_microseconds(review_at),
            "sealed_lift": None,
            "lifted_at": None,
        },
    )
    put_keys(tx, restriction.id, keys)


def put_keys(tx: Transaction, item: str, keys: Iterable[str]) -> None:
    """Let a restriction or a release be found by these keys."""
    rows = [{"key": key, "item": item} for key in dict.fromkeys(keys)]
    if rows:
        tx.run(_put_keys(len(rows)), numbered_values(rows))


def find(tx: Transaction, keys: Sequence[str]) -> tuple[StoredRestriction, ...]:
    """Return the restrictions in force that any of these keys finds."""
    if not keys:
        return ()
    values = {f"key{number}": key for number, key in enumerate(keys)}
    return tuple(map(_restriction, tx.rows(_find(len(keys)), values)))


def get(tx: Transaction, *, id: str) -> StoredRestriction | None:  # noqa: A002 - the column's name
    """Return a restriction, or none."""
    rows = tx.rows(_GET, {"its_id": id})
    return _restriction(rows[0]) if rows else None


def list_in_force(tx: Transaction, *, client_id: str | None) -> tuple[StoredRestriction, ...]:
    """Return the restrictions in force, newest first: those of one case system, or all."""
    rows = tx.rows(_ALL, {}) if client_id is None else tx.rows(_OF_CLIENT, {"its_client": client_id})
    return tuple(map(_restriction, rows))


def list_to_review(
    tx: Transaction, *, client_id: str | None, by: datetime, after: tuple[int, str] = (-1, ""), limit: int
) -> tuple[StoredRestriction, ...]:
    """Return restrictions in force whose review is due by a moment, the earliest first: of a case system, or all."""
    values = {
        "its_client": _EVERY_CLIENT if client_id is None else client_id,
        "by": to_microseconds(by),
        "after_at": after[0],
        "after_id": after[1],
        "most": limit,
    }
    return tuple(map(_restriction, tx.rows(_TO_REVIEW, values)))


def set_review(tx: Transaction, earlier: StoredRestriction, *, sealed: bytes, review_at: datetime) -> bool:
    """Store a review with the day of the next one; return false where the restriction changed meanwhile."""
    values = {"its_id": earlier.id, "was": earlier.sealed, "its_sealed": sealed, "at": to_microseconds(review_at)}
    return tx.run(_REVIEW, values) == 1


def ask_to_lift(tx: Transaction, *, id: str, sealed: bytes) -> bool:  # noqa: A002 - the column's name
    """Note that a first person asked to lift a restriction; return false where one did before."""
    return tx.run(_ASK_TO_LIFT, {"its_id": id, "sealed": sealed}) == 1


def lift(tx: Transaction, *, id: str, sealed: bytes, at: datetime) -> bool:  # noqa: A002 - the column's name
    """Lift a restriction; return false where it was lifted before."""
    return tx.run(_LIFT, {"its_id": id, "sealed": sealed, "at": to_microseconds(at)}) == 1


def _restriction(row: Row) -> StoredRestriction:
    return StoredRestriction(
        id=row.id,
        client_id=row.client_id,
        sealed=row.sealed,
        declared_at=from_microseconds(row.declared_at),
        review_at=optional_from_microseconds(row.review_at),
        sealed_lift=row.sealed_lift,
        lifted_at=optional_from_microseconds(row.lifted_at),
    )
