"""The description of the case API is made from the types that serve it, and is served, committed and true."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway.alerts.request import EXAMPLE_ALERT
from gateway.benefits.case_api import EXAMPLE_ELIGIBILITY
from gateway.http.case import openapi
from gateway.lookups.case_api import EXAMPLE_LOOKUP
from gateway.notices.case_api import EXAMPLE_NOTICE, EXAMPLE_NOTIFICATION
from gateway.plays.case_api import EXAMPLE_INCIDENT, EXAMPLE_RUN
from gateway.referrals.request import EXAMPLE_REFERRAL
from gateway.web.case_request import CODE_PATTERN, SLUG_PATTERN, SUBJECT_SCHEMA
from gateway.web.persons_request import PERSON_SCHEMA, STATEMENT_SCHEMA
from tests.gateway.http.case_session import Session, lookup_body
from tests.simulator.faces import CASE, OPERATIONS, Node
from tests.simulator.network import Network
from tests.simulator.town import COUNCIL
from trust.errors import MalformedClaims
from trust.exchange.errors import MalformedSubject
from trust.exchange.person import parse_subject
from trust.exchange.persons import read_persons
from trust.exchange.reader import Reader
from trust.exchange.statements import read_statements
from trust.identifiers import parse_code, parse_slug

COMMITTED = Path(__file__).resolve().parents[3] / "docs" / "openapi.json"
EVERYTHING_ABOUT_A_PERSON: dict[str, Any] = {
    "nhs_number": "969 129 2211",
    "nhs_number_verified": True,
    "upn": "H801200001001",
    "nino": "JT518427C",
    "pnc_id": "2021/0001234K",
    "family_name": "Reed",
    "given_names": "Sam",
    "birth_date": "2004-03-09",
    "gender": "other",
    "address": {"uprn": "100050123456", "postcode": "YO7 1AB"},
    "address_restricted": False,
    "aliases": [{"family_name": "Reid", "given_names": "Sam"}],
}


def document(base_url: str = CASE) -> dict[str, Any]:
    return openapi.document(base_url, OPERATIONS)


def schema(name: str) -> Draft202012Validator:
    described = document()
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": described["components"]})


def test_the_committed_description_is_the_one_that_is_made() -> None:
    made = json.dumps(document("https://node.agency.example"), indent=2, sort_keys=True) + "\n"
    assert COMMITTED.read_text(encoding="utf-8") == made


def test_the_description_is_one_of_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(document()).validate()


def test_the_description_is_served(node: Node) -> None:
    answer = node.case_app().test_client().get("/case/v1/openapi.json")
    assert answer.get_json() == document()


def test_every_route_of_the_case_api_is_described_and_no_other(standing: Network) -> None:
    described = {(path, method.upper()) for path, methods in document()["paths"].items() for method in methods}
    served = {
        (re.sub("<[a-z_]+>", "{id}", rule.rule), method)
        for rule in standing.nodes[COUNCIL].case_app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD"}
        if rule.rule.startswith("/case/")
    }
    assert described == served


def test_no_schema_has_what_generators_of_clients_cannot_type() -> None:
    """Alternative ``required`` members and null become ``Any``; a member with a default is demanded by some."""
    assert '"default":' not in json.dumps(document())
    for part in parts(document()):
        assert not [each for each in part.get("anyOf", []) if "properties" not in each and "required" in each]
        assert {"type": "null"} not in part.get("anyOf", [])


def parts(described: object) -> Iterator[dict[str, Any]]:
    """Yield every object of a document, the outermost first."""
    if isinstance(described, dict):
        yield described
    for each in described.values() if isinstance(described, dict) else described if isinstance(described, list) else ():
        yield from parts(each)


@pytest.mark.parametrize(("pattern", "parse"), [(CODE_PATTERN, parse_code), (SLUG_PATTERN, parse_slug)])
@given(st.from_regex(r"\A[a-z0-9.A-Z-]{1,12}\Z"))
def test_the_patterns_of_codes_are_what_is_read(pattern: str, parse: Callable[[str], str], text: str) -> None:
    try:
        parse(text)
    except MalformedClaims:
        assert re.search(pattern, text) is None
    else:
        assert re.search(pattern, text)


def test_every_reference_resolves() -> None:
    described = document()
    schemas = described["components"]["schemas"]
    for found in json.dumps(described).split('"$ref": "')[1:]:
        assert found.partition('"')[0].removeprefix("#/components/schemas/") in schemas
    for each in schemas.values():
        Draft202012Validator.check_schema(each)


def test_the_subjects_schema_is_what_is_read() -> None:
    assert set(EVERYTHING_ABOUT_A_PERSON) == set(SUBJECT_SCHEMA["properties"])
    parse_subject(EVERYTHING_ABOUT_A_PERSON, this_year=2026)
    schema("Subject").validate(EVERYTHING_ABOUT_A_PERSON)
    wrong: list[dict[str, Any]] = [{"nickname": "x"}, {"address": {"town": "x"}}, {"gender": "x"}, {"aliases": [{}]}]
    for faulty in [*wrong, {"address": {}}]:
        assert not schema("Subject").is_valid({"upn": "H801200001001", **faulty})
        with pytest.raises(MalformedSubject):
            parse_subject(faulty, this_year=2026)


def test_answers_are_as_described(node: Node) -> None:
    session = Session(node)
    schema("LookupView").validate(session.post("/case/v1/lookups", lookup_body()).get_json())
    schema("EligibilityView").validate(session.post("/case/v1/eligibility", EXAMPLE_ELIGIBILITY).get_json())
    schema("Problem").validate(session.post("/case/v1/lookups", {}).get_json())
    schema("Problem").validate(session.get("/case/v1/lookups/none").get_json())


def test_examples_are_as_described() -> None:
    schema("LookupBody").validate(EXAMPLE_LOOKUP)
    schema("EligibilityBody").validate(EXAMPLE_ELIGIBILITY)
    for name, example in {
        "AlertRequest": EXAMPLE_ALERT,
        "ReferralRequest": EXAMPLE_REFERRAL,
        "NoticeRequest": EXAMPLE_NOTICE,
        "NotificationRequest": EXAMPLE_NOTIFICATION,
        "IncidentBody": EXAMPLE_INCIDENT,
        "RunBody": EXAMPLE_RUN,
    }.items():
        schema(name).validate(example)
        assert not schema(name).is_valid({**example, "persons": []})


def test_the_schemas_of_persons_and_statements_are_what_is_read() -> None:
    person: dict[str, Any] = {
        "ref": "p1",
        "part": "victim",
        "subject": {"family_name": "Reed"},
        "views": {"sought": False, "why": "unsafe"},
        "told": {"told": True},
        "safe_contact": {"method": "telephone", "times": "mornings"},
        "consent": {"roles": ["engagement"], "given_on": "2026-11-09", "form": "written", "evidence": "CF/3"},
    }
    statement = EXAMPLE_ALERT["statements"][0]
    assert set(person) == set(PERSON_SCHEMA["properties"])
    assert set(statement) == set(STATEMENT_SCHEMA["properties"])
    wrong: list[dict[str, Any]] = [{"nickname": "x"}, {"part": "hero"}, {"ref": "p0"}, {"told": {"told": "yes"}}]
    for faulty in ({}, *wrong):
        reader = Reader({"persons": [person | faulty]})
        read_persons(reader, this_year=2026)
        assert schema("Person").is_valid(person | faulty) == (not reader.faults) == (not faulty)
    for faulty in ({}, {"standing": "rumour"}, {"about": []}, {"on": 7}, {"text": ""}):
        reader = Reader({"statements": [statement | faulty]})
        read_statements(reader, ["circumstances"])
        assert schema("Statement").is_valid(statement | faulty) == (not reader.faults) == (not faulty)
