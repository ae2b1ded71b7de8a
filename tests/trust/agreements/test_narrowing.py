"""Nothing leaves that no clause names, and no narrowing lets out more: the request, the release, and the selection.

A scene is an agreement of several clauses of all kinds, with what both agencies know beside it. A narrowing takes
something from it. Agreements are written as documents, and read as a node reads them.
"""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trust.agreements.examples import facts, request
from tests.trust.agreements.queued_examples import RECIPIENT, SENDER, clause_of, document
from tests.trust.agreements.scenes import (
    BASES,
    CONSENT_FIELD,
    HOLDERS,
    NARROWINGS,
    QUERY,
    QUEUED,
    SOME_NARROWINGS,
    TEAM,
    Narrowing,
    Outcome,
    Question,
    Scene,
    drop_field,
    query_clause,
    questions,
    scenes,
)
from tests.trust.exchange.examples import NOW
from tests.trust.exchange.queued_examples import BODIES, PERSONS, queued
from trust.agreements.agreement import Agreement, InForce, NotInForce
from trust.agreements.clause import Clause
from trust.agreements.clause_selection import QuerySpec, select_clauses
from trust.agreements.decision import (
    MatchOutcome,
    Permit,
    decide_release,
    decide_request,
)
from trust.exchange.details import TypedBody
from trust.exchange.involvement import InvolvementQuery
from trust.exchange.kinds import KINDS
from trust.exchange.message import Message
from trust.identifiers import ClauseId, RoleCode, parse_service_ref


def let_out(scene: Scene, question: Question) -> Outcome:
    """Return what leaves when the question is asked under the clause that it names."""
    clause = scene.agreement.clause(question.clause)
    if clause is None:
        return Outcome()
    permit = decided(scene, message_of(scene.agreement, clause, question))
    if permit is None:
        return Outcome()
    if question.name is not None:
        body = permit.query
        assert isinstance(body, TypedBody)
        is_told = scene.restrictions.location is not None and permit.place is not None and not permit.place.hides
        texts = (
            *(f"{each.field}: {each.text}" for each in body.statements),
            *(f"{name}: {value}" for name, value in body.details.items()),
        )
        return Outcome(fields=permit.fields - {CONSENT_FIELD}, texts=texts, place=is_told)
    release = decide_release(permit, match=question.match, restrictions=scene.restrictions)
    is_told = release.discloses and release.place is None and scene.restrictions.location is not None
    return Outcome(fields=release.fields, place=is_told)


def decided(scene: Scene, message: Message) -> Permit | None:
    """Return what the holder permits."""
    agreement = scene.agreement
    standing = InForce(agreement=agreement)
    ended = NotInForce(agreement=agreement, missing=(), reason="It has ended.")
    known = facts(
        message,
        sender_marks=scene.marks,
        ended_consents=scene.ended,
        location=scene.restrictions.location if KINDS[message.kind].queued else None,
    )
    decision = decide_request(
        known, agreement=standing if scene.in_force else ended, local=scene.local, own=message.aud, now=NOW
    )
    return decision if isinstance(decision, Permit) else None


def message_of(agreement: Agreement, clause: Clause, question: Question) -> Message:
    """Write a message as its sender does, who reads the clause."""
    holder, asker = parse_service_ref(question.holder), parse_service_ref(SENDER)
    named = {"agreement": agreement.ref, "clause": ClauseId(clause.id), "basis": clause.basis}
    ends = {
        "iss": asker.entity, "from_service": asker.service, "aud": holder.entity, "to_service": holder.service,
        "purpose": clause.purpose,
    }  # fmt: skip
    practitioner = replace(request().practitioner, role=RoleCode(question.role))
    if question.name is None:
        body = {} if question.fields is None else {"fields": sorted(question.fields)}
        whole = {"kind": clause.kind, "consent": question.consent, "body": body}
        return request(**named, **ends, **whole, practitioner=practitioner)
    persons = tuple(replace(each, consent=question.consent) for each in PERSONS)
    return queued(question.name, **named, **ends, practitioner=practitioner, persons=persons)


def named_by(scene: Scene, clause_id: str, role: str) -> frozenset[str]:
    """Return the fields that the document writes down for a role in a clause."""
    names = [each["fields_by_role"].get(role, ()) for each in scene.terms["clauses"] if each["id"] == clause_id]
    return frozenset(names[0]) if names else frozenset()


def at_most(scene: Scene, question: Question) -> frozenset[str]:
    """Return the fields that may leave as a person reads the document and the scene."""
    clause = next((each for each in scene.terms["clauses"] if each["id"] == question.clause), None)
    if clause is None or question.holder not in clause["holders"] or not scene.in_force:
        return frozenset()
    demanded = set(scene.terms.get("required_marks", ()))
    withdrawn = any(
        each.clause == clause["id"] and each.role in {None, question.role} for each in scene.local.restrictions
    )
    named = named_by(scene, question.clause, question.role)
    if withdrawn or not demanded <= scene.marks or lacks_consent(scene, question, clause["basis"], named):
        return frozenset()
    if question.name is not None:
        return named
    is_withheld = scene.restrictions.withheld or question.match is not MatchOutcome.UNIQUE
    return frozenset() if is_withheld else named & (named if question.fields is None else question.fields)


