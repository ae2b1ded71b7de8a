"""Bodies of alerts, referrals and notices: typed details, and narratives only in statements."""

from copy import deepcopy
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.exchange.queued_examples import (
    BODIES,
    CORRECTION,
    ESSENTIALS,
    LEGAL_ADVICE,
    REHOUSING,
    SAFEGUARDING,
    SCHOOL_MOVE,
    SCHOOL_NOTICE,
    WORKER_RISK,
    statement,
)
from tests.trust.exchange.strategies import JSON, changed, objects
from trust.errors import TrustError
from trust.exchange import alert, notice, referral
from trust.exchange.details import MAX_LIST, BodyForm
from trust.exchange.errors import MalformedBody
from trust.exchange.kind import QueuedBody
from trust.exchange.kinds import KINDS
from trust.exchange.persons import PERSON_FIELDS
from trust.exchange.statements import MAX_STATEMENT, MAX_STATEMENTS

FORMS: dict[str, BodyForm] = {
    **{str(name): form for name, form in alert.FORMS.items()},
    **referral.FORMS,
    **{str(name): form for name, form in notice.FORMS.items()},
    "legal-advice": referral.OTHER,
}
assert FORMS.keys() == BODIES.keys()


def parse(name: str, body: dict[str, Any]) -> QueuedBody:
    return cast("QueuedBody", KINDS[BODIES[name][0]].parsers[1](body))


def faults(name: str, body: dict[str, Any]) -> set[str]:
    with pytest.raises(MalformedBody) as refused:
        parse(name, body)
    return {fault.path for fault in refused.value.faults}


def with_details(body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    details = {name: value for name, value in {**body["details"], **changes}.items() if value is not None}
    return {**body, "details": details}


def with_statement(body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    first, *rest = body["statements"]
    return {**body, "statements": [{**first, **changes}, *rest]}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_is_read_back_as_it_was_written(name: str) -> None:
    body = parse(name, BODIES[name][1])
    assert body.to_body() == BODIES[name][1]
    assert parse(name, body.to_body()) == body
    assert body.dropped == ()
    assert body.fields <= FORMS[name].fields <= KINDS[BODIES[name][0]].fields


@pytest.mark.parametrize("name", BODIES)
def test_each_required_detail_and_narrative_is_missed_by_its_name(name: str) -> None:
    whole, form = BODIES[name][1], FORMS[name]
    for detail in form.details:
        if detail.required:
            assert faults(name, with_details(whole, **{detail.name: None})) == {f"body.details.{detail.name}"}
    for field in form.narratives:
        rest = [each for each in whole["statements"] if each["field"] != field]
        assert faults(name, {**whole, "statements": rest}) == {"body.statements"}


@pytest.mark.parametrize("name", BODIES)
def test_details_hold_no_sentence(name: str) -> None:
    sentence = "He said that she was at her sister's."
    for detail in FORMS[name].details:
        assert faults(name, with_details(BODIES[name][1], **{detail.name: sentence}))
        assert faults(name, with_details(BODIES[name][1], **{detail.name: [sentence]}))


@pytest.mark.parametrize(("name", "member"), [("safeguarding", "topic"), ("erasure", "type")])
def test_an_unknown_topic_or_type_is_refused_with_the_words_that_are_known(name: str, member: str) -> None:
    with pytest.raises(MalformedBody) as refused:
        parse(name, {**BODIES[name][1], member: "gossip"})
    words = alert.Topic if member == "topic" else notice.NoticeType
    assert all(word in refused.value.detail for word in words)


def test_a_service_type_that_has_no_form_has_reasons_and_no_details() -> None:
    body = parse("legal-advice", with_details(LEGAL_ADVICE, item="fridge"))
    assert body.fields == {"reason"}
    assert body.dropped == ("details.item",)


def test_what_this_version_does_not_know_is_dropped_and_named_but_a_narrative_is_never_lost() -> None:
    more = with_statement(with_details(SAFEGUARDING, mood="bad"), score=3)
    body = parse("safeguarding", {**more, "colour": "red"})
    assert body.dropped == ("colour", "details.mood", "statements[].score")
    assert body.to_body() == SAFEGUARDING
    assert faults("safeguarding", with_statement(SAFEGUARDING, field="gossip")) >= {"body.statements[0].field"}
    closing = {**BODIES["case.closure"][1], "statements": [statement("reason", "p1")]}
    assert faults("case.closure", closing) == {"body.statements[0].field"}


def test_every_fault_is_named_at_once() -> None:
    wrong = with_details(SAFEGUARDING, occurred_at="yesterday", dash_score=28, child_present="yes", risk_level="fairly")
    wrong["statements"] = [statement("circumstances", standing="hearsay", source=" ", on="2026-02-30", text="")]
    assert faults("safeguarding", wrong) == {
        "body.details.occurred_at",
        "body.details.dash_score",
        "body.details.child_present",
        "body.details.risk_level",
        "body.statements[0].about",
        "body.statements[0].standing",
        "body.statements[0].source",
        "body.statements[0].on",
        "body.statements[0].text",
    }


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"about": ["mother"]}, "about"),
        ({"about": ["p1", "p1"]}, "about[1]"),
        ({"text": "x" * (MAX_STATEMENT + 1)}, "text"),
        ({"text": "one\ntwo"}, "text"),
        ({"text": "\u00ad\u200b"}, "text"),
        ({"text": "left\u202eright"}, "text"),
    ],
)
def test_a_statement_is_a_line_about_persons(changes: dict[str, Any], path: str) -> None:
    assert f"body.statements[0].{path}" in faults("safeguarding", with_statement(SAFEGUARDING, **changes))


