"""Names that go into a statement are checked before any statement is written, and all faults are said at once."""

import pytest
from pydantic import ValidationError

from adapters.sources.sql import SqlSettings
from tests.support.housing_case import SETTINGS


def test_all_faults_are_reported_at_once() -> None:
    wrong = {
        "file": "a.db",
        "url": "postgresql://user:secret@db.example/case",
        "date_format": "",
        "colour": "blue",
        "persons": {"table": "tenants; DROP", "nhs_number": 'nhs"--'},
        "involvements": {"query": "DELETE FROM tenancies", "ref": "x", "fixed": {"gossip": "y"}},
    }
    with pytest.raises(ValidationError) as refused:
        SqlSettings.model_validate(wrong)
    places = {".".join(str(part) for part in fault["loc"]) for fault in refused.value.errors()}
    assert places == {
        "url",
        "date_format",
        "colour",
        "persons.table",
        "persons.nhs_number",
        "persons.ref",
        "involvements.query",
        "involvements.fixed.gossip.[key]",
    }


@pytest.mark.parametrize(
    "database",
    [
        {},
        {"file": "a.db", "url": "postgresql://db.example/case"},
        {"file": "a.db", "password_file": "p"},
        {"url": "mysql://db.example/case"},
        {"url": "postgresql://db.example/case?options=-csearch_path%3Dx"},
        {"url": "postgresql://user:secret@db.example/case"},
    ],
)
def test_the_database_is_named_once_and_without_a_password(database: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as refused:
        SqlSettings.model_validate(SETTINGS | database)
    assert "secret" not in "".join(fault["msg"] for fault in refused.value.errors())


@pytest.mark.parametrize(
    "query",
    ["DELETE FROM tenants", "SELECT 1; DROP TABLE tenants", "PRAGMA query_only = OFF", "ATTACH 'x' AS y", ""],
)
def test_a_query_only_reads(query: str) -> None:
    persons = {"query": query, "ref": "id", "nhs_number": "nhs"}
    with pytest.raises(ValidationError):
        SqlSettings.model_validate(SETTINGS | {"file": "a.db", "persons": persons})
