"""A vendor who follows the page on the case API gets answers; its examples are what a node reads and writes."""

import json
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from gateway.alerts.request import AlertRequest
from gateway.benefits.case_api import EligibilityBody
from gateway.benefits.service import EligibilityStatus
from gateway.delivery.submission_view import DeliveryState, DeliveryView
from gateway.lookups.case_api import LookupBody
from gateway.notices.case_api import NoticeRequest
from gateway.ports import LocalClient
from gateway.referrals.request import ReferralRequest
from gateway.store.tables import clients
from gateway.web import case_request, problem
from gateway.web.idempotency import IDEMPOTENCY_PARAMETER
from gateway.web.submission_request import SubmissionBody, read_message
from tests.docs.pages import DOCS, codes, example, page, section, table, tables
from tests.simulator.clocks import SetClock
from tests.simulator.network import Network
from tests.simulator.settings_files import case_base_url, toml
from tests.simulator.town import BY_ENTITY, COUNCIL, PURPOSE, SUBJECT, TRUST
from tests.support.positions import positions
from tests.support.sign_in import ISSUER, WEB_CLIENT, SignInService
from trust.exchange.alert import ALERT_KIND
from trust.exchange.involvement import InvolvementField, InvolvementStatus
from trust.keys import KeyUse, LocalSigner

PAGE = page("case-api.md")
SCHEMAS = json.loads((DOCS / "openapi.json").read_text(encoding="utf-8"))["components"]["schemas"]
KEY = LocalSigner.generate(KeyUse.OAUTH)
CLIENT_ID = "families-cases"


class Requests:
    """The few calls that the page makes of `requests`, answered by a node's own case face."""

    def __init__(self, http: FlaskClient, base_url: str) -> None:
        self._http = http
        self._base_url = base_url

    def post(self, url: str, *, timeout: float, verify: str, **request: Any) -> SimpleNamespace:
        headers, path = request.get("headers", {}), url.removeprefix(self._base_url)
        if "json" in request:
            return _as_requests(self._http.post(path, base_url=self._base_url, json=request["json"], headers=headers))
        form = "application/x-www-form-urlencoded"
        return _as_requests(
            self._http.post(path, base_url=self._base_url, data=urlencode(request["data"]), content_type=form)
        )

    def get(self, url: str, *, headers: dict[str, str], timeout: float, verify: str) -> SimpleNamespace:
        path = url.removeprefix(self._base_url)
        return _as_requests(self._http.get(path, base_url=self._base_url, headers=headers))


def _as_requests(answer: TestResponse) -> SimpleNamespace:
    def raise_for_status() -> None:
        assert answer.status_code < 400, answer.text

    return SimpleNamespace(
        status_code=answer.status_code, headers=answer.headers, json=answer.get_json, raise_for_status=raise_for_status
    )


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    made = Network(Path(tmp_path_factory.mktemp("case-api")), [BY_ENTITY[COUNCIL], BY_ENTITY[TRUST]])
    made.agree()
    client = LocalClient(
        client_id=CLIENT_ID,
        name="Families case system",
        jwks={"keys": [dict(KEY.public.jwk)]},
        positions=positions(["connecting-families"], ["key-worker"], ["Family Hub East"]),
        created_at=made.clock.now(),
    )
    made.nodes[COUNCIL].store.write(lambda tx: clients.add(tx, client))
    made.clock.moment = datetime.now(UTC)
    yield made
    made.close()


@pytest.fixture
def vendor(network: Network) -> dict[str, Any]:
    """Give what the page's code defines, against the council's own case face."""
    base_url = case_base_url(BY_ENTITY[COUNCIL])
    namespace: dict[str, Any] = {}
    code = example(PAGE, "token") + example(PAGE, "lookup") + example(PAGE, "exchange")
    exec(compile(code, "case-api.md", "exec"), namespace)  # noqa: S102 - our own page
    requests = Requests(network.nodes[COUNCIL].case_app.test_client(), base_url)
    namespace.update(BASE_URL=base_url, requests=requests)
    return namespace


def test_the_code_on_the_page_gets_a_token_and_the_answers(vendor: dict[str, Any]) -> None:
    token = vendor["get_token"](KEY.to_pem().decode(), KEY.kid)
    body = json.loads(example(PAGE, "lookup body")) | {"subject": SUBJECT, "purpose": PURPOSE, "wait_s": 20}
    found = vendor["look_up"](token, body, "1f0e9a52-0b43-4d0e-9d3f-0a3c5f1f7f11")
    again = vendor["look_up"](token, body, "1f0e9a52-0b43-4d0e-9d3f-0a3c5f1f7f11")
    assert found["state"] == "complete"
    assert found["answered"] == found["asked"] > 1
    assert again == found


