"""Accounts of questions end with their retention, and the leaves stay."""

from datetime import timedelta

from gateway.evidence import recorder
from gateway.ports import Transaction
from gateway.store.engine.postgres import PostgresStore
from gateway.store.engine.sqlite import SqliteStore
from gateway.store.retention import erase_accounts
from gateway.store.tables import (
    evidence_index,
    evidence_leaves,
    flags,
    justifications,
    lookup_messages,
    lookups,
    question_signatures,
    received_misuse_queries,
    sent_misuse_queries,
)
from gateway.store.tables.evidence_leaves import StoredLeaf, new_id
from gateway.store.tables.justifications import SampledLookup
from gateway.store.tables.received_misuse_queries import ReceivedMisuseQuery
from gateway.store.tables.sent_misuse_queries import SentMisuseQuery
from tests.gateway.store.makers import COUNCIL, NOW, make_lookup

END = b"\xff" * 16
LATE = NOW + timedelta(days=40)
MIDDLE = NOW + timedelta(days=20)


def fill(tx: Transaction) -> None:
    for name, at in (("old", NOW), ("new", LATE)):
        lookups.create(tx, make_lookup(id=name, idempotency_key=name, created_at=at, keep_until=at))
        lookup_messages.put(tx, message=name, lookup_id=name, sealed=b"sealed")
        justifications.put(tx, SampledLookup(lookup_id=name, client_id="c", taken_at=at, due_at=at))
        asked = SentMisuseQuery(query=name, asker=COUNCIL, message=name, asked_at=at, due_at=at, sealed_query=b"s")
        sent_misuse_queries.put(tx, asked)
        received_misuse_queries.put(
            tx, ReceivedMisuseQuery(holder=COUNCIL, query=name, received_at=at, due_at=at, sealed_query=b"sealed")
        )
        flags.raise_flag(tx, code=name, asker=COUNCIL, at=at)
        flags.review(tx, code=name, asker=COUNCIL, by="ann", at=at)
        stored = StoredLeaf(id=new_id(at), at=at, leaf=name.encode(), leaf_hash=bytes(32))
        recorder.record(tx, recorder.EvidenceEntry(stored=stored, keys=("person", name), sealed=b"sealed"))
    flags.raise_flag(tx, code="unreviewed", asker=COUNCIL, at=NOW)


def test_all_of_before_the_moment_goes_and_nothing_else(store: SqliteStore | PostgresStore) -> None:
    store.write(fill)
    assert erase_accounts(store, before=NOW) == 0
    assert erase_accounts(store, before=MIDDLE) == 9
    assert erase_accounts(store, before=MIDDLE) == 0

    def left(tx: Transaction) -> list[object]:
        return [
            [name for name in ("old", "new") if lookups.find(tx, lookup_id=name)],
            [name for name in ("old", "new") if lookup_messages.find(tx, message=name)],
            [each.lookup_id for each in justifications.list(tx, is_settled=True)],
            [each.query for each in sent_misuse_queries.list(tx)],
            [each.query for each in received_misuse_queries.list(tx)],
        ]

    assert store.read(left) == [["new"]] * 5
    [leaf] = store.read(lambda tx: evidence_index.find(tx, ("person", "old", "new"), before=END, limit=9))
    assert store.read(lambda tx: question_signatures.get(tx, leaf=leaf)) == b"sealed"
    assert store.read(evidence_leaves.count) == 2
    assert store.read(flags.count_open) == 1
