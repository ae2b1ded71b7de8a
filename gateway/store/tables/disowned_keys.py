"""Keys that an entity says are not its own although its superior vouches for them, as it said last."""

from collections.abc import Collection, Mapping

from sqlalchemy import bindparam, delete, select

from gateway.ports import Transaction
from gateway.store.engine.statement import Statement, insertion
from gateway.store.schema import disowned_keys

_PUT = Statement(insertion(disowned_keys).on_conflict_do_nothing(index_elements=["entity", "kid"]))
_CLEAR = Statement(delete(disowned_keys).where(disowned_keys.c.entity == bindparam("of")))
_KIDS = Statement(select(disowned_keys))


def replace(tx: Transaction, *, entity: str, kids: Collection[str]) -> None:
    """Store which keys an entity disowns now."""
    tx.run(_CLEAR, {"of": entity})
    for kid in kids:
        tx.run(_PUT, {"entity": entity, "kid": kid})


def kids(tx: Transaction) -> Mapping[str, frozenset[str]]:
    """Return the thumbprints of the keys that each entity disowns."""
    by_entity: dict[str, set[str]] = {}
    for row in tx.rows(_KIDS, {}):
        by_entity.setdefault(row.entity, set()).add(row.kid)
    return {entity: frozenset(each) for entity, each in by_entity.items()}
