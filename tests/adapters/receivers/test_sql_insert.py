"""A table of the case system gets one row for each message, in SQLite and PostgreSQL."""

import json
import multiprocessing
import os
import signal
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
import pysqlite3.dbapi2 as sqlite
import pytest

from adapters.contract import (
    AdapterContext,
    Deadline,
    DeliveredMessage,
    MessageRejected,
    SourceNonsense,
    SourceUnavailable,
)
from adapters.receiver_conformance import ReceiverTrial, run_receiver
from adapters.receivers.sql_insert import FACTORY, SqlInsert, SqlInsertSettings
from adapters.receivers.sql_writer import open_writer
from tests.adapters.receivers.conftest import CIRCUMSTANCES

COLUMNS = {
    "Received at": "received_at",
    "urgency": "urgency",
    "victim": "parts.victim[].subject.family_name",
    "reason": "fields.reason[].text",
    "score": "document.details.dash_score",
    "marac": "document.details.marac",
    "unlinked": "not_linked",
    "content": "document",
}
TABLE = """
CREATE TABLE "inbox of referrals" (number {number}, message_id TEXT, "Received at" TEXT, urgency TEXT NOT NULL
    CHECK (urgency <> 'green'), victim TEXT, reason TEXT, score INTEGER, marac {truth}, unlinked {truth}, content TEXT)
"""


@dataclass
class Table:
    """A case system's table, and how to read and change it."""

    settings: dict[str, Any]
    execute: Callable[[str], Sequence[Sequence[Any]]]
    context: AdapterContext
    receiver: SqlInsert = field(init=False)

    def __post_init__(self) -> None:
        self.receiver = self.build()

    def build(self, **changes: object) -> SqlInsert:
        valid = SqlInsertSettings.model_validate(self.settings | changes)
        built = FACTORY.build(valid, self.context).receiver
        assert isinstance(built, SqlInsert)
        return built

    def records(self, message_id: str) -> int:
        return len(self.execute(f"""SELECT 1 FROM "inbox of referrals" WHERE message_id = '{message_id}'"""))  # noqa: S608 - the test's own


def in_sqlite(context: AdapterContext) -> Iterator[Table]:
    path = Path(context.base_dir) / "case.db"

    def execute(statement: str) -> Sequence[Sequence[Any]]:
        with closing(sqlite.connect(str(path))) as connection, connection:
            return list(connection.execute(statement).fetchall())

    execute(TABLE.format(number="INTEGER PRIMARY KEY", truth="INTEGER"))
    settings = {"file": "case.db", "table": '"inbox of referrals"', "message_id": "message_id", "columns": COLUMNS}
    yield Table(settings, execute, context)


def in_postgres(context: AdapterContext, url: str) -> Iterator[Table]:
    schema = f"case_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}; SET search_path TO {schema}".encode())

        def execute(statement: str) -> Sequence[Sequence[Any]]:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

        execute(TABLE.format(number="SERIAL PRIMARY KEY", truth="BOOLEAN"))
        table = f'{schema}."inbox of referrals"'
        yield Table({"url": url, "table": table, "message_id": "message_id", "columns": COLUMNS}, execute, context)
        execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture(params=["sqlite", "postgres"])
def table(request: pytest.FixtureRequest, context: AdapterContext) -> Iterator[Table]:
    if request.param == "sqlite":
        yield from in_sqlite(context)
    else:
        yield from in_postgres(context, request.getfixturevalue("postgres_url"))


@pytest.fixture
def sqlite_table(context: AdapterContext) -> Iterator[Table]:
    yield from in_sqlite(context)


def other_table(table: Table) -> dict[str, str]:
    """Make a second table like the first; a receiver that gives its ``urgency`` no value is refused."""
    table.execute(TABLE.format(number="INTEGER", truth="INTEGER").replace("inbox of", "strict inbox of"))
    return {"table": table.settings["table"].replace("inbox of", "strict inbox of")}


class LosesItsAnswer(SqlInsert):
    """A receiver whose connection breaks after the commit."""

    def receive(self, delivery: DeliveredMessage, *, deadline: Deadline) -> str:
        super().receive(delivery, deadline=deadline)
        raise SourceUnavailable("The connection broke.")


def test_it_keeps_every_promise(table: Table) -> None:
    losing = table.build()
    losing.__class__ = LosesItsAnswer
    trial = ReceiverTrial(
        receiver=table.receiver,
        records=table.records,
        interrupted=losing,
        refusing=table.build(columns={"urgency": "linked_ref", "content": "document"}, **other_table(table)),
    )
    assert [line for line in run_receiver(trial) if not line.ok] == []


