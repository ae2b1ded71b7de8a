"""A decision is recorded with every input, none of which names a person, and replays to the same answer."""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trust.agreements.examples import BINDING, binding, clauses, facts, request
from tests.trust.agreements.queued_examples import clause_of, document
from tests.trust.exchange.examples import COUNCIL, NOW, POLICE, TRUST
from tests.trust.exchange.queued_examples import BODIES, PERSONS, queued
from trust import strict_json
from trust.agreements.agreement import Agreement, InForce, NotInForce
from trust.agreements.decision import (
    LocalPolicy,
    Permit,
    RequestFacts,
    Restriction,
    ServiceKinds,
)
from trust.agreements.decision_record import (
    NOT_READ,
    PLAIN,
    RequestCase,
    SourceMissing,
    decision_inputs,
    input_digests,
    outcome_to_json,
    repetition_key,
    replay_of,
)
from trust.agreements.denial import Denial
from trust.agreements.leaving import leavers_of, without_leavers
from trust.agreements.legal_register import register_digest
from trust.agreements.location import LocationRestriction, RestrictedText, restricted_texts
from trust.agreements.restricted_text import RestrictedValues
from trust.agreements.suspending import SuspendedState, next_notice, while_not_suspended
from trust.errors import MalformedClaims
from trust.exchange.alert import ALERT
from trust.exchange.consent import ConsentForm, ConsentRecord, ConsentRole
from trust.exchange.details import TypedBody
from trust.exchange.envelope import AgreementRef
from trust.exchange.errors import MalformedBody
from trust.exchange.kind import Kinds, parse_query
from trust.exchange.kinds import KINDS
from trust.exchange.message import Handling, Message, Urgency
from trust.exchange.notice import NOTICE
from trust.exchange.persons import ConcernedPerson
from trust.exchange.referral import REFERRAL
from trust.identifiers import ClauseId, RoleCode

KEY = b"k" * 32
CONSENTING = binding(clauses(0, basis=["6-1-e", "confidentiality.consent"]))
QUEUED = binding(document(*(clause_of(kind) for kind in (ALERT, REFERRAL, NOTICE))))
BOUND = {each.agreement.ref: each.agreement for each in (BINDING, CONSENTING, QUEUED)}
RECORDED = {
    "iss", "aud", "iat", "kind", "version", "agreement", "clause", "purpose", "basis", "from_service", "to_service",
    "practitioner", "body", "persons", "consent", "ground",
}  # fmt: skip


def held(ref: AgreementRef) -> Agreement | None:
    return BOUND.get(ref)


def recorded(
    known: RequestFacts, standing: InForce | NotInForce | None, *, now: datetime = NOW, **others: Any
) -> tuple[Permit | Denial, Mapping[str, Any]]:
    """Decide and record, and return the decision and the inputs as they are read again."""
    case = RequestCase(facts=known, agreement=standing, local=LocalPolicy(), own=known.message.aud, now=now)
    case = replace(case, **others)
    return case.decide(), strict_json.loads(strict_json.dumps(decision_inputs(case)), max_bytes=100_000)


def held_to(decision: Permit | Denial, inputs: Mapping[str, Any], kinds: Kinds = KINDS) -> None:
    """Hold the replay of the inputs to the decision, and the trace of its rules too."""
    replay = replay_of(inputs, held, kinds)
    assert outcome_to_json(replay.decide()) == outcome_to_json(decision)
    assert replay.trace()[-1].denial == (decision if isinstance(decision, Denial) else None)


def test_every_member_of_a_message_is_recorded_or_read_by_no_rule() -> None:
    assert {each.name for each in fields(Message)} == RECORDED | NOT_READ
    assert not RECORDED & NOT_READ


def test_every_argument_of_a_decision_is_an_input_by_its_own_name() -> None:
    optional = {
        "services": ServiceKinds(sender="police"),
        "sender_marks": frozenset({"https://marks.example/dsp"}),
        "location": LocationRestriction(is_linked=True),
        "ended_consents": frozenset({"subject"}),
    }
    known = facts(
        request(), **{each.name: optional[each.name] for each in fields(RequestFacts) if each.name in optional}
    )
    local = LocalPolicy(restrictions=(Restriction(agreement="vale-early-help", clause="who-else"),))
    inputs = decision_inputs(RequestCase(facts=known, agreement=BINDING, local=local, own=TRUST, now=NOW))
    assert inputs.keys() >= {each.name for each in fields(RequestFacts)} - {"message"}
    assert inputs.keys() >= {"agreement", "local_policy", "own", "clock", "kinds", "legal_register", "rules", "request"}


