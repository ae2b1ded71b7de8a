"""A disclosure without an agreement: decided by a person, on a ground in force, to a member, and reviewed (S20)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from gateway.accountability.disclosures import Disclosures, ExchangeSide
from gateway.accountability.message_limits import WITHOUT_AGREEMENT_BUDGET, MessageCharge
from gateway.administration.checks.accountability import check_accountability
from gateway.disclosures.request import EXAMPLE_DISCLOSURE
from gateway.sharing.reviews import SHARING_UNREVIEWED, LateReviews
from gateway.sharing.tasks import SharingTasks
from gateway.store.tables import flags, sharing_decisions
from tests.simulator.alerts import TEAM, get, message
from tests.simulator.case_client import CaseClient
from tests.simulator.duty_desk import SLUG
from tests.simulator.network import Network
from tests.simulator.sign_in import sign_in
from tests.simulator.town import BY_ENTITY, COUNCIL, HOUSING, KNOWN, SUBJECT, TRUST
from trust.federation.suspension import SuspensionState
from trust.identifiers import EntityId

DESK = "connecting-families"
STATEMENT: dict[str, Any] = {**EXAMPLE_DISCLOSURE["statements"][0], "on": "2026-01-02"}


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    """Two members that hold no agreement."""
    made = Network(tmp_path, [BY_ENTITY[COUNCIL], BY_ENTITY[TRUST]])
    yield made
    made.close()


@pytest.fixture
def system(network: Network) -> CaseClient:
    return network.case_client()


def disclosure(**changes: Any) -> dict[str, Any]:
    """Return the request of a person who signed in: the sign-in says who they are."""
    body = message(EXAMPLE_DISCLOSURE, statements=[STATEMENT], details={}, **changes)
    worker = {name: body["practitioner"][name] for name in ("name", "call_back")}
    return {**body, "practitioner": worker}


def send(network: Network, system: CaseClient, body: dict[str, Any], *, person: str = "n-7") -> TestResponse:
    headers = sign_in(network, system, person, entity=COUNCIL, service=DESK, jti=person) if person else system.headers()
    headers = {**headers, "Idempotency-Key": f"key-of-{person or 'none'}"}
    return system.http.post("/case/v1/disclosures", base_url=system.base_url, json=body, headers=headers)


def deliver(network: Network) -> None:
    for entity in (COUNCIL, TRUST):
        network.nodes[entity].delivery.relay.drain()


def review(network: Network, system: CaseClient, decision: str, *, person: str) -> TestResponse:
    headers = sign_in(network, system, person, entity=COUNCIL, service=DESK, jti=f"review-{person}")
    path = f"/case/v1/sharing-decisions/{decision}/second-review"
    return system.http.post(
        path, base_url=system.base_url, json={"upheld": True, "reason": "He was in danger."}, headers=headers
    )


def fault_of(answer: TestResponse, member: str) -> str:
    assert answer.status_code == 422, answer.text
    return " ".join(each["problem"] for each in answer.get_json()["faults"] if each["member"] == member)


def account(network: Network, entity: EntityId) -> list[tuple[str, str | None, str | None, tuple[str, ...]]]:
    node = network.nodes[entity]
    book = Disclosures(own=entity, store=node.store, key=node.vault.evidence_hmac_key())
    return [(each.side, each.agreement, each.ground, each.told) for each in book.about_person(KNOWN).disclosures]


@pytest.mark.holds("S20")
def test_a_disclosure_arrives_without_an_agreement_and_a_second_person_reviews_it(
    network: Network, system: CaseClient
) -> None:
    answer = send(network, system, disclosure())
    assert answer.status_code == 201, answer.text
    deliver(network)
    recipient = network.case_client(TRUST)
    (item,) = get(recipient, "inbox").get_json()["items"]
    document = get(recipient, f"inbox/{item['id']}").get_json()["document"]
    assert (document["without_agreement"], document["ground"], document["onward"]) == (True, "cda1998-s115", "none")
    assert "agreement" not in document
    assert document["statements"][0]["text"] == STATEMENT["text"]
    work = get(recipient, "work-list").get_json()["items"]
    assert [(each["kind"], each["id"]) for each in work] == [("disclosure", item["id"])]
    (sent,) = account(network, COUNCIL)
    assert sent[:3] == (ExchangeSide.ASKED_BY_US, None, "cda1998-s115")
    assert "circumstances" in sent[3]
    (received,) = account(network, TRUST)
    assert received[:3] == (ExchangeSide.ASKED_OF_US, None, "cda1998-s115")
    (decision,) = network.nodes[COUNCIL].store.read(lambda tx: sharing_decisions.list_all(tx, limit=9))
    assert (decision.outcome, decision.recipient) == ("shared", TEAM)
    assert review(network, system, decision.id, person="n-7").status_code == 403
    network.clock.forward(hours=72)
    node, now = network.nodes[COUNCIL], network.clock.now()
    node.keeper.flag_late_reviews(now)
    assert [(each.code, each.asker) for each in node.store.read(flags.list_open)] == [
        (SHARING_UNREVIEWED, f"{COUNCIL} {DESK}")
    ]
    assert [each.ok for each in check_accountability(node.settings, now) if "on sharing" in each.name] == [False]
    assert review(network, system, decision.id, person="n-8").get_json()["outcome"] == "upheld"
    assert [each.ok for each in check_accountability(node.settings, now) if "on sharing" in each.name] == [True]


@pytest.mark.holds("S20")
@pytest.mark.parametrize(
    ("ground", "reason"),
    [
        ("ca2004-s16la", "not in force: no day is appointed"),
        ("csa1995-s21", "Scotland"),
        ("6-1-e", "does not by itself permit"),
        ("ha1996-s213b", "does not by itself permit"),
        ("no-such-law", "no code"),
    ],
)
def test_a_ground_that_does_not_permit_it_is_refused(
    network: Network, system: CaseClient, ground: str, reason: str
) -> None:
    assert reason in fault_of(send(network, system, disclosure(ground=ground)), "ground")
    assert network.leaves(COUNCIL) == []


def test_no_ground_and_a_field_that_is_not_named_are_refused(network: Network, system: CaseClient) -> None:
    body = disclosure()
    del body["ground"]
    assert fault_of(send(network, system, body), "ground") == "is missing"
    assert "circumstances" in fault_of(send(network, system, disclosure(fields=["risk"])), "fields")


def test_what_is_owed_rests_on_a_duty(network: Network, system: CaseClient) -> None:
    assert "obliges" in fault_of(send(network, system, disclosure(type="owed")), "type")


@pytest.mark.holds("S20")
def test_a_case_system_alone_discloses_nothing(network: Network, system: CaseClient) -> None:
    body = message(EXAMPLE_DISCLOSURE, statements=[STATEMENT], details={})
    answer = send(network, system, body, person="")
    assert (answer.status_code, "Only a person who signed in" in answer.text) == (403, True)
    assert network.nodes[COUNCIL].store.read(lambda tx: sharing_decisions.list_all(tx, limit=9)) == ()


@pytest.mark.holds("S20")
def test_nothing_is_disclosed_to_one_that_is_no_member_or_is_suspended(network: Network, system: CaseClient) -> None:
    stranger = send(network, system, disclosure(recipients=[f"{HOUSING}#housing"]), person="n-1")
    assert (stranger.status_code, "No trust anchor vouches" in stranger.text) == (403, True)
    network.enrol(TRUST, SuspensionState.SUSPENDED)
    network.clock.forward(minutes=16)
    suspended = send(network, system, disclosure(), person="n-2")
    assert (suspended.status_code, "No trust anchor vouches" in suspended.text) == (403, True)
    assert network.nodes[COUNCIL].store.read(lambda tx: sharing_decisions.list_all(tx, limit=9)) == ()
    assert SLUG


@pytest.mark.holds("S20")
def test_a_late_second_review_rings_once_a_day(network: Network, system: CaseClient) -> None:
    send(network, system, disclosure())
    node, rings = network.nodes[COUNCIL], list[tuple[str, str]]()
    late = LateReviews(
        own=COUNCIL,
        store=node.store,
        tasks=SharingTasks(
            own=COUNCIL,
            store=node.store,
            vault=node.vault,
            services=frozenset(),
            agreements=node.agreements,
            later=lambda work: work(),
        ),
        ring=lambda service, reference, _now: rings.append((service, reference)),
    )
    network.clock.forward(hours=71)
    late.round(network.clock.now())
    assert rings == []
    network.clock.forward(hours=1)
    for _ in range(2):
        late.round(network.clock.now())
    (decision,) = node.store.read(lambda tx: sharing_decisions.list_all(tx, limit=9))
    assert rings == [(DESK, decision.id[:8])]


@pytest.mark.holds("A47")
def test_no_text_tells_a_restricted_place(network: Network, system: CaseClient) -> None:
    statement = {**STATEMENT, "text": "She lives at YO7 1AB now."}
    hidden = [{**each, "subject": {**SUBJECT, "address_restricted": True}} for each in disclosure()["persons"]]
    answer = send(network, system, {**disclosure(persons=hidden), "statements": [statement]})
    assert answer.status_code in {403, 422}
    assert "postcode" in answer.text
    assert "YO7" not in answer.text


def test_one_member_sends_few_of_them(network: Network, system: CaseClient) -> None:
    node, now = network.nodes[TRUST], network.clock.now()
    limits = node.receiving.queued.limits
    send(network, system, disclosure())
    deliver(network)
    charge = MessageCharge(sender=COUNCIL, budgets=[(f"without agreement {COUNCIL}", WITHOUT_AGREEMENT_BUDGET)])
    for _ in range(WITHOUT_AGREEMENT_BUDGET.burst - 1):
        node.store.write(lambda tx: limits.charge(tx, charge, now=now))
    assert node.store.read(lambda tx: limits.check(tx, charge, now=now)) is not None
    send(network, system, disclosure(), person="n-9")
    deliver(network)
    assert len(get(network.case_client(TRUST), "inbox").get_json()["items"]) == 1


def test_the_recipient_closes_it_and_the_sender_is_told(network: Network, system: CaseClient) -> None:
    submission = send(network, system, disclosure()).get_json()["id"]
    deliver(network)
    recipient = network.case_client(TRUST)
    (item,) = get(recipient, "inbox").get_json()["items"]
    headers = sign_in(network, recipient, "d-1", entity=TRUST, service=SLUG, jti="close")
    path = f"/case/v1/disclosures/{item['id']}/close"
    closed = recipient.http.post(path, base_url=recipient.base_url, json={"closed": "useful"}, headers=headers)
    assert closed.status_code == 200, closed.text
    network.nodes[TRUST].delivery.relay.drain()
    headers = sign_in(network, system, "n-7", entity=COUNCIL, service=DESK, jti="look")
    answer = system.http.get(f"/case/v1/disclosures/{submission}", base_url=system.base_url, headers=headers)
    assert answer.get_json()["deliveries"][0]["outcome"] == "useful"
