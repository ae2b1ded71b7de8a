"""A service's answer to a permitted request, for any behaviour of its case system."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import sampled_from, sets

from adapters.contract import (
    Adapter,
    Candidate,
    Deadline,
    InvolvementSource,
    RecordUnreadable,
    SourceNonsense,
    SourceUnavailable,
)
from gateway.exchange.answer import UNRESTRICTED, ServiceAnswer
from gateway.exchange.services import HostedService
from gateway.exchange.source_probe import invented
from gateway.lookups.responder import answer
from tests.trust.agreements.examples import BINDING, facts, request
from tests.trust.exchange.examples import NOW, SUBJECT, TRUST
from trust.agreements.clause import Existence
from trust.agreements.decision import LocalPolicy, Permit, decide_request
from trust.exchange.involvement import MAX_INVOLVEMENTS, Involvement
from trust.exchange.person import Address, Gender, Name, Subject, parse_subject, subject_to_json
from trust.identifiers import ServiceRef, ServiceSlug

CLAUSE = BINDING.agreement.clauses[0]
WORKED_WITH = Involvement(organisation="Vale Mental Health", worker="Ada Fell", role="nurse", since=date(2025, 1, 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A case system of one person, which fails where it is told to: for everyone, or for that person alone."""

    candidates: Sequence[Candidate] = (Candidate(ref="1", person=SUBJECT),)
    held: Sequence[Involvement] = (WORKED_WITH,)
    find_fails: Exception | None = None
    read_fails: Exception | None = None
    for_everyone: bool = True
    searches: list[Subject] = field(default_factory=list)

    def find(self, subject: Subject, *, deadline: Deadline) -> Sequence[Candidate]:
        self.searches.append(subject)
        if self.find_fails and (self.for_everyone or subject == SUBJECT):
            raise self.find_fails
        return self.candidates

    def involvements(self, ref: str, *, deadline: Deadline) -> Sequence[Involvement]:
        if self.read_fails:
            raise self.read_fails
        return self.held


def permit(existence: Existence = Existence.UNCONDITIONAL) -> Permit:
    decided = decide_request(facts(request()), agreement=BINDING, local=LocalPolicy(), own=TRUST, now=NOW)
    assert isinstance(decided, Permit)
    return replace(decided, clause=replace(decided.clause, existence=existence))


def service(source: Source | None) -> HostedService:
    return hosting(source)


def hosting(source: InvolvementSource | None) -> HostedService:
    return HostedService(
        ref=ServiceRef(entity=TRUST, service=ServiceSlug("mental-health")),
        name="Community team",
        kind="mental-health",
        duty_phone="01632 960999",
        adapter=Adapter(name="test", involvement=source),
    )


def asked(permitted: Permit, hosted: HostedService) -> ServiceAnswer:
    return answer(permitted, hosted, SUBJECT, restrictions_of=lambda _record: UNRESTRICTED, deadline=Deadline.after(5))


def said(source: Source | None, existence: Existence = Existence.UNCONDITIONAL) -> dict[str, Any]:
    return dict(found(source, existence).body)


def found(source: Source | None, existence: Existence = Existence.UNCONDITIONAL) -> ServiceAnswer:
    return asked(permit(existence), service(source))


def test_a_known_person_is_described_with_the_permitted_fields_only() -> None:
    body = said(Source())
    assert body["status"] == "known"
    assert body["involvements"] == [{"organisation": "Vale Mental Health", "worker": "Ada Fell", "since": "2025-01-02"}]


def test_a_plan_is_told_to_no_role_that_the_clause_does_not_name_it_for() -> None:
    planned = replace(WORKED_WITH, service_type="social-care", plan="child protection plan")
    (told,) = said(Source(held=(planned,)))["involvements"]
    assert told["service_type"] == "social-care"
    assert "plan" not in told
    named = permit()
    naming = replace(named, fields=named.fields | {"plan"})
    result = asked(naming, service(Source(held=(planned,))))
    assert result.body["involvements"] == [told | {"plan": "child protection plan"}]