def test_a_refusal_while_suspended_or_after_a_party_left_replays_to_the_same_answer() -> None:
    document = replace(BINDING.agreement, suspended_by=(TRUST,))
    notice = next_notice(document.ref, None, SuspendedState.SUSPENDED, party=TRUST, reason="A review.", now=NOW)
    suspended = while_not_suspended(InForce(agreement=document), [notice])
    left = without_leavers(BINDING, leavers_of(BINDING.agreement, {COUNCIL: NOW}), own=TRUST)
    for standing, part in ((suspended, "has suspended it since"), (left, "left it on")):
        decision, inputs = recorded(facts(request()), standing)
        assert isinstance(decision, Denial)
        assert f"{part} {NOW.date().isoformat()}" in decision.reason
        held_to(decision, inputs)


ROLES = ("key-worker", "duty-officer", "press-officer")
DAYS = st.dates(min_value=NOW.date() - timedelta(days=40), max_value=NOW.date() + timedelta(days=40))
CONSENTS = st.builds(
    ConsentRecord,
    roles=st.frozensets(st.sampled_from(ConsentRole), min_size=1),
    given_on=DAYS,
    form=st.sampled_from(ConsentForm),
    evidence=st.just("CF-2291/consent/3"),
    expires_on=st.none() | DAYS,
)
NOT_YET = NotInForce(
    agreement=BINDING.agreement, missing=(TRUST,), reason="It has not been signed by Vale Mental Health."
)
MOMENTS = st.datetimes(min_value=datetime(2026, 3, 1), max_value=datetime(2029, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
ODD_BODIES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


Drawn = tuple[RequestFacts, InForce | NotInForce | None, dict[str, Any]]


@st.composite
def questions(draw: st.DrawFn) -> Drawn:
    """Draw a query, mostly permitted, with what each rule reads sometimes as it refuses."""
    standing = draw(st.sampled_from([BINDING, BINDING, CONSENTING, CONSENTING, NOT_YET, None]))
    agreement = BINDING.agreement if standing is None else standing.agreement
    odd: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "clause": st.sampled_from(["in-payment", "nothing"]),
                "purpose": st.just("benefit-check"),
                "version": st.integers(1, 3),
                "kind": st.sampled_from(["eligibility.query", "gossip.query"]),
                "to_service": st.just("crisis-team"),
                "agreement": st.just(replace(agreement.ref, digest="B" * 43)),
                "body": st.dictionaries(st.sampled_from(["fields", "question", "as_of", "x"]), ODD_BODIES, max_size=3),
                "handling": st.builds(Handling, onward=st.none() | st.text(max_size=5)),
                "correlation": st.text(max_size=5),
                "iss": st.just(POLICE),
            },
        )
    )
    consents = draw(st.none() | CONSENTS)
    chosen = odd if draw(st.booleans()) else {}
    role = replace(request().practitioner, role=RoleCode(draw(st.sampled_from(ROLES))))
    ordinary = {"agreement": agreement.ref, "basis": agreement.clauses[0].basis, "practitioner": role}
    message = request(**{**ordinary, "consent": consents, **chosen})
    local = draw(st.sampled_from([(), (RoleCode("key-worker"),), (None,)]))
    policy = LocalPolicy(
        restrictions=tuple(Restriction(agreement="vale-early-help", clause="who-else", role=role) for role in local)
    )
    changes: list[dict[str, Any]] = [{}, {}, {"caller": POLICE}, {"token_details": ()}]
    known = facts(message, **draw(st.sampled_from(changes)))
    return (
        known,
        standing,
        {"local": policy, "now": draw(MOMENTS), "own": draw(st.sampled_from([TRUST, TRUST, POLICE]))},
    )


@given(drawn=questions())
@settings(max_examples=60, deadline=None)
def test_a_decision_on_a_query_replays_to_the_same_answer(drawn: Drawn) -> None:
    known, standing, others = drawn
    held_to(*recorded(known, standing, **others))


def restricted(message: Message) -> tuple[RestrictedText, ...]:
    """Give the texts of a message that have a restricted value."""
    try:
        body = parse_query(KINDS, message.kind, message.version, message.body)
    except MalformedBody:
        return ()
    assert isinstance(body, TypedBody)
    return restricted_texts(body, message.persons, RestrictedValues.of(texts=["What was seen"]))


