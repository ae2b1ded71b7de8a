"""The housing case system in both databases, each behind its adapter, and small tables to be filled in either."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pysqlite3.dbapi2 as sqlite
import pytest

from adapters.contract import Adapter, AdapterContext
from tests.support.case_tables import Make, in_postgres, in_sqlite
from tests.support.housing_case import SCHEMA, SETTINGS, build


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "homes.db"
    connection = sqlite.connect(str(path))
    connection.executescript(SCHEMA)
    connection.close()
    return path


@pytest.fixture
def sqlite_adapter(database: Path, context: AdapterContext) -> Adapter:
    return build(context, file=database.name)


@pytest.fixture
def postgres_adapter(postgres_url: str, context: AdapterContext) -> Iterator[Adapter]:
    plain = postgres_url.replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA homes")
        connection.execute("SET search_path TO homes")
        connection.execute(SCHEMA.encode())
        yield build(
            context,
            url=postgres_url,
            persons=SETTINGS["persons"] | {"table": "homes.tenants"},
            involvements=SETTINGS["involvements"] | {"table": "homes.tenancies"},
        )
        connection.execute("DROP SCHEMA homes CASCADE")


@pytest.fixture(params=["sqlite", "postgres"])
def adapter(request: pytest.FixtureRequest) -> Adapter:
    built: Adapter = request.getfixturevalue(f"{request.param}_adapter")
    return built


@pytest.fixture(params=["sqlite", "postgres"])
def make(request: pytest.FixtureRequest, context: AdapterContext) -> Make:
    if request.param == "sqlite":
        return lambda tables: in_sqlite(tables, context)
    url: str = request.getfixturevalue("postgres_url")
    return lambda tables: in_postgres(tables, context, url)


@pytest.fixture
def make_sqlite(context: AdapterContext) -> Make:
    return lambda tables: in_sqlite(tables, context)


@pytest.fixture
def make_postgres(context: AdapterContext, postgres_url: str) -> Make:
    return lambda tables: in_postgres(tables, context, postgres_url)
