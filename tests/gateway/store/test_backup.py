"""A copy of a store in use is one moment of it, and a store made of a copy begins a life of its own."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.ports import Store, Transaction
from gateway.store.backup import snapshot
from gateway.store.engine.location import administration_engine, locate
from gateway.store.engine.refusals import StoreRefused, StoreUnmigrated
from gateway.store.engine.sqlite_files import create_in_wal_mode
from gateway.store.factory import open_claims, open_store
from gateway.store.migration import is_current_within, migrate
from gateway.store.schema import REVISION
from gateway.store.tables import clients, evidence_leaves, latest_statements, messages, store_epoch, trust_chains
from gateway.store.tables.federation_records import StoredChain
from tests.gateway.store.makers import COUNCIL, DIGEST, LATER, NOW, POLICE, make_client
from tests.simulator.clocks import SetClock

MINUTE = timedelta(minutes=1)


@pytest.fixture
def other_url(store_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """Give the URL of an empty place for another store of the same kind."""
    if store_url.startswith("sqlite"):
        return f"sqlite:///{tmp_path}/again/node.db"
    return str(request.getfixturevalue("empty_postgres_url_2"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "copy"
    made.mkdir(mode=0o700)
    return made


def filled(store: Store, count: int = 3) -> None:
    for number in range(count):
        leaf = b"%d" % number
        store.write(partial(evidence_leaves.append, leaf=leaf, leaf_hash=bytes(32), at=NOW))
    store.write(lambda tx: clients.add(tx, make_client()))
    store.write(
        lambda tx: messages.claim(
            tx, issuer=POLICE, message="a", digest=DIGEST, sealed_reply=b'\x00"\n,\\N\xff', expires=LATER
        )
    )


def test_a_copy_goes_back_as_it_was_while_the_first_store_went_on(
    store: Store, store_url: str, other_url: str, tmp_path: Path, folder: Path
) -> None:
    filled(store)
    copy = snapshot.copy_out(store_url, base_dir=tmp_path, folder=folder)
    store.write(lambda tx: evidence_leaves.append(tx, leaf=b"later", leaf_hash=bytes(32), at=NOW))
    assert copy.revision == REVISION
    snapshot.copy_in(copy, other_url, base_dir=tmp_path, folder=folder, at=NOW)
    again: Store = open_store(other_url, base_dir=tmp_path)
    assert again.read(evidence_leaves.count) == 3
    assert again.read(lambda tx: clients.get(tx, client_id="case-system")) == make_client()
    prior = again.read(lambda tx: messages.find(tx, issuer=POLICE, message="a"))
    assert prior is not None
    assert prior.sealed_reply == b'\x00"\n,\\N\xff'
    again.write(lambda tx: evidence_leaves.append(tx, leaf=b"own", leaf_hash=bytes(32), at=NOW))
    assert (again.read(evidence_leaves.count), store.read(evidence_leaves.count)) == (4, 4)
    again.close()


def restored(store_url: str, other_url: str, tmp_path: Path, folder: Path) -> Store:
    copy = snapshot.copy_out(store_url, base_dir=tmp_path, folder=folder)
    snapshot.copy_in(copy, other_url, base_dir=tmp_path, folder=folder, at=NOW)
    return open_store(other_url, base_dir=tmp_path)


def test_a_restored_store_begins_an_epoch_and_trusts_nothing_that_was_stated_before_it(
    store: Store, store_url: str, other_url: str, tmp_path: Path, folder: Path
) -> None:
    def put(tx: Transaction, entity: str, stated: timedelta) -> bool:
        at = NOW + stated
        chain = StoredChain(
            entity=entity, statements=(b"a.b.c",), refreshed_at=at, expires_at=at + MINUTE, superior_iat=at
        )
        return trust_chains.put_chain(tx, chain)

    assert store.read(store_epoch.read) == store_epoch.NEVER_RESTORED
    store.write(lambda tx: put(tx, COUNCIL, -2 * MINUTE))
    again = restored(store_url, other_url, tmp_path, folder)
    epoch = again.read(store_epoch.read)
    assert (epoch.number, epoch.reconciled) == (1, False)
    assert not epoch.covers(NOW + timedelta(seconds=9))  # the lost node may have accepted what was dated ahead
    assert epoch.covers(NOW + timedelta(seconds=10))
    held = again.read(lambda tx: trust_chains.get_chain(tx, entity=COUNCIL))
    assert held is not None
    assert held.statements == ()
    assert not again.write(lambda tx: put(tx, COUNCIL, -MINUTE))  # newer than the copy, older than what was lost
    assert again.write(lambda tx: put(tx, COUNCIL, MINUTE))
    assert (
        again.read(lambda tx: latest_statements.latest(tx, issuer=POLICE, subject=COUNCIL)) == epoch.not_before
    )  # seen or not
    again.write(store_epoch.set_reconciled)
    assert again.read(store_epoch.read).reconciled
    again.close()


def test_a_restored_store_takes_no_identifier_that_the_lost_one_may_have_taken(
    store: Store, store_url: str, other_url: str, tmp_path: Path, folder: Path
) -> None:
    restored(store_url, other_url, tmp_path, folder).close()
    clock = SetClock(NOW - MINUTE)  # later than the clock of the start
    claims = open_claims(other_url, base_dir=tmp_path, clock=clock)

    def claim(key: str, dated: timedelta) -> bool:
        return claims.claim(
            space="dpop", key=key, issued_at=NOW + dated, expires=NOW + dated + MINUTE, now=NOW + timedelta(seconds=1)
        )

    assert not claim("a", -timedelta(seconds=5))
    assert not claim("b", timedelta(seconds=9))
    assert claim("c", timedelta(seconds=10))
    assert not claim("c", timedelta(seconds=10))
    claims.close()


def test_a_second_restore_is_another_epoch(store: Store, store_url: str, tmp_path: Path, folder: Path) -> None:
    first = store.write(lambda tx: store_epoch.begin(tx, at=NOW))
    second = store.write(lambda tx: store_epoch.begin(tx, at=NOW + MINUTE))
    assert (first.number, second.number) == (1, 2)
    assert store.read(store_epoch.read) == second


def test_nothing_that_is_there_is_overwritten(store: Store, store_url: str, tmp_path: Path, folder: Path) -> None:
    copy = snapshot.copy_out(store_url, base_dir=tmp_path, folder=folder)
    with pytest.raises(StoreRefused, match="overwrites nothing"):
        snapshot.copy_in(copy, store_url, base_dir=tmp_path, folder=folder, at=NOW)
    assert store.read(store_epoch.read).number == 0


def test_a_copy_goes_back_only_to_its_own_kind_of_database(
    store: Store, store_url: str, tmp_path: Path, folder: Path
) -> None:
    copy = snapshot.copy_out(store_url, base_dir=tmp_path, folder=folder)
    wrong = "sqlite:///other.db" if copy.kind == snapshot.POSTGRESQL else "postgresql://nobody@nowhere.example/none"
    with pytest.raises(StoreRefused, match=f"of a {copy.kind} store"):
        snapshot.refuse_misfit(copy, wrong, base_dir=tmp_path)


def test_a_copy_of_a_newer_version_is_refused(store: Store, store_url: str, tmp_path: Path, folder: Path) -> None:
    newer = snapshot.StoreCopy(kind=snapshot.SQLITE, revision="0999_later", parts=("store.db",))
    with pytest.raises(StoreUnmigrated, match="newer version"):
        snapshot.refuse_misfit(newer, "sqlite:///other.db", base_dir=tmp_path)


def test_there_is_nothing_to_copy_before_there_are_tables(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(StoreRefused, match="nothing to copy"):
        snapshot.copy_out("sqlite:///node.db", base_dir=tmp_path, folder=folder)


@pytest.fixture
def oldest(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Make a store as the first version made it."""

    def make(kind: str) -> str:
        url = f"sqlite:///{tmp_path}/old.db" if kind == "sqlite" else request.getfixturevalue("empty_postgres_url")
        if kind == "sqlite":
            create_in_wal_mode(tmp_path / "old.db")
        with administration_engine(locate(url, base_dir=tmp_path)).begin() as connection:
            is_current_within(connection, "0001_first")
            connection.execute(text("UPDATE epochs SET value = 7"))
        return url

    return make


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_copy_of_an_older_version_is_brought_up_to_date(
    kind: str, oldest: Callable[[str], str], tmp_path: Path, folder: Path, request: pytest.FixtureRequest
) -> None:
    old = oldest(kind)
    copy = snapshot.copy_out(old, base_dir=tmp_path, folder=folder)
    assert copy.revision == "0001_first"
    new = f"sqlite:///{tmp_path}/new.db" if kind == "sqlite" else request.getfixturevalue("empty_postgres_url_2")
    snapshot.copy_in(copy, new, base_dir=tmp_path, folder=folder, at=NOW)
    open_store(new, base_dir=tmp_path).close()
    with administration_engine(locate(new, base_dir=tmp_path)).connect() as connection:
        kept = connection.execute(text("SELECT value FROM epochs WHERE name = 'agreements'")).scalar()
    assert kept == 7


