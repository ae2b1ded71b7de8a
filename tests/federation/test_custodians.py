"""The Department for Education's four custodian files as four services of four agencies, by configuration alone."""

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.network import Network
from tests.simulator.settings_files import toml
from tests.simulator.town import BY_ENTITY, COLLEGE, COUNCIL, POLICE, TRUST
from tests.support import custodians
from trust.exchange.subject_members import MEMBERS
from trust.identifiers import EntityId

SERVICES: dict[str, tuple[EntityId, str]] = {
    "police-01": (POLICE, "police"),
    "education-01": (COLLEGE, "college"),
    "health-01": (TRUST, "mental-health"),
    "local-authority-01": (COUNCIL, "childrens-social-care"),
}
OCTAVIA = {
    "nhs_number": custodians.NHS_NUMBER,
    "family_name": "Chislett",
    "given_names": "Octavia",
    "birth_date": "2008-09-20",
}
Lines = dict[str, dict[str, Any]]
LookUp = Callable[[bool], Lines]


@pytest.fixture
def look_up(tmp_path: Path, shared_data: Path) -> Iterator[LookUp]:
    """Ask about the person in the four files, with or without their identifiers declared verified."""
    network = Network(tmp_path, [BY_ENTITY[entity] for entity, _ in SERVICES.values()])
    network.agree(sending_everything(network))

    def look_up(verified: bool) -> Lines:
        for name, (entity, slug) in SERVICES.items():
            table = custodians.settings(
                custodians.file(shared_data, name),
                contacts=custodians.CONTACTS[name],
                identifiers_verified=verified,
            )
            configure(network.folder_of(entity) / "hearthgate.toml", slug, table)
            network.start(entity)
        lines = network.case_client().lines(subject=OCTAVIA)
        return {name: lines[f"{entity}#{slug}"] for name, (entity, slug) in SERVICES.items()}

    yield look_up
    network.close()


def sending_everything(network: Network) -> dict[str, Any]:
    """Return the agreement by which each holder is sent what an agreement may let it be sent."""
    document = network.document()
    for clause in document["clauses"]:
        clause["subject_by_holder"] = {holder: sorted(MEMBERS) for holder in clause["holders"]}
    return document


def configure(path: Path, slug: str, settings: dict[str, Any]) -> None:
    """Have a service of a configuration file read a JSON file."""
    document = tomllib.loads(path.read_text())
    (service,) = (each for each in document["services"] if each["slug"] == slug)
    service["adapter"] = {"type": "json-file", "settings": settings}
    path.write_text("".join(f"{name} = {toml(value)}\n" for name, value in document.items()))


def rung(line: dict[str, Any]) -> set[tuple[str, str]]:
    return {(each["worker"], each["phone"]) for each in line["involvements"]}


def test_the_person_is_known_to_all_four_with_the_right_contacts(look_up: LookUp) -> None:
    lines = look_up(True)
    assert {name: line["status"] for name, line in lines.items()} == dict.fromkeys(SERVICES, "known")
    assert {name: rung(line) for name, line in lines.items()} == custodians.RIGHT_CONTACTS


def test_an_identifier_alone_is_left_to_a_human_unless_the_source_is_declared_verified(look_up: LookUp) -> None:
    lines = look_up(False)
    assert {name: line["status"] for name, line in lines.items()} == {
        "police-01": "review",
        "education-01": "review",
        "health-01": "nothing_to_share",  # under review as well, which a conditional clause does not say
        "local-authority-01": "known",
    }
    assert not any(rung(line) for name, line in lines.items() if name in custodians.WITHOUT_BIRTH_DATE)
