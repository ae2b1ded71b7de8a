"""The configuration of an SQL source: names of tables and columns, checked so that they can stand in a statement."""

from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from adapters.sources.database import parse_url
from adapters.sources.fields import ISO_DATE

_NAME: Final = r"^[A-Za-z_][A-Za-z0-9_]{0,62}$"
_TABLE: Final = r"^[A-Za-z_][A-Za-z0-9_]{0,62}(\.[A-Za-z_][A-Za-z0-9_]{0,62})?$"
_QUERY: Final = r"^\s*(?i:SELECT|WITH)\b[^;]*$"
SEARCHED: Final = ("nhs_number", "upn", "nino", "pnc_id", "birth_date")
"""The columns by which a person is searched; names are compared by the matcher, not by the database."""

FixedField = Literal["organisation", "service_type", "role", "worker", "phone", "duty_phone"]
Column = Field(default=None, pattern=_NAME)


class RowSource(BaseModel):
    """Where rows come from: a ``table``, or a ``query`` whose columns are then named; and the key column ``ref``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: str | None = Field(default=None, pattern=_TABLE)
    query: str | None = Field(default=None, pattern=_QUERY, max_length=4000, validate_default=True)
    ref: str = Field(pattern=_NAME)

    @field_validator("query")
    @classmethod
    def _one_source(cls, query: str | None, info: ValidationInfo) -> str | None:
        if "table" in info.data and (query is None) == (info.data["table"] is None):
            raise ValueError("give either a table or a query")
        return query


class PersonColumns(RowSource):
    """``[services.adapter.settings.persons]``: the column of each thing that is known of a person."""

    nhs_number: str | None = Column
    upn: str | None = Column
    nino: str | None = Column
    pnc_id: str | None = Column
    family_name: str | None = Column
    given_names: str | None = Column
    birth_date: str | None = Column
    gender: str | None = Column
    postcode: str | None = Column
    uprn: str | None = Column

    @model_validator(mode="after")
    def _searchable(self) -> Self:
        if not any(getattr(self, field) for field in SEARCHED):
            raise ValueError(f"name at least one column to search by: {', '.join(SEARCHED)}")
        return self


class InvolvementColumns(RowSource):
    """``[services.adapter.settings.involvements]``: the column of each thing that is known of an involvement.

    A row is current unless the column ``ended`` holds something. ``fixed`` gives texts that are the same in every row.
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
    fixed: dict[FixedField, str] = Field(default_factory=dict)


class SqlSettings(BaseModel):
    """``[services.adapter.settings]`` of type ``sql``.

    Either ``file`` (SQLite, relative to the configuration file) or ``url`` (PostgreSQL, with ``password_file`` where it
    needs a password). ``identifiers_verified`` declares that this system's identifiers were traced against their
    issuer. ``date_format`` is how the system writes dates in text columns.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: Path | None = None
    url: Annotated[str, AfterValidator(parse_url)] | None = Field(default=None, max_length=500, validate_default=True)
    password_file: Path | None = None
    identifiers_verified: bool = False
    date_format: str = Field(default=ISO_DATE, pattern=r"^[%A-Za-z0-9 /.:-]{2,30}$")
    persons: PersonColumns
    involvements: InvolvementColumns

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
