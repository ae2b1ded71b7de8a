"""Adapter ``sql-insert``: a row for each message in a table of the case system, by names of columns alone.

1. One small transaction looks for the message id and inserts the row. Transactions of one id exclude each other, so a
   table without a unique key gets one row too.
2. Every value is a bound parameter. One column takes the whole document, so that no part of a message is lost.
3. ``holds`` selects ids, from the table or from where the case system files them.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from adapters.contract import (
    Adapter,
    AdapterContext,
    AdapterError,
    CheckLine,
    Deadline,
    DeliveredMessage,
    SourceNonsense,
)
from adapters.receivers.message import UNUSED_ID, in_batches, message_to_json, read_ref
from adapters.receivers.sql_writer import Run, Writer, open_writer
from adapters.sources.database import Database
from adapters.sources.paths import JsonPath, Selector
from adapters.sources.sql import open_database
from adapters.sources.sql_settings import COLUMN, TABLE, DatabaseSettings, table_parts

BATCH: Final = 500
"""Ids in one statement: far below what any database binds."""
_WHOLE: Final = JsonPath(("document",))
_SCALARS: Final = (str, int, float)


class FiledMessages(BaseModel):
    """``[services.receiver.settings.holds]``: where the case system files messages that it took from the table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: str = Field(pattern=TABLE)
    message_id: str = Field(pattern=COLUMN)


class SqlInsertSettings(DatabaseSettings):
    """``[services.receiver.settings]`` of type ``sql-insert``.

    ``message_id`` is the column of the id, and ``columns`` has a path into the message for each other one. ``ref`` is
    the column of the case system's own key; without it the message id is the key.
    """

    table: str = Field(pattern=TABLE)
    message_id: str = Field(pattern=COLUMN)
    columns: dict[Annotated[str, StringConstraints(pattern=COLUMN)], Selector]
    ref: str | None = Field(default=None, pattern=COLUMN)
    holds: FiledMessages | None = None

    @model_validator(mode="after")
    def _nothing_is_lost(self) -> Self:
        if _WHOLE not in self.columns.values():
            raise ValueError("columns must have one with the path document, for the whole of each message")
        if self.message_id in self.columns:
            raise ValueError("columns must not have the column of message_id, which is filled anyway")
        if self.holds is not None and self.ref is not None:
            raise ValueError("ref does not go with holds: the row with the key moves")
        return self


