"""Searches of an SQL source, in statements of checked names with parameters as values.

There are three searches for a person, each with its own index:

1. by the identifiers in the question, in every spelling in which they may be stored;
2. by the birth date; if too many people share it, by the birth date with names or postcode;
3. by family name and first given name, for records without a readable birth date.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from adapters.contract import Deadline, RecordUnreadable, SourceNonsense
from adapters.sources.database import Database, QueryRows, Row
from adapters.sources.days import DayForms
from adapters.sources.keys import KeyPart
from adapters.sources.spellings import family_name_spellings, identifier_spellings
from adapters.sources.sql_settings import PersonColumns, RowSource
from adapters.sources.terms import NEVER, ColumnKind, Placeholders
from trust.exchange.person import Subject
from trust.exchange.person_identifiers import IDENTIFIERS

MAX_CANDIDATES: Final = 500
"""The most rows of one search."""
MAX_INVOLVEMENT_ROWS: Final = 5000
"""The most rows about one record, current or not."""
_BEGINNING: Final = 3
"""The number of first letters of a name that narrow a common birth date."""
_SOUND: Final = re.compile(r"[aeiouy]|[^a-z]", re.IGNORECASE | re.ASCII)
"""Letters with several spellings (with or without an accent), which match any letter."""

Condition = Callable[[Placeholders], str | None]


class RowSearch:
    """The columns of one table or query, and the statements over them."""

    def __init__(self, database: Database, source: RowSource, fields: Sequence[str]) -> None:
        self.database = database
        self.fields = tuple(fields)
        self._names = (*source.key, *(str(getattr(source, field)) for field in fields))
        self._keys = len(source.key)
        self._kinds: tuple[ColumnKind, ...] = ()
        columns = ", ".join(database.quoted(name) for name in self._names)
        origin = database.quoted(*source.table_parts) if source.table else f"({source.query}) AS rows_of_the_query"
        self.table = database.quoted(*source.table_parts) if source.table else None
        self.select = f"SELECT {columns} FROM {origin}"  # noqa: S608 - names from the settings model only, quoted

    def split(self, row: Row) -> tuple[Sequence[object], dict[str, object]]:
        """Return a row's key and its values by field."""
        return row[: self._keys], dict(zip(self.fields, row[self._keys :], strict=True))

    def column(self, field: str) -> tuple[str, ColumnKind]:
        """Return a field's quoted column, and its kind."""
        place = self._keys + self.fields.index(field)
        return self.database.quoted(self._names[place]), self._kinds[place]

    def key_columns(self) -> tuple[tuple[str, ColumnKind], ...]:
        """Return the quoted columns of the key, and their kinds."""
        return tuple(
            (self.database.quoted(name), kind)
            for name, kind in zip(self._names[: self._keys], self._kinds, strict=False)
        )

    def probe(self, *, deadline: Deadline) -> None:
        """Query no rows, to learn the kinds of the columns. Fails without the table, a column or a right."""
        self._kinds = self.database.ask(f"{self.select} LIMIT 0", (), deadline=deadline).kinds

    def rows(self, condition: Condition, *, limit: int, deadline: Deadline) -> Sequence[Row]:
        """Return at most ``limit`` + 1 rows that fulfil a condition; none if it is ``None``.

        If the type of a column has changed, search again by its new type.
        """
        if not self._kinds:
            self.probe(deadline=deadline)
        try:
            answer = self._ask(condition, limit, deadline)
        except SourceNonsense:
            earlier_kinds = self._kinds
            self.probe(deadline=deadline)
            if self._kinds == earlier_kinds:
                raise
            answer = self._ask(condition, limit, deadline)
        if answer.kinds != self._kinds:
            self._kinds = answer.kinds
            answer = self._ask(condition, limit, deadline)
        return answer.rows

    def some(self, limit: int, *, deadline: Deadline) -> Sequence[Row]:
        """Return at most ``limit`` rows: half in any order, half with the highest keys."""
        order = ", ".join(f"{self.database.quoted(name)} DESC" for name in self._names[: self._keys])
        first = self.database.ask(f"{self.select} LIMIT {limit - limit // 2}", (), deadline=deadline).rows
        last = self.database.ask(f"{self.select} ORDER BY {order} LIMIT {limit // 2}", (), deadline=deadline).rows
        return distinct((*first, *last))

    def _ask(self, condition: Condition, limit: int, deadline: Deadline) -> QueryRows:
        places = Placeholders(self.database.place)
        where = condition(places)
        if where is None:
            return QueryRows((), self._kinds)
        return self.database.ask(f"{self.select} WHERE {where} LIMIT {limit + 1}", places.values, deadline=deadline)


