"""Terms of a WHERE clause that match any spelling of a value, one class for each database.

Values are never part of a statement: :class:`Placeholders` gives each a placeholder. A term is ``None`` if the column's
type cannot hold the value.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from adapters.sources.days import Forms, moments, spellings
from adapters.sources.keys import PAD_BOUNDS, PADDING, KeyPart, bytes_of, guid_in, number_in
from adapters.sources.spellings import whole_number

LAST_CHARACTER: Final = "\U0010ffff"
NEVER: Final = "1 = 0"


_ESCAPED: Final = str.maketrans({char: f"!{char}" for char in "!%"})


class ColumnKind(StrEnum):
    """The kind of a column's values, which decides how it is searched."""

    ANY = "any"
    """A column of SQLite, which may hold values of any type."""
    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    DATE = "date"
    MOMENT = "moment"
    ZONED = "moment with a zone"
    UUID = "uuid"
    BYTES = "bytes"
    OTHER = "other"


@dataclass(slots=True)
class Placeholders:
    """The values of one statement, in order, each with its placeholder in the text."""

    place: Callable[[int], str]
    values: list[object] = field(default_factory=list)

    def add(self, value: object) -> str:
        """Add a value and return its placeholder."""
        self.values.append(value)
        return self.place(len(self.values))

    def add_all(self, values: Iterable[object]) -> str:
        """Add several values and return their placeholders, for ``IN``."""
        first = len(self.values) + 1
        self.values.extend(values)
        return ", ".join(map(self.place, range(first, len(self.values) + 1)))


class SqlTerms(Protocol):
    """The terms of one database; ``column`` is already quoted."""

    def plain_form(self, column: str) -> str:
        """Return the expression of an identifier reduced to letters and digits."""
        ...

    def identifier(
        self, column: str, kind: ColumnKind, texts: Sequence[str], places: Placeholders, *, plain: bool
    ) -> str | None:
        """Match an identifier by the spellings of its plain form; ``plain`` columns hold only that form."""
        ...

    def day(self, column: str, kind: ColumnKind, day: date, forms: Forms, places: Placeholders) -> str | None:
        """Match a day with any time after it."""
        ...

    def index_of_identifier(self, column: str, kind: ColumnKind, *, plain: bool) -> str:
        """Return the expression of an index for :meth:`identifier`."""
        ...

    def index_of_day(self, column: str, kind: ColumnKind) -> str:
        """Return the expression of an index for :meth:`day`."""
        ...

    def key(self, column: str, kind: ColumnKind, key: KeyPart, places: Placeholders) -> str | None:
        """Match a part of a key in any padding, spelling or type, and perhaps similar ones."""
        ...

    def index_of_key(self, column: str, kind: ColumnKind) -> str:
        """Return the expression of an index for :meth:`key`."""
        ...

    def name_form(self, column: str, kind: ColumnKind) -> str:
        """Return the expression of a name in lower case without padding."""
        ...

    def begins(self, column: str, text: str, places: Placeholders) -> str:
        """Match texts that begin with ``text``, without regard to case."""
        ...

    def contains(self, column: str, text: str, places: Placeholders) -> str:
        """Match texts that contain ``text``, without regard to case."""
        ...


_NOT_PLAIN: Final = re.compile(r"[^0-9A-Za-z]")
_SEPARATORS: Final = (
    *(*range(9, 14), *range(32, 48), *range(58, 65), *range(91, 97), *range(123, 127), 133, 160, 173, 183),
    *(5760, 6158, *range(8192, 8214), 8216, 8217, 8226, *range(8232, 8240), 8287, 8288, 8722, 12288, 65279, 65293),
)
"""Spaces, hyphens, other signs, control and invisible characters in identifiers."""


