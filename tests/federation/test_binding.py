"""Nothing flows but under an agreement that every party has signed, and a refusal depends on no record."""

from typing import Any

import pytest

from tests.simulator.agreements import end, ref_of
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand, reply_claims
from tests.simulator.town import (
    AGREEMENT,
    BENEFIT_PURPOSE,
    COUNCIL,
    STRANGER,
    SUBJECT,
    TRUST,
)
from trust.agreements.agreement import InForce, NotInForce
from trust.exchange.message import AgreementRef, PseudonymousPractitioner
from trust.exchange.person import parse_subject
from trust.identifiers import ClauseId, EntityId, PurposeCode, RoleCode, ServiceSlug

SERVICE = f"{TRUST}#mental-health"


@pytest.fixture
def unbound(pair: Network) -> Network:
    """Give the two agencies with an agreement that they have ended."""
    end(pair, AGREEMENT, 1)
    return pair


def refused(network: Network, **changes: Any) -> dict[str, Any]:
    client = network.case_client()
    answer = client.post_lookup(client.body(**changes))
    assert (answer.status_code, answer.get_json()["code"]) == (403, "not-permitted")
    document: dict[str, Any] = answer.get_json()
    return document


def test_with_one_signature_missing_nothing_flows(unbound: Network) -> None:
    unbound.agree(unbound.document(id="half-signed"), unsigned_by=[TRUST])
    asked = unbound.count(COUNCIL, "youth-justice"), unbound.count(TRUST, "mental-health")
    assert "half-signed version 1: It has not been signed by" in refused(unbound)["detail"]
    assert [count.finds for count in asked] == [0, 0]
    assert not unbound.wire.messages()


def test_the_last_signature_makes_it_flow(unbound: Network) -> None:
    ref = unbound.agree(unbound.document(id="half-signed"), unsigned_by=[TRUST])
    refused(unbound)
    signature = unbound.signature(TRUST, ref)
    unbound.hold_signature(TRUST, ref, signature)
    client = unbound.case_client()
    assert client.lines()[SERVICE]["status"] == "known"


def test_a_signature_by_another_partys_key_counts_for_nothing(unbound: Network) -> None:
    ref = unbound.agree(unbound.document(id="half-signed"), unsigned_by=[TRUST])
    unbound.hold_signature(TRUST, ref, unbound.signature(COUNCIL, ref))
    refused(unbound)


def test_a_holder_that_lacks_a_signature_gives_no_token(unbound: Network) -> None:
    ref = unbound.agree(unbound.document(id="half-signed"), unsigned_by=[TRUST], held_by=[TRUST])
    unbound.agree(unbound.document(id="half-signed"), held_by=[COUNCIL])
    asked = unbound.count(TRUST, "mental-health")
    line = unbound.case_client().lines()[SERVICE]
    assert (line["status"], asked.finds) == ("refused", 0)
    assert "holds no agreement in force" in line["reason"]
    assert not unbound.wire.messages(TRUST)
    assert ref.id == "half-signed"


def test_an_agreement_that_one_party_ended_is_refused_there_with_the_reason(pair: Network) -> None:
    hand = PeerHand(network=pair, agreement=ref_of(pair))
    hand.token()
    end(pair, AGREEMENT, 1, TRUST)
    asked = pair.count(TRUST, "mental-health")
    body = hand.ask()
    assert body["reason"]["code"] == "agreement_not_in_force"
    assert "ended" in body["reason"]["text"]
    assert asked.finds == 0


@pytest.mark.holds("S12")
def test_the_next_request_after_the_end_is_refused_and_the_version_is_on_record(pair: Network) -> None:
    ref = ref_of(pair)
    hand = PeerHand(network=pair, agreement=ref)
    assert hand.ask()["status"] == "known"
    end(pair, AGREEMENT, 1, TRUST)
    assert hand.ask()["reason"]["code"] == "agreement_not_in_force"
    (last,) = [leaf for leaf in pair.leaves(TRUST) if leaf["kind"] == "refused"]
    assert last["reasons"] == ["agreement_not_in_force"]
    assert last["agreement"] == {"id": ref.id, "v": ref.version, "digest": ref.digest}


def test_an_agreement_runs_out(pair: Network) -> None:
    pair.clock.forward(days=601)
    pair.enrol(COUNCIL)
    refused(pair)