def lacks_consent(scene: Scene, question: Question, basis: list[str], named: frozenset[str]) -> bool:
    """Say whether a clause rests on a consent that is not there, has ended, or counts no longer."""
    if basis != BASES[1]:
        return False
    left = {each.ref for each in PERSONS if each.part.field in named}
    concerned = {"subject"} if question.name is None else left
    is_withdrawn = question.name is None and bool(scene.restrictions.withdrawn)
    return question.consent is None or bool(scene.ended & concerned) or is_withdrawn


def may_tell(scene: Scene, question: Question) -> bool:
    """Say whether the place of a restricted person may go to the recipient: the asker, or that of a message."""
    restriction = scene.restrictions.location
    recipient = SENDER if question.name is None else question.holder
    listed = {each["id"]: each["location_recipients"] for each in scene.terms["clauses"]}.get(question.clause, [])
    if restriction is None or restriction.is_linked or recipient not in listed:
        return False
    return restriction.is_released or restriction.has_links


def narrowed(data: st.DataObject, scene: Scene, narrowings: Iterable[Narrowing]) -> Scene:
    """Return the scene after each narrowing."""
    for narrowing in narrowings:
        scene = narrowing(data, scene)
    return scene


@pytest.mark.parametrize("narrowing", NARROWINGS)
@given(data=st.data())
@settings(max_examples=40)
def test_nothing_leaves_that_no_clause_names_or_something_forbids(narrowing: Narrowing, data: st.DataObject) -> None:
    whole = data.draw(scenes())
    question = data.draw(questions(whole))
    scene = narrowed(data, whole, [narrowing, *data.draw(SOME_NARROWINGS)])
    out = let_out(scene, question)
    assert out.fields <= at_most(scene, question)
    assert {each.partition(":")[0] for each in out.texts} <= named_by(scene, question.clause, question.role)
    assert out.place <= may_tell(scene, question)


@given(st.data())
def test_narrowing_never_widens(data: st.DataObject) -> None:
    """Where a queued message is refused for one of its persons, an agreement without that person's field lets it leave.

    What leaves then is still within what the wider clause names.
    """
    wide = data.draw(scenes())
    question = data.draw(questions(wide))
    narrowings = data.draw(SOME_NARROWINGS)
    narrow = narrowed(data, wide, narrowings)
    before, after = let_out(wide, question), let_out(narrow, question)
    if question.name is not None and drop_field in narrowings and not before.fields:
        assert after.fields <= named_by(wide, question.clause, question.role)
    else:
        assert after.within(before)


@given(st.data())
def test_what_is_selected_and_asked_never_widens(data: st.DataObject) -> None:
    """Without the clause that would be chosen another one is, which gives no more than the wider agreement could."""
    wide = data.draw(scenes())
    question = replace(data.draw(questions(wide)), name=None)
    narrow = narrowed(data, wide, data.draw(SOME_NARROWINGS))
    queries = [each["id"] for each in wide.terms["clauses"] if each["kind"] == QUERY]
    for holder, chosen in selected(narrow, question).items():
        could = [let_out(wide, replace(question, clause=each, holder=holder)).fields for each in queries]
        assert chosen <= frozenset().union(*could)


def selected(scene: Scene, question: Question) -> dict[str, frozenset[str]]:
    """Return the fields that each holder lets out when it is asked under the clause that is selected for it."""
    spec = QuerySpec(
        asker=parse_service_ref(SENDER),
        kind=KINDS[QUERY],
        purpose=request(purpose="safeguarding").purpose,
        role=RoleCode(question.role),
        query=InvolvementQuery(fields=question.fields),
        consent=question.consent is not None,
    )
    binding = [InForce(agreement=scene.agreement)] if scene.in_force else []
    chosen = select_clauses(binding, spec)
    for each in chosen:
        wanted = KINDS[QUERY].fields if question.fields is None else question.fields
        assert each.fields == each.clause.fields_by_role[spec.role] & wanted
    return {
        str(each.holder): let_out(scene, replace(question, clause=each.clause.id, holder=str(each.holder))).fields
        for each in chosen
    }


def test_the_scenes_let_something_out() -> None:
    """Each property would hold where nothing ever leaves."""
    terms = document(
        query_clause(id="clause-0", holders=HOLDERS, fields_by_role={"key-worker": ["worker", "phone"]}),
        clause_of(BODIES[QUEUED[0]][0], id="clause-1"),
    )
    question = Question(
        clause="clause-0",
        role="key-worker",
        holder=TEAM,
        name=None,
        fields=None,
        consent=None,
        match=MatchOutcome.UNIQUE,
    )
    scene = Scene(terms=terms)
    assert let_out(scene, question).fields == {"worker", "phone"}
    assert selected(scene, question) == dict.fromkeys(HOLDERS, frozenset({"worker", "phone"}))
    sent = let_out(scene, replace(question, clause="clause-1", holder=RECIPIENT, name=QUEUED[0]))
    assert sent.texts
