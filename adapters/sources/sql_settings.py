"""Settings of an SQL source: names of tables and columns, checked for use in statements."""

import re
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationInfo,
    field_validator,
    model_validator,
)

from adapters.sources.days import ISO_DATE, DayForms, Forms
from adapters.sources.full_names import NameOrder
from adapters.sources.postgres import parse_url
from adapters.sources.settings import (
    DateForms,
    DayField,
    Statuses,
    TextField,
    check_birth_forms,
    check_full_name,
    check_statuses,
)
from trust.exchange.person_identifiers import IDENTIFIERS

_CHARACTERS: Final = r'[^\x00-\x1f\x7f"\[\]`;\\]'
_NAME: Final = re.compile(rf"{_CHARACTERS}{{1,63}}")
COLUMN: Final = rf"^{_CHARACTERS}{{1,63}}$"
_TABLE_PART: Final = rf'(?:"{_CHARACTERS}{{1,63}}"|[^\x00-\x1f\x7f"\[\]`;.\\]{{1,63}})'
TABLE: Final = rf"^{_TABLE_PART}(?:\.{_TABLE_PART})?$"
_QUERY: Final = r"^\s*(?i:SELECT|WITH)\b[^;]*$"
_MOST_KEY_COLUMNS: Final = 4
SEARCHED: Final = (*IDENTIFIERS, "birth_date")
"""The columns of the searches for a person; the matcher compares the names."""

Identifier = Literal["nhs_number", "upn", "nino", "pnc_id"]
Column = Field(default=None, pattern=COLUMN)


def _key(value: object) -> str | tuple[str, ...]:
    """Accept the name of one column, or a list of up to four."""
    names = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list | tuple) else ()
    is_valid = all(isinstance(name, str) and _NAME.fullmatch(name) for name in names)
    if not is_valid or not 0 < len(names) <= _MOST_KEY_COLUMNS:
        raise ValueError(f"must be the name of a column, or a list of up to {_MOST_KEY_COLUMNS}")
    return names if len(names) > 1 else names[0]


def table_parts(table: str) -> tuple[str, ...]:
    """Return a table's name without quotes, after its schema if there is one."""
    return tuple(part.strip('"') for part in re.findall(_TABLE_PART, table))


class RowSource(BaseModel):
    """A source of rows: a ``table`` or a ``query``, with its key column ``ref``.

    A key of several columns is a list of them, in the same order in both tables.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: str | None = Field(default=None, pattern=TABLE)
    query: str | None = Field(default=None, pattern=_QUERY, max_length=4000, validate_default=True)
    ref: Annotated[str | tuple[str, ...], PlainValidator(_key)]

    @property
    def key(self) -> tuple[str, ...]:
        """Return the columns of the key."""
        return (self.ref,) if isinstance(self.ref, str) else self.ref

    @property
    def table_parts(self) -> tuple[str, ...]:
        """Return the table's name without quotes, after its schema if there is one."""
        return table_parts(self.table or "")

    @field_validator("query")
    @classmethod
    def _one_source(cls, query: str | None, info: ValidationInfo) -> str | None:
        if "table" in info.data and (query is None) == (info.data["table"] is None):
            raise ValueError("give either a table or a query")
        return query


class PersonColumns(RowSource):
    """``[services.adapter.settings.persons]``: the column of each field of a person.

    ``plain_identifiers`` declares that these identifiers are stored in capitals without spaces and signs, so that an
    ordinary index serves the search.
    """

    nhs_number: str | None = Column
    upn: str | None = Column
    nino: str | None = Column
    pnc_id: str | None = Column
    family_name: str | None = Column
    given_names: str | None = Column
    full_name: str | None = Column
    full_name_order: NameOrder | None = None
    birth_date: str | None = Column
    gender: str | None = Column
    postcode: str | None = Column
    uprn: str | None = Column
    address_restricted: str | None = Column
    plain_identifiers: tuple[Identifier, ...] = ()

    @model_validator(mode="after")
    def _searchable(self) -> Self:
        if not any(getattr(self, field) for field in SEARCHED):
            raise ValueError(f"name at least one column to search by: {', '.join(SEARCHED)}")
        apart = self.family_name is not None or self.given_names is not None
        check_full_name(full_name=self.full_name is not None, apart=apart, order=self.full_name_order)
        return self


class InvolvementColumns(RowSource):
    """``[services.adapter.settings.involvements]``: the column of each field of an involvement.

    A row is current unless the column ``ended`` has passed or ``status`` is not a current one. ``fixed`` has texts that
    are the same in every row.
    """

    organisation: str | None = Column
    service_type: str | None = Column
    plan: str | None = Column
    role: str | None = Column
    worker: str | None = Column
    phone: str | None = Column
    duty_phone: str | None = Column
    since: str | None = Column
    last_contact: str | None = Column
    ended: str | None = Column
    status: str | None = Column
    current_statuses: Statuses = ()
    ended_statuses: Statuses = ()
    fixed: dict[TextField, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _status_is_said(self) -> Self:
        check_statuses(self.current_statuses, self.ended_statuses, has_status=self.status is not None)
        return self


class DatabaseSettings(BaseModel):
    """The database of a case system.

    Either ``file`` (SQLite, relative to the configuration file) or ``url`` (PostgreSQL, with ``password_file`` if it
    needs a password).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    file: Path | None = None
    url: Annotated[str, AfterValidator(parse_url)] | None = Field(default=None, max_length=500, validate_default=True)
    password_file: Path | None = None

    @field_validator("url")
    @classmethod
    def _one_database(cls, url: str | None, info: ValidationInfo) -> str | None:
        if "file" in info.data and (url is None) == (info.data["file"] is None):
            raise ValueError("give either a file (SQLite) or a url (PostgreSQL)")
        return url

    @field_validator("password_file")
    @classmethod
    def _for_a_server(cls, password_file: Path | None, info: ValidationInfo) -> Path | None:
        if password_file is not None and info.data.get("file") is not None:
            raise ValueError("goes with url: an SQLite file has no password")
        return password_file


class SqlSettings(DatabaseSettings):
    """``[services.adapter.settings]`` of type ``sql``.

    ``identifiers_verified`` declares that this system's identifiers were verified with their issuer. ``date_format`` is
    the form of dates in text columns, ``date_formats`` that of columns that differ.
    """

    identifiers_verified: bool = False
    date_format: DateForms = Field(default=ISO_DATE, validate_default=True)
    date_formats: dict[DayField, DateForms] = Field(default_factory=dict)
    persons: PersonColumns
    involvements: InvolvementColumns

    @property
    def forms(self) -> DayForms:
        """Return the forms of days by column."""
        by_field: dict[str, Forms] = {str(field): forms for field, forms in self.date_formats.items()}
        return DayForms(default=self.date_format, by_field=by_field)

    @model_validator(mode="after")
    def _birth_dates_have_a_century(self) -> Self:
        check_birth_forms(self.forms, has_birth_date=self.persons.birth_date is not None)
        return self
