"""Statements, instants and what belongs to one process."""

import os
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import bindparam, select

from gateway.store.engine.per_process import PerProcess
from gateway.store.engine.statement import Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, optional_from_microseconds, to_microseconds
from gateway.store.schema import messages

OPEN = Statement(
    select(messages.c.jti).where(messages.c.issuer == bindparam("issuer"), messages.c.digest == "fixed").limit(3)
)


def test_a_statement_speaks_both_databases_languages() -> None:
    assert ":issuer" in OPEN.sqlite.sql
    assert "%(issuer)s" in OPEN.postgres.sql
    assert "ON CONFLICT (jti) DO NOTHING" in (
        Statement(insertion(messages).on_conflict_do_nothing(index_elements=["jti"])).sqlite.sql
    )


def test_a_statement_is_compiled_once() -> None:
    assert OPEN.sqlite is OPEN.sqlite
    assert OPEN.postgres is OPEN.postgres


def test_values_of_the_expression_itself_are_bound_beside_the_parameters() -> None:
    bound = OPEN.sqlite.bind({"issuer": "https://council.example"})
    assert set(bound.values()) >= {"https://council.example", "fixed", 3}


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=1)), timezone(-timedelta(hours=9))])))
def test_an_instant_comes_back_to_the_microsecond(moment: datetime) -> None:
    assert from_microseconds(to_microseconds(moment)) == moment


def test_an_absent_instant_stays_absent() -> None:
    assert optional_from_microseconds(None) is None
    assert optional_from_microseconds(0) == datetime(1970, 1, 1, tzinfo=UTC)


def test_a_time_of_no_zone_is_a_mistake() -> None:
    with pytest.raises(TypeError):
        to_microseconds(datetime(2026, 3, 2, 9, 30))  # noqa: DTZ001 - the mistake in question


def test_each_process_has_its_own_value(monkeypatch: pytest.MonkeyPatch) -> None:
    made = PerProcess(object)
    parents = made.get()
    assert made.get() is parents
    monkeypatch.setattr(os, "getpid", lambda: 4_194_305)
    childs = made.get()
    assert childs is not parents
    assert made.release() is childs
    assert made.release() is None
    monkeypatch.undo()
    assert made.get() is parents
