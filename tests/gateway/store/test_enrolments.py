"""Requests to be vouched for wait, so many at most and each until its own end."""

from datetime import timedelta

from gateway.ports import Store
from gateway.store.tables import enrolments
from gateway.store.tables.enrolments import WaitingEnrolment
from tests.gateway.store.makers import COUNCIL, LATER, NOW, POLICE

HOUR = timedelta(hours=1)


def waiting(entity: str = COUNCIL, raw: bytes = b"request") -> WaitingEnrolment:
    return WaitingEnrolment(entity=entity, raw=raw, received_at=NOW, expires_at=NOW + HOUR)


def put(store: Store, request: WaitingEnrolment, *, most: int | None = 2) -> bool:
    return store.write(lambda tx: enrolments.put(tx, request, most=most, now=request.received_at))


def test_a_request_waits_until_it_is_put_away(store: Store) -> None:
    assert put(store, waiting())
    assert store.read(lambda tx: enrolments.get(tx, entity=COUNCIL, now=LATER)) == waiting()
    assert store.read(lambda tx: enrolments.list(tx, now=LATER)) == (waiting(),)
    assert store.write(lambda tx: enrolments.remove(tx, entity=COUNCIL))
    assert not store.write(lambda tx: enrolments.remove(tx, entity=COUNCIL))
    assert store.read(lambda tx: enrolments.list(tx, now=LATER)) == ()


def test_one_entity_has_one_request(store: Store) -> None:
    put(store, waiting())
    put(store, waiting(raw=b"newer"))
    assert [each.raw for each in store.read(lambda tx: enrolments.list(tx, now=NOW))] == [b"newer"]


def test_so_many_wait_and_no_more(store: Store) -> None:
    assert put(store, waiting(COUNCIL))
    assert put(store, waiting(POLICE))
    assert not put(store, waiting("https://third.example"))
    assert put(store, waiting(POLICE, b"newer"))
    assert put(store, waiting("https://member.example"), most=None)
    assert len(store.read(lambda tx: enrolments.list(tx, now=NOW))) == 3


def test_an_expired_request_is_not_there_and_makes_room(store: Store) -> None:
    put(store, waiting(COUNCIL), most=1)
    assert store.read(lambda tx: enrolments.get(tx, entity=COUNCIL, now=NOW + HOUR)) is None
    assert store.read(lambda tx: enrolments.list(tx, now=NOW + HOUR)) == ()
    late = WaitingEnrolment(entity=POLICE, raw=b"r", received_at=NOW + HOUR, expires_at=NOW + 2 * HOUR)
    assert put(store, late, most=1)
