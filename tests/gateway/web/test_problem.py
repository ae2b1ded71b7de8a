"""Every error is one document from one catalogue, which the documentation lists."""

import inspect
import re
from pathlib import Path

import pytest

from gateway.web import problem
from gateway.web.problem import Problem
from trust import errors
from trust.errors import TrustError
from trust.exchange import errors as exchange_errors
from trust.exchange.errors import Fault, MalformedDocument

PAGE = Path(__file__).resolve().parents[3] / "docs" / "problems.md"


def test_the_documentation_is_the_catalogue() -> None:
    assert PAGE.read_text(encoding="utf-8") == problem.as_markdown()


def test_codes_are_stable_words_and_used_once() -> None:
    codes = [each.code for each in problem.CATALOGUE]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)
    assert all(each.title.endswith(".") and each.remedy.endswith(".") for each in problem.CATALOGUE)


def test_a_problem_is_written_as_rfc_9457_has_it() -> None:
    faults = [Fault(path="subject.upn", problem="is missing")]
    response = problem.render(
        Problem(problem.INVALID_FIELDS, "Two things.", faults=faults), request_id="0123456789abcdef"
    )
    assert response.content_type == "application/problem+json"
    assert response.status_code == 422
    assert response.get_json() == {
        "type": "https://hearthgate.example/problems/invalid-fields",
        "title": "Some fields of the body are missing, unknown or wrong.",
        "status": 422,
        "code": "invalid-fields",
        "detail": "Two things.",
        "instance": "https://hearthgate.example/requests/0123456789abcdef",
        "remedy": "Correct every field named in faults, and send the request again.",
        "faults": [{"member": "subject.upn", "problem": "is missing"}],
    }


@pytest.mark.parametrize(
    "refusal",
    [
        found
        for module in (errors, exchange_errors)
        for _, found in inspect.getmembers(module, inspect.isclass)
        if issubclass(found, TrustError)
    ],
    ids=lambda refusal: str(refusal.__name__),
)
def test_every_refusal_of_the_trust_layer_is_a_client_error(refusal: type[TrustError]) -> None:
    raised = (
        refusal([Fault(path="x", problem="is missing")])
        if issubclass(refusal, MalformedDocument)
        else refusal("A sentence.")
    )
    kind = problem.from_trust_error(raised).kind
    assert 400 <= kind.status < 500
    assert kind.status != 401
