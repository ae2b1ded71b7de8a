"""A fresh store on each database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store.engine.claims_postgres import PostgresClaims
from gateway.store.engine.claims_sqlite import SqliteClaims
from gateway.store.engine.postgres import PostgresStore
from gateway.store.engine.sqlite import SqliteStore
from gateway.store.factory import open_claims, open_store
from gateway.store.migration import migrate
from tests.gateway.store.makers import NOW
from tests.postgres import new_database
from tests.simulator.clocks import SetClock
from tests.support.stores import make_store


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Give the URL of a migrated SQLite store."""
    make_store(tmp_path)
    return f"sqlite:///{tmp_path}/node.db"


@pytest.fixture
def empty_postgres_url(postgres_url: str) -> str:
    """Give the URL of an empty PostgreSQL database of the test's own."""
    return new_database(postgres_url)


@pytest.fixture
def empty_postgres_url_2(postgres_url: str) -> str:
    """Give the URL of another one."""
    return new_database(postgres_url)


@pytest.fixture(scope="session")
def postgres_template_url(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the URL of a migrated PostgreSQL store that tests copy, to which nothing may connect."""
    url = new_database(postgres_url)
    migrate(url, base_dir=tmp_path_factory.mktemp("template"))
    return url


@pytest.fixture
def migrated_postgres_url(postgres_template_url: str) -> str:
    """Give the URL of a migrated PostgreSQL store."""
    return new_database(postgres_template_url, copied=True)


@pytest.fixture(params=["sqlite", "postgres"])
def unmigrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of a store that has no tables yet, on each database in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/node.db"
    return str(request.getfixturevalue("empty_postgres_url"))


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str:
    """Give the URL of a migrated store, on each database in turn."""
    fixture = {"sqlite": "sqlite_url", "postgres": "migrated_postgres_url"}[request.param]
    return str(request.getfixturevalue(fixture))


@pytest.fixture
def store(store_url: str, tmp_path: Path) -> Iterator[SqliteStore | PostgresStore]:
    """Give an open store, on each database in turn."""
    opened = open_store(store_url, base_dir=tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def claims(store_url: str, tmp_path: Path) -> Iterator[SqliteClaims | PostgresClaims]:
    """Give the claims of a store that opened at NOW, on each database in turn."""
    opened = open_claims(store_url, base_dir=tmp_path, clock=SetClock(NOW))
    yield opened
    opened.close()
