"""Characters that show nothing: refused in what is signed and named, stripped from people's names."""

import json
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from config.settings import Identity
from gateway.web.case_request import Line, LongLine
from tests.trust.agreements.examples import document
from trust.agreements.agreement import parse_agreement
from trust.claims import IGNORABLE, require_str
from trust.errors import MalformedClaims
from trust.exchange.errors import MalformedAgreement
from trust.exchange.person import parse_subject

INVISIBLE = ["\u00ad", "\u034f", "\u200b", "\u200d", "\u2060", "\ufe0f", "\ufeff", "\u3164", "\U000e0041"]


@pytest.mark.parametrize("character", INVISIBLE, ids=ascii)
def test_two_agencies_cannot_have_names_that_look_the_same(character: str) -> None:
    name = f"Vale{character} Council"
    assert IGNORABLE.search(name)
    with pytest.raises(MalformedClaims, match="show nothing"):
        require_str({"organization_name": name}, "organization_name")
    with pytest.raises(ValidationError, match="show nothing"):
        Identity(entity_id="https://council.example", name=name)


def hidden(path: str, character: str) -> dict[str, Any]:
    whole = document()
    text = f"He{character}llo"
    place: Any = whole
    *steps, last = path.split(".")
    for step in steps:
        place = place[int(step)] if step.isdigit() else place[step]
    place[int(last) if last.isdigit() else last] = text
    return whole


@pytest.mark.parametrize("character", INVISIBLE, ids=ascii)
@pytest.mark.parametrize("path", ["title", "retention", "items.0", "parties.1.name", "purposes.0.description"])
def test_what_is_signed_is_what_was_read(path: str, character: str) -> None:
    with pytest.raises(MalformedAgreement, match="show nothing"):
        parse_agreement(json.dumps(hidden(path, character)).encode())


def test_a_persons_name_and_numbers_are_read_without_them() -> None:
    told = parse_subject(
        {
            "family_name": "Hart\u200bley",
            "given_names": "Zo\u00adë",
            "nhs_number": "943\u200d476\u20605919",
            "address": {"postcode": "SW1A\u200b 1AA"},
        },
        this_year=2026,
    )
    plain = {"family_name": "Hartley", "given_names": "Zoë", "nhs_number": "9434765919"}
    assert told == parse_subject({**plain, "address": {"postcode": "SW1A 1AA"}}, this_year=2026)


def test_a_case_reference_is_plain_and_a_practitioners_reason_is_made_so() -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Line).validate_python("case\u200b-1")
    assert TypeAdapter(LongLine).validate_python("a re\u00adason") == "a reason"
