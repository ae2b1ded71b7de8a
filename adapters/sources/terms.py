"""Terms of a WHERE clause that find what a source holds however it is written; one class for each database.

Values are never part of a statement: each term is given a place for every value by :class:`Places`. A term is ``None``
where the column is of a type that cannot hold the value.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from adapters.sources.days import Forms, moments, spellings
from adapters.sources.spellings import key_spellings, whole_number

LAST_CHARACTER: Final = "\U0010ffff"
NEVER: Final = "1 = 0"


_ESCAPED: Final = str.maketrans({char: f"!{char}" for char in "!%"})


class Kind(StrEnum):
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


class Terms(Protocol):
    """The terms of one database; ``column`` is quoted already."""

    def plain_form(self, column: str) -> str:
        """Return the expression of an identifier with all but its letters and digits taken out."""
        ...

    def identifier(self, column: str, kind: Kind, texts: Sequence[str], places: Places, *, plain: bool) -> str | None:
        """Find an identifier by the spellings of its plain form; ``plain`` says that the column holds no other."""
        ...

    def day(self, column: str, kind: Kind, day: date, forms: Forms, places: Places) -> str | None:
        """Find a day with any time after it."""
        ...

    def index_of_identifier(self, column: str, kind: Kind, *, plain: bool) -> str:
        """Return what an index is made of that serves :meth:`identifier`."""
        ...

    def index_of_day(self, column: str, kind: Kind) -> str:
        """Return what an index is made of that serves :meth:`day`."""
        ...

    def key(self, column: str, kind: Kind, key: str, places: Places) -> str | None:
        """Find a key, whichever type it has on the other side."""
        ...

    def name_form(self, column: str, kind: Kind) -> str:
        """Return the expression of a name in small letters without padding."""
        ...

    def begins(self, column: str, text: str, places: Places) -> str:
        """Find texts that begin with ``text``, in either case."""
        ...

    def contains(self, column: str, text: str, places: Places) -> str:
        """Find texts that have ``text`` in them, in either case."""
        ...


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

    def identifier(self, column: str, kind: Kind, texts: Sequence[str], places: Places, *, plain: bool) -> str | None:
        """Compare as text, or as it stands where the column is plain."""
        del kind
        if not plain:
            return f"{self.plain_form(column)} IN ({places.listed(texts)})"
        numbers = [number for text in texts if (number := whole_number(text)) is not None]
        return f"{column} IN ({places.listed([*texts, *numbers])})"

    def day(self, column: str, kind: Kind, day: date, forms: Forms, places: Places) -> str | None:
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

    def index_of_identifier(self, column: str, kind: Kind, *, plain: bool) -> str:
        """Return the plain form, or the column itself where it holds no other."""
        del kind
        return column if plain else self.plain_form(column)

    def index_of_day(self, column: str, kind: Kind) -> str:
        """Return the column."""
        del kind
        return column

    def key(self, column: str, kind: Kind, key: str, places: Places) -> str | None:
        """Compare as text and as a number: a column without affinity converts neither."""
        del kind
        number = whole_number(key)
        numbers: list[object] = [] if number is None else [number, f"{number}.0"]
        return f"{column} IN ({places.listed([*key_spellings(key), *numbers])})"

    def name_form(self, column: str, kind: Kind) -> str:
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

    def identifier(self, column: str, kind: Kind, texts: Sequence[str], places: Places, *, plain: bool) -> str | None:
        """Compare a number as a number, a text by its plain form."""
        if kind in {Kind.INTEGER, Kind.NUMBER}:
            number = whole_number(texts[0])
            return None if number is None else f"{column} = {places.take(number)}"
        if kind is Kind.TEXT:
            return f"{column if plain else self.plain_form(column)} IN ({places.listed(texts)})"
        return f"{self.plain_form(f'{column}::text')} IN ({places.listed(texts)})"

    def day(self, column: str, kind: Kind, day: date, forms: Forms, places: Places) -> str | None:
        """Compare a date as a date, for any form of the source's texts."""
        if kind is Kind.DATE:
            return f"{column} = {places.take(day.isoformat())}"
        if kind in {Kind.MOMENT, Kind.ZONED}:
            bounds = moments(day) if kind is Kind.ZONED else (day.isoformat(), (day + timedelta(days=1)).isoformat())
            return f"{column} >= {places.take(bounds[0])} AND {column} < {places.take(bounds[1])}"
        texts = spellings(day, forms)
        if kind in {Kind.INTEGER, Kind.NUMBER}:
            numbers = [number for text in texts if (number := whole_number(text)) is not None]
            return f"{column} IN ({places.listed(numbers)})" if numbers else None
        tested = column if kind is Kind.TEXT else f"{column}::text"
        return " OR ".join(f"{tested} LIKE {places.take(like(text))} ESCAPE '!'" for text in texts)

    def index_of_identifier(self, column: str, kind: Kind, *, plain: bool) -> str:
        """Return the plain form of a text, or the column itself."""
        return column if plain or kind is not Kind.TEXT else self.plain_form(column)

    def index_of_day(self, column: str, kind: Kind) -> str:
        """Return the column, of which the beginning of a text is compared under any collation."""
        return f"{column} text_pattern_ops" if kind is Kind.TEXT else column

    def key(self, column: str, kind: Kind, key: str, places: Places) -> str | None:
        """Compare a key by the column's own type."""
        if kind in {Kind.INTEGER, Kind.NUMBER}:
            number = whole_number(key)
            return None if number is None else f"{column} = {places.take(number)}"
        if kind is Kind.UUID:
            return f"{column} = {places.take(key)}" if _is_uuid(key) else None
        tested = column if kind is Kind.TEXT else f"{column}::text"
        return f"{tested} IN ({places.listed(key_spellings(key))})"

    def name_form(self, column: str, kind: Kind) -> str:
        """Return a name in small letters and without spaces around it."""
        return f"lower(trim({column if kind is Kind.TEXT else f'{column}::text'}))"

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


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
