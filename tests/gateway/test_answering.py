"""What a service answers once a request is permitted, whatever its case system does."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pytest

from adapters.contract import Adapter, Candidate, Deadline, SourceNonsense, SourceUnavailable
from gateway.answering import Findings, answer
from gateway.desk import Desk, HostedService, Restriction
from tests.trust.agreements.examples import BINDING, facts, request
from tests.trust.exchange.examples import NOW, SUBJECT, TRUST
from trust.agreements.agreement import Agreement
from trust.agreements.clause import Existence
from trust.agreements.decision import LocalPolicy, Permit, decide_request
from trust.exchange.involvement import MAX_INVOLVEMENTS, Involvement
from trust.exchange.person import Subject
from trust.identifiers import RoleCode, ServiceRef, ServiceSlug

CLAUSE = BINDING.agreement.clauses[0]
WORKED_WITH = Involvement(organisation="Vale Mental Health", worker="Ada Fell", role="nurse", since=date(2025, 1, 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A case system of one person, which fails where it is told to."""

    candidates: Sequence[Candidate] = (Candidate(ref="1", person=SUBJECT),)
    held: Sequence[Involvement] = (WORKED_WITH,)
    find_fails: Exception | None = None
    read_fails: Exception | None = None

    def find(self, subject: Subject, *, deadline: Deadline) -> Sequence[Candidate]:
        if self.find_fails:
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
    return HostedService(
        ref=ServiceRef(entity=TRUST, service=ServiceSlug("community-team")),
        name="Community team",
        kind="mental-health",
        duty_phone="01632 960999",
        adapter=Adapter(name="test", involvement=source),
    )


def said(source: Source | None, existence: Existence = Existence.UNCONDITIONAL) -> dict[str, Any]:
    return dict(found(source, existence).body)


def found(source: Source | None, existence: Existence = Existence.UNCONDITIONAL) -> Findings:
    return answer(permit(existence), service(source), SUBJECT, deadline=Deadline.after(5))


def test_a_known_person_is_described_with_the_permitted_fields_only() -> None:
    body = said(Source())
    assert body["status"] == "known"
    assert body["involvements"] == [{"organisation": "Vale Mental Health", "worker": "Ada Fell", "since": "2025-01-02"}]


def test_a_record_without_involvement_is_nobody() -> None:
    assert said(Source(held=()))["status"] == "not_known"


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
    findings = found(Source(find_fails=fault))
    assert findings.body["reason"]["code"] == code
    assert findings.outcome == "unavailable"
    assert findings.failure


def test_a_source_that_is_away_says_so_under_every_clause() -> None:
    """Nobody was looked for, so nothing about a person is told by it."""
    away = Source(find_fails=SourceUnavailable("down"))
    assert said(away, Existence.CONDITIONAL) == said(away)


@pytest.mark.parametrize("fault", [SourceNonsense("odd"), ZeroDivisionError("a bug")], ids=["nonsense", "bug"])
def test_records_that_make_no_sense_are_told_like_no_record_where_existence_may_not_be_told(fault: Exception) -> None:
    findings = found(Source(find_fails=fault), Existence.CONDITIONAL)
    assert findings.body == said(Source(candidates=()), Existence.CONDITIONAL)
    assert findings.failure


@pytest.mark.parametrize("fault", [SourceUnavailable("down"), KeyError("a bug")], ids=["down", "bug"])
def test_a_source_that_fails_once_someone_was_found_says_so_only_where_existence_may_be_told(fault: Exception) -> None:
    broken = Source(read_fails=fault)
    assert said(broken)["status"] == "refused"
    assert said(broken, Existence.CONDITIONAL) == said(Source(candidates=()), Existence.CONDITIONAL)


def test_the_failure_is_told_to_the_administrator_without_the_faults_own_words() -> None:
    assert found(Source(find_fails=KeyError("Daniel Hartley"))).failure == "The adapter failed with KeyError."


def test_a_service_without_a_source_for_the_kind_says_so() -> None:
    assert said(None)["reason"]["code"] == "not_offered"


def test_an_agency_withdraws_a_clause_or_a_role_of_it_and_no_other() -> None:
    agreement: Agreement = BINDING.agreement
    whole = Restriction(agreement=agreement.id, clause=CLAUSE.id, role=None)
    one_role = replace(whole, role=RoleCode("key-worker"))
    hosted = replace(service(Source()), restrictions=(whole,))
    assert hosted.local_policy(agreement.id, CLAUSE).withdrawn_clauses == {CLAUSE.id}
    assert hosted.local_policy("another", CLAUSE) == LocalPolicy()
    assert hosted.local_policy(agreement.id, agreement.clauses[1]) == LocalPolicy()
    narrowed = replace(hosted, restrictions=(one_role,)).local_policy(agreement.id, CLAUSE)
    assert narrowed.withdrawn_roles == {"key-worker"}
    assert not narrowed.withdrawn_clauses


def test_the_desk_knows_its_services() -> None:
    desk = Desk([service(None)])
    assert [each.name for each in desk.all()] == ["Community team"]
    assert desk.service(ServiceSlug("community-team")) is desk.all()[0]
    assert desk.service(ServiceSlug("another")) is None
