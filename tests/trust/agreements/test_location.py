"""A restricted person's place goes to no one that a clause does not name, and never to one linked to him."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.agreements.examples import BINDING, binding, clauses, facts, parsed, request
from tests.trust.agreements.queued_examples import RECIPIENT, SENDER, clause_of, document
from tests.trust.exchange.examples import NOW
from tests.trust.exchange.queued_examples import BODIES, VICTIM, queued, statement
from trust.agreements.clause import Clause
from trust.agreements.decision import (
    LocalPolicy,
    MatchOutcome,
    Permit,
    PersonRestrictions,
    ReleaseStatus,
    ServiceKinds,
    decide_release,
    decide_request,
)
from trust.agreements.denial import Denial, DenialCode
from trust.agreements.location import (
    NEUTRAL_DAY,
    NEUTRAL_TEXT,
    LocationRestriction,
    LocationRuling,
    RestrictedPlace,
    find_in_text,
    merge_restrictions,
    neutralise_row,
    protect_persons,
    protect_practitioner,
    restricted_texts,
    rule_on_location,
    silent_fields,
)
from trust.agreements.restricted_text import RestrictedValues
from trust.errors import MalformedInput
from trust.exchange import alert, disclosure, notice, referral
from trust.exchange.details import TypedBody
from trust.exchange.involvement import KIND, InvolvementField, check_involvements
from trust.exchange.kind import parse_query
from trust.exchange.kinds import KINDS
from trust.exchange.location_fields import (
    ANSWERS,
    FIELDS,
    PLAINER_WORDS,
    PRACTITIONER,
    SUBJECT,
    Reveals,
    revealing,
    tells_by_itself,
)
from trust.exchange.message import PseudonymousPractitioner
from trust.exchange.person import Address
from trust.exchange.subject_members import MEMBERS
from trust.identifiers import ClauseId, parse_service_ref

DESK = "01700 900999"
HIDDEN = LocationRestriction(has_links=True)
PLACE = RestrictedPlace(
    desk=DESK, values=RestrictedValues.of(texts=["ZE7 1QB", "14 Ash Lane"], telephones=["01700 900123"])
)
ROW = {
    "organisation": "Ash Lane Refuge",
    "service_type": "refuge",
    "plan": "Seen at 14 Ash Lane",
    "role": "refuge worker",
    "worker": "P. Example",
    "phone": "01700 900123",
    "duty_phone": "01700 900124",
    "since": "2026-08-01",
    "last_contact_month": "2026-11",
}


class TestTheTable:
    def test_every_field_of_every_kind_is_classed(self) -> None:
        assert {name: frozenset(table) for name, table in FIELDS.items()} == {
            name: kind.fields for name, kind in KINDS.items()
        }

    def test_every_member_of_a_subject_and_of_a_practitioner_is_classed(self) -> None:
        assert frozenset(SUBJECT) == MEMBERS
        assert set(PRACTITIONER) == set(PseudonymousPractitioner.__dataclass_fields__)

    def test_every_member_of_an_answer_is_classed(self) -> None:
        members = {
            alert.ALERT: {"closed"},
            disclosure.DISCLOSURE: {"closed"},
            referral.REFERRAL: set(referral.ReferralAnswer.__dataclass_fields__),
            notice.NOTICE: {"answer", "ground"},
        }
        assert {name: set(table) for name, table in ANSWERS.items()} == members
        assert {name for name, kind in KINDS.items() if kind.queued} == set(ANSWERS)

    def test_what_the_assertion_names_reveals_a_place(self) -> None:
        answers = {"organisation", "service_type", "phone", "duty_phone", "since", "worker", "role"}
        assert revealing(FIELDS[KIND]) == answers
        assert revealing(SUBJECT) == {"postcode", "uprn", "upn"}
        assert revealing(PRACTITIONER) == {"org_unit", "call_back"}
        assert {"current_urn", "requested_urns"} <= revealing(FIELDS[referral.REFERRAL])
        assert "correction.address" in revealing(FIELDS[notice.NOTICE])

    def test_every_narrative_is_searched(self) -> None:
        for name, forms in {
            alert.ALERT: alert.FORMS.values(),
            referral.REFERRAL: (*referral.FORMS.values(), referral.OTHER),
            notice.NOTICE: notice.FORMS.values(),
        }.items():
            for form in forms:
                for field in form.statements - {"correction.address"}:
                    assert FIELDS[name][field] is Reveals.TEXT

    def test_every_telling_word_has_a_plainer_one_that_its_reader_knows(self) -> None:
        words = {field for table in FIELDS.values() for field in revealing(table, Reveals.WORD)}
        assert words == set(PLAINER_WORDS)

    def test_a_service_of_a_telling_kind_is_known_in_either_spelling(self) -> None:
        assert tells_by_itself("refuge")
        assert tells_by_itself("general_practice")
        assert not tells_by_itself("police")


OTHER = parse_service_ref(f"{RECIPIENT.partition('#')[0]}#other")
THERE = parse_service_ref(RECIPIENT)


def clause(**changes: Any) -> Clause:
    return binding(document(clause_of(alert.ALERT, **changes))).agreement.clauses[0]


class TestTheRuling:
    def test_no_place_goes_under_a_clause_that_names_no_recipient(self) -> None:
        assert rule_on_location(HIDDEN, clause(), THERE) is LocationRuling.NOT_AUTHORISED

    def test_a_place_goes_to_the_recipient_that_the_clause_names_and_no_other(self) -> None:
        named = clause(location_recipients=[RECIPIENT])
        assert rule_on_location(HIDDEN, named, THERE) is LocationRuling.RELEASED
        assert rule_on_location(HIDDEN, named, parse_service_ref(SENDER)) is LocationRuling.NOT_AUTHORISED

    def test_a_linked_recipient_gets_it_by_no_clause_and_no_release(self) -> None:
        named = clause(location_recipients=[RECIPIENT])
        linked = replace(HIDDEN, is_linked=True, is_released=True)
        assert rule_on_location(linked, named, THERE) is LocationRuling.LINKED

    def test_without_declared_links_only_a_named_person_releases(self) -> None:
        named = clause(location_recipients=[RECIPIENT])
        nothing = replace(HIDDEN, has_links=False)
        assert rule_on_location(nothing, named, THERE) is LocationRuling.NO_LINKS_DECLARED
        assert rule_on_location(replace(nothing, is_released=True), named, THERE) is LocationRuling.RELEASED
        assert rule_on_location(replace(nothing, is_released=True), clause(), THERE) is LocationRuling.NOT_AUTHORISED

    def test_several_restrictions_release_only_what_each_releases(self) -> None:
        assert merge_restrictions([]) is None
        merged = merge_restrictions([HIDDEN, replace(HIDDEN, has_links=False)])
        assert merged is not None
        assert (merged.has_links, merged.is_released) == (False, False)
        both = merge_restrictions([HIDDEN, replace(HIDDEN, has_links=False, is_released=True)])
        assert both is not None
        assert rule_on_location(both, clause(location_recipients=[RECIPIENT]), THERE) is LocationRuling.RELEASED
        linked = merge_restrictions([HIDDEN, replace(HIDDEN, is_linked=True)])
        assert linked is not None
        assert linked.is_linked

    @given(*[st.booleans()] * 4)
    def test_a_place_is_released_only_with_authority_without_link_and_by_declaration(
        self, linked: bool, declared: bool, released: bool, named: bool
    ) -> None:
        restriction = LocationRestriction(is_linked=linked, has_links=declared, is_released=released)
        terms = clause(location_recipients=[RECIPIENT] if named else [])
        ruling = rule_on_location(restriction, terms, THERE)
        assert ruling.hides is not (named and not linked and (declared or released))

    def test_a_clause_names_only_its_own_askers_and_holders(self) -> None:
        with pytest.raises(MalformedInput, match="location_recipients"):
            parsed(document(clause_of(alert.ALERT, location_recipients=[str(OTHER)])))


@pytest.mark.holds("A71")
class TestAnAnswer:
    def test_location_fields_go_together_and_the_members_stay(self) -> None:
        row = neutralise_row(ROW, KIND, PLACE)
        assert row == {
            **dict.fromkeys(("organisation", "service_type", "plan", "role", "worker"), NEUTRAL_TEXT),
            "phone": DESK,
            "duty_phone": DESK,
            "since": NEUTRAL_DAY,
            "last_contact_month": "2026-11",
        }
        assert list(row) == list(ROW)
        check_involvements([row])

    def test_what_stands_instead_depends_on_the_member_alone(self) -> None:
        other = {**dict.fromkeys(ROW, "X"), "since": "2020-01-01", "last_contact_month": "2026-11"}
        assert neutralise_row({**other, "plan": "14 Ash Lane"}, KIND, PLACE) == neutralise_row(ROW, KIND, PLACE)

    @given(st.sets(st.sampled_from([str(each) for each in InvolvementField])))
    def test_no_field_that_reveals_a_place_survives_beside_another(self, names: set[str]) -> None:
        row = {name: ROW[name] for name in names}
        cut = neutralise_row(row, KIND, PLACE)
        assert set(cut) == names
        kept = {name for name in names if cut[name] == ROW[name]}
        assert kept <= {"last_contact_month"}

    def test_without_a_desk_no_number_stands_there(self) -> None:
        assert neutralise_row({"phone": "01700 900123"}, KIND, RestrictedPlace()) == {"phone": NEUTRAL_TEXT}


def permit(**changes: Any) -> Permit:
    agreement = binding(clauses(0, **changes)) if changes else BINDING
    message = request(agreement=agreement.agreement.ref)
    decision = decide_request(facts(message), agreement=agreement, local=LocalPolicy(), own=message.aud, now=NOW)
    assert isinstance(decision, Permit)
    return decision


class TestTheRelease:
    def test_a_restricted_place_is_hidden_and_the_status_stays(self) -> None:
        release = decide_release(
            permit(), match=MatchOutcome.UNIQUE, restrictions=PersonRestrictions(location=HIDDEN, place=PLACE)
        )
        assert (release.status, release.place) == (ReleaseStatus.KNOWN, PLACE)
        assert LocationRuling.NOT_AUTHORISED in release.reasons

    def test_the_asker_that_the_clause_names_is_told(self) -> None:
        asker = str(request().asker)
        release = decide_release(
            permit(location_recipients=[asker]),
            match=MatchOutcome.UNIQUE,
            restrictions=PersonRestrictions(location=HIDDEN, place=PLACE),
        )
        assert (release.status, release.place) == (ReleaseStatus.KNOWN, None)

    @pytest.mark.parametrize(
        ("existence", "status"),
        [("conditional", ReleaseStatus.NOTHING_TO_SHARE), ("unconditional", ReleaseStatus.REVIEW)],
    )
    def test_a_service_that_tells_the_place_by_itself_does_not_say_that_it_knows_the_person(
        self, existence: str, status: ReleaseStatus
    ) -> None:
        telling = PersonRestrictions(location=replace(HIDDEN, tells_by_itself=True))
        release = decide_release(permit(existence=existence), match=MatchOutcome.UNIQUE, restrictions=telling)
        assert release.status is status

    def test_a_restriction_changes_no_answer_without_a_record(self) -> None:
        for match in (MatchOutcome.NONE, MatchOutcome.NOT_CURRENT, MatchOutcome.REVIEW):
            restricted = decide_release(
                permit(), match=match, restrictions=PersonRestrictions(location=HIDDEN, place=PLACE)
            )
            open_ = decide_release(permit(), match=match, restrictions=PersonRestrictions())
            assert (restricted.status, restricted.fields) == (open_.status, open_.fields)


def sent(name: str, restriction: LocationRestriction | None, **changes: Any) -> Permit | Denial:
    """Decide as the sender of a queued message does."""
    terms = {key: changes.pop(key) for key in ("location_recipients", "fields_by_role") if key in changes}
    agreement = binding(document(clause_of(BODIES[name][0], **terms)))
    [first, *_] = agreement.agreement.clauses
    message = queued(name, agreement=agreement.agreement.ref, clause=ClauseId(first.id), basis=first.basis, **changes)
    if restriction is not None:
        body = parse_query(KINDS, message.kind, message.version, message.body)
        assert isinstance(body, TypedBody)
        restriction = replace(restriction, texts=restricted_texts(body, message.persons, PLACE.values))
    known = replace(facts(message), services=ServiceKinds(), location=restriction)
    return decide_request(known, agreement=agreement, local=LocalPolicy(), own=message.aud, now=NOW)


class TestAMessage:
    def test_a_text_with_a_restricted_value_is_not_sent_and_the_sender_sees_where(self) -> None:
        body = {**BODIES["safeguarding"][1], "statements": [statement("circumstances", "p1", text="Now in Ash Lane.")]}
        decision = sent("safeguarding", HIDDEN, body=body)
        assert isinstance(decision, Denial)
        assert decision.code == DenialCode.PLACE_IN_TEXT
        assert "statements[0].text: has a restricted value at characters 8 to 15" in decision.reason
        assert "Ash" not in decision.reason

    def test_a_text_that_the_recipient_is_not_given_holds_nothing_back(self) -> None:
        body = BODIES["safeguarding"][1]
        body = {
            **body,
            "statements": [*body["statements"], statement("risk", "p1", text="Now in Ash Lane.")],
        }
        fields = sorted(KINDS[alert.ALERT].fields - {"risk"})
        assert isinstance(sent("safeguarding", HIDDEN, body=body), Denial)
        assert isinstance(sent("safeguarding", HIDDEN, body=body, fields_by_role={"key-worker": fields}), Permit)

    def test_a_reference_that_is_a_restricted_value_is_not_sent(self) -> None:
        body = {**BODIES["case.closure"][1]}
        body["details"] = {**body["details"], "involvement": "14-Ash-Lane"}
        decision = sent("case.closure", HIDDEN, body=body)
        assert isinstance(decision, Denial)
        assert "details.involvement" in decision.reason

    def test_no_other_postcode_stands_in_a_text_either(self) -> None:
        body = {**BODIES["safeguarding"][1], "statements": [statement("circumstances", "p1", text="At ZE2 9XX.")]}
        decision = sent("safeguarding", HIDDEN, body=body)
        assert isinstance(decision, Denial)
        assert decision.code == DenialCode.PLACE_IN_TEXT
        assert isinstance(sent("safeguarding", None, body=body), Permit)

    def test_the_schools_of_a_move_go_together(self) -> None:
        free, hidden = sent("school-move", None), sent("school-move", HIDDEN)
        assert isinstance(free, Permit)
        assert isinstance(hidden, Permit)
        assert (free.query.fields or frozenset()) - (hidden.query.fields or frozenset()) == {
            "current_urn",
            "requested_urns",
        } & (free.query.fields or frozenset())
        assert free.fields - hidden.fields == {"current_urn", "requested_urns"} & free.fields
        assert hidden.place is LocationRuling.NOT_AUTHORISED

    def test_they_go_to_a_recipient_that_the_clause_names(self) -> None:
        named = sent("school-move", HIDDEN, location_recipients=[RECIPIENT])
        free = sent("school-move", None)
        assert isinstance(named, Permit)
        assert isinstance(free, Permit)
        assert named.query == free.query
        assert named.place is LocationRuling.RELEASED

    def test_a_new_address_is_no_correction_of_a_restricted_person(self) -> None:
        body = {
            **BODIES["correction"][1],
            "details": {**BODIES["correction"][1]["details"], "item": "subject.address"},
            "statements": [statement("correction.address", "p1", text="14 Ash Lane")],
        }
        decision = sent("correction", HIDDEN, body=body)
        assert isinstance(decision, Denial)

    def test_a_closure_does_not_tell_a_move(self) -> None:
        details = {**BODIES["case.closure"][1]["details"], "closure_reason": "moved-away"}
        decision = sent("case.closure", HIDDEN, body={**BODIES["case.closure"][1], "details": details})
        assert isinstance(decision, Permit)
        assert decision.query.to_body()["details"]["closure_reason"] == "other"

    def test_one_restricted_person_protects_the_others_but_not_the_alleged_perpetrator(self) -> None:
        home = Address(postcode="ZE2 9XX")
        persons = tuple(
            replace(VICTIM, ref=f"p{number}", part=part, subject=replace(VICTIM.subject, address=home, upn="A1"))
            for number, part in enumerate(VICTIM.part.__class__, start=1)
        )
        left = {person.part: person.subject.address for person in protect_persons(persons, PLACE.values)}
        assert {part for part, address in left.items() if address is not None} == {"alleged_perpetrator"}

    def test_an_alleged_perpetrator_with_the_restricted_address_loses_it(self) -> None:
        man = replace(VICTIM, part=VICTIM.part.__class__.ALLEGED_PERPETRATOR)
        man = replace(man, subject=replace(man.subject, address=Address(postcode="ZE7 1QB")))
        [left] = protect_persons([man], PLACE.values)
        assert left.subject.address is None

    def test_the_team_behind_a_message_is_the_neutral_desk(self) -> None:
        practitioner = replace(request().practitioner, org_unit="Ash Lane Refuge", call_back="01700 900123")
        hidden = protect_practitioner(practitioner, PLACE)
        assert (hidden.org_unit, hidden.call_back, hidden.sub) == (NEUTRAL_TEXT, DESK, practitioner.sub)


def test_the_place_in_an_answers_note_is_shown() -> None:
    [fault] = find_in_text("answer.note", "Housed at 14 Ash Lane.", PLACE.values)[:1]
    assert (fault.path, "Ash" in fault.problem) == ("answer.note", False)
    assert not find_in_text("answer.note", "Housed.", PLACE.values)


def test_the_silent_fields_of_a_clause_are_those_that_reveal_a_place() -> None:
    terms = BINDING.agreement.clauses[0]
    granted = {name for fields in terms.fields_by_role.values() for name in fields}
    assert silent_fields(terms) == granted & revealing(FIELDS[KIND])