def test_a_record_without_a_current_involvement_is_not_told_as_no_record() -> None:
    body = said(Source(held=()))
    assert (body["status"], body["no_current_involvement"]) == ("not_known", True)
    assert "no current involvement" in body["note"]
    assert found(Source(held=())).outcome == "no_current_involvement"
    assert "no_current_involvement" not in said(Source(candidates=()))


@pytest.mark.holds("A42")
def test_where_existence_may_not_be_told_an_involvement_that_ended_is_told_like_no_record() -> None:
    assert said(Source(held=()), Existence.CONDITIONAL) == said(Source(candidates=()), Existence.CONDITIONAL)


UNREADABLE_RECORD = Source(read_fails=RecordUnreadable("ended is not a date"))
UNREADABLE_SEARCH = Source(find_fails=RecordUnreadable("birth_date is not a date"))


@pytest.mark.holds("A74")
@pytest.mark.parametrize("source", [UNREADABLE_RECORD, UNREADABLE_SEARCH], ids=["involvements", "search"])
def test_what_cannot_be_read_about_this_person_is_left_to_a_human(source: Source) -> None:
    assert said(source)["status"] == "review"
    assert found(source).failure
    assert said(source, Existence.CONDITIONAL) == said(Source(candidates=()), Existence.CONDITIONAL)


def test_twins_are_left_to_a_human() -> None:
    twins = [Candidate(ref=ref, person=SUBJECT) for ref in ("1", "2")]
    assert said(Source(candidates=twins))["status"] == "review"


def test_no_more_involvements_are_sent_than_a_peer_reads() -> None:
    assert len(said(Source(held=[WORKED_WITH] * (MAX_INVOLVEMENTS + 9)))["involvements"]) == MAX_INVOLVEMENTS


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (SourceUnavailable("down"), "source_unavailable"),
        (SourceNonsense("odd"), "source_unreadable"),
        (ZeroDivisionError("a bug"), "source_unreadable"),
    ],
    ids=["down", "nonsense", "bug"],
)
def test_a_source_that_fails_before_anyone_was_found_says_so(fault: Exception, code: str) -> None:
    result = found(Source(find_fails=fault))
    assert result.body["reason"]["code"] == code
    assert result.outcome == "unavailable"
    assert result.failure


FAULTS = {
    "away": SourceUnavailable("down"),
    "nonsense": SourceNonsense("too many records fit"),
    "bug": ZeroDivisionError("a bug"),
}


@pytest.mark.holds("A74")
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_an_outage_is_told_under_every_clause(fault: Exception) -> None:
    broken = Source(find_fails=fault)
    assert said(broken, Existence.CONDITIONAL) == said(broken)
    assert found(broken, Existence.CONDITIONAL).outcome == "unavailable"


@pytest.mark.holds("A42")
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_failure_that_concerns_one_record_is_told_like_no_record_where_existence_may_not_be_told(
    fault: Exception,
) -> None:
    sealed = Source(find_fails=fault, for_everyone=False)
    result = found(sealed, Existence.CONDITIONAL)
    absent = found(Source(candidates=()), Existence.CONDITIONAL)
    assert (result.body, result.outcome, result.reasons) == (
        absent.body,
        absent.outcome,
        absent.reasons,
    )
    assert result.failure
    assert said(sealed)["status"] == "refused"


@pytest.mark.holds("A42")
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_record_that_was_found_and_cannot_be_read_is_told_like_no_record(fault: Exception) -> None:
    broken = Source(read_fails=fault)
    assert said(broken)["status"] == "refused"
    assert said(broken, Existence.CONDITIONAL) == said(Source(candidates=()), Existence.CONDITIONAL)


