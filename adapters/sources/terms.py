"""Terms of a WHERE clause that find what a source holds however it is written; one class for each database.

Values are never part of a statement: each term is given a place for every value by :class:`Places`. A term is ``None``
where the column is of a type that cannot hold the value.
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
    """What a column holds, as far as it decides how it is searched."""

    ANY = "any"
    """A column of SQLite, which may hold values of every type."""
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
class Places:
    """The values of one statement, in order, each with its place in the text."""

    place: Callable[[int], str]
    values: list[object] = field(default_factory=list)

    def take(self, value: object) -> str:
        """Return the place of one more value."""
        self.values.append(value)
        return self.place(len(self.values))

    def listed(self, values: Iterable[object]) -> str:
        """Return the places of several values, for ``IN``."""
        first = len(self.values) + 1
        self.values.extend(values)
        return ", ".join(map(self.place, range(first, len(self.values) + 1)))


class SqlTerms(Protocol):
    """The terms of one database; ``column`` is quoted already."""

    def plain_form(self, column: str) -> str:
        """Return the expression of an identifier with all but its letters and digits taken out."""
        ...

    def identifier(
        self, column: str, kind: ColumnKind, texts: Sequence[str], places: Places, *, plain: bool
    ) -> str | None:
        """Find an identifier by the spellings of its plain form; ``plain`` says that the column holds no other."""
        ...

    def day(self, column: str, kind: ColumnKind, day: date, forms: Forms, places: Places) -> str | None:
        """Find a day with any time after it."""
        ...

    def index_of_identifier(self, column: str, kind: ColumnKind, *, plain: bool) -> str:
        """Return what an index is made of that serves :meth:`identifier`."""
        ...

    def index_of_day(self, column: str, kind: ColumnKind) -> str:
        """Return what an index is made of that serves :meth:`day`."""
        ...

    def key(self, column: str, kind: ColumnKind, key: KeyPart, places: Places) -> str | None:
        """Find a part of a key, however it is padded, spelled or typed, and perhaps others that are written alike."""
        ...

    def index_of_key(self, column: str, kind: ColumnKind) -> str:
        """Return what an index is made of that serves :meth:`key`."""
        ...

    def name_form(self, column: str, kind: ColumnKind) -> str:
        """Return the expression of a name in small letters without padding."""
        ...

    def begins(self, column: str, text: str, places: Places) -> str:
        """Find texts that begin with ``text``, in either case."""
        ...

    def contains(self, column: str, text: str, places: Places) -> str:
        """Find texts that have ``text`` in them, in either case."""
        ...


_NOT_PLAIN: Final = re.compile(r"[^0-9A-Za-z]")
_TAKEN_OUT: Final = (
    *(*range(9, 14), *range(32, 48), *range(58, 65), *range(91, 97), *range(123, 127), 133, 160, 173, 183),
    *(5760, 6158, *range(8192, 8214), 8216, 8217, 8226, *range(8232, 8240), 8287, 8288, 8722, 12288, 65279, 65293),
)
"""Spaces, hyphens, other signs, control and invisible characters that are found in identifiers."""


class SqliteTerms:
    """Terms for SQLite, whose columns have no type that can be relied on."""

    def plain_form(self, column: str) -> str:
        """Return nested ``replace`` calls: SQLite has no regular expressions, and an index needs built-in functions.

        So many calls for a row cost ten times what looking at it does, so one that is plain already is spared them.
        """
        form = column
        for code in _TAKEN_OUT:
            form = f"replace({form}, char({code}), '')"
        return f"CASE WHEN {column} NOT GLOB '*[^0-9A-Z]*' THEN CAST({column} AS TEXT) ELSE upper({form}) END"

    def identifier(
        self, column: str, kind: ColumnKind, texts: Sequence[str], places: Places, *, plain: bool
    ) -> str | None:
        """Compare as text, or as it stands where the column is plain."""
        del kind
        if not plain:
            return f"{self.plain_form(column)} IN ({places.listed(texts)})"
        numbers = [number for text in texts if (number := whole_number(text)) is not None]
        return f"{column} IN ({places.listed([*texts, *numbers])})"

    def day(self, column: str, kind: ColumnKind, day: date, forms: Forms, places: Places) -> str | None:
        """Compare by ranges, which an index serves under any affinity of the column."""
        del kind
        ranges: list[str] = []
        for text in spellings(day, forms):
            number = whole_number(text)
            if number is not None:  # a number in a column of numbers would be less than any text
                ranges.append(f"{column} IN ({places.listed([text, number])})")
            bounds = (
                [(text, text + LAST_CHARACTER)]
                if number is None
                else [(f"{text} 0", f"{text} :"), (f"{text}T", f"{text}U")]
            )
            ranges += [f"({column} >= {places.take(low)} AND {column} < {places.take(high)})" for low, high in bounds]
        return " OR ".join(ranges)

    def index_of_identifier(self, column: str, kind: ColumnKind, *, plain: bool) -> str:
        """Return the plain form, or the column itself where it holds no other."""
        del kind
        return column if plain else self.plain_form(column)

    def index_of_day(self, column: str, kind: ColumnKind) -> str:
        """Return the column."""
        del kind
        return column

    def key(self, column: str, kind: ColumnKind, key: KeyPart, places: Places) -> str | None:
        """Compare as it stands, and by ranges with what is padded: an ordinary index on the column serves them all."""
        del kind
        exact = f"{column} IN ({', '.join(_sqlite_values(key, places))})"
        bounds = [*_key_bounds(key), *PAD_BOUNDS]
        ranges = [
            f"({column} >= {places.take(low)} AND {column} < {places.take(high)})"
            for pair in bounds
            for low, high in (pair, tuple(text.encode() for text in pair))
        ]
        return f"({' OR '.join([exact, *ranges])}) AND ({exact} OR {_sqlite_tidy(column, key, places)})"

    def index_of_key(self, column: str, kind: ColumnKind) -> str:
        """Return the column."""
        del kind
        return column

    def name_form(self, column: str, kind: ColumnKind) -> str:
        """Return a name in small letters, as far as they are of ASCII, and without spaces around it."""
        del kind
        return f"lower(trim({column}))"

    def begins(self, column: str, text: str, places: Places) -> str:
        """Compare with LIKE, which ignores the case of ASCII letters."""
        return f"{column} LIKE {places.take(like(text))} ESCAPE '!'"

    def contains(self, column: str, text: str, places: Places) -> str:
        """Compare with LIKE."""
        return f"{column} LIKE {places.take('%' + like(text))} ESCAPE '!'"


class PostgresTerms:
    """Terms for PostgreSQL, by the type of the column: an operator for another type would be an error."""

    def plain_form(self, column: str) -> str:
        """Return an immutable expression, which an index can be made of."""
        return f"upper(regexp_replace({column}, '[^0-9A-Za-z]', '', 'g'))"

    def identifier(
        self, column: str, kind: ColumnKind, texts: Sequence[str], places: Places, *, plain: bool
    ) -> str | None:
        """Compare a number as a number, a text by its plain form."""
        if kind in {ColumnKind.INTEGER, ColumnKind.NUMBER}:  # in which no number begins with a zero
            number = whole_number(texts[0].lstrip("0"))
            return None if number is None else f"{column} = {places.take(number)}"
        tested = column if plain and kind is ColumnKind.TEXT else self.plain_form(_as_text(column, kind))
        return f"{tested} IN ({places.listed(texts)})"

    def day(self, column: str, kind: ColumnKind, day: date, forms: Forms, places: Places) -> str | None:
        """Compare a date as a date, for any form of the source's texts."""
        if kind is ColumnKind.DATE:
            return f"{column} = {places.take(day.isoformat())}"
        if kind in {ColumnKind.MOMENT, ColumnKind.ZONED}:
            bounds = (
                moments(day) if kind is ColumnKind.ZONED else (day.isoformat(), (day + timedelta(days=1)).isoformat())
            )
            return f"{column} >= {places.take(bounds[0])} AND {column} < {places.take(bounds[1])}"
        texts = spellings(day, forms)
        if kind in {ColumnKind.INTEGER, ColumnKind.NUMBER}:
            numbers = [number for text in texts if (number := whole_number(text)) is not None]
            return f"{column} IN ({places.listed(numbers)})" if numbers else None
        tested = column if kind is ColumnKind.TEXT else f"{column}::text"
        return " OR ".join(f"{tested} LIKE {places.take(like(text))} ESCAPE '!'" for text in texts)

    def index_of_identifier(self, column: str, kind: ColumnKind, *, plain: bool) -> str:
        """Return the plain form of a text, or the column itself."""
        if kind not in {ColumnKind.TEXT, ColumnKind.BYTES} or (plain and kind is ColumnKind.TEXT):
            return column
        return self.plain_form(_as_text(column, kind))

    def index_of_day(self, column: str, kind: ColumnKind) -> str:
        """Return the column, of which the beginning of a text is compared under any collation."""
        return f"{column} text_pattern_ops" if kind is ColumnKind.TEXT else column

    def key(self, column: str, kind: ColumnKind, key: KeyPart, places: Places) -> str | None:
        """Compare a number, GUID or moment by the column's own type, all else by its letters and digits."""
        if kind in {ColumnKind.INTEGER, ColumnKind.NUMBER}:
            number = number_in(key)
            return None if number is None else f"{column} = {places.take(number)}"
        if kind is ColumnKind.UUID:
            guid = guid_in(key)
            return None if guid is None else f"{column} = {places.take(str(guid))}"
        if kind in {ColumnKind.DATE, ColumnKind.MOMENT, ColumnKind.ZONED}:
            moment = _moment_in(key, kind)
            return None if moment is None else f"{column} = {places.take(moment)}"
        alike = f"{self._key_form(column, kind)} IN ({places.listed(_plain_keys(key))})"
        return f"{column} IN ({places.listed(bytes_of(key))}) OR {alike}" if kind is ColumnKind.BYTES else alike

    def index_of_key(self, column: str, kind: ColumnKind) -> str:
        """Return the plain form of a text or of bytes, or the column itself."""
        return self._key_form(column, kind) if kind in {ColumnKind.TEXT, ColumnKind.BYTES} else column

    def _key_form(self, column: str, kind: ColumnKind) -> str:
        """Return the plain form under a collation that has regular expressions, whichever the column has."""
        return self.plain_form(f'{_as_text(column, kind)} COLLATE "C"')

    def name_form(self, column: str, kind: ColumnKind) -> str:
        """Return a name in small letters and without spaces around it."""
        return f"lower(trim({column if kind is ColumnKind.TEXT else f'{column}::text'}))"

    def begins(self, column: str, text: str, places: Places) -> str:
        """Compare with ILIKE."""
        return f"{column}::text ILIKE {places.take(like(text))} ESCAPE '!'"

    def contains(self, column: str, text: str, places: Places) -> str:
        """Compare with ILIKE."""
        return f"{column}::text ILIKE {places.take('%' + like(text))} ESCAPE '!'"


