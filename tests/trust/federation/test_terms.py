"""The terms of a subordinate: what its superior states beyond its keys."""

import pytest

from trust.errors import MalformedClaims, PolicyConflict, TrustError
from trust.federation.terms import NODE, SubordinateTerms, constraints_of, parse_terms, terms_to_json

COUNTY = SubordinateTerms(
    intermediate=True,
    max_path_length=1,
    permitted=(".vale.example",),
    excluded=("old.vale.example",),
    allowed_entity_types=("information_exchange_node",),
    service_kinds=("housing",),
    metadata_policy={"oauth_client": {"grant_types": {"subset_of": ["client_credentials"]}}},
)


@pytest.mark.parametrize("terms", [NODE, COUNTY, SubordinateTerms(permitted=()), SubordinateTerms(intermediate=True)])
def test_what_is_written_is_read(terms: SubordinateTerms) -> None:
    assert parse_terms(terms_to_json(terms)) == terms


def test_a_subordinate_that_is_no_intermediate_is_stated_to_have_none_below() -> None:
    assert constraints_of(NODE) == {"max_path_length": 0}
    assert constraints_of(SubordinateTerms(excluded=("a.example",))) == {
        "max_path_length": 0,
        "naming_constraints": {"excluded": ["a.example"]},
    }


def test_an_intermediate_is_bound_by_what_was_said_and_nothing_else() -> None:
    assert constraints_of(SubordinateTerms(intermediate=True)) == {}
    assert constraints_of(COUNTY) == {
        "max_path_length": 1,
        "naming_constraints": {"permitted": [".vale.example"], "excluded": ["old.vale.example"]},
        "allowed_entity_types": ["information_exchange_node"],
        "service_kinds": ["housing"],
    }


@pytest.mark.parametrize(
    ("document", "refusal"),
    [
        ({"intermediate": "yes"}, MalformedClaims),
        ({"intermediate": True, "constraints": {"max_path_length": -1}}, MalformedClaims),
        ({"constraints": {"max_path_length": 1}}, MalformedClaims),
        ({"constraints": {"naming_constraints": {"permitted": ["*.example"]}}}, MalformedClaims),
        ({"constraints": {"another": 1}}, MalformedClaims),
        ({"constraints": {"service_kinds": ["Of this"]}}, MalformedClaims),
        ({"metadata_policy": {"oauth_client": {"scope": {"value": None, "default": None}}}}, PolicyConflict),
        ({"another": 1}, MalformedClaims),
    ],
)
def test_terms_to_which_no_chain_could_be_held_are_refused(
    document: dict[str, object], refusal: type[TrustError]
) -> None:
    with pytest.raises(refusal):
        parse_terms(document)