@dataclass(slots=True, kw_only=True)
class Dying:
    """A case system that is lost between its first answer and its second."""

    gone: bool = False

    def find(self, subject: Subject, *, deadline: Deadline) -> Sequence[Candidate]:
        if self.gone:
            raise SourceUnavailable("down")
        return (Candidate(ref="1", person=SUBJECT),)

    def involvements(self, ref: str, *, deadline: Deadline) -> Sequence[Involvement]:
        self.gone = True
        raise SourceUnavailable("down")


@pytest.mark.holds("A74")
def test_an_outage_after_the_person_was_found_is_told_under_every_clause() -> None:
    answered = asked(permit(Existence.CONDITIONAL), hosting(Dying()))
    assert answered.body["reason"] == said(Source(find_fails=SourceUnavailable("down")))["reason"]


@pytest.mark.holds("A42")
def test_what_is_told_of_an_outage_is_the_failure_that_everyone_meets() -> None:
    """A sealed record fails in another way than the source; its own way would tell of it."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class SealedAndAway(Source):
        def find(self, subject: Subject, *, deadline: Deadline) -> Sequence[Candidate]:
            raise SourceNonsense("sealed") if subject == SUBJECT else SourceUnavailable("down")

    assert said(SealedAndAway(), Existence.CONDITIONAL) == said(Source(find_fails=SourceUnavailable("down")))


@pytest.mark.holds("A42", "A74")
def test_a_probe_decides_about_its_own_failure_and_no_other() -> None:
    """Neither an outage that is over nor one that has begun since decides about another failure."""
    away, sealed = Source(find_fails=FAULTS["away"]), Source(find_fails=FAULTS["nonsense"], for_everyone=False)
    statuses = [said(each, Existence.CONDITIONAL)["status"] for each in (away, sealed, away, sealed)]
    assert statuses == ["refused", "nothing_to_share"] * 2
    assert [len(each.searches) for each in (away, sealed)] == [4, 4]


def test_a_probe_is_made_only_where_a_failure_may_not_be_told() -> None:
    sources = [Source(), Source(candidates=()), Source(find_fails=FAULTS["away"])]
    for source in sources:
        found(source, Existence.UNCONDITIONAL)
    found(sources[0], Existence.CONDITIONAL)
    found(sources[1], Existence.CONDITIONAL)
    assert [len(source.searches) for source in sources] == [2, 2, 1]


EVERYTHING = Subject(
    nhs_number="9990000018",
    nhs_number_verified=True,
    upn="X801200001002",
    nino="AB518427C",
    pnc_id="2001/0000001A",
    family_name="Hartley",
    given_names="Daniel",
    birth_date=date(2004, 3, 2),
    gender=Gender.MALE,
    address=Address(uprn="100012345678", postcode="YO7 1AB"),
    address_restricted=True,
    aliases=(Name(family_name="Marsh"), Name(given_names="Dan")),
)
MEMBERS = tuple(each.name for each in fields(Subject))


@given(known=sets(sampled_from(MEMBERS)))
def test_a_probe_describes_an_invented_person_by_the_same_fields(known: set[str]) -> None:
    subject = Subject(**{name: getattr(EVERYTHING, name) for name in known})
    probed, described = subject_to_json(invented(subject)), subject_to_json(subject)
    assert probed.keys() == described.keys()
    same = {name for name, value in probed.items() if value == described[name]}
    assert same <= {"nhs_number_verified", "address_restricted"}


def test_a_probe_is_a_person_that_a_message_may_describe() -> None:
    probed = subject_to_json(replace(invented(EVERYTHING), address_restricted=False))
    assert subject_to_json(parse_subject(probed, this_year=2026)) == probed


def test_the_failure_is_told_to_the_administrator_without_the_faults_own_words() -> None:
    assert found(Source(find_fails=KeyError("Daniel Hartley"))).failure == "The adapter failed with KeyError."


def test_a_service_without_a_source_for_the_kind_says_so() -> None:
    assert said(None)["reason"]["code"] == "not_offered"
