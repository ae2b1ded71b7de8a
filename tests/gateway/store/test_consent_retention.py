"""Consents that ended are erased after their period; what is in force, and the keyed name of an end, stay."""

from datetime import date, timedelta

from gateway.ports import Transaction
from gateway.store.engine.postgres import PostgresStore
from gateway.store.engine.sqlite import SqliteStore
from gateway.store.retention import erase_consents
from gateway.store.tables import consents
from gateway.store.tables.consents import ConsentRow, ConsentTask
from tests.gateway.store.makers import COUNCIL, NOW

LATE = NOW + timedelta(days=40)


def fill(tx: Transaction) -> None:
    for name, state in (
        ("granted", consents.GRANTED),
        ("refused", consents.REFUSED),
        ("ended", consents.GRANTED),
        ("ended-late", consents.GRANTED),
        ("untold", consents.GRANTED),
    ):
        row = ConsentRow(
            id=name,
            client_id="c",
            idempotency_key=name,
            request_digest="d",
            service="s",
            state=state,
            created_at=NOW,
            expires_on=date(2026, 12, 31),
            sealed=b"sealed",
        )
        consents.create(tx, row, ["key", f"key of {name}"])
        consents.note_use(tx, name, service=COUNCIL, purpose="help", at=NOW)
        consents.put_task(
            tx,
            ConsentTask(
                id=name, consent=name, kind="k", client_id="c", service="s", created_at=NOW, due_at=NOW, sealed=b""
            ),
        )
    for name, at in (("ended", NOW), ("ended-late", LATE), ("untold", NOW)):
        consents.end(tx, name, state=consents.WITHDRAWN, sealed=b"sealed", at=at)
        consents.put_ended(tx, name, at=at)
        if name != "untold":
            consents.mark_notified(tx, name)


def test_what_ended_before_the_moment_goes_and_nothing_else(store: SqliteStore | PostgresStore) -> None:
    store.write(fill)
    assert erase_consents(store, before=NOW) == 0
    assert (
        erase_consents(store, before=NOW + timedelta(days=20)) == 10
    )  # two consents, each with two keys, use and task
    assert erase_consents(store, before=NOW + timedelta(days=20)) == 0

    def left(tx: Transaction) -> list[object]:
        names = ("granted", "refused", "ended", "ended-late", "untold")
        return [
            [name for name in names if consents.get(tx, name)],
            [name for name in names if consents.uses(tx, name) and consents.tasks(tx, name)],
            [row.id for row in consents.against(tx, ["key of ended", "key of refused"])],
            consents.has_ended(tx, "ended"),
        ]

    kept = ["granted", "ended-late", "untold"]
    assert store.read(left) == [kept, kept, [], True]
