"""Under a conditional clause no record, a record under review and one that cannot be read are one answer."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pysqlite3 import dbapi2

from adapters.contract import Adapter, Candidate, Deadline, SourceUnavailable
from adapters.sources.sql import MAX_CANDIDATES
from gateway.exchange.answer import RestrictionsOf
from tests.simulator.agreements import ref_of
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand, reply_body, reply_claims
from tests.simulator.town import IN_DOUBT, KNOWN, NOBODY, TRUST
from trust.agreements.decision import PersonRestrictions
from trust.exchange.involvement import Involvement
from trust.exchange.person import Subject
from trust.strict_json import JsonObject

WORKED_WITH = Involvement(worker="Farouk Linton")


@dataclass(frozen=True, slots=True)
class Breaking:
    """A source that finds people and then fails."""

    adapter: Adapter
    fault: Exception

    def find(self, subject: Subject, *, deadline: Deadline) -> Sequence[Candidate]:
        assert self.adapter.involvement is not None
        return self.adapter.involvement.find(subject, deadline=deadline)

    def involvements(self, ref: str, *, deadline: Deadline) -> Sequence[Involvement]:
        raise self.fault


@dataclass(frozen=True, slots=True)
class Odd:
    """A source of anyone's code, whose values are not what its types promise; it knows one NHS number."""

    involvement: Any = WORKED_WITH
    birth_date: Any = KNOWN.birth_date

    def find(self, subject: Subject, *, deadline: Deadline) -> Sequence[Candidate]:
        return (Candidate(ref="1", person=replace(KNOWN, birth_date=self.birth_date)),) if subject.nhs_number else ()

    def involvements(self, ref: str, *, deadline: Deadline) -> Sequence[Involvement]:
        return (self.involvement,)


@pytest.fixture
def hand(pair: Network) -> PeerHand:
    return PeerHand(network=pair, agreement=ref_of(pair))


def told(hand: PeerHand, subject: Subject) -> tuple[JsonObject, int]:
    """Return what is said and in how many bytes."""
    answer = hand.post(hand.signed(hand.message(subject=subject)))
    assert set(reply_claims(answer)) >= {"body", "evidence", "request"}
    return reply_body(answer), len(answer.body)


def as_restricted(monkeypatch: pytest.MonkeyPatch, *reasons: str) -> None:
    """Have each record say that nothing of it may be released."""
    withheld = PersonRestrictions(withheld=True, reasons=reasons)
    monkeypatch.setattr(RestrictionsOf, "__call__", lambda *_: withheld)


def close_case(network: Network) -> None:
    with closing(dbapi2.connect(str(network.folder_of(TRUST) / "mental-health-cases.db"))) as connection, connection:
        connection.execute("UPDATE SERVICE_REFERRAL SET DISCHARGE_DATE = '20260101'")


def spoil_birth_date(network: Network) -> None:
    with closing(dbapi2.connect(str(network.folder_of(TRUST) / "mental-health-cases.db"))) as connection, connection:
        connection.execute("UPDATE PATIENT SET PERSON_BIRTH_DATE = 'see file'")


def break_after_finding(network: Network, fault: Exception) -> None:
    adapter = network.adapter(TRUST, "mental-health")
    network.use_adapter(TRUST, "mental-health", replace(adapter, involvement=Breaking(adapter, fault)))


def test_the_young_man_is_known(hand: PeerHand) -> None:
    body, _ = told(hand, KNOWN)
    assert body["status"] == "known"


def test_no_record_and_a_record_in_doubt_are_told_alike(hand: PeerHand) -> None:
    absent = told(hand, NOBODY)
    assert absent[0]["status"] == "nothing_to_share"
    assert "This does not mean that we are not involved." in absent[0]["note"]
    assert told(hand, IN_DOUBT) == absent


