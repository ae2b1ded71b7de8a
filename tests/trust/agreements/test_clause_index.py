"""The index of clauses chooses what reading every clause chooses, and its length follows what clauses give."""

import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.trust.agreements.examples import DOCUMENT, JOBCENTRE, binding, document
from tests.trust.exchange.examples import COUNCIL, TRUST
from trust.agreements.agreement import InForce, parse_agreement
from trust.agreements.clause_index import index_clauses
from trust.agreements.clause_selection import QuerySpec, select_clauses, select_indexed
from trust.exchange.involvement import InvolvementQuery
from trust.exchange.kinds import KINDS
from trust.identifiers import KindName, PurposeCode, RoleCode, parse_service_ref

SERVICES = [f"{COUNCIL}#connecting-families", f"{COUNCIL}#money-advice", f"{TRUST}#community-team"]
FIELDS = ["organisation", "worker", "phone"]
CLAUSES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["a", "b", "c"]),
        "purpose": st.sampled_from(["early-help", "benefit-check"]),
        "askers": st.lists(st.sampled_from(SERVICES), min_size=1, unique=True),
        "holders": st.lists(st.sampled_from(SERVICES), min_size=1, unique=True),
        "fields_by_role": st.dictionaries(
            st.sampled_from(["key-worker", "duty-officer"]),
            st.lists(st.sampled_from(FIELDS), min_size=1, unique=True),
            min_size=1,
        ),
        "basis": st.sampled_from([["6-1-e"], ["6-1-a"]]),
    }
)
BOOKS = st.lists(
    st.tuples(
        st.sampled_from(["east", "west"]),
        st.integers(1, 2),
        st.lists(CLAUSES, min_size=1, max_size=3, unique_by=lambda each: str(each["id"])),
    ),
    max_size=4,
    unique_by=lambda each: each[:2],
)
SPECS = st.builds(
    QuerySpec,
    asker=st.sampled_from([parse_service_ref(each) for each in SERVICES]),
    kind=st.just(KINDS[KindName("involvement.query")]),
    purpose=st.sampled_from([PurposeCode("early-help"), PurposeCode("benefit-check")]),
    role=st.sampled_from([RoleCode("key-worker"), RoleCode("duty-officer")]),
    query=st.none() | st.builds(InvolvementQuery, fields=st.none() | st.frozensets(st.sampled_from(FIELDS))),
    holders=st.none() | st.frozensets(st.sampled_from([parse_service_ref(each) for each in SERVICES])),
    consent=st.booleans(),
)


@given(BOOKS, SPECS)
def test_the_index_chooses_what_reading_every_clause_chooses(
    book: list[tuple[str, int, list[dict[str, Any]]]], spec: QuerySpec
) -> None:
    agreements = [held(*each) for each in book]
    assert select_indexed(index_clauses(agreements), spec) == select_clauses(agreements, spec)


def held(name: str, version: int, changes: list[dict[str, Any]]) -> InForce:
    whole = document(id=name, version=version)
    whole["clauses"] = [{**DOCUMENT["clauses"][0], **each} for each in changes]
    return InForce(agreement=parse_agreement(json.dumps(whole).encode()))


def test_clauses_that_give_the_same_are_indexed_once_under_the_first() -> None:
    first = binding(document(id="east"))
    others = [binding(document(id=name)) for name in ("west", "north")]
    index = index_clauses([*others, first])
    asker = parse_service_ref(f"{COUNCIL}#connecting-families")
    assert [grant.agreement.id for grant in index.of(asker, KindName("involvement.query"))] == ["east"]
    assert index.of(replace(asker, entity=TRUST), KindName("involvement.query")) == ()
    assert index.names[JOBCENTRE] == "Vale Jobcentre"