@given(
    name=st.sampled_from(sorted(BODIES)),
    persons=st.lists(st.sampled_from(PERSONS), min_size=1, max_size=3, unique=True),
    consent=st.none() | CONSENTS,
    kinds=st.tuples(st.sampled_from([None, "police", "housing"]), st.sampled_from([None, "housing", "school"])),
    hidden=st.booleans(),
    now=MOMENTS,
    postcode=st.booleans(),
    released=st.none() | st.booleans(),
)
@settings(max_examples=50, deadline=None)
def test_a_decision_on_a_queued_message_replays_to_the_same_answer(  # noqa: PLR0917 - hypothesis gives them by name
    name: str,
    persons: list[ConcernedPerson],
    consent: ConsentRecord | None,
    kinds: tuple[str | None, str | None],
    hidden: bool,
    now: datetime,
    postcode: bool,
    released: bool | None,
) -> None:
    terms = next(each for each in QUEUED.agreement.clauses if each.kind == BODIES[name][0])
    body = json.loads(json.dumps(BODIES[name][1]))
    if postcode and body["statements"]:
        body["statements"][0]["text"] = "She now stays at ZE7 1QB."
    concerned = tuple(
        replace(each, consent=consent, subject=replace(each.subject, address_restricted=hidden)) for each in persons
    )
    message = queued(
        name,
        agreement=QUEUED.agreement.ref,
        clause=ClauseId(terms.id),
        basis=terms.basis,
        persons=concerned,
        body=body,
        urgency=Urgency.RED,
    )
    services = ServiceKinds(sender=kinds[0], recipient=kinds[1])
    location = None if released is None else LocationRestriction(has_links=released, texts=restricted(message))
    known = replace(facts(message), services=services, location=location)
    decision, inputs = recorded(known, QUEUED, now=now)
    held_to(decision, inputs)
    written = json.dumps(inputs)
    for word in ("Thistlethwaite", "Corvin", "Wren", "Marlowe", "ZE7 1QB", "What was seen", "weekdays", "CF-2291"):
        assert word not in written


def test_a_fact_that_is_there_without_members_is_not_lost() -> None:
    known = facts(queued(), location=LocationRestriction())
    _, inputs = recorded(known, QUEUED)
    assert replay_of(inputs, held).facts.location == LocationRestriction()


def test_no_input_of_a_query_says_anything_of_the_person() -> None:
    _, inputs = recorded(facts(request(consent=None)), BINDING)
    assert inputs.keys() <= PLAIN
    written = json.dumps(inputs)
    for word in ("Thistlethwaite", "9434765919", "2004-11-23", "7f9c2ba4e88f827d", "m-0001"):
        assert word not in written


def test_digests_of_what_may_be_about_a_person_cannot_be_tried_without_the_key() -> None:
    consent = ConsentRecord(
        roles=frozenset({ConsentRole.CONFIDENTIALITY}), given_on=NOW.date(), form=ConsentForm.SPOKEN, evidence="x"
    )
    _, inputs = recorded(facts(request(consent=consent)), BINDING)
    mine, other = input_digests(inputs, KEY), input_digests(inputs, b"j" * 32)
    assert {name for name in mine if mine[name] != other[name]} == {"consent"}
    assert mine["legal_register"] == register_digest()
    _, later = recorded(facts(request(consent=replace(consent, given_on=NOW.date() - timedelta(days=1)))), BINDING)
    changed = {name for name, each in input_digests(later, KEY).items() if each != mine[name]}
    assert changed == {"consent"}


@given(moment=MOMENTS, other=st.integers(0, 82_800))
def test_decisions_of_one_day_are_repetitions_and_have_one_answer(moment: datetime, other: int) -> None:
    """The last hour is apart: then it is tomorrow already in summer time."""
    day = moment.replace(hour=0, minute=0, second=0)
    first, early = recorded(facts(request()), BINDING, now=day)
    second, late = recorded(facts(request()), BINDING, now=day + timedelta(seconds=other))
    keys = [repetition_key(each, input_digests(each, KEY), KEY) for each in (early, late)]
    assert (keys[0] == keys[1]) == (other < 82_800)
    assert {len(each) for each in keys} == {16}
    assert outcome_to_json(first) == outcome_to_json(second)


def test_a_decision_whose_agreement_is_gone_is_not_replayed() -> None:
    _, inputs = recorded(facts(request()), BINDING)
    with pytest.raises(SourceMissing, match="vale-early-help version 3"):
        replay_of(inputs, lambda _: None)


@pytest.mark.parametrize("name", ["sender", "token_details", "local_policy", "clock", "agreement"])
def test_a_record_that_is_not_one_is_refused(name: str) -> None:
    _, inputs = recorded(facts(request()), BINDING)
    with pytest.raises(MalformedClaims):
        replay_of({**inputs, name: [{"no": "such"}]}, held)