@pytest.mark.holds("A42")
@pytest.mark.parametrize("state", ["consent withheld", "restricted", "under review", "closed", "unreadable"])
def test_absence_and_all_that_is_not_told_are_one_answer_in_shape_size_and_status(
    hand: PeerHand, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(subject: Subject) -> tuple[object, ...]:
        answer = hand.post(hand.signed(hand.message(subject=subject)))
        headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
        claims = reply_claims(answer)
        shape = {name: type(value).__name__ for name, value in claims.items()}
        return answer.status, headers, len(answer.body), shape, claims["body"]

    absent = ask(NOBODY)
    subject = KNOWN
    match state:
        case "consent withheld":
            as_restricted(monkeypatch, "consent:withdrawn")
        case "restricted":
            as_restricted(monkeypatch, "record:restricted", "objection:upheld")
        case "under review":
            subject = IN_DOUBT
        case "closed":
            close_case(hand.network)
        case "unreadable":
            spoil_birth_date(hand.network)
            subject = Subject(nhs_number=KNOWN.nhs_number)
    assert ask(subject) == absent
    assert absent[4]["status"] == "nothing_to_share"  # type: ignore[index]  # the reply's body
    outcomes = {leaf["outcome"] for leaf in hand.network.leaves(TRUST)}
    assert outcomes == {"nothing_to_share"}


def test_a_closed_case_is_told_like_no_record(hand: PeerHand) -> None:
    absent = told(hand, NOBODY)
    close_case(hand.network)
    assert told(hand, KNOWN) == absent


@pytest.mark.parametrize("fault", [SourceUnavailable("gone"), KeyError("a fault of the adapter")], ids=["down", "bug"])
def test_a_record_that_the_case_system_fails_to_read_is_told_like_no_record(hand: PeerHand, fault: Exception) -> None:
    absent = told(hand, NOBODY)
    break_after_finding(hand.network, fault)
    assert told(hand, KNOWN) == absent


def crowd(network: Network) -> None:
    """Have more patients share the young man's NHS number than the adapter reads."""
    with closing(dbapi2.connect(str(network.folder_of(TRUST) / "mental-health-cases.db"))) as connection, connection:
        for number in range(MAX_CANDIDATES):
            connection.execute(
                "INSERT INTO PATIENT (LOCAL_PATIENT_ID, NHS_NUMBER) VALUES (?, ?)",
                [f"crowd-{number}", KNOWN.nhs_number],
            )


@pytest.mark.holds("A42")
def test_a_person_with_too_many_matches_is_told_like_no_record(hand: PeerHand) -> None:
    absent = told(hand, NOBODY)
    crowd(hand.network)
    assert told(hand, KNOWN) == absent


def test_a_record_that_cannot_be_read_is_told_like_no_record(hand: PeerHand) -> None:
    absent = told(hand, NOBODY)
    spoil_birth_date(hand.network)
    assert told(hand, Subject(nhs_number=KNOWN.nhs_number)) == absent


@pytest.mark.parametrize(
    "odd",
    [
        Odd(involvement=Involvement(worker=7)),  # type: ignore[arg-type]
        Odd(involvement=Involvement(since="2024-05-01")),  # type: ignore[arg-type]
        Odd(involvement=Involvement(since=datetime(2024, 5, 1, 13, 45, tzinfo=UTC))),
        Odd(involvement=Involvement(worker="Farouk Linton", last_contact_month="2024-05-17 14:30")),
        Odd(involvement={"worker": "Farouk Linton"}),
        Odd(birth_date="1990-01-01"),
    ],
    ids=["number", "text for a day", "moment for a day", "day for a month", "no involvement", "unlike any person"],
)
def test_values_that_no_reply_may_hold_never_leave_and_disclose_no_record(hand: PeerHand, odd: Odd) -> None:
    hand.network.use_adapter(TRUST, "mental-health", Adapter(name="odd", involvement=odd))
    assert told(hand, KNOWN) == told(hand, NOBODY)
    assert told(hand, KNOWN)[0]["status"] == "nothing_to_share"


def test_a_case_system_that_cannot_be_reached_is_said_plainly(hand: PeerHand) -> None:
    (hand.network.folder_of(TRUST) / "mental-health-cases.db").unlink()
    body, _ = told(hand, KNOWN)
    assert (body["status"], body["reason"]["code"]) == ("refused", "source_unavailable")


def test_the_reason_stays_in_the_holders_own_evidence(hand: PeerHand) -> None:
    told(hand, IN_DOUBT)
    reasons = {reason for leaf in hand.network.leaves(TRUST) for reason in leaf["reasons"]}
    assert reasons == {"match:review"}
