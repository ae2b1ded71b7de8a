"""Lookups and their answers."""

from datetime import timedelta

from gateway.ports import Store
from gateway.store.tables import lookups
from gateway.store.tables.lookups import COMPLETE, StoredLookupAnswer
from tests.gateway.store.makers import LATER, NOW, make_lookup


def test_a_lookup_and_its_answers_come_back_to_its_client(store: Store) -> None:
    store.write(lambda tx: lookups.create(tx, make_lookup()))
    assert store.write(lambda tx: lookups.add_answer(tx, lookup_id="lookup-1", service="b", sealed=b"2", at=NOW))
    assert store.write(lambda tx: lookups.add_answer(tx, lookup_id="lookup-1", service="a", sealed=b"1", at=NOW))

    found = store.read(lambda tx: lookups.get(tx, lookup_id="lookup-1", client_id="case-system"))

    assert found is not None
    assert found.lookup == make_lookup()
    assert found.completed_at is None
    assert found.answers == (
        StoredLookupAnswer(service="a", sealed=b"1", at=NOW),
        StoredLookupAnswer(service="b", sealed=b"2", at=NOW),
    )


def test_another_clients_lookup_is_as_absent_as_none(store: Store) -> None:
    store.write(lambda tx: lookups.create(tx, make_lookup()))
    assert store.read(lambda tx: lookups.get(tx, lookup_id="lookup-1", client_id="another")) is None
    assert store.read(lambda tx: lookups.get(tx, lookup_id="no-such", client_id="case-system")) is None


def test_the_same_key_of_the_same_client_returns_the_first_lookup(store: Store) -> None:
    assert store.write(lambda tx: lookups.create(tx, make_lookup())) is None
    assert store.write(lambda tx: lookups.create(tx, make_lookup(id="lookup-2"))) == make_lookup()
    assert store.read(lambda tx: lookups.get(tx, lookup_id="lookup-2", client_id="case-system")) is None
    assert store.write(lambda tx: lookups.create(tx, make_lookup(id="lookup-3", client_id="another"))) is None


def test_a_late_answer_replaces_the_earlier_one(store: Store) -> None:
    store.write(lambda tx: lookups.create(tx, make_lookup()))
    store.write(lambda tx: lookups.add_answer(tx, lookup_id="lookup-1", service="a", sealed=b"review", at=NOW))
    store.write(lambda tx: lookups.add_answer(tx, lookup_id="lookup-1", service="a", sealed=b"known", at=NOW))
    found = store.read(lambda tx: lookups.get(tx, lookup_id="lookup-1", client_id="case-system"))
    assert found is not None
    assert [answer.sealed for answer in found.answers] == [b"known"]


def test_a_lookup_completes_once(store: Store) -> None:
    store.write(lambda tx: lookups.create(tx, make_lookup()))
    assert store.write(lambda tx: lookups.complete(tx, lookup_id="lookup-1", at=NOW))
    assert not store.write(lambda tx: lookups.complete(tx, lookup_id="lookup-1", at=LATER))
    found = store.read(lambda tx: lookups.get(tx, lookup_id="lookup-1", client_id="case-system"))
    assert found is not None
    assert (found.lookup.state, found.completed_at) == (COMPLETE, NOW)


def test_past_its_keeping_a_lookup_loses_its_answers_and_keeps_its_account(store: Store) -> None:
    store.write(lambda tx: lookups.create(tx, make_lookup()))
    store.write(lambda tx: lookups.add_answer(tx, lookup_id="lookup-1", service="a", sealed=b"1", at=NOW))

    before = LATER - timedelta(seconds=1)
    assert store.write(lambda tx: lookups.erase_expired(tx, now=before, batch=10)) == 0
    assert store.write(lambda tx: lookups.erase_expired(tx, now=LATER, batch=10)) == 1

    kept = store.read(lambda tx: lookups.get(tx, lookup_id="lookup-1", client_id="case-system"))
    assert kept is not None
    assert kept.lookup == make_lookup()
    assert kept.answers == ()
    assert store.write(lambda tx: lookups.erase_expired(tx, now=LATER, batch=10)) == 0