class SqliteTerms:
    """Terms for SQLite, whose columns may hold values of any type."""

    def plain_form(self, column: str) -> str:
        """Return nested ``replace`` calls: SQLite has no regular expressions, and an index needs built-in functions.

        The calls cost ten times a read of the row, so that a value that is already plain skips them.
        """
        form = column
        for code in _SEPARATORS:
            form = f"replace({form}, char({code}), '')"
        return f"CASE WHEN {column} NOT GLOB '*[^0-9A-Z]*' THEN CAST({column} AS TEXT) ELSE upper({form}) END"

    def identifier(
        self, column: str, kind: ColumnKind, texts: Sequence[str], places: Placeholders, *, plain: bool
    ) -> str | None:
        """Compare as text, or exactly if the column is plain."""
        del kind
        if not plain:
            return f"{self.plain_form(column)} IN ({places.add_all(texts)})"
        numbers = [number for text in texts if (number := whole_number(text)) is not None]
        return f"{column} IN ({places.add_all([*texts, *numbers])})"

    def day(self, column: str, kind: ColumnKind, day: date, forms: Forms, places: Placeholders) -> str | None:
        """Compare by ranges, which an index serves under any affinity of the column."""
        del kind
        ranges: list[str] = []
        for text in spellings(day, forms):
            number = whole_number(text)
            if number is not None:  # a number in a column of numbers would be less than any text
                ranges.append(f"{column} IN ({places.add_all([text, number])})")
            bounds = (
                [(text, text + LAST_CHARACTER)]
                if number is None
                else [(f"{text} 0", f"{text} :"), (f"{text}T", f"{text}U")]
            )
            ranges += [f"({column} >= {places.add(low)} AND {column} < {places.add(high)})" for low, high in bounds]
        return " OR ".join(ranges)

    def index_of_identifier(self, column: str, kind: ColumnKind, *, plain: bool) -> str:
        """Return the plain form, or the column itself if it is plain."""
        del kind
        return column if plain else self.plain_form(column)

    def index_of_day(self, column: str, kind: ColumnKind) -> str:
        """Return the column."""
        del kind
        return column

    def key(self, column: str, kind: ColumnKind, key: KeyPart, places: Placeholders) -> str | None:
        """Compare exactly, and padded values by ranges: an ordinary index on the column serves both."""
        del kind
        exact = f"{column} IN ({', '.join(_sqlite_values(key, places))})"
        bounds = [*_key_bounds(key), *PAD_BOUNDS]
        ranges = [
            f"({column} >= {places.add(low)} AND {column} < {places.add(high)})"
            for pair in bounds
            for low, high in (pair, tuple(text.encode() for text in pair))
        ]
        return f"({' OR '.join([exact, *ranges])}) AND ({exact} OR {_sqlite_tidy(column, key, places)})"

    def index_of_key(self, column: str, kind: ColumnKind) -> str:
        """Return the column."""
        del kind
        return column

    def name_form(self, column: str, kind: ColumnKind) -> str:
        """Return a name without outer spaces, its ASCII letters in lower case."""
        del kind
        return f"lower(trim({column}))"

    def begins(self, column: str, text: str, places: Placeholders) -> str:
        """Compare with LIKE, which ignores the case of ASCII letters."""
        return f"{column} LIKE {places.add(like(text))} ESCAPE '!'"

    def contains(self, column: str, text: str, places: Placeholders) -> str:
        """Compare with LIKE."""
        return f"{column} LIKE {places.add('%' + like(text))} ESCAPE '!'"


