"""Two decisions on one request are compared by their inputs: then and today, ours and a peer's."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.agreements.examples import BINDING, binding, clauses, document, facts, request
from tests.trust.exchange.examples import NOW, POLICE, TRUST
from trust.agreements.agreement import NotInForce
from trust.agreements.clause_selection import SelectedClause
from trust.agreements.comparison import (
    COMPARED,
    INPUT_SENTENCES,
    changed_by,
    compared_inputs,
    explain_difference,
    first_difference,
    selected_inputs,
)
from trust.agreements.decision import LocalPolicy, Restriction
from trust.agreements.decision_record import RequestCase
from trust.agreements.denial import DenialCode, deny
from trust.exchange.errors import MalformedBody
from trust.exchange.kinds import KINDS
from trust.exchange.refusal import build_refusal_body, parse_refusal_body
from trust.identifiers import RoleCode

MARK = "https://marks.example/dsp"
MARKED = binding(document(required_marks=[MARK]))
WITHDRAWN = LocalPolicy(restrictions=(Restriction(agreement="vale-early-help", clause="who-else"),))
SELECTED = SelectedClause(
    agreement=BINDING.agreement.ref,
    title=BINDING.agreement.title,
    clause=BINDING.agreement.clauses[0],
    holder=request().holder,
    fields=frozenset({"phone"}),
)


def case(**changes: Any) -> RequestCase:
    first = RequestCase(facts=facts(request()), agreement=BINDING, local=LocalPolicy(), own=TRUST, now=NOW)
    return replace(first, **changes)


def own_view() -> dict[str, str]:
    """Give what the asker would have decided on in the holder's place."""
    return selected_inputs(SELECTED, marks=frozenset({MARK}), now=NOW, kinds=KINDS)


def test_two_nodes_that_hold_the_same_decide_on_the_same() -> None:
    assert compared_inputs(case()) == own_view()
    assert first_difference(own_view(), compared_inputs(case())) is None
    assert explain_difference(own_view(), compared_inputs(case())) is None


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"agreement": None}, "agreement"),
        ({"agreement": NotInForce(agreement=BINDING.agreement, missing=(), reason="It begins later.")}, "agreement"),
        ({"facts": replace(facts(request()), token_details=())}, "token"),
        ({"now": NOW + timedelta(days=1)}, "clock"),
        ({"local": WITHDRAWN}, "local_policy"),
        ({"kinds": {name: kind for name, kind in KINDS.items() if name != "alert"}}, "kinds"),
    ],
)
def test_the_first_input_that_differs_is_told_with_what_to_do(changes: dict[str, Any], name: str) -> None:
    holder = compared_inputs(case(**changes))
    assert first_difference(own_view(), holder) == name
    assert explain_difference(own_view(), holder) == " ".join(COMPARED[name])


def test_a_mark_that_the_holder_does_not_see_is_told() -> None:
    selected = replace(SELECTED, agreement=MARKED.agreement.ref, required_marks=(MARK,))
    own = selected_inputs(selected, marks=frozenset({MARK}), now=NOW, kinds=KINDS)
    known = facts(request(agreement=MARKED.agreement.ref))
    assert first_difference(own, compared_inputs(case(facts=known, agreement=MARKED))) == "marks"
    seen = replace(known, sender_marks=frozenset({MARK, "https://marks.example/other"}))
    assert first_difference(own, compared_inputs(case(facts=seen, agreement=MARKED))) is None


def test_roles_that_are_read_otherwise_are_told() -> None:
    clause = replace(SELECTED.clause, fields_by_role={RoleCode("key-worker"): frozenset({"phone"})})
    own = selected_inputs(replace(SELECTED, clause=clause), marks=frozenset(), now=NOW, kinds=KINDS)
    assert first_difference(own, compared_inputs(case())) == "roles"


def test_a_stranger_is_told_nothing_of_an_agreement() -> None:
    stranger = facts(request(iss=POLICE))
    assert compared_inputs(case(facts=stranger)) == compared_inputs(case(facts=stranger, agreement=None))


def test_what_only_one_node_states_is_not_compared() -> None:
    holder = compared_inputs(case(local=WITHDRAWN))
    assert first_difference({}, holder) is None
    assert first_difference(own_view(), {"local_policy": holder["local_policy"]}) == "local_policy"
    assert first_difference(own_view(), {"unheard_of": "A" * 43}) is None


def test_no_digest_that_travels_depends_on_the_person() -> None:
    other = request(subject=replace(request().subject, family_name="Another", nhs_number=None))
    assert compared_inputs(case(facts=facts(other))) == compared_inputs(case())


@given(st.dictionaries(st.text(max_size=40), st.text(max_size=50), max_size=3))
def test_any_digests_of_a_refusal_are_read_or_refused(inputs: dict[str, str]) -> None:
    body = build_refusal_body(deny(DenialCode.LOCAL_POLICY).refusal)
    body["reason"]["inputs"] = inputs
    try:
        refusal = parse_refusal_body(body)
    except MalformedBody as malformed:
        paths = {fault.path for fault in malformed.faults}
    else:
        paths = {"body.reason.inputs"} if refusal.inputs == inputs else set()
    assert paths
    assert all(path.startswith("body.reason.inputs") for path in paths)


def test_digests_travel_in_a_refusal() -> None:
    refusal = replace(deny(DenialCode.LOCAL_POLICY).refusal, inputs=compared_inputs(case()))
    assert parse_refusal_body(build_refusal_body(refusal)) == refusal
    assert "inputs" not in build_refusal_body(deny(DenialCode.LOCAL_POLICY).refusal)["reason"]


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"local": WITHDRAWN}, ("local",)),
        ({"agreement": None}, ("agreement",)),
        ({"agreement": None, "local": WITHDRAWN}, ("agreement", "local")),
        ({"now": NOW + timedelta(days=1)}, ()),
    ],
)
def test_an_answer_that_would_differ_today_names_what_changed(changes: dict[str, Any], names: tuple[str, ...]) -> None:
    assert changed_by(case(), case(**changes)) == names
    assert set(names) <= INPUT_SENTENCES.keys()


def test_what_changes_the_answer_only_together_is_named_together() -> None:
    """An agreement that begins later is in force today, and the clause that it lacked is in it."""
    wider = binding(clauses(0, id="renamed"))
    known = facts(request(agreement=wider.agreement.ref, clause="renamed", iss=POLICE), caller=POLICE, sender=POLICE)
    then = case(facts=known, agreement=None)
    assert changed_by(then, replace(then, agreement=wider)) == ("agreement",)
    withdrawn = LocalPolicy(restrictions=(Restriction(agreement="vale-early-help", clause="renamed"),))
    sent = facts(request(agreement=wider.agreement.ref, clause="renamed"))
    refused = case(facts=sent, agreement=None, local=withdrawn)
    assert changed_by(refused, case(facts=sent, agreement=wider)) == ("agreement",)
