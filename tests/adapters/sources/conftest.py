"""The housing case system in both databases, each behind its adapter."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pysqlite3.dbapi2 as sqlite
import pytest

from adapters.contract import Adapter, AdapterContext
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
