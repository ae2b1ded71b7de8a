"""The members that a trust anchor vouches for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, select, update

from gateway.ports import Transaction
from gateway.store.engine.statement import Row, Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, to_microseconds
from gateway.store.schema import members
from trust.federation.terms import NODE, SubordinateTerms, parse_terms, terms_to_json

_REMEMBERED = 4_096
"""Texts of members that are not read again: the list of a thousand of them is anybody's to ask for."""

_INSERT = insertion(members)
_ADMIT = Statement(
    _INSERT.on_conflict_do_update(
        index_elements=["entity"],
        set_={
            "jwks": _INSERT.excluded.jwks,
            "metadata": _INSERT.excluded.metadata,
            "state": _INSERT.excluded.state,
            "changed_at": _INSERT.excluded.changed_at,
        },
    )
)
_GET = Statement(select(members).where(members.c.entity == bindparam("entity")))
_LIST = Statement(select(members).order_by(members.c.entity))
_SET_STATE = Statement(
    update(members)
    .where(members.c.entity == bindparam("member"))
    .values(state=bindparam("new_state"), changed_at=bindparam("at"))
)
_SET_TERMS = Statement(
    update(members).where(members.c.entity == bindparam("member")).values(terms=bindparam("new_terms"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member, with the federation keys and the metadata that its superior states about it.

    ``terms`` is what else the statement about it says: whether it may vouch for others, and what binds those below it.
    """

    entity: str
    jwks: Mapping[str, Any]
    metadata: Mapping[str, Any]
    state: str
    admitted_at: datetime
    changed_at: datetime
    terms: SubordinateTerms = NODE


def admit(
    tx: Transaction,
    *,
    entity: str,
    jwks: Mapping[str, Any],
    metadata: Mapping[str, Any],
    state: str,
    at: datetime,
) -> None:
    """Store a member, or what changed of one that was admitted before; its terms stay."""
    moment = to_microseconds(at)
    values = {"entity": entity, "jwks": json.dumps(jwks), "metadata": json.dumps(metadata), "state": state}
    tx.run(_ADMIT, {**values, "admitted_at": moment, "changed_at": moment, "terms": None})


def get(tx: Transaction, *, entity: str) -> Member | None:
    """Return a member in any state, or none for a stranger."""
    rows = tx.rows(_GET, {"entity": entity})
    return _member(rows[0]) if rows else None


def list(tx: Transaction) -> tuple[Member, ...]:  # noqa: A001 - read as `members.list`
    """Return all members, in the order of their entities."""
    return tuple(_member(row) for row in tx.rows(_LIST, {}))


def set_state(tx: Transaction, *, entity: str, state: str, at: datetime) -> bool:
    """Change a member's state; return false for a stranger."""
    return tx.run(_SET_STATE, {"member": entity, "new_state": state, "at": to_microseconds(at)}) == 1


def set_terms(tx: Transaction, *, entity: str, terms: SubordinateTerms) -> bool:
    """Change what else is stated about a member; return false for a stranger."""
    return tx.run(_SET_TERMS, {"member": entity, "new_terms": json.dumps(terms_to_json(terms))}) == 1


def _member(row: Row) -> Member:
    return Member(
        entity=row.entity,
        jwks=_read(row.jwks),
        metadata=_read(row.metadata),
        state=row.state,
        admitted_at=from_microseconds(row.admitted_at),
        changed_at=from_microseconds(row.changed_at),
        terms=_terms(row.terms or "{}"),
    )


@lru_cache(maxsize=_REMEMBERED)
def _read(text: str) -> Mapping[str, Any]:
    document: Mapping[str, Any] = json.loads(text)
    return document


@lru_cache(maxsize=_REMEMBERED)
def _terms(text: str) -> SubordinateTerms:
    return parse_terms(json.loads(text))
