"""A draft agreement in TOML: the same document as the JSON that is signed, with a line number for each of its parts.

1. A draft has the members of the agreement; dates may stand without quotes, and a text may run over several lines.
2. :func:`read_toml` goes on after a line that it cannot read, so that one run names every such line.
3. :func:`to_signed_form` gives the bytes that parties sign: equal documents give equal bytes.

The lines come from :mod:`tomllib` itself, which reads each statement alone: neither it nor tomlkit tells positions.
"""

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from trust.exchange.errors import Fault
from trust.exchange.reader import one_line
from trust.strict_json import MAX_INTEGER, JsonObject, dumps

MAX_LINES = 20_000
MAX_SPAN = 1_200
"""Lines of one statement: a list of 1,000 items, each on its line, and notes."""
MOST_SYNTAX_FAULTS = 200
_UNFINISHED = "(at end of document)"
_PLACE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)")
_STARTS = re.compile(r"\s*(?:\[|(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')\s*[.=])")
_MEMBER = re.compile(r"\s*([A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')\s*[.=]")
_HEADER = re.compile(r"\s*\[")
_HOW = 'a text stands in double quotes, a list in square brackets, and a member begins its line: name = "text"'

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TomlDraft:
    """The document as far as it could be read, where its parts are, and the faults of its TOML by line.

    ``unread`` are the members that are there and could not be read: no fault says that they are missing.
    """

    document: JsonObject
    lines: Mapping[str, int]
    syntax: Mapping[int, Fault]
    unread: frozenset[str] = frozenset()

    def line_of(self, path: str) -> int:
        """Return the line of what a fault's path names, else of the nearest part around it; 1 for the whole."""
        while path:
            if path in self.lines:
                return self.lines[path]
            path = re.sub(r"(?:\[[^]]*\]| \([a-z]+ \d+\)|\.?[^.\[ ]*)$", "", path, count=1)
        return 1


def to_signed_form(document: JsonObject) -> bytes:
    """Return the JSON of a document that was read from TOML."""
    return dumps(document)


