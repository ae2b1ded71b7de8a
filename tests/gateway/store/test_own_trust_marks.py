"""The trust marks that this node holds of others."""

from gateway.ports import Store
from gateway.store.tables import own_trust_marks
from gateway.store.tables.own_trust_marks import OwnTrustMark
from tests.gateway.store.makers import LATER, NOW

TYPE, ISSUER = "https://anchor.example/marks/assured", "https://anchor.example"


def test_a_newer_mark_takes_the_place_of_the_older(store: Store) -> None:
    store.write(lambda tx: own_trust_marks.put(tx, mark_type=TYPE, issuer=ISSUER, raw=b"old", added_at=NOW))
    store.write(lambda tx: own_trust_marks.put(tx, mark_type=TYPE, issuer=ISSUER, raw=b"new", added_at=LATER))
    assert store.read(own_trust_marks.list) == (
        OwnTrustMark(mark_type=TYPE, issuer=ISSUER, raw=b"new", added_at=LATER),
    )


def test_a_mark_is_forgotten_once(store: Store) -> None:
    store.write(lambda tx: own_trust_marks.put(tx, mark_type=TYPE, issuer=ISSUER, raw=b"m", added_at=NOW))
    assert store.write(lambda tx: own_trust_marks.remove(tx, mark_type=TYPE, issuer=ISSUER))
    assert not store.write(lambda tx: own_trust_marks.remove(tx, mark_type=TYPE, issuer=ISSUER))
    assert store.read(own_trust_marks.list) == ()
