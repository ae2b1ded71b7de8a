"""Bad input of a careless case system or administrator: one clear answer names every fault."""

import json
from typing import Any

import pytest

from adapters.contract import SourceMisconfigured
from config.loading import ConfigError
from config.settings import HostException
from gateway.keys.files import KeyFile, KeyFilesRefused
from gateway.peers.exemptions import host_addresses
from gateway.peers.ssrf import AddressRefused
from gateway.store.engine.refusals import StoreRefused
from tests.simulator.case_client import CaseClient
from tests.simulator.network import Network
from tests.simulator.settings_files import read_node
from tests.simulator.town import COUNCIL, SUBJECT, TRUST


@pytest.fixture
def client(standing: Network) -> CaseClient:
    return standing.case_client()


def post(client: CaseClient, raw: bytes, content_type: str = "application/json") -> tuple[int, dict[str, Any]]:
    answer = client.http.post(
        "/case/v1/lookups",
        base_url=client.base_url,
        data=raw,
        content_type=content_type,
        headers=client.headers(**{"Idempotency-Key": "a-fresh-key-for-this"}),
    )
    assert answer.mimetype == "application/problem+json"
    problem: dict[str, Any] = answer.get_json()
    assert problem["title"]
    assert problem["remedy"]
    return answer.status_code, problem


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"null", b'{"purpose":"a","purpose":"b"}', b'{"wait_s":NaN}', b"\xff\xfe", b'"' * 1000],
    ids=["empty", "cut", "array", "null", "duplicate", "NaN", "no UTF-8", "quotes"],
)
def test_a_body_that_is_no_json_object_is_said_to_be_none(client: CaseClient, raw: bytes) -> None:
    assert post(client, raw)[0] == 400


def test_a_body_nested_too_deeply_is_refused(client: CaseClient) -> None:
    assert post(client, b'{"subject":' * 1000 + b"1" + b"}" * 1000)[0] == 400


def test_a_giant_body_is_refused(client: CaseClient) -> None:
    status, problem = post(client, b'{"reason":"' + b"a" * 200_000 + b'"}')
    assert (status, problem["code"]) == (413, "too-large")


def test_another_content_type_is_refused(client: CaseClient) -> None:
    assert post(client, json.dumps(client.body()).encode(), "text/plain")[0] == 415


def test_every_fault_of_a_body_is_named_at_once_and_no_value_is_repeated(client: CaseClient) -> None:
    body = client.body(
        subject={**SUBJECT, "nhs_number": "9990000019", "shoe_size": "Canary", "birth_date": "14.03.2004"},
        purpose="Early Help!",
        reason="",
        favourite_colour="Canary",
        wait_s=-1,
    )
    body["practitioner"]["height"] = "Canary"
    status, problem = post(client, json.dumps(body).encode())
    assert (status, problem["code"]) == (422, "invalid-fields")
    places = {fault["member"] for fault in problem["faults"]}
    assert places == {
        "subject.nhs_number",
        "subject.shoe_size",
        "subject.birth_date",
        "purpose",
        "reason",
        "favourite_colour",
        "wait_s",
        "practitioner.height",
    }
    said = json.dumps(problem)
    assert not [value for value in ("Canary", "9990000019", "14.03.2004", "Early Help!") if value in said]


@pytest.mark.parametrize("field", ["address", "nhs_number", "Worker", "worker'--"])
def test_a_field_that_no_answer_has_cannot_be_asked_for(client: CaseClient, field: str) -> None:
    status, problem = post(client, json.dumps(client.body(fields=["worker", field])).encode())
    assert status == 422
    assert [fault["member"] for fault in problem["faults"]] == ["fields[1]"]


def test_a_service_that_the_client_does_not_speak_for_is_refused(client: CaseClient) -> None:
    status, problem = post(client, json.dumps(client.body(from_service="no-such-service")).encode())
    assert (status, problem["code"]) == (403, "outside-registration")
    assert "from_service" in problem["detail"]