def read_toml(text: str) -> TomlDraft:
    """Read a draft. Raises nothing for its content: what is wrong with the TOML is in ``syntax``."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    if len(lines) > MAX_LINES:
        fault = Fault(path="draft", problem=f"must not have more than {MAX_LINES} lines")
        return TomlDraft(document={}, lines={}, syntax={1: fault})
    statements, syntax = _statements(lines)
    document: dict[str, Any] = {}
    while len(syntax) <= MOST_SYNTAX_FAULTS:
        text = "\n".join(_readable_lines(lines, statements))
        try:
            document = _loads(text)
            break
        except tomllib.TOMLDecodeError as malformed:
            if not statements:
                break
            spoilt = _statement_at(statements, _line(malformed, text))
            statements.remove(spoilt)
            syntax[spoilt.first + 1] = _syntax_fault(malformed)
    places = _Places()
    unread: set[str] = set()
    for first, statement in _in_order(statements, syntax):
        if statement is not None:
            places.add(statement, lines)
        elif name := _MEMBER.match(lines[first]):
            unread.add(places.path_of(name[1].strip("\"'")))
        else:
            unread |= _within(lines[first])
    return TomlDraft(document=_to_json(document), lines=places.lines, syntax=syntax, unread=frozenset(unread))


def _loads(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise tomllib.TOMLDecodeError("Nested too deeply") from None


@dataclass(frozen=True, slots=True)
class _Statement:
    """A header or a member, from line ``first`` to line ``last``, counted from 0, read alone."""

    first: int
    last: int
    value: Mapping[str, Any]
    is_header: bool


def _statements(lines: Sequence[str]) -> tuple[list[_Statement], dict[int, Fault]]:
    statements: list[_Statement] = []
    faults: dict[int, Fault] = {}
    first = 0
    skips = False  # below a header that cannot be read, no member has a known place
    while first < len(lines):
        if not lines[first].strip(" \t"):
            first += 1
            continue
        statement, failure, end = _read_statement(lines, first)
        is_header = bool(_HEADER.match(lines[first]))
        skips = (skips and not is_header) or (is_header and statement is None)
        if statement is not None and not skips:
            statements.append(statement)
        elif failure is not None and len(faults) <= MOST_SYNTAX_FAULTS:
            faults[first + 1] = _syntax_fault(failure)
        first = end
    return statements, faults


def _read_statement(lines: Sequence[str], first: int) -> tuple[_Statement | None, tomllib.TOMLDecodeError | None, int]:
    """Read the statement that begins at a line; return it, or why it cannot be read, and the line after it."""
    failure = None
    for last in range(first, min(first + MAX_SPAN, len(lines))):
        try:
            value = _loads("\n".join(lines[first : last + 1]))
        except tomllib.TOMLDecodeError as malformed:
            failure = failure or malformed
            if not str(malformed).endswith(_UNFINISHED):
                break
        else:
            return _Statement(first, last, value, is_header=bool(_HEADER.match(lines[first]))), None, last + 1
    spans = str(failure).endswith(_UNFINISHED)
    return None, failure, _next_start(lines, first + 1) if spans else first + 1


def _next_start(lines: Sequence[str], start: int) -> int:
    """Return the first line from ``start`` that begins a statement: those before it are items of a broken list."""
    return next((line for line in range(start, len(lines)) if _STARTS.match(lines[line])), len(lines))


def _in_order(statements: Sequence[_Statement], syntax: Mapping[int, Fault]) -> list[tuple[int, _Statement | None]]:
    places: dict[int, _Statement | None] = {statement.first: statement for statement in statements}
    return sorted((places | dict.fromkeys(line - 1 for line in syntax)).items(), key=lambda each: each[0])


def _readable_lines(lines: Sequence[str], statements: Sequence[_Statement]) -> list[str]:
    readable = [""] * len(lines)
    for statement in statements:
        readable[statement.first : statement.last + 1] = lines[statement.first : statement.last + 1]
    return readable


def _line(malformed: tomllib.TOMLDecodeError, text: str) -> int:
    place = _PLACE.search(str(malformed))
    return int(place[1]) - 1 if place and place[1] else text.count("\n")


def _statement_at(statements: Sequence[_Statement], line: int) -> _Statement:
    before = [statement for statement in statements if statement.first <= line]
    return before[-1] if before else statements[0]


def _syntax_fault(malformed: tomllib.TOMLDecodeError) -> Fault:
    reason = _PLACE.sub("", str(malformed).partition("\n")[0])
    return Fault(path="TOML", problem=f"cannot be read ({reason}): {_HOW}")


class _Places:
    """The line of each part of a document, gathered statement by statement in the order of the file."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}
        self._table: Path = ()
        self._lists: dict[Path, int] = {}

    def add(self, statement: _Statement, lines: Sequence[str]) -> None:
        """Note where a statement's parts are."""
        if statement.is_header:
            self._table = self._enter(statement.value)
            for length in range(1, len(self._table) + 1):
                self._note(self._table[:length], statement.first)
            return
        for name, value in statement.value.items():
            self._note_value((*self._table, name), value, statement.first)
            if isinstance(value, list) and statement.last > statement.first:
                for place, line in enumerate(_item_lines(lines, statement, name, len(value))):
                    self._note_value((*self._table, name, place), value[place], line, again=True)

    def path_of(self, name: str) -> str:
        """Return the path of a member of the table that was entered last."""
        return _path_text((*self._table, name))

    def _enter(self, header: Mapping[str, Any]) -> Path:
        path: Path = ()
        value: Any = header
        while isinstance(value, dict) and value:
            [(name, value)] = value.items()
            path = (*path, name)
            if isinstance(value, list):  # the header of one more item of a list of tables
                self._lists[path] = self._lists.get(path, -1) + 1
                return (*path, self._lists[path])
            if path in self._lists:
                path = (*path, self._lists[path])
        return path

    def _note(self, path: Path, line: int, *, again: bool = False) -> None:
        name = _path_text(path)
        if again or name not in self.lines:
            self.lines[name] = line + 1

    def _note_value(self, path: Path, value: object, line: int, *, again: bool = False) -> None:
        self._note(path, line, again=again)
        parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for name, part in parts:
            self._note_value((*path, name), part, line, again=again)


def _item_lines(lines: Sequence[str], statement: _Statement, name: str, count: int) -> list[int]:
    """Return the line on which each item of a list ends; the list is read again, closed after each of its lines."""
    places: list[int] = []
    for last in range(statement.first, statement.last + 1):
        try:
            items = _loads("\n".join([*lines[statement.first : last + 1], "]"])).get(name, [])
        except tomllib.TOMLDecodeError:
            continue
        places += [last] * (min(len(items), count) - len(places))
    return places + [statement.last] * (count - len(places))


def _within(header: str) -> set[str]:
    """Return the list or table that a header names which cannot be read: what it holds may seem to be missing."""
    return {name[0] for name in re.finditer(r"[A-Za-z0-9_-]+", header)}


def _path_text(path: Path) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _to_json(value: Any) -> Any:  # noqa: ANN401 - any value that TOML has
    """Return a value of TOML as the agreement's JSON has it: dates as texts, a text on one line."""
    if isinstance(value, dict):
        return {name: _to_json(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_to_json(item) for item in value]
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if (isinstance(value, int) and abs(value) > MAX_INTEGER) or (isinstance(value, float) and not math.isfinite(value)):
        return str(value)  # JSON has no such number, and no member of an agreement is one
    return value if isinstance(value, bool | int | float) else str(value)