class PersonSearch:
    """The three searches for a person."""

    def __init__(self, search: RowSearch, columns: PersonColumns, forms: DayForms) -> None:
        self._search = search
        self._terms = search.database.terms
        self._plain = frozenset(columns.plain_identifiers)
        self._forms = forms
        self._identifiers = tuple(field for field in IDENTIFIERS if field in search.fields)

    def by_identifier(self, subject: Subject, *, deadline: Deadline) -> Sequence[Row]:
        """Return the rows with one of the subject's identifiers."""
        rows = self._rows(lambda places: self._identifier_terms(subject, places), deadline)
        if len(rows) > MAX_CANDIDATES:
            raise RecordUnreadable(
                f"More than {MAX_CANDIDATES} records have one of the identifiers in the question, so it is a stand-in "
                "in the case system: leave unknown identifiers empty there."
            )
        return rows

    def by_birth_date(self, subject: Subject, *, deadline: Deadline) -> Sequence[Row] | None:
        """Return the rows of the subject's birth date; ``None`` if too many share it with names and postcode.

        A common birth date of a subject without names and postcode returns no row.
        """
        if subject.birth_date is None or "birth_date" not in self._search.fields:
            return ()
        rows = self._rows(self._day_and(subject, _no_narrowing), deadline)
        if len(rows) <= MAX_CANDIDATES:
            return rows
        if self._loosely(subject, Placeholders(self._search.database.place)) is None:
            return ()
        for narrow in (self._loosely, self._closely):
            rows = self._rows(self._day_and(subject, narrow), deadline)
            if len(rows) <= MAX_CANDIDATES:
                return rows
        return None

    def by_name(self, subject: Subject, *, deadline: Deadline) -> Sequence[Row]:
        """Return the rows of the subject's names, or none if these are too common."""
        if not subject.birth_date:
            return ()
        rows = self._rows(lambda places: self._name_terms(subject, places), deadline)
        return rows if len(rows) <= MAX_CANDIDATES else ()

    def indexes(self) -> Sequence[str]:
        """Return a statement for the index of each search; none for a query, whose tables are unknown here."""
        search, terms = self._search, self._terms
        if search.table is None:
            return ()
        expressions: dict[str, str] = {
            field: terms.index_of_identifier(*search.column(field), plain=field in self._plain)
            for field in self._identifiers
        }
        if "birth_date" in search.fields:
            expressions["birth_date"] = terms.index_of_day(*search.column("birth_date"))
        if "family_name" in search.fields:
            expressions["family_name"] = terms.name_form(*search.column("family_name"))
        return [f"CREATE INDEX hearthgate_{field} ON {search.table} ({of})" for field, of in expressions.items()]

    def _rows(self, condition: Condition, deadline: Deadline) -> Sequence[Row]:
        return self._search.rows(condition, limit=MAX_CANDIDATES, deadline=deadline)

    def _identifier_terms(self, subject: Subject, places: Placeholders) -> str | None:
        terms: list[str | None] = []
        for field in self._identifiers:
            value = getattr(subject, field)
            if value is not None:
                column, kind = self._search.column(field)
                texts, plain = identifier_spellings(field, value), field in self._plain
                terms.append(self._terms.identifier(column, kind, texts, places, plain=plain))
        return _any_of(terms)

    def _day_and(self, subject: Subject, narrow: "Callable[[Subject, Placeholders], str | None]") -> Condition:
        def condition(places: Placeholders) -> str | None:
            column, kind = self._search.column("birth_date")
            day = subject.birth_date
            forms = self._forms.for_field("birth_date")
            term = None if day is None else self._terms.day(column, kind, day, forms, places)
            further = narrow(subject, places)
            return term if further is None or term is None else f"({term}) AND ({further})"

        return condition

    def _loosely(self, subject: Subject, places: Placeholders) -> str | None:
        """Match the beginning of a family name or of a given name, or the postcode."""
        names = [*self._beginnings(subject, places, "family_name"), *self._beginnings(subject, places, "given_names")]
        return _any_of([*names, self._postcode(subject, places)])

    def _closely(self, subject: Subject, places: Placeholders) -> str | None:
        """Match the beginnings of both, or the postcode."""
        family_name = _any_of(list(self._beginnings(subject, places, "family_name")))
        given_name = _any_of(list(self._beginnings(subject, places, "given_names")))
        both = f"({family_name}) AND ({given_name})" if family_name and given_name else family_name or given_name
        return _any_of([both, self._postcode(subject, places)])

    def _beginnings(self, subject: Subject, places: Placeholders, field: str) -> Iterator[str]:
        """Yield terms for the beginnings of the subject's names of one kind, in their column or the whole name's."""
        texts = [getattr(subject, field), *(getattr(alias, field) for alias in subject.aliases)]
        for text in dict.fromkeys(texts):
            beginnings = {_SOUND.sub("_", each[:_BEGINNING]) for each in family_name_spellings(text)} if text else set()
            for beginning in sorted(beginnings):
                if field in self._search.fields:
                    yield self._terms.begins(self._search.column(field)[0], beginning, places)
                elif "full_name" in self._search.fields:
                    yield self._terms.contains(self._search.column("full_name")[0], beginning, places)

    def _postcode(self, subject: Subject, places: Placeholders) -> str | None:
        postcode = subject.address.postcode if subject.address else None
        if postcode is None or "postcode" not in self._search.fields:
            return None
        column, kind = self._search.column("postcode")
        return self._terms.identifier(column, kind, [postcode.replace(" ", "")], places, plain=False)

    def _name_terms(self, subject: Subject, places: Placeholders) -> str | None:
        name_pairs = list(_names(subject))
        if "full_name" in self._search.fields:
            column = self._search.column("full_name")[0]
            return _any_of(
                [" AND ".join(self._terms.contains(column, part, places) for part in pair) for pair in name_pairs]
            )
        if not {"family_name", "given_names"} <= set(self._search.fields):
            return None
        family = self._terms.name_form(*self._search.column("family_name"))
        given_column = self._search.column("given_names")[0]
        return _any_of(
            [
                f"{family} IN ({places.add_all(family_name_spellings(family_name))})"
                f" AND {self._terms.begins(given_column, _SOUND.sub('_', given_name[:_BEGINNING]), places)}"
                for family_name, given_name in name_pairs
            ]
        )