@pytest.mark.parametrize(
    "subject",
    [
        {"family_name": "Hartley"},
        {"family_name": "Hartley", "given_names": "Daniel"},
        {"birth_date": "2004-03-14", "address": {"postcode": "YO7 1AB"}},
    ],
    ids=["surname", "name", "no name"],
)
def test_a_person_without_enough_to_go_on_is_not_looked_for(
    standing: Network, client: CaseClient, subject: dict[str, Any]
) -> None:
    sent = len(standing.wire.messages())
    status, problem = post(client, json.dumps(client.body(subject=subject)).encode())
    assert (status, problem["code"]) == (422, "subject-too-vague")
    assert len(standing.wire.messages()) == sent


def test_what_is_enough_for_one_holder_may_be_too_little_for_another(standing: Network) -> None:
    line = standing.case_client().lines(subject={"nino": SUBJECT["nino"]})[f"{TRUST}#mental-health"]
    assert line["status"] == "refused"
    assert "identifier" in line["reason"]


def test_a_configuration_with_five_mistakes_is_told_all_five(pair: Network) -> None:
    path = pair.folder_of(COUNCIL) / "hearthgate.toml"
    text = path.read_text()
    for right, wrong in (
        ('"https://council.example"', '"http://council.example"'),
        ('"bind" = "127.0.0.1:8443"', '"bind" = "everywhere"'),
        ('"threads" = 16', '"threads" = 0'),
        ('"slug" = "money-advice"', '"slug" = "Money Advice"'),
        ('"jwks" = "anchor.example.jwks"', '"jwk" = "anchor.example.jwks"'),
    ):
        assert right in text
        text = text.replace(right, wrong, 1)
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        read_node(path)
    said = str(refused.value)
    for place in ("node.entity_id", "peer.bind", "threads", "services[3].slug", "trust.anchors[1].jwk"):
        assert place in said
    assert len(refused.value.faults) >= 5
    assert not [value for value in ("http://council", "everywhere", "Money Advice") if value in said]


def test_every_mistake_in_every_adapters_table_is_told_with_its_place(pair: Network) -> None:
    path = pair.folder_of(COUNCIL) / "hearthgate.toml"
    text = path.read_text()
    path.write_text(text.replace('"money-advice-cases.db"', "7").replace('"youth-justice-cases.db"', "8"))
    with pytest.raises(SourceMisconfigured) as refused:
        pair.start(COUNCIL)
    assert [fault.partition(" for ")[0] for fault in refused.value.faults] == [
        "money-advice: file: Input is not a valid path",
        "youth-justice: file: Input is not a valid path",
    ]


@pytest.mark.parametrize("address", ["169.254.169.254:80", "[fe80::1]:8443", "224.0.0.1:8443", "0.0.0.0:8443"])
def test_no_exception_leads_to_a_metadata_service_or_its_like(address: str) -> None:
    exception = HostException(address=address, reason="a slip of the pen")
    with pytest.raises(AddressRefused, match=r"\[hosts\] police.example: .*correct or remove the entry"):
        host_addresses({"police.example": exception})


@pytest.mark.holds("A60")
@pytest.mark.parametrize("name", [KeyFile.MESSAGE, KeyFile.SEAL])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660])
def test_a_node_with_a_key_file_open_to_others_is_not_made(pair: Network, name: KeyFile, mode: int) -> None:
    file = pair.folder_of(TRUST) / "keys" / name
    file.chmod(mode)
    with pytest.raises(KeyFilesRefused) as refused:
        pair.start(TRUST)
    assert f"chmod 600 {file}" in str(refused.value)
    file.chmod(0o600)
    pair.start(TRUST)


@pytest.mark.holds("A60")
def test_a_node_with_a_key_folder_open_to_others_is_not_made(pair: Network) -> None:
    folder = pair.folder_of(TRUST) / "keys"
    folder.chmod(0o750)
    with pytest.raises(KeyFilesRefused):
        pair.start(TRUST)


def test_a_node_without_a_migrated_store_is_not_made(pair: Network) -> None:
    for file in list((pair.folder_of(TRUST) / "data").iterdir()):
        file.unlink()
    with pytest.raises(StoreRefused) as refused:
        pair.start(TRUST)
    assert "migrate" in str(refused.value)
