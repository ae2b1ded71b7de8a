"""Looking up a colleague, a relative or a marked record raises an alert at once, and no other lookup does."""

import json
from collections.abc import Iterator
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import pytest

from config.settings import NodeSettings
from gateway.accountability.access_alerts import ASKED_ABOUT_WATCHED, LOOKED_UP, WatchReason
from gateway.administration import access_alerts
from gateway.administration.errors import OperationRefused
from gateway.app.on_call import build_access_alerts
from gateway.store.tables import flags
from tests.gateway.delivery.servers import HOST, Mailbox, mail_server, server_context
from tests.simulator.alerts import post
from tests.simulator.case_client import CaseClient
from tests.simulator.network import Network
from tests.simulator.settings_files import read_node
from tests.simulator.town import BY_ENTITY, COUNCIL, STRANGER, SUBJECT, TRUST
from tests.support.tls import make_authority
from trust.identifiers import EntityId

COLLEAGUE, RELATIVE, MARKED = WatchReason.COLLEAGUE, WatchReason.RELATIVE, WatchReason.MARKED
BY_NUMBER = {"nhs_number": SUBJECT["nhs_number"]}
BY_NAME = {name: SUBJECT[name] for name in ("family_name", "given_names", "birth_date")}


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Network]:
    network = Network(tmp_path, [BY_ENTITY[COUNCIL], BY_ENTITY[TRUST]])
    network.agree()
    yield network
    network.close()


def settings(town: Network, entity: EntityId = COUNCIL) -> NodeSettings:
    return read_node(town.folder_of(entity) / "hearthgate.toml")


def watch(town: Network, *persons: dict[str, Any], at: EntityId = COUNCIL) -> None:
    """Have the administrator of an agency declare whose lookup raises an alert."""
    file = town.folder_of(at) / "watched.json"
    file.write_text(json.dumps({"persons": persons}))
    access_alerts.plan_replacement(settings(town, at), file).apply()


def raised(town: Network, entity: EntityId = COUNCIL) -> set[str]:
    return {flag.code for flag in town.nodes[entity].store.read(flags.list_open)}


def look_up(client: CaseClient, **changes: Any) -> None:
    answer = post(client, "lookups", client.body(**changes), key=token_urlsafe(16))
    assert answer.status_code in {200, 201, 202}, answer.text
    assert "alert" not in answer.text


@pytest.mark.holds("A53")
@pytest.mark.parametrize("declared", [BY_NUMBER, BY_NAME, {**BY_NAME, "family_name": SUBJECT["family_name"].upper()}])
@pytest.mark.parametrize(("reason", "more"), [(COLLEAGUE, {}), (RELATIVE, {"worker": "u-17"}), (MARKED, {})])
def test_a_lookup_of_a_watched_person_raises_an_alert(
    town: Network, reason: WatchReason, more: dict[str, str], declared: dict[str, str]
) -> None:
    watch(town, {"reason": reason, "subject": declared, **more})
    client = town.case_client()
    look_up(client, subject=STRANGER)
    assert raised(town) == set()
    look_up(client)
    assert raised(town) == {LOOKED_UP[reason]}


@pytest.mark.holds("A53")
def test_a_relative_of_another_worker_raises_none_and_the_provider_before_an_id_does_not_matter(town: Network) -> None:
    watch(town, {"reason": RELATIVE, "worker": "u-18", "subject": BY_NUMBER})
    look_up(town.case_client())
    assert raised(town) == set()
    watch(town, {"reason": RELATIVE, "worker": "https://login.council.example#U-17", "subject": BY_NUMBER})
    look_up(town.case_client())
    assert raised(town) == {LOOKED_UP[RELATIVE]}


@pytest.mark.holds("A53")
def test_the_holder_is_alerted_of_a_question_about_its_own_colleague_or_marked_record(town: Network) -> None:
    watch(town, {"reason": MARKED, "subject": BY_NAME}, at=TRUST)
    look_up(town.case_client(), subject=STRANGER)
    assert raised(town, TRUST) == set()
    look_up(town.case_client(), subject={**BY_NUMBER})
    assert raised(town, TRUST) == {ASKED_ABOUT_WATCHED}, "its own record has the name that the question lacks"
    assert raised(town) == set()


def test_the_list_is_replaced_whole_and_rests_as_digests(town: Network) -> None:
    watch(town, {"reason": COLLEAGUE, "subject": BY_NAME}, {"reason": MARKED, "subject": BY_NUMBER})
    assert access_alerts.list_counts(settings(town)).data == {"persons": {"colleague": 1, "marked": 1}}
    folder = town.folder_of(COUNCIL) / "data"
    stored = b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())
    assert SUBJECT["nhs_number"].encode() not in stored
    watch(town)
    look_up(town.case_client())
    assert raised(town) == set()


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("nobody", "persons[0].: must be an object"),
        ({"reason": "curious", "subject": BY_NUMBER}, "persons[0].reason: must be one of colleague, relative, marked"),
        ({"reason": "relative", "subject": BY_NUMBER}, "persons[0].worker: must be the sign-in id"),
        ({"reason": "marked", "subject": BY_NUMBER, "worker": "u-1"}, "persons[0].worker: belongs to a relative only"),
        ({"reason": "marked", "subject": {"family_name": "Reed"}}, "persons[0].subject: needs an identifier"),
        ({"reason": "marked", "subject": {"nhs_number": "1"}}, "persons[0].subject.nhs_number"),
        ({"reason": "marked", "subject": BY_NUMBER, "note": "x"}, "persons[0].note: is not known"),
    ],
)
def test_a_list_with_faults_changes_nothing(town: Network, entry: object, fault: str) -> None:
    file = town.folder_of(COUNCIL) / "watched.json"
    file.write_text(json.dumps({"persons": [entry]}))
    with pytest.raises(OperationRefused) as refused:
        access_alerts.plan_replacement(settings(town), file)
    assert fault in "\n".join(refused.value.faults)


@pytest.mark.holds("A53")
def test_the_reviewer_is_told_by_mail(town: Network, tmp_path: Path) -> None:
    authority, box = make_authority(tmp_path), Mailbox()
    with mail_server(box, tls=server_context(authority, HOST)) as port:
        table = (
            f'[access_alerts.mail]\nhost = "{HOST}"\nport = {port}\nca = "{authority.certificate}"\n'
            'sender = "hearthgate@council.example"\nrecipients = ["ig@council.example"]\n'
        )
        file = town.folder_of(COUNCIL) / "hearthgate.toml"
        file.write_text(file.read_text() + table)
        alerts = build_access_alerts(settings(town), town.nodes[COUNCIL].store, lambda work: work())
        alerts.ring("lookup-17", town.clock.now())
    ((recipients, text),) = box.messages
    said = (recipients, "open lookup-17" in text, SUBJECT["family_name"] in text)
    assert said == (["ig@council.example"], True, False)
