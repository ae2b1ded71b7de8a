"""One benefit question: yes, no or unknown and a date, and nothing else, said or stored (scenario S19)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from adapters.contract import Adapter, Candidate, Deadline
from tests.simulator import faults
from tests.simulator.case_files import REGISTRY_HOST
from tests.simulator.network import Network
from tests.simulator.peer_hand import reply_body
from tests.simulator.town import COUNCIL, JOBCENTRE, STRANGER
from tests.simulator.unsealing import everything_sealed
from trust.exchange.eligibility import Answer, EligibilityAnswer, EligibilityQuery
from trust.exchange.person import Subject

SERVICE = f"{JOBCENTRE}#jobcentre"


def line(network: Network, **changes: Any) -> dict[str, Any]:
    answer = network.case_client().post_eligibility(**changes)
    assert answer.status_code == 200, answer.text
    [only] = answer.get_json()["answers"]
    assert only["service"] == SERVICE
    return dict(only)


@pytest.mark.holds("S19")
@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({}, "yes"),
        ({"benefit": "universal-credit"}, "yes"),
        ({"benefit": "carers-allowance"}, "no"),
        ({"benefit": "housing-support"}, "unknown"),
        ({"subject": STRANGER}, "unknown"),
    ],
    ids=["any", "in-payment", "ended", "unmapped", "stranger"],
)
def test_a_benefit_question_is_answered_with_a_word_and_a_date_only(
    benefits: Network, changes: dict[str, Any], answer: str
) -> None:
    said = line(benefits, **changes)
    assert (said["status"], said["answer"]) == ("answered", answer)
    [(_, reply)] = benefits.wire.messages(JOBCENTRE)
    assert reply_body(reply) == {"answer": answer, "as_of": said["as_of"]}
    about_the_exchange = {"service", "service_name", "organisation", "status"}
    footing = {"agreement", "clause", "law", "keep_until", "onward"}
    assert set(said) == about_the_exchange | footing | {"answer", "as_of"}
    until = benefits.clock.now().date() + timedelta(days=30)
    assert (said["keep_until"], said["onward"]) == (until.isoformat(), "none")


@dataclass(frozen=True, slots=True)
class Talkative:
    """A registry's adapter, of anyone's code, that puts more into its answer than a word and a day."""

    said: EligibilityAnswer

    def find(self, subject: Subject, *, deadline: Deadline) -> Sequence[Candidate]:
        return (Candidate(ref="1", person=subject),)

    def answer(self, ref: str, query: EligibilityQuery, *, deadline: Deadline) -> EligibilityAnswer:
        return self.said


@pytest.mark.holds("S19")
@pytest.mark.parametrize(
    "said",
    [
        EligibilityAnswer(answer="yes, 412.50 a week", as_of=date(2026, 1, 2)),  # type: ignore[arg-type]
        EligibilityAnswer(answer=Answer.YES, as_of=datetime(2026, 1, 2, 3, 4, tzinfo=UTC)),
    ],
    ids=["a sum", "a moment"],
)
def test_what_an_adapter_adds_to_the_word_and_the_date_never_leaves(benefits: Network, said: EligibilityAnswer) -> None:
    benefits.use_adapter(JOBCENTRE, "jobcentre", Adapter(name="talkative", eligibility=Talkative(said)))
    assert line(benefits)["answer"] == "unknown"
    [(_, reply)] = benefits.wire.messages(JOBCENTRE)
    assert reply_body(reply) == {"answer": "unknown", "as_of": benefits.clock.now().date().isoformat()}


@pytest.mark.holds("S19")
def test_neither_node_keeps_more_than_who_asked_and_why(benefits: Network) -> None:
    line(benefits)
    [account] = everything_sealed(benefits, COUNCIL)
    assert set(account) == {"from_service", "purpose", "reason", "case_ref", "practitioner", "asked", "question"}
    [reply] = everything_sealed(benefits, JOBCENTRE)
    assert set(reply["body"]) == {"answer", "as_of"}
    held = json.dumps([account, reply])
    assert not [word for word in ("Hartley", "9990000018", "CLM-000117", '"UC"') if word in held]


def test_the_allocations_are_not_asked_about_a_benefit(benefits: Network) -> None:
    allocations = benefits.count(JOBCENTRE, "jobcentre")
    line(benefits)
    assert (allocations.finds, len(benefits.case_systems.asked)) == (0, 3)


def test_the_registry_is_not_asked_who_is_involved(benefits: Network) -> None:
    assert benefits.case_client().lines()[SERVICE]["status"] == "known"
    assert not benefits.case_systems.asked


def test_a_question_that_no_clause_permits_is_refused_before_it_is_sent(benefits: Network) -> None:
    client = benefits.case_client()
    body = client.body(purpose="benefit-check", question="known_to_service")
    answer = client.http.post("/case/v1/eligibility", base_url=client.base_url, json=body, headers=client.headers())
    assert (answer.status_code, answer.get_json()["code"]) == (403, "not-permitted")
    assert not benefits.wire.messages()


def test_a_registry_that_says_nothing_is_no_reply(benefits: Network) -> None:
    del benefits.case_systems.apps[REGISTRY_HOST]
    said = line(benefits)
    assert said["status"] == "no_reply"
    assert not said.keys() & {"answer", "as_of", "keep_until", "onward"}


def test_a_jobcentre_that_says_nothing_is_no_reply(benefits: Network) -> None:
    benefits.wire.faults[JOBCENTRE] = faults.down
    assert line(benefits)["status"] == "no_reply"


def test_a_benefit_question_is_accounted_for_by_both_sides(benefits: Network) -> None:
    line(benefits)
    assert sorted(leaf["kind"] for leaf in benefits.leaves(COUNCIL)) == ["received", "sent"]
    assert sorted(leaf["kind"] for leaf in benefits.leaves(JOBCENTRE)) == ["answered", "received"]
