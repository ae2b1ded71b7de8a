"""The demo's case systems as services of their own: what they refuse, and that they keep to the published schemas."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask.testing import FlaskClient
from lxml import etree

from gateway.demo.case_systems import dci_registry, police_soap
from gateway.demo.case_systems.faults import DelayMiddleware, FaultMode
from gateway.demo.case_systems.records import CaseService
from gateway.demo.case_systems.server import build_app, parse_arguments
from tests.support.people import award, involvement
from tests.support.published_dci import load, sample_names

USER = {"Authorization": "Basic " + base64.b64encode(b"node:secret").decode()}
SOAP = "http://www.w3.org/2003/05/soap-envelope"


class TestBenefitRegistry:
    @pytest.fixture
    def client(self, tmp_path: Path) -> Iterator[FlaskClient]:
        path = tmp_path / "registry.db"
        dci_registry.create(path, [award()], clients={"node": "secret"})
        with dci_registry.create_app(path).test_client() as client:
            yield client

    @pytest.fixture
    def token(self, client: FlaskClient) -> str:
        form = {"grant_type": "client_credentials", "client_id": "node", "client_secret": "secret"}
        answer: dict[str, str] = client.post("/oauth2/client/token", data=form).get_json()
        return answer["access_token"]

    def search(self, **criteria: object) -> dict[str, Any]:
        return {
            "header": {
                "message_id": "m-1",
                "message_ts": "2026-06-01T10:00:00+00:00",
                "action": "search",
                "sender_id": "node",
                "total_count": 1,
            },
            "message": {
                "transaction_id": "t-1",
                "search_request": [
                    {
                        "reference_id": "r-1",
                        "timestamp": "2026-06-01T10:00:00+00:00",
                        "search_criteria": {
                            "query_type": "idtype-value",
                            "query": {"type": "CRN", "value": "CLM-000117"},
                        }
                        | criteria,
                    }
                ],
            },
        }

    def test_a_search_without_a_token_is_refused(self, client: FlaskClient) -> None:
        for header in ({}, {"Authorization": "Bearer guessed"}, USER):
            answer = client.post("/registry/sync/search", json=self.search(), headers=header)
            assert answer.status_code == 401
            assert answer.get_json()["errors"][0]["code"] == "err.request.unauthorized"

    @pytest.mark.parametrize(
        ("form", "status"),
        [
            ({"grant_type": "client_credentials", "client_id": "node", "client_secret": "wrong"}, 401),
            ({"grant_type": "client_credentials", "client_id": "stranger", "client_secret": "secret"}, 401),
            ({"grant_type": "password", "client_id": "node", "client_secret": "secret"}, 400),
            ({"grant_type": "client_credentials"}, 400),
        ],
    )
    def test_a_token_takes_the_right_secret(self, client: FlaskClient, form: dict[str, str], status: int) -> None:
        assert client.post("/oauth2/client/token", data=form).status_code == status

    def test_an_identifier_finds_its_record(self, client: FlaskClient, token: str) -> None:
        answer = client.post("/registry/sync/search", json=self.search(), headers={"Authorization": f"Bearer {token}"})
        (item,) = answer.get_json()["message"]["search_response"]
        assert (item["reference_id"], item["status"], item["pagination"]["total_count"]) == ("r-1", "succ", 1)

    def test_criteria_that_it_does_not_support_are_rejected_in_the_standards_words(
        self, client: FlaskClient, token: str
    ) -> None:
        body = self.search(query={"type": "UIN", "value": "1"})
        answer = client.post("/registry/sync/search", json=body, headers={"Authorization": f"Bearer {token}"})
        (item,) = answer.get_json()["message"]["search_response"]
        assert (item["status"], item["status_reason_code"]) == ("rjct", "rjct.search_criteria.invalid")

    @pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"header": {}}'])
    def test_a_request_that_fails_the_schema_is_refused(self, client: FlaskClient, token: str, body: bytes) -> None:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        assert client.post("/registry/sync/search", data=body, headers=headers).status_code == 400

    def test_published_requests_are_refused_where_they_break_the_published_schema(
        self, client: FlaskClient, token: str, shared_data: Path
    ) -> None:
        for path in sample_names(shared_data / "social-protection-dci", "req"):
            if path.parent.name in {"ibr", "social"}:
                headers = {"Authorization": f"Bearer {token}"}
                answer = client.post("/registry/sync/search", json=load(path), headers=headers)
                assert answer.status_code == 400

    def test_an_over_long_request_is_refused(self, client: FlaskClient, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        body = json.dumps(self.search() | {"signature": "s" * 70_000})
        assert client.post("/registry/sync/search", data=body, headers=headers).status_code in {400, 413}

    def test_the_reduced_schema_asks_for_all_that_the_published_one_requires(self, shared_data: Path) -> None:
        text = (shared_data / "social-protection-dci/release/yaml/ibr_api_v1.0.0.yaml").read_text("utf-8")
        published = yaml.safe_load(text)["components"]["schemas"]
        reduced = json.loads(dci_registry.SCHEMA_FILE.read_text("utf-8"))["$defs"]
        item = published["SearchRequest"]["properties"]["search_request"]["items"]
        result = published["SearchResponse"]["properties"]["search_response"]["items"]
        pairs = [
            ("RequestHeader", published["MsgHeader_V1.0.0"]),
            ("AnswerHeader", published["MsgCallbackHeader_V1.0.0"]),
            ("SearchRequestMessage", published["SearchRequest"]),
            ("SearchRequestItem", item),
            ("SearchCriteria", item["properties"]["search_criteria"]),
            ("SearchAnswerMessage", published["SearchResponse"]),
            ("SearchAnswerItem", result),
            ("EnrolledRequestMessage", published["EnrolledRequest"]),
            ("EnrolledAnswerMessage", published["EnrolledResponse"]),
        ]
        for name, whole in pairs:
            assert set(whole["required"]) <= set(reduced[name]["required"]), name
            assert set(reduced[name]["properties"]) <= set(whole["properties"]), name
        assert reduced["AnswerHeader"]["properties"]["status"]["enum"] == ["rcvd", "pdng", "succ", "rjct"]
        reasons = published["SearchStatusReasonCode"]["enum"]
        assert reduced["SearchAnswerItem"]["properties"]["status_reason_code"]["enum"] == reasons
        reasons = published["MsgHeaderStatusReasonCode"]["enum"]
        assert reduced["AnswerHeader"]["properties"]["status_reason_code"]["enum"] == reasons


QUESTION = (
    '<i:PersonInvolvementRequest xmlns:i="http://records.police.example/involvement/PersonInvolvement">'
    "<record_id>P-1</record_id><max_records>1</max_records></i:PersonInvolvementRequest>"
)


def message(body: str = QUESTION, action: str = police_soap.REQUEST_ACTION, namespace: str = SOAP) -> bytes:
    return (
        f'<s:Envelope xmlns:s="{namespace}" xmlns:a="http://www.w3.org/2005/08/addressing"><s:Header>'
        f"<a:Action>{action}</a:Action><a:MessageID>urn:uuid:1</a:MessageID></s:Header>"
        f"<s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


class TestPolice:
    TYPE = f'application/soap+xml; action="{police_soap.REQUEST_ACTION}"'

    @pytest.fixture
    def client(self, tmp_path: Path) -> Iterator[FlaskClient]:
        path = tmp_path / "records.db"
        police_soap.create(path, [involvement(CaseService.POLICE, local_id="P-1")], accounts={"node": "secret"})
        with police_soap.create_app(path).test_client() as client:
            yield client

    def post(self, client: FlaskClient, raw: bytes, content_type: str = TYPE) -> tuple[int, etree._Element]:
        answer = client.post("/involvement", data=raw, headers=USER | {"Content-Type": content_type})
        return answer.status_code, etree.fromstring(answer.data)

    def test_a_request_without_the_right_password_is_refused(self, client: FlaskClient) -> None:
        wrong = {"Authorization": "Basic " + base64.b64encode(b"node:guess").decode()}
        for headers in ({}, wrong, {"Authorization": "Bearer x"}):
            assert client.post("/involvement", data=message(), headers=headers).status_code == 401

    def test_an_answer_relates_to_its_question(self, client: FlaskClient) -> None:
        status, root = self.post(client, message())
        assert status == 200
        assert root.findtext(".//{*}RelatesTo") == "urn:uuid:1"
        assert root.findtext(".//record_id") == "P-1"

    @pytest.mark.parametrize(
        ("raw", "content_type", "code"),
        [
            (b"<", TYPE, "Sender"),
            (message(), "text/xml", "Sender"),
            (message(), "application/soap+xml", "Sender"),
            (message(action="urn:else"), TYPE, "Sender"),
            (message(namespace="http://schemas.xmlsoap.org/soap/envelope/"), TYPE, "VersionMismatch"),
            (b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + message(), TYPE, "Sender"),
            (message(body="<other/>"), TYPE, "Sender"),
            (message(body=QUESTION.replace("P-1", "p 1")), TYPE, "Sender"),
            (message(body=QUESTION.replace(">1<", ">900<")), TYPE, "Sender"),
        ],
    )
    def test_what_it_cannot_accept_is_a_soap_fault(
        self, client: FlaskClient, raw: bytes, content_type: str, code: str
    ) -> None:
        status, root = self.post(client, raw, content_type)
        assert status in {400, 500}
        assert root.findtext(f".//{{{SOAP}}}Value") == f"soap:{code}"
        assert b"root:" not in etree.tostring(root)


class TestServer:
    ARGUMENTS = ("--bind", "127.0.0.1:1", "--cert", "c", "--key", "k", "--db", "d")

    def test_pauses_are_drawn_from_the_seed(self) -> None:
        words = [
            "--system",
            "police",
            *self.ARGUMENTS,
            "--fault",
            "nonsense",
            "--delay-ms",
            "150",
            "400",
            "--seed",
            "3",
        ]
        first, second = (build_app(parse_arguments(words)) for _ in range(2))
        assert isinstance(first, DelayMiddleware)
        assert isinstance(second, DelayMiddleware)
        assert [first.next_pause_ms() for _ in range(5)] == [second.next_pause_ms() for _ in range(5)]
        assert all(150 <= first.next_pause_ms() <= 400 for _ in range(50))

    def test_a_healthy_system_is_neither_slow_nor_sick(self, tmp_path: Path) -> None:
        police_soap.create(tmp_path / "d", [], accounts={})
        arguments = parse_arguments(["--system", "police", *self.ARGUMENTS, "--db", str(tmp_path / "d")])
        assert not isinstance(build_app(arguments), DelayMiddleware)
        assert arguments.fault is None
        assert set(FaultMode) == {"hang", "drip", "nonsense", "wrong-schema", "lost-answer"}
