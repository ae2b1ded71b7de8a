"""``hearthgate lookup`` with a file: what the options say, and what the file says instead."""

import json
from collections.abc import Mapping

import pytest

from tests.gateway.cli.conftest import Answer, Partnership, hearthgate, seconded

QUESTION = {
    "subject": {"family_name": "Fell", "given_names": "Ada", "birth_date": "2001-01-02"},
    "reason": "A meeting.",
    "case_ref": "C-1",
}
PRACTITIONER = {"id": "u-17", "role": "key-worker", "org_unit": "north", "second_factor": True}


@pytest.fixture
def registered(partnership: Partnership) -> Partnership:
    """Register a case system with two roles."""
    words = ["client", "add", "--id", "case", "--name", "Case system"]
    words += ["--service", "families", "--unit", "north", "--role", "key-worker", "--role", "business-support"]
    words += ["--generate-key", str(partnership.root / "case.pem")]
    assert seconded(partnership.config("council"), *words).code == 0
    return partnership


def look_up(
    partnership: Partnership, question: Mapping[str, object], *options: str, answer: str | None = None
) -> Answer:
    file = partnership.root / "question.json"
    file.write_text(json.dumps(question))
    words = ["lookup", file, "--config", partnership.config("council"), "--key", partnership.root / "case.pem"]
    return hearthgate(*words, "--purpose", "early-help", *options, "--json", answer=answer)


def test_without_a_second_factor_the_option_is_named_and_the_node_is_not_asked(registered: Partnership) -> None:
    refused = look_up(registered, QUESTION, "--role", "key-worker", answer="y\n")
    assert refused.code == 1
    assert "--second-factor" in refused.json["error"]


def test_a_practitioner_in_the_file_needs_no_options(registered: Partnership) -> None:
    refused = look_up(registered, {**QUESTION, "practitioner": PRACTITIONER})
    assert "does not answer" in refused.json["error"]
