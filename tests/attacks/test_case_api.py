"""A fuzzer that has read the published description finds no answer of the case API outside it (OWASP API8:2023).

The token endpoints answer as RFC 6749 section 5.2 writes it; no description of OpenAPI's can say what an assertion is,
so they get forms that are made up here, member by member.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CheckFunction
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import positive_data_acceptance

from gateway.http.case.openapi import OPENAPI_PATH
from gateway.web import headers
from tests.docs.pages import DOCS
from tests.simulator.network import Network
from tests.simulator.town import BY_ENTITY, COUNCIL, TRUST

_EXAMPLES = 30
_PATHS = json.loads((DOCS / "openapi.json").read_text(encoding="utf-8"))["paths"]
_OPERATIONS = [(path, method) for path, methods in _PATHS.items() for method in methods]
# A request without parameters cannot be wrong.
OPERATIONS = [
    (path, method, mode)
    for path, method in _OPERATIONS
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or _PATHS[path][method].keys() & {"parameters", "requestBody"}
]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    made = Network(Path(tmp_path_factory.mktemp("case-api")), [BY_ENTITY[COUNCIL], BY_ENTITY[TRUST]])
    made.agree()
    yield made
    made.close()


@pytest.fixture(scope="module")
def description(network: Network) -> BaseSchema:
    return schemathesis.openapi.from_wsgi(OPENAPI_PATH, network.nodes[COUNCIL].case_app)


@pytest.fixture(scope="module")
def authorised(network: Network) -> dict[str, str]:
    return network.case_client().headers()


@pytest.mark.parametrize(("path", "method", "mode"), OPERATIONS)
def test_no_request_gets_an_answer_outside_the_description(
    path: str, method: str, mode: GenerationMode, description: BaseSchema, authorised: dict[str, str]
) -> None:
    operation = description[path][method]
    # No schema says what a check digit or an agreement does, so a body of the right shape may still be refused.
    excluded: list[CheckFunction] = [positive_data_acceptance] if method == "post" else []

    @settings(max_examples=_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(case=operation.as_strategy(generation_mode=mode))
    def answered_as_described(case: schemathesis.Case) -> None:
        case.call_and_validate(headers=authorised, excluded_checks=excluded)

    answered_as_described()


_ERRORS = {
    "invalid_client",
    "invalid_dpop_proof",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "invalid_target",
    "unauthorized_client",
    "unsupported_grant_type",
}
_NAMES = st.sampled_from(
    [
        "grant_type",
        "client_id",
        "client_assertion",
        "client_assertion_type",
        "client_secret",
        "scope",
        "subject_token",
        "authorization_details",
    ]
)
_VALUES = st.sampled_from(
    [
        "client_credentials",
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "e30.e30.",
        "",
        "[]",
    ]
)
FORMS = st.lists(st.tuples(_NAMES | st.text(max_size=20), _VALUES | st.text(max_size=60)), max_size=20)


@pytest.mark.parametrize("face", ["peer", "case"])
def test_no_form_gets_an_answer_of_a_token_endpoint_outside_its_standard(network: Network, face: str) -> None:
    node = network.nodes[COUNCIL]
    http = {"peer": node.peer_app, "case": node.case_app}[face].test_client()

    @settings(max_examples=150, deadline=None, derandomize=True)
    @given(
        form=FORMS | st.binary(max_size=200),
        proof=st.none() | st.text(alphabet=st.characters(codec="ascii", categories=["L", "N", "P"])),
    )
    def answered_as_the_standard_has_it(form: list[tuple[str, str]] | bytes, proof: str | None) -> None:
        answer = http.post(
            "/oauth/v1/token",
            data=form if isinstance(form, bytes) else urlencode(form),
            content_type="application/x-www-form-urlencoded",
            headers={} if proof is None else {"DPoP": proof},
        )
        said = answer.get_json()
        assert said["error"] in _ERRORS
        assert said.keys() <= {"error", "error_description"}
        assert answer.status_code == (401 if said["error"] == "invalid_client" else 400)
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers[headers.REQUEST_ID]

    answered_as_the_standard_has_it()
