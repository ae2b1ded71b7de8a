"""The store's URL, and what of it the database's driver is given."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

from gateway.store.engine.location import locate
from gateway.store.engine.refusals import StoreRefused


def options(url: str) -> dict[str, Any]:
    """Return what libpq is given, without the name of the database."""
    located = locate(url, base_dir=Path("/srv/node"))
    assert isinstance(located, URL)
    _, given = located.get_dialect()().create_connect_args(located)
    return {name: value for name, value in given.items() if name not in {"dbname", "user"}}


@pytest.mark.parametrize(
    ("url", "given"),
    [
        ("postgresql://node@db1.example:5432,db2.example:5433/node", ("db1.example,db2.example", "5432,5433")),
        ("postgresql://node@db1.example,db2.example:5433/node", ("db1.example,db2.example", ",5433")),
        ("postgresql://node@[2001:db8::1]:5432,db2.example/node", ("2001:db8::1,db2.example", "5432,")),
        ("postgresql+psycopg://node@/node?host=/run/a,/run/b&port=1,2", ("/run/a,/run/b", "1,2")),
        ("postgresql://node@/node?host=db1.example:1&host=db2.example:2", ("db1.example,db2.example", "1,2")),
    ],
)
def test_of_several_hosts_the_one_that_takes_writes_is_used(url: str, given: tuple[str, str]) -> None:
    host, port = given
    assert options(url) == {"host": host, "port": port, "target_session_attrs": "read-write"}


def test_other_options_of_several_hosts_are_kept() -> None:
    given = options("postgresql://node@db1.example,db2.example/node?passfile=/etc/pass&target_session_attrs=primary")
    assert (given["passfile"], given["target_session_attrs"]) == ("/etc/pass", "primary")


def test_one_host_is_taken_as_it_is() -> None:
    assert options("postgresql://node@db1.example:5433/node?passfile=/etc/pass") == {
        "host": "db1.example",
        "port": 5433,
        "passfile": "/etc/pass",
    }


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://node@db1.example,db2.example/node?target_session_attrs=any",
        "postgresql://node@db1.example,db2.example/node?target_session_attrs=prefer-standby",
        "postgresql://node@/node?host=a,b&target_session_attrs=standby",
        "postgresql://node@db1.example,db2.example:port/node?colour=secret",
        "postgresql://node@db1.example:port/node",
        "mysql://node@db1.example,db2.example/node",
    ],
)
def test_a_url_that_leads_to_no_writable_host_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(StoreRefused) as refused:
        locate(url, base_dir=Path("/srv/node"))
    assert "db1" not in str(refused.value)
    assert "secret" not in str(refused.value)
