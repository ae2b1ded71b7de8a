"""A draft is tried on recorded decisions: what becomes permitted, refused or changed, each with its reason."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.agreements.examples import BINDING, DOCUMENT, clauses, document, facts, parsed, request
from tests.trust.agreements.queued_examples import clause_of
from tests.trust.agreements.queued_examples import document as queued_document
from tests.trust.exchange.examples import COUNCIL, NOW, TRUST
from tests.trust.exchange.queued_examples import queued
from trust.agreements.agreement import Agreement, InForce
from trust.agreements.barriers import barrier
from trust.agreements.clause_selection import QuerySpec
from trust.agreements.decision import LocalPolicy
from trust.agreements.decision_record import RequestCase, decision_inputs, outcome_to_json, selection_inputs, spec_of
from trust.agreements.denial import Denial, DenialCode, deny
from trust.agreements.simulation import Difference, Effect, Simulation
from trust.exchange.alert import ALERT
from trust.exchange.consent import ConsentForm, ConsentRecord, ConsentRole
from trust.exchange.kinds import KINDS
from trust.exchange.message import Message
from trust.identifiers import ClauseId, KindName, PurposeCode, RoleCode, ServiceRef, ServiceSlug

NEXT = {"version": 4}
RECORD = ConsentRecord(
    roles=frozenset({ConsentRole.CONFIDENTIALITY}), given_on=NOW.date(), form=ConsentForm.WRITTEN, evidence="CF-2291"
)
WORKER = "key-worker"


def draft(whole: dict[str, Any]) -> Agreement:
    return parsed(whole | NEXT)


def simulated(message: Message, whole: dict[str, Any], agreement: InForce = BINDING) -> Difference | None:
    """Decide on a message under its own agreement, record it, and decide again under a draft."""
    case = RequestCase(facts=facts(message), agreement=agreement, local=LocalPolicy(), own=message.aud, now=NOW)
    return Simulation(draft=draft(whole)).difference(decision_inputs(case), outcome_to_json(case.decide()))


def as_role(role: str, **changes: Any) -> Message:
    return request(practitioner=replace(request().practitioner, role=RoleCode(role)), **changes)


def roles(**fields_by_role: list[str]) -> dict[str, Any]:
    return clauses(0, fields_by_role={name.replace("_", "-"): fields for name, fields in fields_by_role.items()})


def test_the_same_wording_changes_nothing() -> None:
    same = simulated(request(), document())
    assert same is not None
    assert (same.effect, same.reasons) == (Effect.NONE, ())
    assert (same.asker, same.holder, same.role, same.clause) == (COUNCIL, f"{TRUST}#community-team", WORKER, "who-else")


@pytest.mark.parametrize(
    ("whole", "effect", "reason"),
    [
        (roles(duty_officer=["duty_phone"]), Effect.REFUSED, "The agreement does not let this role ask."),
        (roles(key_worker=["phone", "since"]), Effect.FEWER, "No longer: organisation, service_type, worker."),
        (
            roles(key_worker=["organisation", "service_type", "worker", "phone", "since", "role"]),
            Effect.MORE,
            "More: role.",
        ),
        (roles(key_worker=["organisation", "role"]), Effect.OTHER_FIELDS, "More: role."),
        (clauses(0, askers=[f"{COUNCIL}#money-advice"]), Effect.REFUSED, ""),
    ],
)
def test_a_permit_changes_with_its_reason(whole: dict[str, Any], effect: Effect, reason: str) -> None:
    found = simulated(request(), whole)
    assert found is not None
    assert found.effect is effect
    assert not reason or any(reason in each for each in found.reasons)


def test_a_refusal_becomes_a_permit_where_the_draft_names_the_role() -> None:
    refused = as_role("press-officer")
    found = simulated(refused, roles(press_officer=["duty_phone"]))
    assert found is not None
    assert found.effect is Effect.PERMITTED
    assert found.reasons == ("Before: The agreement does not let this role ask.",)
    still = simulated(refused, document())
    assert still is not None
    assert still.effect is Effect.NONE


def test_a_clause_of_another_name_serves_as_the_asker_would_select_it() -> None:
    found = simulated(request(), clauses(0, id="renamed"))
    assert found is not None
    assert (found.effect, found.clause) == (Effect.NONE, "renamed")


def test_another_legal_basis_is_stated_as_the_draft_has_it() -> None:
    found = simulated(request(), clauses(0, basis=["6-1-e", "ca1989-s47"]))
    assert found is not None
    assert found.effect is Effect.NONE


def test_a_draft_of_another_agreement_touches_no_decision() -> None:
    assert simulated(request(), document(id="another")) is None


def test_consent_that_a_draft_begins_to_need_is_missed() -> None:
    found = simulated(request(), clauses(0, basis=["6-1-e", "confidentiality.consent"]))
    assert found is not None
    assert found.effect is Effect.REFUSED
    assert "consent" in found.reasons[0]


def test_a_kind_that_is_not_spoken_stays_refused() -> None:
    found = simulated(request(kind=KindName("gossip.query")), document())
    assert found is not None
    assert found.effect is Effect.NONE


def test_an_alert_is_decided_again_with_the_parts_of_its_persons() -> None:
    whole = queued_document(clause_of(ALERT))
    agreement = InForce(agreement=parsed(whole))
    message = queued(
        "safeguarding",
        agreement=agreement.agreement.ref,
        clause=ClauseId("all-alerts"),
        basis=agreement.agreement.clauses[0].basis,
    )
    victims = sorted(KINDS[ALERT].fields - {"persons.alleged_perpetrator"})
    found = simulated(message, queued_document(clause_of(ALERT, fields_by_role={WORKER: victims})), agreement)
    assert found is not None
    assert found.effect is Effect.FEWER
    assert "No longer: persons.alleged_perpetrator." in found.reasons


WANTED = QuerySpec(
    asker=ServiceRef(entity=COUNCIL, service=ServiceSlug("connecting-families")),
    kind=KINDS[KindName("involvement.query")],
    purpose=PurposeCode("early-help"),
    role=RoleCode("press-officer"),
    query=KINDS[KindName("involvement.query")].parsers[1]({"fields": ["phone"]}),
)


def selected(spec: QuerySpec, denial: Denial, whole: dict[str, Any]) -> Difference | None:
    return Simulation(draft=draft(whole)).difference(selection_inputs(spec, NOW), outcome_to_json(denial))


def test_a_question_that_was_not_sent_for_want_of_a_clause_becomes_possible() -> None:
    assert spec_of(selection_inputs(WANTED, NOW)) == WANTED
    refusal = deny(DenialCode.ROLE_NOT_PERMITTED)
    found = selected(WANTED, refusal, roles(press_officer=["phone"]))
    assert found is not None
    assert (found.effect, found.clause) == (Effect.PERMITTED, "who-else")
    assert f"{TRUST}#community-team" in found.holder
    none = selected(WANTED, refusal, document())
    assert none is not None
    assert none.effect is Effect.NONE


def test_what_its_own_policy_kept_an_asker_from_sending_stays_refused() -> None:
    assert selected(WANTED, deny(DenialCode.CONSENT_RECORD_MISSING), roles(press_officer=["phone"])) is None
    elsewhere = replace(WANTED, asker=ServiceRef(entity=COUNCIL, service=ServiceSlug("elsewhere")))
    assert selected(elsewhere, deny(DenialCode.NO_AGREEMENT), roles(press_officer=["phone"])) is None


@given(
    kept=st.sets(st.sampled_from(DOCUMENT["clauses"][0]["fields_by_role"][WORKER]), min_size=1),
    basis=st.sampled_from([["6-1-e", "ca2004-s10"], ["6-1-e"]]),
)
def test_narrowing_never_widens(kept: set[str], basis: list[str]) -> None:
    """A draft that takes fields away lets no request have more, and gives no field that none of its clauses names."""
    found = simulated(request(), clauses(0, fields_by_role={WORKER: sorted(kept)}, basis=basis))
    assert found is not None
    assert found.effect in {Effect.NONE, Effect.FEWER}


def test_a_barrier_says_what_would_unblock_it() -> None:
    message = as_role("press-officer")
    case = RequestCase(facts=facts(message), agreement=BINDING, local=LocalPolicy(), own=TRUST, now=NOW)
    found = barrier(decision_inputs(case), outcome_to_json(case.decide()))
    assert found is not None
    assert (found.code, found.agreement, found.clause) == ("role_not_permitted", "vale-early-help/3", "who-else")
    expected = "The role press-officer with its fields in a clause on involvement.query for early-help."
    assert found.unblocked_by == expected
    permitted = replace(case, facts=facts(request()))
    assert barrier(decision_inputs(permitted), outcome_to_json(permitted.decide())) is None


@pytest.mark.parametrize("code", DenialCode)
def test_every_refusal_has_something_that_would_unblock_it(code: DenialCode) -> None:
    found = barrier(selection_inputs(WANTED, NOW), outcome_to_json(deny(code)))
    assert found is not None
    assert found.unblocked_by
    assert "{" not in found.unblocked_by


@pytest.mark.parametrize(("consent", "clause"), [(None, "without"), (RECORD, "resting")])
def test_a_clause_that_rests_on_consent_is_selected_only_with_a_record(
    consent: ConsentRecord | None, clause: str
) -> None:
    whole = document()
    first, other = whole["clauses"]
    resting = first | {"id": "resting", "basis": ["6-1-e", "confidentiality.consent"]}
    without = first | {"id": "without", "fields_by_role": {WORKER: ["phone"]}}
    found = simulated(request(consent=consent), whole | {"clauses": [resting, without, other]})
    assert found is not None
    assert found.clause == clause