def test_a_damaged_copy_makes_no_store(sqlite_url: str, tmp_path: Path, folder: Path) -> None:
    store = open_store(sqlite_url, base_dir=tmp_path)
    filled(store, 200)
    store.close()
    copy = snapshot.copy_out(sqlite_url, base_dir=tmp_path, folder=folder)
    raw = bytearray((folder / "store.db").read_bytes())
    raw[8192:12288] = b"\xff" * 4096
    (folder / "store.db").write_bytes(raw)
    with pytest.raises(StoreRefused, match="damaged"):
        snapshot.copy_in(copy, "sqlite:///again.db", base_dir=tmp_path, folder=folder, at=NOW)
    assert not (tmp_path / "again.db").exists()


def test_a_copy_that_does_not_fit_leaves_an_empty_database(
    migrated_postgres_url: str, empty_postgres_url_2: str, tmp_path: Path, folder: Path
) -> None:
    copy = snapshot.copy_out(migrated_postgres_url, base_dir=tmp_path, folder=folder)
    (folder / "clients.csv").write_text("client_id,password\n", encoding="utf-8")
    with pytest.raises(StoreRefused, match="does not fit"):
        snapshot.copy_in(copy, empty_postgres_url_2, base_dir=tmp_path, folder=folder, at=NOW)
    migrate(empty_postgres_url_2, base_dir=tmp_path)  # as only an empty one lets it