class PostgresTerms:
    """Terms for PostgreSQL, by the type of the column: another type's operator is an error."""

    def plain_form(self, column: str) -> str:
        """Return an immutable expression, as an index needs."""
        return f"upper(regexp_replace({column}, '[^0-9A-Za-z]', '', 'g'))"

    def identifier(
        self, column: str, kind: ColumnKind, texts: Sequence[str], places: Placeholders, *, plain: bool
    ) -> str | None:
        """Compare a number as a number, a text by its plain form."""
        if kind in {ColumnKind.INTEGER, ColumnKind.NUMBER}:  # in which no number begins with a zero
            number = whole_number(texts[0].lstrip("0"))
            return None if number is None else f"{column} = {places.add(number)}"
        tested = column if plain and kind is ColumnKind.TEXT else self.plain_form(_as_text(column, kind))
        return f"{tested} IN ({places.add_all(texts)})"

    def day(self, column: str, kind: ColumnKind, day: date, forms: Forms, places: Placeholders) -> str | None:
        """Compare a date as a date, for any form of the source's texts."""
        if kind is ColumnKind.DATE:
            return f"{column} = {places.add(day.isoformat())}"
        if kind in {ColumnKind.MOMENT, ColumnKind.ZONED}:
            bounds = (
                moments(day) if kind is ColumnKind.ZONED else (day.isoformat(), (day + timedelta(days=1)).isoformat())
            )
            return f"{column} >= {places.add(bounds[0])} AND {column} < {places.add(bounds[1])}"
        texts = spellings(day, forms)
        if kind in {ColumnKind.INTEGER, ColumnKind.NUMBER}:
            numbers = [number for text in texts if (number := whole_number(text)) is not None]
            return f"{column} IN ({places.add_all(numbers)})" if numbers else None
        tested = column if kind is ColumnKind.TEXT else f"{column}::text"
        return " OR ".join(f"{tested} LIKE {places.add(like(text))} ESCAPE '!'" for text in texts)

    def index_of_identifier(self, column: str, kind: ColumnKind, *, plain: bool) -> str:
        """Return the plain form of a text, or the column itself."""
        if kind not in {ColumnKind.TEXT, ColumnKind.BYTES} or (plain and kind is ColumnKind.TEXT):
            return column
        return self.plain_form(_as_text(column, kind))

    def index_of_day(self, column: str, kind: ColumnKind) -> str:
        """Return the column, with an operator class for the beginning of a text under any collation."""
        return f"{column} text_pattern_ops" if kind is ColumnKind.TEXT else column

    def key(self, column: str, kind: ColumnKind, key: KeyPart, places: Placeholders) -> str | None:
        """Compare a number, GUID or moment by the column's type, other values by letters and digits."""
        if kind in {ColumnKind.INTEGER, ColumnKind.NUMBER}:
            number = number_in(key)
            return None if number is None else f"{column} = {places.add(number)}"
        if kind is ColumnKind.UUID:
            guid = guid_in(key)
            return None if guid is None else f"{column} = {places.add(str(guid))}"
        if kind in {ColumnKind.DATE, ColumnKind.MOMENT, ColumnKind.ZONED}:
            moment = _moment_in(key, kind)
            return None if moment is None else f"{column} = {places.add(moment)}"
        alike = f"{self._key_form(column, kind)} IN ({places.add_all(_plain_keys(key))})"
        return f"{column} IN ({places.add_all(bytes_of(key))}) OR {alike}" if kind is ColumnKind.BYTES else alike

    def index_of_key(self, column: str, kind: ColumnKind) -> str:
        """Return the plain form of a text or of bytes, or the column itself."""
        return self._key_form(column, kind) if kind in {ColumnKind.TEXT, ColumnKind.BYTES} else column

    def _key_form(self, column: str, kind: ColumnKind) -> str:
        """Return the plain form under a collation that supports regular expressions."""
        return self.plain_form(f'{_as_text(column, kind)} COLLATE "C"')

    def name_form(self, column: str, kind: ColumnKind) -> str:
        """Return a name in lower case without outer spaces."""
        return f"lower(trim({column if kind is ColumnKind.TEXT else f'{column}::text'}))"

    def begins(self, column: str, text: str, places: Placeholders) -> str:
        """Compare with ILIKE."""
        return f"{column}::text ILIKE {places.add(like(text))} ESCAPE '!'"

    def contains(self, column: str, text: str, places: Placeholders) -> str:
        """Compare with ILIKE."""
        return f"{column}::text ILIKE {places.add('%' + like(text))} ESCAPE '!'"