def test_the_code_on_the_page_exchanges_a_sign_in_and_asks_for_that_user(
    network: Network, vendor: dict[str, Any]
) -> None:
    service = SignInService(clock=SetClock())
    folder = network.folder_of(COUNCIL)
    (folder / "sign-in.jwks").write_text(json.dumps(service.jwks()))
    provider = {
        "issuer": ISSUER,
        "jwks": "sign-in.jwks",
        "clients": {WEB_CLIENT: CLIENT_ID},
        "role_claim": "groups",
        "unit_claim": "team",
        "positions": [
            {
                "service": "connecting-families",
                "role": "key-worker",
                "unit": "Family Hub East",
                "role_value": "Family Support Worker",
                "unit_value": "north",
            }
        ],
    }
    with (folder / "hearthgate.toml").open("a") as file:
        file.write(f"identity = {toml({'providers': [provider]})}\n")
    base_url = case_base_url(BY_ENTITY[COUNCIL])
    vendor["requests"] = Requests(network.start(COUNCIL).case_app.test_client(), base_url)
    token = vendor["exchange"](KEY.to_pem().decode(), KEY.kid, service.token())
    body = json.loads(example(PAGE, "lookup body")) | {"subject": SUBJECT, "purpose": PURPOSE, "wait_s": 20}
    del body["practitioner"]
    found = vendor["look_up"](token, body, "1f0e9a52-0b43-4d0e-9d3f-0a3c5f1f7f13")
    assert found["answered"] == found["asked"] > 1


def test_the_code_on_the_page_waits_for_a_lookup_that_runs(vendor: dict[str, Any]) -> None:
    token = vendor["get_token"](KEY.to_pem().decode(), KEY.kid)
    body = json.loads(example(PAGE, "lookup body")) | {"subject": SUBJECT, "purpose": PURPOSE, "wait_s": 0}
    found = vendor["look_up"](token, body, "1f0e9a52-0b43-4d0e-9d3f-0a3c5f1f7f12")
    assert found["answered"] == found["asked"]


def test_the_bodies_on_the_page_are_read() -> None:
    today = date(2026, 11, 23)
    body, _ = case_request.read(LookupBody, example(PAGE, "lookup body").encode(), today=today)
    assert body.wait_s == 10
    case_request.read(EligibilityBody, example(PAGE, "eligibility body").encode(), today=today)


@pytest.mark.parametrize(
    ("name", "schema"), [("lookup answer", "LookupView"), ("eligibility answer", "EligibilityView")]
)
def test_the_answers_on_the_page_are_of_the_published_schema(name: str, schema: str) -> None:
    validator = Draft202012Validator({**SCHEMAS[schema], "components": {"schemas": SCHEMAS}})
    assert [fault.message for fault in validator.iter_errors(json.loads(example(PAGE, name)))] == []


def test_every_member_of_a_lookup_is_described() -> None:
    rows = table(section(PAGE, "Who else is working with this person?"))
    assert {row[0].strip("`") for row in rows} == set(LookupBody.model_fields)


def test_every_further_member_of_a_benefit_question_is_described() -> None:
    rows = table(section(PAGE, "A benefit question"))
    assert {row[0].strip("`") for row in rows} == EligibilityBody.model_fields.keys() - LookupBody.model_fields.keys()
    assert all(f"`{status}`" in section(PAGE, "A benefit question") for status in EligibilityStatus)


def test_every_member_of_what_is_sent_is_described() -> None:
    _, members, lines = tables(section(PAGE, "Alerts, referrals and notices"))
    described = {code for row in members for code in codes(row[0])}
    own = {"topic", "service_type", "service_id", "agreement_to_engage", "type"}
    assert described == set(SubmissionBody.model_fields)
    assert own == {
        name
        for model in (AlertRequest, ReferralRequest, NoticeRequest)
        for name in model.model_fields.keys() - SubmissionBody.model_fields.keys()
    }
    assert all(f"`{name}`" in section(PAGE, "Alerts, referrals and notices") for name in own)
    columns = {code for row in lines for code in codes(row[0])}
    assert {each.name for each in fields(DeliveryView)} - columns == {
        "service",
        "service_name",
        "organisation",
        "proof",
    }
    assert all(f"`{state}`" in section(PAGE, "Alerts, referrals and notices") for state in DeliveryState)
    body = example(PAGE, "alert body").encode()
    read_message(AlertRequest, body, kind=ALERT_KIND, now=datetime(2026, 11, 28, tzinfo=UTC))


def test_every_status_is_explained() -> None:
    _, statuses = tables(section(PAGE, "Who else is working with this person?"))
    assert {row[0].strip("`") for row in statuses} == set(InvolvementStatus)


def test_every_field_of_an_involvement_is_named() -> None:
    sentence = section(PAGE, "Who else is working with this person?").split("An involvement has")[1].split(". A row")[0]
    assert {code for code in codes(sentence) if code != "YYYY-MM"} == set(InvolvementField)


def test_the_errors_are_in_the_catalogue_with_these_statuses() -> None:
    catalogue = {each.code: str(int(each.status)) for each in problem.CATALOGUE}
    listed = {code: row[1] for row in table(section(PAGE, "Errors")) for code in codes(row[0])}
    assert listed.items() <= catalogue.items()
    of_peers = {code for code in catalogue if code.startswith("message-")} | {
        "sender-not-trusted",
        "too-many-at-once",
        "clause-limited",
    }
    of_http = {"bad-request", "path-not-canonical", "method-not-allowed"}
    of_authorities = {"enrolment-refused", "enrolment-queue-full"}
    assert catalogue.keys() - listed.keys() == of_peers | of_http | of_authorities


def test_the_numbers_on_the_page_are_the_codes() -> None:
    assert f"a body has {case_request.MAX_BODY} bytes at most" in PAGE
    assert f"0 to {case_request.MAX_WAIT_S:g}, {case_request.DEFAULT_WAIT_S:g} if left out" in PAGE
    assert "{8,128}" in IDEMPOTENCY_PARAMETER["schema"]["pattern"]
    assert "of 8 to 128 characters" in PAGE
