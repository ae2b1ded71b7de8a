"""Adapter ``social-care-cin``: a case database, filled from the yearly census.

:mod:`adapters.sectors.social_care_import` fills the database; this module only reads it, with the SQL source of the
other services. An involvement is an open case of the census joined with a current allocation.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from adapters.contract import Adapter, AdapterContext, AdapterError, CheckLine, Deadline
from adapters.sources.database import SqliteFile
from adapters.sources.fields import service_defaults
from adapters.sources.sql import SqlSettings, SqlSource
from adapters.sources.sql_settings import InvolvementColumns, PersonColumns
from adapters.sources.xml import load_schema

AllocationField = Literal[
    "la_child_id",
    "family_name",
    "given_names",
    "nhs_number",
    "postcode",
    "uprn",
    "address_restricted",
    "role",
    "worker",
    "team",
    "phone",
    "duty_phone",
    "allocated_on",
    "ended_on",
    "last_contact",
]

ALLOCATION_COLUMNS: Final[Mapping[AllocationField, str]] = {
    "la_child_id": "LAchildID",
    "family_name": "FamilyName",
    "given_names": "GivenNames",
    "nhs_number": "NHSNumber",
    "postcode": "Postcode",
    "uprn": "UPRN",
    "address_restricted": "AddressRestricted",
    "role": "WorkerRole",
    "worker": "WorkerName",
    "team": "Team",
    "phone": "WorkerPhone",
    "duty_phone": "TeamDutyPhone",
    "allocated_on": "AllocatedFrom",
    "ended_on": "AllocatedTo",
    "last_contact": "LastContact",
}
"""The allocation table's columns, unless the settings name others. Only the first two, and a worker or team, are
required. Dates are in the form YYYY-MM-DD."""

PERSONS: Final = PersonColumns(
    table="child",
    ref="la_child_id",
    nhs_number="nhs_number",
    upn="upn",
    family_name="family_name",
    given_names="given_names",
    birth_date="birth_date",
    gender="gender",
    postcode="postcode",
    uprn="uprn",
)
INVOLVEMENTS: Final = InvolvementColumns(
    query="SELECT la_child_id, plan, role, coalesce(worker, team) AS worker, phone, duty_phone, referred_on,"
    " last_contact FROM episode JOIN allocation USING (la_child_id)"
    " WHERE coalesce(closed_on, '9999-12-31') > date() AND coalesce(ended_on, '9999-12-31') > date()"
    " AND NOT EXISTS (SELECT 1 FROM episode AS later WHERE later.la_child_id = episode.la_child_id"
    " AND coalesce(later.closed_on, '9999-12-31') > date() AND later.referred_on > episode.referred_on)",
    ref="la_child_id",
    plan="plan",
    role="role",
    worker="worker",
    phone="phone",
    duty_phone="duty_phone",
    since="referred_on",
    last_contact="last_contact",
)


class SocialCareSettings(BaseModel):
    """``[services.adapter.settings]`` of type ``social-care-cin``; paths are relative to the configuration file.

    ``database`` is the case database that an import fills. ``schemas`` has the census schema of each year, as the
    Department for Education publishes it (``2022 = "CIN_schema_2022.xsd"``). ``service_type`` replaces the kind of the
    service in every involvement. ``allocation_columns`` has the columns of the allocation table that differ from
    :data:`ALLOCATION_COLUMNS`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    database: Path
    schemas: dict[int, Path] = Field(min_length=1)
    identifiers_verified: bool = False
    service_type: str | None = Field(default=None, min_length=1, max_length=200)
    allocation_columns: dict[AllocationField, str] = Field(default_factory=dict)

    @field_validator("schemas")
    @classmethod
    def _census_years(cls, schemas: dict[int, Path]) -> dict[int, Path]:
        odd = [year for year in schemas if not 2009 <= year <= 2100]  # noqa: PLR2004 - the census began in 2009
        if odd:
            raise ValueError("name a census year each, such as 2022")
        return schemas

    def columns(self) -> dict[str, str]:
        """Return the allocation table's own column for each field."""
        return {str(name): column for name, column in {**ALLOCATION_COLUMNS, **self.allocation_columns}.items()}


class SocialCareChecks:
    """The probes of this adapter other than those of its database."""

    def __init__(self, settings: SocialCareSettings, base_dir: Path) -> None:
        self._settings = settings
        self._base_dir = base_dir
        self._database = SqliteFile(base_dir / settings.database)

    def schemas(self, *, deadline: Deadline) -> Sequence[CheckLine]:
        """Load every configured schema."""
        del deadline  # local files of some kilobytes
        return tuple(self._schema(year, path) for year, path in sorted(self._settings.schemas.items()))

    def last_import(self, *, deadline: Deadline) -> Sequence[CheckLine]:
        """Report the age of the data, and the number of notes on rows."""
        statement = "SELECT imported_at, census_year, children, notes FROM import_run ORDER BY imported_at DESC LIMIT 1"
        try:
            rows = self._database.ask(statement, (), deadline=deadline).rows
        except AdapterError as error:
            return (CheckLine(name="import", ok=False, detail=error.detail, remedy="Import a census."),)
        if not rows:
            return (CheckLine(name="import", ok=False, detail="No census was imported.", remedy="Import a census."),)
        imported_at, year, children, notes = rows[0]
        detail = f"The census of {year} was imported at {imported_at}: {children} children, {notes} notes on rows."
        return (CheckLine(name="import", ok=True, detail=detail),)

    def _schema(self, year: int, path: Path) -> CheckLine:
        name = f"schema of {year}"
        try:
            load_schema(self._base_dir / path)
        except AdapterError as error:
            remedy = "Save the Department for Education's schema of this year there."
            return CheckLine(name=name, ok=False, detail=error.detail, remedy=remedy)
        return CheckLine(name=name, ok=True, detail=f"{path.name} is usable.")


class SocialCareFactory:
    """The adapter type ``social-care-cin``."""

    settings_model = SocialCareSettings

    def build(self, settings: SocialCareSettings, context: AdapterContext) -> Adapter:
        """Build the adapter without opening the database."""
        base_dir = Path(context.base_dir)
        fixed = {"service_type": settings.service_type} if settings.service_type else {}
        sql = SqlSettings(
            file=settings.database,
            identifiers_verified=settings.identifiers_verified,
            persons=PERSONS,
            involvements=INVOLVEMENTS.model_copy(update={"fixed": fixed}),
        )
        source = SqlSource(sql, SqliteFile(base_dir / settings.database), service_defaults(context))
        checks = SocialCareChecks(settings, base_dir)
        return Adapter(
            name="social-care-cin",
            involvement=source,
            sampled=source,
            checks=(*source.checks, checks.schemas, checks.last_import),
        )


FACTORY: Final = SocialCareFactory()
