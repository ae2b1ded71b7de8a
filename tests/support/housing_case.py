"""A housing association's invented case system, and the configuration by which the SQL adapter reads it."""

from datetime import date

from adapters.contract import Adapter, AdapterContext
from adapters.sources.sql import FACTORY, SqlSettings, SqlSource
from trust.exchange.person import Subject

SCHEMA = """
CREATE TABLE tenants (
  id INTEGER PRIMARY KEY, nhs TEXT, surname TEXT, forenames TEXT, dob TEXT, sex TEXT, postcode TEXT);
CREATE TABLE tenancies (
  tenant INTEGER, kind TEXT, officer TEXT, phone TEXT, started TEXT, last_visit TEXT, closed TEXT);
CREATE INDEX tenants_nhs ON tenants (nhs);
CREATE INDEX tenants_dob ON tenants (dob);
CREATE INDEX tenancies_tenant ON tenancies (tenant);
INSERT INTO tenants VALUES
  (1, '9691292211', 'Chislett', 'Octavia', '2008-09-20', 'F', 'kt211ja'),
  (2, '9449306494', 'Flindall', 'Red', '2011-05-17', 'M', NULL),
  (3, NULL, 'Anderton', 'Briar', '15th of May', NULL, NULL),
  (4, NULL, 'Anderton', 'Kit', '2009-02-15', NULL, 'KT20 6XJ');
INSERT INTO tenancies VALUES
  (1, 'general needs', 'Sam Okoro', '01632 960 111', '2022-03-01', '2026-10-09', NULL),
  (1, 'supported', 'Jo Bell', NULL, '2024-01-05', '2026-11-02', NULL),
  (1, 'general needs', 'Old Officer', NULL, '2001-01-01', NULL, '2009-01-01'),
  (4, 'general needs', 'Sam Okoro', NULL, 'when he came', NULL, NULL);
"""
SETTINGS: dict[str, dict[str, object]] = {
    "persons": {
        "table": "tenants",
        "ref": "id",
        "nhs_number": "nhs",
        "family_name": "surname",
        "given_names": "forenames",
        "birth_date": "dob",
        "gender": "sex",
        "postcode": "postcode",
    },
    "involvements": {
        "table": "tenancies",
        "ref": "tenant",
        "service_type": "kind",
        "worker": "officer",
        "phone": "phone",
        "since": "started",
        "last_contact": "last_visit",
        "ended": "closed",
        "fixed": {"role": "Housing officer"},
    },
}
OCTAVIA = Subject(nhs_number="9691292211", family_name="Chislett", given_names="Octavia", birth_date=date(2008, 9, 20))


def build(context: AdapterContext, **settings: object) -> Adapter:
    """Make the adapter, with further settings."""
    return FACTORY.build(SqlSettings.model_validate({**SETTINGS, **settings}), context)


def source(adapter: Adapter) -> SqlSource:
    """Return the adapter's source."""
    assert isinstance(adapter.involvement, SqlSource)
    return adapter.involvement