def test_there_are_64_statements_at_most() -> None:
    many = {**SAFEGUARDING, "statements": [statement("circumstances", "p1")] * MAX_STATEMENTS}
    assert len(parse("safeguarding", many).to_body()["statements"]) == MAX_STATEMENTS
    many["statements"] = [*many["statements"], statement("circumstances", "p1")]
    assert "body.statements" in faults("safeguarding", many)


def test_a_low_or_missing_score_blocks_nothing() -> None:
    for changes in ({"dash_score": 0}, {"dash_score": None, "dara_grade": None, "risk_level": None}):
        parse("safeguarding", with_details(SAFEGUARDING, **changes))
        parse("advocacy", with_details(BODIES["advocacy"][1], **changes))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-08-31T22:30:00+01:00", "2026-08-31T21:30:00Z"),
        ("2026-10-25T01:30:00+00:00", "2026-10-25T01:30:00Z"),
        ("2026-08-31T21:30:00", None),
        ("2026-08-31 21:30:00Z", None),
        ("2026-08-31T24:30:00Z", None),
        ("2026-02-30T21:30:00Z", None),
        ("0001-01-01T00:00:00+01:00", None),
        ("2026-08-31T21:30:00Z\n", None),
    ],
)
def test_a_time_has_its_zone_and_is_kept_in_utc(text: str, read: str | None) -> None:
    body = with_details(SAFEGUARDING, occurred_at=text)
    if read is None:
        assert faults("safeguarding", body) == {"body.details.occurred_at"}
    else:
        assert parse("safeguarding", body).to_body()["details"]["occurred_at"] == read


def test_other_rules_of_single_forms() -> None:
    assert faults("worker-risk", with_details(WORKER_RISK, review_on="2026-08-31")) == {"body.details.review_on"}
    assert faults("school-move", with_details(SCHOOL_MOVE, requested_urns=["12345"])) == {"body.details.requested_urns"}
    many = [f"{number:06}" for number in range(MAX_LIST + 1)]
    assert faults("school-move", with_details(SCHOOL_MOVE, requested_urns=many)) == {"body.details.requested_urns"}
    assert faults("rehousing", with_details(REHOUSING, areas_at_risk=["ZE7 1QB"])) == {"body.details.areas_at_risk"}
    assert faults("essentials", with_details(ESSENTIALS, item="yacht")) == {"body.details.item"}
    assert faults("essentials", {**ESSENTIALS, "agreement_to_engage": True}) == {"body.agreement_to_engage"}