def test_each_column_gets_its_part_of_the_message(table: Table, message: DeliveredMessage, soon: Deadline) -> None:
    assert table.receiver.receive(message, deadline=soon) == message.message_id
    (row,) = table.execute('SELECT * FROM "inbox of referrals"')
    _, message_id, received_at, urgency, victim, reason, score, marac, unlinked, content = row
    assert (message_id, received_at, urgency) == (message.message_id, "2026-11-30T13:59:07Z", "amber")
    assert (victim, reason, score, bool(marac), bool(unlinked)) == ("Quillfeather", CIRCUMSTANCES, 14, True, True)
    assert json.loads(content) == message.document


def test_the_case_systems_own_key_is_returned(table: Table, message: DeliveredMessage, soon: Deadline) -> None:
    keyed = table.build(ref="number")
    assert keyed.receive(message, deadline=soon) == keyed.receive(message, deadline=soon) == "1"


def test_threads_that_receive_one_message_make_one_row_without_a_unique_key(
    table: Table, message: DeliveredMessage, soon: Deadline
) -> None:
    with ThreadPoolExecutor(6) as pool:
        refs = set(pool.map(lambda _: table.receiver.receive(message, deadline=soon), range(12)))
    assert refs == {message.message_id}
    assert table.records(message.message_id) == 1


@pytest.mark.holds("A51")
@pytest.mark.parametrize("text", ["'); DROP TABLE x; --", "a\x00b\x1b[2J", "=cmd|' /C calc'!A0", "\ud800"])
def test_hostile_text_is_only_a_value(table: Table, message: DeliveredMessage, soon: Deadline, text: str) -> None:
    document = {"statements": [{"field": "reason", "text": text}]}
    table.receiver.receive(replace(message, document=document), deadline=soon)
    ((reason,),) = table.execute('SELECT reason FROM "inbox of referrals"')
    assert reason in text or reason == "ab[2J"
    assert not {"\x00", "\x1b"} & set(reason)


def test_a_row_that_the_case_system_lost_is_not_held(table: Table, message: DeliveredMessage, soon: Deadline) -> None:
    ids = [message.message_id, *(f"none-{number}" for number in range(1200))]
    table.receiver.receive(message, deadline=soon)
    assert table.receiver.holds(ids, deadline=soon) == {message.message_id}
    table.execute('DELETE FROM "inbox of referrals"')
    assert table.receiver.holds(ids, deadline=soon) == frozenset()


def test_a_message_that_was_filed_elsewhere_is_held_and_not_inserted_again(
    table: Table, message: DeliveredMessage, soon: Deadline
) -> None:
    table.execute("CREATE TABLE filed (id CHAR(40))")
    schema = table.settings["table"].rpartition('"inbox')[0]
    filing = table.build(holds={"table": f"{schema}filed", "message_id": "id"})
    filing.receive(message, deadline=soon)
    assert filing.holds([message.message_id], deadline=soon) == frozenset()
    table.execute('INSERT INTO filed SELECT message_id FROM "inbox of referrals"')
    table.execute('DELETE FROM "inbox of referrals"')
    assert filing.holds([message.message_id], deadline=soon) == {message.message_id}
    assert filing.receive(message, deadline=soon) == message.message_id
    assert table.records(message.message_id) == 0


def test_a_constraint_refuses_for_good_and_quotes_nothing(
    table: Table, message: DeliveredMessage, soon: Deadline
) -> None:
    with pytest.raises(MessageRejected, match="constraint") as refused:
        table.receiver.receive(replace(message, urgency="green"), deadline=soon)
    assert "Quillfeather" not in f"{refused.value!r} {refused.value.__cause__!r}"
    assert table.records(message.message_id) == 0


def test_a_transaction_in_postgresql_is_flushed_and_ends_without_its_client(
    context: AdapterContext, postgres_url: str, soon: Deadline
) -> None:
    settings = {"url": postgres_url, "table": "t", "message_id": "m", "columns": {"c": "document"}}
    writer = open_writer(SqlInsertSettings.model_validate(settings), Path(context.base_dir))
    query = "SELECT current_setting('synchronous_commit'), current_setting('statement_timeout')"
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("ALTER ROLE CURRENT_USER SET synchronous_commit = off")
        with writer.transaction("flushed", deadline=soon) as run:
            ((flushed, timeout),) = run(query, ())
        connection.execute("ALTER ROLE CURRENT_USER RESET synchronous_commit")
    assert (flushed, timeout) == ("on", "15s")


