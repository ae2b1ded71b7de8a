"""The stored view of a federation: the newest statements, the replaced keys of anchors, and suspensions."""

from gateway.ports import Store, Transaction
from gateway.store.tables import anchor_keys, latest_statements, suspensions
from gateway.store.tables.federation_records import StoredAnchorKeys, StoredSuspension
from tests.gateway.store.makers import COUNCIL, LATER, NOW, POLICE
from trust.identifiers import EntityId

ANCHOR = EntityId("https://anchor.example")
MEMBER = EntityId(COUNCIL)


def test_the_newest_statement_seen_is_the_one_that_is_remembered(store: Store) -> None:
    store.write(
        lambda tx: latest_statements.record(tx, issued_at={(ANCHOR, MEMBER): LATER, (MEMBER, MEMBER): NOW}, seen_at=NOW)
    )
    store.write(lambda tx: latest_statements.record(tx, issued_at={(ANCHOR, MEMBER): NOW}, seen_at=LATER))
    assert store.read(lambda tx: latest_statements.latest(tx, issuer=ANCHOR, subject=COUNCIL)) == LATER
    assert store.read(lambda tx: latest_statements.latest(tx, issuer=COUNCIL, subject=COUNCIL)) == NOW
    assert store.read(lambda tx: latest_statements.latest(tx, issuer=ANCHOR, subject=POLICE)) is None


def test_an_anchors_keys_are_replaced_by_a_higher_number_only(store: Store) -> None:
    def put(tx: Transaction, seq: int, raw: bytes) -> bool:
        return anchor_keys.put(tx, StoredAnchorKeys(anchor=ANCHOR, seq=seq, raw=raw, accepted_at=NOW))

    assert store.write(lambda tx: put(tx, 2, b"second"))
    assert not store.write(lambda tx: put(tx, 1, b"first"))
    assert not store.write(lambda tx: put(tx, 2, b"another second"))
    assert store.write(lambda tx: put(tx, 3, b"third"))
    [held] = store.read(anchor_keys.load)
    assert (held.seq, held.raw, held.accepted_at) == (3, b"third", NOW)


def put_suspension(tx: Transaction, seq: int, subject: str, state: str, issuer: str = ANCHOR) -> bool:
    raw = f"{issuer} {seq}".encode()
    entry = StoredSuspension(issuer=issuer, seq=seq, subject=subject, state=state, issued_at=NOW, raw=raw)
    return suspensions.put(tx, entry)


def test_the_latest_entry_about_an_entity_decides(store: Store) -> None:
    assert store.write(lambda tx: put_suspension(tx, 1, COUNCIL, "suspended"))
    assert store.write(lambda tx: put_suspension(tx, 2, POLICE, "suspended"))
    assert store.write(lambda tx: put_suspension(tx, 3, COUNCIL, "active"))
    assert store.write(lambda tx: put_suspension(tx, 1, COUNCIL, "removed", issuer=POLICE))
    assert store.read(suspensions.states) == {
        (ANCHOR, COUNCIL): "active",
        (ANCHOR, POLICE): "suspended",
        (POLICE, COUNCIL): "removed",
    }
    assert store.read(suspensions.highest) == {ANCHOR: 3, POLICE: 1}


def test_an_entry_is_replaced_and_removed_by_its_number_alone(store: Store) -> None:
    assert store.write(lambda tx: put_suspension(tx, 1, COUNCIL, "suspended"))
    assert store.write(lambda tx: put_suspension(tx, 1, COUNCIL, "suspended", issuer=POLICE))
    entry = StoredSuspension(issuer=ANCHOR, seq=1, subject=MEMBER, state="active", issued_at=LATER, raw=b"anew")
    store.write(lambda tx: suspensions.replace(tx, entry))
    assert store.read(lambda tx: suspensions.after(tx, issuer=ANCHOR, seq=0, limit=9)) == (entry,)
    assert store.read(suspensions.states)[POLICE, COUNCIL] == "suspended"
    store.write(lambda tx: suspensions.remove(tx, issuer=ANCHOR, seq=1))
    assert store.read(suspensions.highest) == {POLICE: 1}


def test_a_number_is_given_once_and_the_log_is_read_from_any_number_on(store: Store) -> None:
    assert store.read(lambda tx: suspensions.next_seq(tx, issuer=ANCHOR)) == 1
    assert store.write(lambda tx: all(put_suspension(tx, seq, COUNCIL, "suspended") for seq in (1, 2, 3)))
    assert not store.write(lambda tx: put_suspension(tx, 2, POLICE, "suspended"))
    assert store.read(lambda tx: suspensions.next_seq(tx, issuer=ANCHOR)) == 4
    found = store.read(lambda tx: suspensions.after(tx, issuer=ANCHOR, seq=1, limit=1))
    assert [(each.seq, each.subject, each.raw) for each in found] == [(2, COUNCIL, f"{ANCHOR} 2".encode())]