def test_a_school_notice_says_whether_the_child_is_educated_at_home_which_settles_who_receives_it() -> None:
    assert parse("school-notice", SCHOOL_NOTICE).recipient_kinds == frozenset({"school", "college", "nursery"})
    at_home = parse("school-notice", with_details(SCHOOL_NOTICE, home_educated=True))
    assert at_home.recipient_kinds == frozenset({"education"})
    assert parse("school-move", SCHOOL_MOVE).recipient_kinds == frozenset({"admissions"})
    assert parse("rehousing", REHOUSING).recipient_kinds == frozenset({"housing"})
    assert parse("safeguarding", SAFEGUARDING).recipient_kinds is None


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "She now lives at 4 Harbour Row, ZE7 1QB."},
        {"text": "She now lives at ze71qb, Harbour Row."},
        {"text": "She now lives at Z\uff257 1QB."},
    ],
)
def test_a_correction_states_an_address_in_its_own_field_only(changes: dict[str, Any]) -> None:
    assert faults("correction", with_statement(CORRECTION, **changes)) == {"body.statements"}
    moved = with_statement(CORRECTION, **changes, field="correction.address")
    assert parse("correction", moved).fields >= {"correction.address"}


@pytest.mark.parametrize("item", ["subject.address", "subject.address.postcode", "persons.address.uprn"])
def test_a_correction_of_an_address_uses_no_other_field(item: str) -> None:
    assert faults("correction", with_details(CORRECTION, item=item)) == {"body.statements"}
    parse("correction", {**with_details(CORRECTION, item=item, action="remove"), "statements": []})


def test_a_body_shows_no_narrative_in_a_trace() -> None:
    assert "What was seen" not in repr(parse("safeguarding", SAFEGUARDING))


def test_no_name_is_a_detail_and_a_statement_or_a_person_field() -> None:
    for forms in (alert.FORMS.values(), (referral.OTHER, *referral.FORMS.values()), notice.FORMS.values()):
        details = {detail.name for form in forms for detail in form.details}
        assert details.isdisjoint({field for form in forms for field in form.statements} | PERSON_FIELDS)


def test_a_correction_that_replaces_says_what_is_right() -> None:
    assert faults("correction", {**CORRECTION, "statements": []}) == {"body.statements"}
    parse("correction", {**with_details(CORRECTION, action="restrict"), "statements": []})


@given(data=st.data())
def test_a_body_cut_to_fields_and_persons_has_no_others_and_a_second_cut_changes_nothing(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(BODIES)))
    body = parse(name, BODIES[name][1])
    fields = data.draw(st.frozensets(st.sampled_from(sorted(KINDS[BODIES[name][0]].fields))))
    refs = data.draw(st.frozensets(st.sampled_from(["p1", "p2", "p3"])))
    cut = body.cut(fields, refs)
    assert cut.fields <= fields & body.fields
    assert cut.refs <= refs
    assert cut.cut(fields, refs) == cut


@given(data=st.data())
def test_any_body_is_read_or_refused_with_its_faults(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(BODIES)))
    good = deepcopy(BODIES[name][1])
    typed = good["details"] or {"item": "fridge"}
    inside = st.one_of(
        changed(typed).map(lambda details: {**good, "details": details}),
        objects(*typed).map(lambda details: {**good, "details": details}),
        st.lists(changed(statement("reason", "p1")) | JSON, max_size=3).map(lambda some: {**good, "statements": some}),
    )
    document = data.draw(st.one_of(changed(good), inside, objects(*good)))
    try:
        body = parse(name, document)
    except TrustError:
        return
    again = parse(name, body.to_body())
    assert (again.to_body(), again.dropped) == (body.to_body(), ())