@pytest.mark.parametrize("after", ["SELECT no_such_column FROM no_such_table", None])
def test_an_error_inside_a_transaction_gives_all_of_it_up(table: Table, soon: Deadline, after: str | None) -> None:
    insert = f"INSERT INTO {table.settings['table']} (message_id, urgency) VALUES ('half', 'red')"  # noqa: S608 - our own
    writer = open_writer(SqlInsertSettings.model_validate(table.settings), Path(table.context.base_dir))

    def fail() -> None:
        with writer.transaction("half", deadline=soon) as run:
            run(insert, ())
            if after is None:
                raise KeyError
            run(after, ())

    with pytest.raises((SourceNonsense, KeyError)):
        fail()
    assert table.records("half") == 0


def test_a_missing_column_is_the_settings_fault(table: Table, message: DeliveredMessage, soon: Deadline) -> None:
    wrong = table.build(columns=COLUMNS | {"colour": "topic"})
    with pytest.raises(SourceNonsense, match="adapter check"):
        wrong.receive(message, deadline=soon)
    (line,) = wrong.check(deadline=soon)
    assert not line.ok


def test_a_check_writes_nothing(table: Table, soon: Deadline) -> None:
    assert [line.ok for line in table.receiver.check(deadline=soon)] == [True]
    assert table.execute('SELECT * FROM "inbox of referrals"') == []


def test_a_locked_table_ends_the_call_by_its_deadline(table: Table, message: DeliveredMessage, soon: Deadline) -> None:
    if "file" in table.settings:
        path = Path(table.context.base_dir) / "case.db"
        other: Any = sqlite.connect(str(path), isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
    else:
        other = psycopg.connect(table.settings["url"].replace("+psycopg", ""))
        other.execute(f"LOCK TABLE {table.settings['table']}".encode())
    with closing(other), pytest.raises(SourceUnavailable):
        table.receiver.receive(message, deadline=Deadline.after(0.3))
    table.receiver.receive(message, deadline=soon)
    assert table.records(message.message_id) == 1


def test_an_account_that_may_not_insert_fails_the_check(
    context: AdapterContext, postgres_url: str, soon: Deadline
) -> None:
    for table in in_postgres(context, postgres_url):
        schema = table.settings["table"].partition(".")[0]
        role = f"reader_{schema}"
        table.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT USAGE ON SCHEMA {schema} TO {role}")
        table.execute(f'GRANT SELECT ON "inbox of referrals" TO {role}')
        password = Path(context.base_dir) / "password"
        password.touch(mode=0o600)
        password.write_text("x")
        host = postgres_url.partition("@")[2]
        reading = table.build(url=f"postgresql://{role}@{host}", password_file="password")
        (line,) = reading.check(deadline=soon)
        table.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
        assert not line.ok
        assert "rights" in line.detail


def test_a_file_that_may_not_be_written_fails_the_check(sqlite_table: Table, soon: Deadline) -> None:
    missing = sqlite_table.build(file="gone.db")
    (line,) = missing.check(deadline=soon)
    assert not line.ok
    assert not (Path(sqlite_table.context.base_dir) / "gone.db").exists()


def _die_before_the_commit(table: Table, message: DeliveredMessage) -> None:
    """Receive in this process, which is killed when the row is inserted and not committed."""

    def die(*_unused: object) -> str:
        os.kill(os.getpid(), signal.SIGKILL)
        return ""

    find = SqlInsert._find
    calls: list[int] = []

    def second(self: SqlInsert, *arguments: Any) -> str | None:
        calls.append(1)
        return die() if len(calls) > 1 else find(self, *arguments)

    setattr(SqlInsert, "_find", second)  # noqa: B010 - in the forked process alone
    table.receiver.receive(message, deadline=Deadline.after(5))


def test_a_writer_that_was_killed_leaves_no_row(table: Table, message: DeliveredMessage, soon: Deadline) -> None:
    process = multiprocessing.get_context("fork").Process(target=_die_before_the_commit, args=(table, message))
    process.start()
    process.join(10)
    assert process.exitcode == -signal.SIGKILL
    assert table.records(message.message_id) == 0
    table.receiver.receive(message, deadline=soon)
    assert table.records(message.message_id) == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"columns": {"urgency": "urgency"}}, "whole of each message"),
        ({"columns": COLUMNS | {"message_id": "reference"}}, "filled anyway"),
        ({"columns": COLUMNS | {'a"; --': "topic"}}, "pattern"),
        ({"table": "x; DROP TABLE y"}, "pattern"),
        ({"ref": "number", "holds": {"table": "filed", "message_id": "id"}}, "does not go with"),
        ({"url": "postgresql://case.example/db"}, "either a file"),
    ],
)
def test_settings_that_cannot_work_are_refused(sqlite_table: Table, wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        sqlite_table.build(**wrong)
