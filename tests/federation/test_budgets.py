"""Too many questions are refused and flagged, at home and by the asked agency; urgent ones are not."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.store.tables import flags
from tests.simulator.agreements import ref_of
from tests.simulator.case_client import CaseClient
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand
from tests.simulator.settings_files import budget
from tests.simulator.town import BY_ENTITY, COUNCIL, SUBJECT, TRUST
from tests.support.people import nhs
from trust.exchange.person import parse_subject
from trust.exchange.subject_members import MEMBERS
from trust.identifiers import EntityId

SERVICE = f"{TRUST}#mental-health"
ALLOWED = 3


def town(folder: Path, narrow: Mapping[str, int], *, urgent: bool = False) -> Network:
    """Return the council and the trust, each with the same narrow budgets, and an agreement between them."""
    made = Network(folder, [BY_ENTITY[COUNCIL], BY_ENTITY[TRUST]], budget=budget(**narrow))
    document = made.document()
    for clause in document["clauses"]:
        clause["urgent"] = urgent
        clause["subject_by_holder"] = (
            {f"{TRUST}#mental-health": sorted(MEMBERS)} if TRUST in str(clause["holders"]) else {}
        )
    made.agree(document)
    return made


def hand(network: Network) -> PeerHand:
    return PeerHand(network=network, agreement=ref_of(network))


def raised(network: Network, entity: EntityId) -> set[str]:
    return {flag.code for flag in network.nodes[entity].store.read(flags.list_open)}


@pytest.mark.holds("A43")
@pytest.mark.parametrize("whose", ["practitioner", "agency", "subject"])
def test_a_holder_refuses_and_flags_too_many_questions_before_any_search(tmp_path: Path, whose: str) -> None:
    network = town(tmp_path, {whose: ALLOWED})
    peer = hand(network)
    asked = network.count(TRUST, "mental-health")
    answers = [peer.ask() for _ in range(ALLOWED + 2)]
    assert [answer.get("status") for answer in answers[:ALLOWED]] == ["known"] * ALLOWED
    assert [answer["reason"]["code"] for answer in answers[ALLOWED:]] == ["over_budget"] * 2
    assert asked.finds == ALLOWED
    assert raised(network, TRUST) == {"over_budget"}
    network.start(TRUST)
    assert peer.ask()["reason"]["code"] == "over_budget"
    network.clock.forward(hours=1)
    assert hand(network).ask()["status"] == "known"
    network.close()


@pytest.mark.holds("A43")
def test_an_urgent_question_is_answered_and_flagged_however_often_it_is_asked(tmp_path: Path) -> None:
    network = town(tmp_path, {"practitioner": ALLOWED}, urgent=True)
    peer = hand(network)
    assert [peer.ask()["status"] for _ in range(ALLOWED + 2)] == ["known"] * (ALLOWED + 2)
    assert raised(network, TRUST) == {"over_budget"}
    network.close()


@pytest.mark.holds("A43")
def test_our_own_practitioner_is_refused_and_flagged_before_anybody_is_asked(tmp_path: Path) -> None:
    network = town(tmp_path, {"practitioner": ALLOWED})
    client = network.case_client()
    for _ in range(ALLOWED):
        client.look_up()
    sent = len(network.wire.messages(TRUST))
    refused = client.post_lookup(client.body())
    assert (refused.status_code, refused.get_json()["code"]) == (429, "over-budget")
    assert 0 < int(refused.headers["Retry-After"]) <= 3600 / ALLOWED
    assert len(network.wire.messages(TRUST)) == sent
    assert raised(network, COUNCIL) == {"over_budget"}
    other = client.body(
        practitioner={"id": "u-18", "role": "key-worker", "org_unit": "north-team", "second_factor": True}
    )
    assert client.post_lookup(other).status_code in {201, 202}
    network.close()


def test_a_repeat_of_a_lookup_costs_nothing(tmp_path: Path) -> None:
    network = town(tmp_path, {"practitioner": 1})
    client = network.case_client()
    assert [client.post_lookup(client.body(), key="the-same-key").status_code // 100 for _ in range(4)] == [2] * 4
    network.close()


NAMED = {name: SUBJECT[name] for name in ("family_name", "given_names", "birth_date", "address")}
WORDINGS: tuple[dict[str, object], ...] = (
    NAMED,
    {**NAMED, "given_names": "Daniel"},
    {**NAMED, "family_name": "HÄRTLEY"},
    {**NAMED, "aliases": [{"family_name": "Otherwise"}]},
    {**NAMED, "family_name": "Otherwise", "aliases": [{"family_name": "Hartley"}]},
    {**NAMED, "family_name": NAMED["given_names"], "given_names": NAMED["family_name"]},
    {**NAMED, "upn": "X801200001002"},
)
"""One resident in as many ways, each of which finds him; the last with a pupil's number that no service holds."""


@pytest.mark.holds("A43")
def test_another_wording_of_the_same_person_costs_the_same_budget(tmp_path: Path) -> None:
    network = town(tmp_path, {"subject": 2})
    for wording in WORDINGS:
        peer = hand(network)
        asked = [peer.ask(subject=parse_subject(each, this_year=2026)) for each in (NAMED, wording, NAMED, wording)]
        assert [each["status"] for each in asked] == ["known", "known", "refused", "refused"], wording
        assert {each["reason"]["code"] for each in asked[2:]} == {"over_budget"}
        network.clock.forward(hours=1)  # room for two again
    network.close()


def _probe(client: CaseClient, numbers: range) -> None:
    for number in numbers:
        subject = {"nhs_number": nhs(number), "family_name": SUBJECT["family_name"]}
        client.post_lookup(client.body(subject=subject, wait_s=10.0))


@pytest.mark.holds("A44")
def test_numbers_counted_through_are_flagged_on_both_sides_within_a_hundred_questions(tmp_path: Path) -> None:
    network = town(tmp_path, {})
    _probe(network.case_client(), range(969129200, 969129220, 2))
    network.clock.forward(minutes=1)
    assert "neighbouring_numbers" in raised(network, COUNCIL)
    assert "neighbouring_numbers" in raised(network, TRUST)
    network.close()


@pytest.mark.holds("A44")
def test_one_name_with_many_birth_dates_is_flagged_on_both_sides_within_a_hundred_questions(tmp_path: Path) -> None:
    network = town(tmp_path, {})
    client = network.case_client()
    for day in range(1, 21):
        name = ("Hartley", "Hartly", "Heartley")[day % 3]
        subject = {"family_name": name, "given_names": "Daniel", "birth_date": f"2004-03-{day:02}"}
        client.post_lookup(client.body(subject=subject, wait_s=10.0))
    network.clock.forward(minutes=1)
    assert "one_name" in raised(network, COUNCIL)
    assert "one_name" in raised(network, TRUST)
    network.close()
