"""The agencies' case systems, filled from the truth, and the adapter settings that read them.

Seven are SQL databases, read by configuration alone. The police and the benefit registry are servers. Children's
social care is a census file and an allocation table, for the node's own import.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.demo.agencies import (
    POLICE_RECORDS_HOST,
    REGISTRY_HOST,
    AnyService,
    ReceivingService,
    agency_of,
    hosted_service,
)
from gateway.demo.case_systems import dci_registry, police_soap, social_care_files, sql_systems
from gateway.demo.case_systems import intake as case_intake
from gateway.demo.case_systems.records import CaseService
from gateway.demo.people.generator import PROGRAMME
from gateway.demo.people.population import Population

BENEFIT: Final = "universal-credit"
"""The benefit's code in agreements; the registry has another."""
_SCHEMAS: Final = Path(__file__).parents[2] / "config" / "schemas"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterTable:
    """The ``[services.adapter]`` table of one service."""

    type: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSystems:
    """Files and adapter tables of all case systems. ``servers`` maps the kinds of server to their databases.

    ``receivers`` are the ``[services.receiver]`` tables, and ``intakes`` the databases and folders that they write to.
    """

    adapters: Mapping[AnyService, AdapterTable]
    receivers: Mapping[AnyService, AdapterTable]
    intakes: Mapping[AnyService, Path]
    servers: Mapping[str, Path]
    census: Path
    allocations: Path


def create(folder: Path, population: Population) -> CaseSystems:
    """Write every case system into ``folder``, with a folder for each agency."""
    records = population.records()
    adapters: dict[AnyService, AdapterTable] = {}
    for service in sql_systems.DESIGNS:
        path = _agency_folder(folder, service) / f"{service}.db"
        sql_systems.create(service, path, records)
        adapters[service] = AdapterTable(type="sql", settings=sql_systems.adapter_settings(service, path))
    police, registry = _agency_folder(folder, CaseService.POLICE), _agency_folder(folder, CaseService.JOBCENTRE)
    adapters[CaseService.POLICE] = _police(police, population)
    adapters[CaseService.JOBCENTRE] = _jobcentre(registry, population, adapters[CaseService.JOBCENTRE].settings)
    care = _agency_folder(folder, CaseService.CHILDRENS_SOCIAL_CARE)
    adapters[CaseService.CHILDRENS_SOCIAL_CARE] = AdapterTable(
        type="social-care-cin",
        settings={
            "database": str(care / "childrens-social-care.db"),
            "schemas": {str(population.today.year): str(_SCHEMAS / "cin-census-reduced.xsd")},
        },
    )
    census, allocations = care / "census.xml", care / "allocations.csv"
    social_care_files.write_census(census, records, reference_date=population.today)
    duty_phone = hosted_service(CaseService.CHILDRENS_SOCIAL_CARE).duty_phone
    social_care_files.write_allocations(allocations, records, duty_phone=duty_phone)
    intakes = _create_intakes(folder)
    return CaseSystems(
        adapters=adapters,
        receivers=_receivers(intakes),
        intakes=intakes,
        servers={"police": police / "records.db", "dci": registry / "registry.db"},
        census=census,
        allocations=allocations,
    )


def _create_intakes(folder: Path) -> Mapping[AnyService, Path]:
    """Make the places where the case systems take messages of other agencies; the landlord's is in its database."""
    intakes: dict[AnyService, Path] = {}
    for service, intake in intake_tables().items():
        intakes[service] = _agency_folder(folder, service) / f"{service}.db"
        intake.create(intakes[service])
    intakes[CaseService.COLLEGE] = _agency_folder(folder, CaseService.COLLEGE) / "notices"
    case_intake.create_drop_folder(intakes[CaseService.COLLEGE])
    return intakes


def _receivers(intakes: Mapping[AnyService, Path]) -> Mapping[AnyService, AdapterTable]:
    tables: dict[AnyService, AdapterTable] = {
        service: AdapterTable(type="sql-insert", settings=intake.settings(intakes[service]))
        for service, intake in intake_tables().items()
    }
    notices = case_intake.drop_folder_settings(intakes[CaseService.COLLEGE])
    tables[CaseService.COLLEGE] = AdapterTable(type="drop-folder", settings=notices)
    return tables


def intake_tables() -> Mapping[AnyService, case_intake.Intake]:
    """Return the table of each service whose case system takes messages in a database."""
    return {
        CaseService.HOUSING: case_intake.HOUSING,
        ReceivingService.SCHOOL_ADMISSIONS: case_intake.ADMISSIONS,
        ReceivingService.WELFARE_SUPPORT: case_intake.WELFARE,
    }


def _agency_folder(folder: Path, service: AnyService) -> Path:
    agency_folder = folder / agency_of(service).slug
    agency_folder.mkdir(mode=0o700, exist_ok=True)
    return agency_folder


def _police(folder: Path, population: Population) -> AdapterTable:
    secret = _new_secret(folder / "password")
    own = [record for record in population.records() if record.service == CaseService.POLICE]
    police_soap.create(folder / "records.db", own, accounts={"hearthgate": secret})
    return AdapterTable(
        type="police-soap",
        settings={
            "url": f"https://{POLICE_RECORDS_HOST}/involvement",
            "messages_url": f"https://{POLICE_RECORDS_HOST}/messages",
            "sender": "hearthgate",
            "user": "hearthgate",
            "password_file": str(folder / "password"),
        },
    )


def _jobcentre(folder: Path, population: Population, allocations: Mapping[str, Any]) -> AdapterTable:
    secret = _new_secret(folder / "client-secret")
    dci_registry.create(folder / "registry.db", population.awards.values(), clients={"hearthgate": secret})
    return AdapterTable(
        type="jobcentre",
        settings={
            "allocations": allocations,
            "registry": {
                "base_url": f"https://{REGISTRY_HOST}",
                "sender_id": "hearthgate",
                "receiver_id": dci_registry.REGISTRY_ID,
                "client_id": "hearthgate",
                "client_secret_file": str(folder / "client-secret"),
            },
            "benefits": {BENEFIT: PROGRAMME},
        },
    )


def _new_secret(path: Path) -> str:
    secret = secrets.token_urlsafe(32)
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(secret)
    return secret
