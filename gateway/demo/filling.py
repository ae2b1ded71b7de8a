"""Fill the agencies' case systems from the truth, and say how each service's adapter reads its own.

Seven are SQL databases, read by configuration alone; the police and the benefit registry are servers; children's
social care comes as a census file and an allocation table, for the node's own import.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.demo.agencies import POLICE_RECORDS_HOST, REGISTRY_HOST, agency_of, hosted
from gateway.demo.case_systems import dci_registry, police_soap, social_care_files, sql_systems
from gateway.demo.case_systems.records import CaseService
from gateway.demo.people.inventing import PROGRAMME
from gateway.demo.people.population import Population

BENEFIT: Final = "universal-credit"
"""The benefit's code in agreements; the registry has one of its own."""
_SCHEMAS: Final = Path(__file__).parents[2] / "config" / "schemas"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterTable:
    """The ``[services.adapter]`` table of one service."""

    type: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSystems:
    """Where everything lies, and how it is read. ``servers`` maps the kinds of server to their databases."""

    adapters: Mapping[CaseService, AdapterTable]
    servers: Mapping[str, Path]
    census: Path
    allocations: Path


def fill(folder: Path, population: Population) -> CaseSystems:
    """Write every case system into ``folder``, each agency's apart from the others'."""
    records = population.records()
    adapters: dict[CaseService, AdapterTable] = {}
    for service in sql_systems.DESIGNS:
        path = _place(folder, service) / f"{service}.db"
        sql_systems.create(service, path, records)
        adapters[service] = AdapterTable(type="sql", settings=sql_systems.adapter_settings(service, path))
    police, registry = _place(folder, CaseService.POLICE), _place(folder, CaseService.JOBCENTRE)
    adapters[CaseService.POLICE] = _police(police, population)
    adapters[CaseService.JOBCENTRE] = _jobcentre(registry, population, adapters[CaseService.JOBCENTRE].settings)
    care = _place(folder, CaseService.CHILDRENS_SOCIAL_CARE)
    adapters[CaseService.CHILDRENS_SOCIAL_CARE] = AdapterTable(
        type="social-care-cin",
        settings={
            "database": str(care / "childrens-social-care.db"),
            "schemas": {str(population.today.year): str(_SCHEMAS / "cin-census-reduced.xsd")},
        },
    )
    census, allocations = care / "census.xml", care / "allocations.csv"
    social_care_files.write_census(census, records, reference_date=population.today)
    duty_phone = hosted(CaseService.CHILDRENS_SOCIAL_CARE).duty_phone
    social_care_files.write_allocations(allocations, records, duty_phone=duty_phone)
    return CaseSystems(
        adapters=adapters,
        servers={"police": police / "records.db", "dci": registry / "registry.db"},
        census=census,
        allocations=allocations,
    )


def _place(folder: Path, service: CaseService) -> Path:
    place = folder / agency_of(service).slug
    place.mkdir(mode=0o700, exist_ok=True)
    return place


def _police(place: Path, population: Population) -> AdapterTable:
    secret = _new_secret(place / "password")
    own = [record for record in population.records() if record.service == CaseService.POLICE]
    police_soap.create(place / "records.db", own, accounts={"hearthgate": secret})
    return AdapterTable(
        type="police-soap",
        settings={
            "url": f"https://{POLICE_RECORDS_HOST}/involvement",
            "sender": "hearthgate",
            "user": "hearthgate",
            "password_file": str(place / "password"),
        },
    )


def _jobcentre(place: Path, population: Population, allocations: Mapping[str, Any]) -> AdapterTable:
    secret = _new_secret(place / "client-secret")
    dci_registry.create(place / "registry.db", population.awards.values(), clients={"hearthgate": secret})
    return AdapterTable(
        type="jobcentre",
        settings={
            "allocations": allocations,
            "registry": {
                "base_url": f"https://{REGISTRY_HOST}",
                "sender_id": "hearthgate",
                "receiver_id": dci_registry.REGISTRY_ID,
                "client_id": "hearthgate",
                "client_secret_file": str(place / "client-secret"),
            },
            "benefits": {BENEFIT: PROGRAMME},
        },
    )


def _new_secret(path: Path) -> str:
    secret = secrets.token_urlsafe(32)
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(secret)
    return secret
