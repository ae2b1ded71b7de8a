"""No stranger's worker is given out, however records and questions fill the fields that they have nothing for."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pysqlite3 import dbapi2

from tests.simulator.case_files import database_file
from tests.simulator.network import Network
from tests.simulator.town import BY_ENTITY, COUNCIL, POLICE

OWN, FORCE = f"{COUNCIL}#childrens-social-care", f"{POLICE}#police"
MARSH: dict[str, Any] = {"family_name": "Marsh", "given_names": "Olivia", "birth_date": "2019-05-14"}
HOME = {"postcode": "ZE5 4QA"}
NHS, TWINS_NHS = "9691292211", "9449306494"


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    made = Network(Path(tmp_path_factory.mktemp("stand-ins")), [BY_ENTITY[COUNCIL], BY_ENTITY[POLICE]])
    made.agree()
    yield made
    made.close()


def hold(network: Network, ref: str, born: str, **held: str | None) -> None:
    """Write one record of another child into both case systems, with a worker."""
    row = {"ref": ref, "born": born, "worker": "Nia Harding", "since": "2025-06-03", **held}
    for entity, slug in ((COUNCIL, "childrens-social-care"), (POLICE, "police")):
        (service,) = [each for each in BY_ENTITY[entity].services if each.service == slug]
        path = network.folder_of(entity) / database_file(service)
        with closing(dbapi2.connect(str(path))) as connection, connection:
            places = ", ".join("?" for _ in row)
            connection.execute(f"INSERT INTO record ({', '.join(row)}) VALUES ({places})", list(row.values()))  # noqa: S608 - our own names


def told(network: Network, **subject: Any) -> set[str]:
    """Ask both services about a child, and return what they said."""
    lines = network.case_client().lines(subject=subject)
    assert not any("Nia Harding" in str(lines[service]) for service in (OWN, FORCE))
    return {lines[service]["status"] for service in (OWN, FORCE)}


@pytest.mark.holds("A73")
def test_a_number_that_stands_for_none_gives_out_no_strangers_worker(network: Network) -> None:
    hold(network, "S1", "2001-02-03", surname="Tern", forenames="Ivy", nhs="9999999999", pnc="2000/0000000Z")
    asked = MARSH | {"birth_date": "2001-02-03", "nhs_number": "999 999 9999", "pnc_id": "00/0000000Z"}
    assert told(network, **asked) == {"not_known"}


@pytest.mark.holds("A73")
def test_two_without_a_home_do_not_share_one_and_the_asker_is_told(network: Network) -> None:
    hold(network, "S2", "2002-02-03", surname="Marsh", forenames="Olivia", postcode="ZZ99 3VZ")
    asked = MARSH | {"birth_date": "2002-02-03", "address": {"postcode": "ZZ99 3VZ"}}
    assert told(network, **asked) == {"review"}
    view = network.case_client().look_up(subject=asked)
    assert [each["member"] for each in view["left_out"]] == ["subject.address.postcode"]


@pytest.mark.holds("A73", "S10")
@pytest.mark.parametrize("name", ["J", "JM", "Baby", "Twin 2", "Unknown", "N/A", "Marsh"])
def test_twins_who_are_recorded_alike_are_left_to_a_human(network: Network, name: str) -> None:
    born = f"2003-02-{10 + len(name) + ord(name[0]) % 10}"
    hold(network, f"S3-{name}", born, surname="Marsh", forenames=name, postcode=HOME["postcode"])
    assert told(network, family_name="Marsh", given_names=name, birth_date=born, address=HOME) == {"review"}


@pytest.mark.holds("A73", "S10")
@pytest.mark.parametrize(("asked", "held"), [("Jayden", "Kayden"), ("Jack", "John"), ("J", "James")])
def test_exchanged_numbers_of_twins_are_left_to_a_human(network: Network, asked: str, held: str) -> None:
    born = f"2004-0{len(held)}-{len(asked) + 10}"
    hold(network, f"S4-{held}", born, surname="Marsh", forenames=held, nhs=NHS, postcode=HOME["postcode"])
    hold(network, f"S5-{asked}", born, surname="Marsh", forenames=asked, nhs=TWINS_NHS, postcode=HOME["postcode"])
    lines = network.case_client().lines(subject=MARSH | {"given_names": asked, "birth_date": born, "nhs_number": NHS})
    assert lines[OWN]["status"] == "review"


@pytest.mark.parametrize("family", ["Tern", "M", "Unknown"])
def test_an_address_with_counted_birth_dates_tells_nothing_of_who_lives_there(network: Network, family: str) -> None:
    hold(network, f"S6-{family}", "2005-02-03", surname="Marsh", forenames="Olivia", postcode=HOME["postcode"])
    asked = {"family_name": family, "given_names": "Imogen", "birth_date": "2005-02-03", "address": HOME}
    if family == "Unknown":
        client = network.case_client()
        assert client.post_lookup(client.body(subject=asked)).status_code == 422
    else:
        assert told(network, **asked) == {"not_known"}


def test_a_postcode_that_is_none_does_not_refuse_the_question(network: Network) -> None:
    client = network.case_client()
    view = client.look_up(subject=MARSH | {"address": {"postcode": "BFPO 57"}})
    assert [each["member"] for each in view["left_out"]] == ["subject.address.postcode"]
    assert view["answered"] == view["asked"]
    assert client.get_lookup(view["id"]).get_json()["left_out"] == view["left_out"]