def like(text: str) -> str:
    """Return a LIKE pattern for texts that begin with ``text``, in which ``_`` is any character.

    ``!`` is the escape. The pattern is a bound value; the reader compares the results with the text itself.
    """
    return text.translate(_ESCAPED) + "%"


_MOST_DECIMALS: Final = 20
"""The most zeros after the point of a number in a text."""
_FITS: Final = 63
"""Bits of an SQLite integer, besides its sign."""


def _sqlite_values(key: KeyPart, places: Placeholders) -> list[str]:
    """Return the placeholders of a key without padding, as text, bytes and number."""
    raw = bytes_of(key)
    number = number_in(key)
    values: list[object] = [str(key), *raw]
    if number is not None:
        values.append(number if number.bit_length() <= _FITS else float(number))
    in_another_encoding = [each for each in raw if not _is_utf8(each)]
    return [*map(places.add, values), *(f"CAST({places.add(each)} AS TEXT)" for each in in_another_encoding)]


def _key_bounds(key: KeyPart) -> list[tuple[str, str]]:
    """Return ranges that contain all texts of a key followed by padding."""
    guid = guid_in(key)
    if guid is not None:
        begins = guid.hex[:8]
        return [(f"{brace}{begins.upper()}", f"{brace}{begins}{LAST_CHARACTER}") for brace in ("", "{")]
    bounds = [(f"{key}{first}", f"{key}{after}") for first, after in PAD_BOUNDS]
    return [*bounds, (f"{key}.0", f"{key}.1")] if isinstance(key, int) else bounds


def _sqlite_tidy(column: str, key: KeyPart, places: Placeholders) -> str:
    """Compare a text without padding; match any with a zero byte, at which functions end, for the reader."""
    tidy = f"trim(CAST({column} AS TEXT), {places.add(PADDING.replace(chr(0), ''))})"
    zero = f"instr({column}, x'00') > 0"
    guid = guid_in(key)
    if guid is not None:
        for mark in "-{}":
            tidy = f"replace({tidy}, '{mark}', '')"
        return f"lower({tidy}) = {places.add(guid.hex)} OR {zero}"
    same = f"{tidy} = {places.add(str(key))}"
    if isinstance(key, int):
        same += f" OR rtrim({tidy}, '0') = {places.add(f'{key}.')}"
    return f"{same} OR {zero}"


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _as_text(column: str, kind: ColumnKind) -> str:
    """Return a PostgreSQL column as text; of bytes, only those in ASCII."""
    if kind is ColumnKind.BYTES:  # encode() writes a backslash twice, and other bytes as one with three digits
        return rf"regexp_replace(encode({column}, 'escape'), '\\\\|\\[0-7]{{3}}', '', 'g')"
    return column if kind is ColumnKind.TEXT else f"{column}::text"


def _plain_keys(key: KeyPart) -> list[str]:
    """Return what :meth:`PostgresTerms.plain_form` makes of a key; of a number, also with decimals of zero."""
    guid = guid_in(key)
    plain = _NOT_PLAIN.sub("", str(key) if guid is None else guid.hex).upper()
    return [plain + "0" * decimals for decimals in range(_MOST_DECIMALS + 1 if isinstance(key, int) else 1)]


def _moment_in(key: KeyPart, kind: ColumnKind) -> str | None:
    """Return the day or moment that a key is, as a column of that kind is asked for it."""
    try:
        moment = datetime.fromisoformat(str(key))
    except ValueError:
        return None
    if (moment.tzinfo is not None) is not (kind is ColumnKind.ZONED):
        return None
    if kind is not ColumnKind.DATE:
        return moment.isoformat()
    return moment.date().isoformat() if moment == datetime.combine(moment.date(), datetime.min.time()) else None
