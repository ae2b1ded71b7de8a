"""The town's case systems: small SQLite databases of the demo's unlike designs, and a benefit registry."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.demo.agencies import Agency, AgencyService
from gateway.demo.case_systems import database, dci_registry, sql_systems
from gateway.demo.case_systems.design import Design, Rows, iso
from gateway.demo.case_systems.records import CaseService, InvolvementRecord
from tests.simulator.town import records
from tests.support.people import award

REGISTRY_HOST = "registry.jobcentre.example"
_SECRET = "a long and random secret of the registry"


def _plain_rows(held: Sequence[InvolvementRecord]) -> Rows:
    return {
        "record": [
            (each.local_id, each.resident.nhs_number, each.resident.pnc_id, each.resident.family_name,
             each.resident.given_names, iso(each.resident.birth_date), each.resident.postcode, each.role, each.worker,
             each.phone, iso(each.since), iso(each.last_contact), iso(each.ended))
            for each in held
        ]
    }  # fmt: skip


PLAIN = Design(
    schema="""
CREATE TABLE record (ref TEXT PRIMARY KEY, nhs TEXT, pnc TEXT, surname TEXT, forenames TEXT, born TEXT, postcode TEXT,
    role TEXT, worker TEXT, phone TEXT, since TEXT, seen TEXT, closed TEXT);
CREATE INDEX record_born ON record (born);
""",
    rows=_plain_rows,
    settings={
        "persons": {
            "table": "record",
            "ref": "ref",
            "nhs_number": "nhs",
            "pnc_id": "pnc",
            "family_name": "surname",
            "given_names": "forenames",
            "birth_date": "born",
            "postcode": "postcode",
        },
        "involvements": {
            "table": "record",
            "ref": "ref",
            "role": "role",
            "worker": "worker",
            "phone": "phone",
            "since": "since",
            "last_contact": "seen",
            "ended": "closed",
        },
    },
)
"""One table, for the services whose real case systems are no SQL databases."""


def database_file(service: AgencyService) -> str:
    """Return the name of a service's database, beside its node's configuration."""
    return f"{service.service}-cases.db"


def write_case_files(agency: Agency, folder: Path, now: datetime) -> None:
    """Fill the case systems of one agency."""
    truth = records()
    for service in agency.services:
        path = folder / database_file(service)
        if service.service in sql_systems.DESIGNS:
            sql_systems.create(service.service, path, truth)
        else:
            own = [record for record in truth if record.service == service.service]
            database.create(path, schema=PLAIN.schema, rows=PLAIN.rows(own))
        if service.service is CaseService.JOBCENTRE:
            _write_registry(folder, now)


def registry_file(folder: Path) -> Path:
    """Return where the benefit registry's database lies."""
    return folder / "registry.db"


def _write_registry(folder: Path, now: datetime) -> None:
    """Write the benefit registry: the young man's Universal Credit is in payment, his carer's allowance has ended."""
    today = now.date()
    awards = [
        award(programme="UC", paid_on=(today - timedelta(days=10), today - timedelta(days=40))),
        award(programme="CA", enrolled=today - timedelta(days=900), ended=today - timedelta(days=400)),
    ]
    dci_registry.create(registry_file(folder), awards, clients={"jobcentre-node": _SECRET})
    secret = folder / "registry.secret"
    secret.touch(mode=0o600)
    secret.write_text(_SECRET)


def adapter_table(service: AgencyService) -> dict[str, Any]:
    """Return the ``[services.adapter]`` table that reads a service's case system."""
    if service.service not in sql_systems.DESIGNS:
        return {"type": "sql", "settings": {"file": database_file(service), **PLAIN.settings}}
    settings = sql_systems.adapter_settings(service.service, Path(database_file(service)))
    if service.service is not CaseService.JOBCENTRE:
        return {"type": "sql", "settings": settings}
    registry = {
        "base_url": f"https://{REGISTRY_HOST}",
        "sender_id": "jobcentre.example",
        "receiver_id": dci_registry.REGISTRY_ID,
        "client_id": "jobcentre-node",
        "client_secret_file": "registry.secret",
    }
    benefits = {"universal-credit": "UC", "carers-allowance": "CA"}
    return {"type": "jobcentre", "settings": {"allocations": settings, "registry": registry, "benefits": benefits}}