def like(text: str) -> str:
    """Return a pattern for LIKE that finds texts beginning with ``text``, in which ``_`` is any character.

    ``!`` is the escape. The pattern is a bound value; what it finds is compared with the text itself afterwards.
    """
    return text.translate(_ESCAPED) + "%"


_MOST_DECIMALS: Final = 20
"""Zeros after the point of a number that is written as a text."""
_FITS: Final = 63
"""Bits of a number that SQLite takes, besides its sign."""


def _sqlite_values(key: KeyPart, places: Places) -> list[str]:
    """Return the places of a key without padding, as text, as bytes and as a number."""
    raw = bytes_of(key)
    number = number_in(key)
    values: list[object] = [str(key), *raw]
    if number is not None:
        values.append(number if number.bit_length() <= _FITS else float(number))
    in_another_encoding = [each for each in raw if not _is_utf8(each)]
    return [*map(places.take, values), *(f"CAST({places.take(each)} AS TEXT)" for each in in_another_encoding)]


def _key_bounds(key: KeyPart) -> list[tuple[str, str]]:
    """Return ranges of texts, among which are all that begin with a key and go on with padding."""
    guid = guid_in(key)
    if guid is not None:
        begins = guid.hex[:8]
        return [(f"{brace}{begins.upper()}", f"{brace}{begins}{LAST_CHARACTER}") for brace in ("", "{")]
    bounds = [(f"{key}{first}", f"{key}{after}") for first, after in PAD_BOUNDS]
    return [*bounds, (f"{key}.0", f"{key}.1")] if isinstance(key, int) else bounds


def _sqlite_tidy(column: str, key: KeyPart, places: Places) -> str:
    """Compare a text without its padding; what holds a zero byte, where functions end a text, is left to the reader."""
    tidy = f"trim(CAST({column} AS TEXT), {places.take(PADDING.replace(chr(0), ''))})"
    zero = f"instr({column}, x'00') > 0"
    guid = guid_in(key)
    if guid is not None:
        for mark in "-{}":
            tidy = f"replace({tidy}, '{mark}', '')"
        return f"lower({tidy}) = {places.take(guid.hex)} OR {zero}"
    same = f"{tidy} = {places.take(str(key))}"
    if isinstance(key, int):
        same += f" OR rtrim({tidy}, '0') = {places.take(f'{key}.')}"
    return f"{same} OR {zero}"


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _as_text(column: str, kind: ColumnKind) -> str:
    """Return a column as text, in PostgreSQL; of bytes, those that are of ASCII."""
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
