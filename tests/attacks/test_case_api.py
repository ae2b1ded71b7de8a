"""A fuzzer that has read the published description finds no answer of the case API outside it (OWASP API8:2023)."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CheckFunction
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import positive_data_acceptance

from gateway.http.openapi import OPENAPI_PATH
from tests.docs.pages import DOCS
from tests.federation.network import Network
from tests.federation.town import BY_ENTITY, COUNCIL, TRUST

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
