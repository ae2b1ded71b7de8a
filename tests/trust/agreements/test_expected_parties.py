"""A question is held against the parties' own list of who is expected to be asked."""

from dataclasses import replace
from typing import Any

import pytest

from tests.trust.agreements.examples import binding, document, parsed
from tests.trust.exchange.examples import COUNCIL, POLICE, TRUST
from trust.agreements.agreement import InForce, NotInForce
from trust.agreements.clause_selection import QuerySpec, explain_not_asked, select_clauses
from trust.agreements.reading import read_out
from trust.exchange.errors import MalformedAgreement
from trust.exchange.kinds import KINDS
from trust.identifiers import KindName, PurposeCode, RoleCode, ServiceRef, ServiceSlug

EXPECTED = [
    {"entity": TRUST, "name": "Vale Mental Health", "services": ["community-team"]},
    {"entity": COUNCIL, "name": "Vale Council", "services": ["money-advice", "connecting-families"]},
    {"entity": POLICE, "name": "Vale Police", "services": ["missing-persons"]},
]
BINDING = binding(document(expected=EXPECTED))
SPEC = QuerySpec(
    asker=ServiceRef(entity=COUNCIL, service=ServiceSlug("connecting-families")),
    kind=KINDS[KindName("involvement.query")],
    purpose=PurposeCode("early-help"),
    role=RoleCode("key-worker"),
)


def missing(spec: QuerySpec = SPEC, standing: InForce | NotInForce = BINDING) -> dict[str, str]:
    """Give what is not asked, each with the code that says why."""
    binding_ones = [standing] if isinstance(standing, InForce) else []
    asked = {each.holder for each in select_clauses(binding_ones, spec)}
    return {str(each.service): str(each.denial.code) for each in explain_not_asked([standing], spec, asked)}


def test_an_expected_agency_without_an_agreement_is_named_and_the_asker_itself_is_not() -> None:
    assert missing() == {f"{POLICE}#missing-persons": "no_agreement"}


def test_a_party_whose_clause_does_not_fit_is_named_with_the_rule() -> None:
    assert missing(replace(SPEC, role=RoleCode("press-officer"))) == {
        f"{COUNCIL}#money-advice": "role_not_permitted",
        f"{TRUST}#community-team": "role_not_permitted",
        f"{POLICE}#missing-persons": "no_agreement",
    }


def test_a_question_to_named_services_misses_none() -> None:
    named = frozenset({ServiceRef(entity=TRUST, service=ServiceSlug("community-team"))})
    assert missing(replace(SPEC, holders=named)) == {}


def test_only_lists_that_are_signed_and_in_force_and_the_askers_own_count() -> None:
    lapsed = NotInForce(agreement=BINDING.agreement, missing=(), reason="It has ended.")
    assert missing(standing=lapsed) == {}
    stranger = ServiceRef(entity=POLICE, service=ServiceSlug("custody"))
    assert missing(replace(SPEC, asker=stranger)) == {}


def test_the_list_is_read_out_before_it_is_signed() -> None:
    sections = {section.heading: section.lines for section in read_out(BINDING.agreement)}
    assert "Vale Police (https://police.example): missing-persons" in sections["Expected parties"]


@pytest.mark.parametrize(
    ("expected", "fault"),
    [
        ([*EXPECTED, EXPECTED[0]], "names an agency twice"),
        ([{"entity": TRUST, "name": "Vale Mental Health"}], "expected[0].services"),
        ([{**EXPECTED[0], "colour": "red"}], "expected[0].colour"),
    ],
)
def test_a_faulty_list_is_refused(expected: list[dict[str, Any]], fault: str) -> None:
    with pytest.raises(MalformedAgreement) as refused:
        parsed(document(expected=expected))
    assert any(fault in str(each) for each in refused.value.faults)