class SqlInsert:
    """A thread-safe :class:`~adapters.contract.Receiver` into a table."""

    can_prove: Final = True

    def __init__(self, settings: SqlInsertSettings, database: Database, writer: Writer) -> None:
        self._settings = settings
        self._database = database
        self._writer = writer
        self._table = database.quoted(*table_parts(settings.table))
        self._id = database.quoted(settings.message_id)
        columns = ", ".join((self._id, *(database.quoted(column) for column in settings.columns)))
        self._insert = f"INSERT INTO {self._table} ({columns}) VALUES"

    def receive(self, delivery: DeliveredMessage, *, deadline: Deadline) -> str:
        """Insert the message's row, unless it is there, and return its key."""
        message_id = delivery.message_id
        values = self._values(delivery)
        places = ", ".join(self._database.place(number) for number in range(1, len(values) + 1))
        with self._writer.transaction(f"hearthgate:{self._table}:{message_id}", deadline=deadline) as run:
            ref = self._find(run, message_id)
            if ref is None:
                run(f"{self._insert} ({places})", values)
                ref = self._find(run, message_id)
            if ref is None:
                raise SourceNonsense("The table took the message and does not show it: check its triggers and rights.")
        return ref

    def holds(self, message_ids: Sequence[str], *, deadline: Deadline) -> frozenset[str]:
        """Return the ids that are in the table, or where the case system files them."""
        filed = self._settings.holds
        table = self._database.quoted(*table_parts(filed.table)) if filed else self._table
        column = self._database.quoted(filed.message_id) if filed else self._id
        ids: set[str] = set()
        for batch in in_batches(message_ids, BATCH):
            places = ", ".join(self._database.place(number) for number in range(1, len(batch) + 1))
            query = f"SELECT {column} FROM {table} WHERE {column} IN ({places})"  # noqa: S608 - names of the settings
            ids.update(str(value).strip() for (value,) in self._database.ask(query, batch, deadline=deadline).rows)
        return frozenset(message_ids) & ids

    def check(self, *, deadline: Deadline) -> Sequence[CheckLine]:
        """Plan the insert and select no row; nothing is written."""
        nulls = ", ".join(["NULL"] * (1 + len(self._settings.columns)))
        try:
            with self._writer.transaction("hearthgate:check", deadline=deadline) as run:
                run(f"EXPLAIN {self._insert} ({nulls})", ())
                self._find(run, UNUSED_ID)
            self.holds([UNUSED_ID], deadline=deadline)
        except AdapterError as error:
            remedy = "Check the file or url, the right to insert and select, and the table and columns in the settings."
            return (CheckLine(name="table of messages", ok=False, detail=error.detail, remedy=remedy),)
        detail = "It has the columns in the settings, and this account may insert and select."
        return (CheckLine(name="table of messages", ok=True, detail=detail),)

    def _find(self, run: Run, message_id: str) -> str | None:
        """Return the key of a message that is in the case system already."""
        filed = self._settings.holds
        if filed is not None:
            table, column = self._database.quoted(*table_parts(filed.table)), self._database.quoted(filed.message_id)
            query = f"SELECT 1 FROM {table} WHERE {column} = {self._database.place(1)}"  # noqa: S608 - names of the settings
            if run(query, (message_id,)):
                return message_id
        rows = run(*self._selection(message_id))
        if not rows:
            return None
        ref = message_id if self._settings.ref is None else read_ref(_plain(rows[0][0]))
        if ref is None:
            raise SourceNonsense("The row of the message has no key in the column ref.")
        return ref

    def _selection(self, message_id: str) -> tuple[str, tuple[str]]:
        ref = self._database.quoted(self._settings.ref or self._settings.message_id)
        place = self._database.place(1)
        return f"SELECT {ref} FROM {self._table} WHERE {self._id} = {place}", (message_id,)  # noqa: S608 - as above

    def _values(self, delivery: DeliveredMessage) -> list[object]:
        message = _with_groups(message_to_json(delivery))
        values = [column_value(path, message) for path in self._settings.columns.values()]
        return [delivery.message_id, *(self._writer.value(value) for value in values)]


def column_value(path: JsonPath, message: Mapping[str, Any]) -> object:
    """Return what a column takes: a value, several on a line each, or JSON; ``None`` if there is none."""
    values = list(path.select(message, message))
    if not values:
        return None
    if len(values) == 1:
        return values[0] if isinstance(values[0], _SCALARS) else _to_json(values[0])
    if all(isinstance(value, str) for value in values):
        return "\n".join(map(str, values))
    return _to_json(values)


def _with_groups(message: dict[str, Any]) -> dict[str, Any]:
    """Add persons by their part and statements by their field, since a path cannot compare."""
    document = message["document"]
    return message | {
        "parts": _grouped(document.get("persons"), "part"),
        "fields": _grouped(document.get("statements"), "field"),
    }


def _grouped(items: object, name: str) -> dict[str, list[object]]:
    groups: dict[str, list[object]] = {}
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict):
            groups.setdefault(str(item.get(name)), []).append(item)
    return groups


def _to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _plain(value: object) -> object:
    return value if isinstance(value, str | int) else str(value) if value is not None else None


class SqlInsertFactory:
    """The adapter type ``sql-insert``, which only receives."""

    settings_model = SqlInsertSettings

    def build(self, settings: SqlInsertSettings, context: AdapterContext) -> Adapter:
        """Build the receiver without opening the database."""
        base_dir = Path(context.base_dir)
        receiver = SqlInsert(settings, open_database(settings, base_dir), open_writer(settings, base_dir))
        return Adapter(name="sql-insert", receiver=receiver, checks=(receiver.check,))


FACTORY: Final = SqlInsertFactory()