@pytest.mark.holds("S13")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"purpose": PurposeCode("marketing")}, "token_does_not_cover"),
        ({"clause": ClauseId("another")}, "clause_unknown"),
        ({"clause": ClauseId("who-else")}, "service_not_covered"),
        ({"from_service": ServiceSlug("money-advice")}, "service_not_covered"),
        ({"from_service": ServiceSlug("no-such-service")}, "service_not_party"),
        ({"to_service": ServiceSlug("no-such-service")}, "unknown_service"),
        ({"basis": ("6-1-a",)}, "basis_mismatch"),
        ({"version": 7}, "unsupported_version"),
        (
            {"practitioner": PseudonymousPractitioner(sub="x", role=RoleCode("volunteer"), org_unit="north-team")},
            "role_not_permitted",
        ),
        ({"body": {"fields": "all"}}, "malformed_body"),
        ({"subject": parse_subject({"family_name": "Hartley"}, this_year=2026)}, "not_enough_to_go_on"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_request_outside_the_agreement_is_refused_before_anyone_is_looked_up(
    standing: Network, changes: dict[str, Any], code: str
) -> None:
    standing.clock.forward(seconds=1)
    hand = PeerHand(network=standing, agreement=ref_of(standing))
    asked = standing.count(TRUST, "mental-health")
    body = hand.ask(**changes)
    assert (body["status"], body["reason"]["code"]) == ("refused", code)
    assert asked.finds == 0
    assert {leaf["kind"] for leaf in standing.leaves(TRUST)[-2:]} == {"received", "refused"}


@pytest.mark.holds("S13")
def test_a_refusal_is_the_same_for_any_person(standing: Network) -> None:
    hand = PeerHand(network=standing, agreement=ref_of(standing))
    told = [
        hand.ask(clause=ClauseId("who-else"), subject=parse_subject(dict(subject), this_year=2026))
        for subject in (SUBJECT, STRANGER)
    ]
    assert told[0] == told[1]


def test_a_token_for_one_purpose_is_good_for_no_other(benefits: Network) -> None:
    hand = PeerHand(
        network=benefits,
        agreement=ref_of(benefits),
        target=EntityId("https://jobcentre.example"),
        to_service="jobcentre",
        clause="benefit",
    )
    body = hand.ask(
        kind="eligibility.query",
        purpose=PurposeCode(BENEFIT_PURPOSE),
        body={"question": "in_payment", "as_of": benefits.clock.now().date().isoformat()},
    )
    assert body["reason"]["code"] == "token_does_not_cover"


def test_another_wording_under_the_same_name_is_refused(standing: Network) -> None:
    good = ref_of(standing)
    hand = PeerHand(network=standing, agreement=good)
    token = hand.token()
    other = AgreementRef(id=good.id, version=good.version, digest="A" * 43)
    answer = hand.post(hand.signed(hand.message(agreement=other)), token=token)
    assert reply_claims(answer)["body"]["reason"]["code"] == "token_does_not_cover"


def test_a_role_that_no_clause_names_is_told_so_by_its_own_node(standing: Network) -> None:
    client = standing.case_client()
    answer = client.post_lookup(client.body(practitioner=client.as_role("volunteer")))
    assert answer.status_code == 403
    assert "role" in answer.get_json()["detail"]


def test_a_purpose_that_no_clause_covers_is_told_so_by_its_own_node(standing: Network) -> None:
    told = refused(standing, purpose="marketing")
    assert "purpose" in told["detail"]
    assert told["remedy"]


def test_the_agreement_is_read_again_when_it_changes_and_not_before(pair: Network) -> None:
    client = pair.case_client()
    assert client.lines()[SERVICE]["status"] == "known"
    pair.agree(
        pair.document(
            version=2,
            clauses=[
                {**clause, "fields_by_role": {"key-worker": ["organisation"]}} for clause in pair.document()["clauses"]
            ],
        )
    )
    [less] = client.lines()[SERVICE]["involvements"]
    assert less == {"organisation": "Thornmere Mental Health Trust"}


def test_a_newer_version_in_force_replaces_the_older_one_at_the_holder(unbound: Network) -> None:
    older = unbound.agree(unbound.document(id="who-else"))
    unbound.agree(unbound.document(id="who-else", version=older.version + 1))
    book, now = unbound.nodes[TRUST].agreements, unbound.clock.now()
    standing = book.find(older, now=now)
    assert isinstance(standing, NotInForce)
    assert standing.reason == f"Version {older.version + 1} has replaced it."
    assert [held.agreement.version for held in book.in_force(now=now)] == [older.version + 1]


def test_a_newer_version_that_is_not_signed_yet_replaces_nothing(unbound: Network) -> None:
    older = unbound.agree(unbound.document(id="who-else"))
    unbound.agree(unbound.document(id="who-else", version=older.version + 1), unsigned_by=[TRUST])
    assert isinstance(unbound.nodes[TRUST].agreements.find(older, now=unbound.clock.now()), InForce)