def distinct(rows: Sequence[Row]) -> Sequence[Row]:
    """Return each row once; rows with lists or JSON are not hashable."""
    try:
        return list(dict.fromkeys(map(tuple, rows)))
    except TypeError:
        return list({repr(row): row for row in rows}.values())


def _names(subject: Subject) -> Iterator[tuple[str, str]]:
    """Yield each family name with its first given name."""
    for name in subject.names():
        if name.family_name and name.given_names:
            yield name.family_name, name.given_names.split()[0]


def _no_narrowing(subject: Subject, places: Placeholders) -> None:
    del subject, places


def _any_of(terms: Sequence[str | None]) -> str | None:
    return " OR ".join(f"({term})" for term in terms if term is not None) or None


def key_condition(search: RowSearch, parts: Sequence[KeyPart]) -> Condition:
    """Return the condition for the key ``parts``, for columns of any type."""

    def condition(places: Placeholders) -> str | None:
        columns = search.key_columns()
        if len(columns) != len(parts):
            return None
        terms = [
            search.database.terms.key(column, kind, part, places)
            for (column, kind), part in zip(columns, parts, strict=True)
        ]
        return " AND ".join(f"({term or NEVER})" for term in terms)

    return condition


def key_index(search: RowSearch) -> Sequence[str]:
    """Return the statement for the index of :func:`key_condition`; none for a query."""
    if search.table is None:
        return ()
    of = ", ".join(search.database.terms.index_of_key(*column) for column in search.key_columns())
    return (f"CREATE INDEX hearthgate_ref ON {search.table} ({of})",)
