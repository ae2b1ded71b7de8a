"""The newest document by which each trust anchor replaced its federation keys, as received."""

from sqlalchemy import select

from gateway.ports import Transaction
from gateway.store.engine.statement import Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, to_microseconds
from gateway.store.schema import anchor_keys
from gateway.store.tables.federation_records import StoredAnchorKeys

_INSERT = insertion(anchor_keys)
_PUT = Statement(
    _INSERT.on_conflict_do_update(
        index_elements=["anchor"],
        set_={
            "seq": _INSERT.excluded.seq,
            "raw": _INSERT.excluded.raw,
            "accepted_at": _INSERT.excluded.accepted_at,
        },
        where=anchor_keys.c.seq < _INSERT.excluded.seq,
    )
)
_LOAD = Statement(select(anchor_keys).order_by(anchor_keys.c.anchor))


def put(tx: Transaction, document: StoredAnchorKeys) -> bool:
    """Store a verified document; return false, storing nothing, where one with this number or a higher one is held."""
    values = {"anchor": document.anchor, "seq": document.seq, "raw": document.raw}
    return tx.run(_PUT, {**values, "accepted_at": to_microseconds(document.accepted_at)}) == 1


def get(tx: Transaction, *, anchor: str) -> StoredAnchorKeys | None:
    """Return the newest document of one anchor."""
    return next((each for each in load(tx) if each.anchor == anchor), None)


def load(tx: Transaction) -> tuple[StoredAnchorKeys, ...]:
    """Return the newest document of each anchor."""
    return tuple(
        StoredAnchorKeys(
            anchor=row.anchor, seq=row.seq, raw=bytes(row.raw), accepted_at=from_microseconds(row.accepted_at)
        )
        for row in tx.rows(_LOAD, {})
    )
