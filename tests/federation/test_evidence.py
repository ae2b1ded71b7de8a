"""A message whose evidence cannot be written does not happen, at either side."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from pysqlite3 import dbapi2

from tests.simulator import faults
from tests.simulator.agreements import ref_of
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand, reply_body, reply_claims
from tests.simulator.settings_files import budget
from tests.simulator.town import BY_ENTITY, COUNCIL, RELEASED, SUBJECT, TRUST
from trust.claims import digest
from trust.exchange.person import parse_subject
from trust.identifiers import EntityId
from trust.keys import KeyUse
from trust.strict_json import JsonObject

SERVICE = f"{TRUST}#mental-health"


@contextmanager
def no_evidence_of(network: Network, entity: EntityId, kind: str) -> Iterator[None]:
    """Make the store refuse every leaf of one kind."""
    database = network.folder_of(entity) / "data" / "node.db"
    with closing(dbapi2.connect(str(database))) as connection:
        connection.execute(
            "CREATE TRIGGER no_evidence BEFORE INSERT ON evidence_leaves"
            f' WHEN instr(CAST(NEW.leaf AS TEXT), \'"kind":"{kind}"\')'
            " BEGIN SELECT RAISE(ABORT, 'no evidence today'); END"
        )
        yield
        connection.execute("DROP TRIGGER no_evidence")


def claimed(network: Network, entity: EntityId) -> int:
    with closing(dbapi2.connect(str(network.folder_of(entity) / "data" / "node.db"))) as connection:
        return int(connection.execute("SELECT count(*) FROM messages").fetchone()[0])


@pytest.mark.holds("A57")
@pytest.mark.parametrize("kind", ["received", "answered"])
def test_an_answer_whose_evidence_cannot_be_written_is_not_given(pair: Network, kind: str) -> None:
    hand = PeerHand(network=pair, agreement=ref_of(pair))
    raw = hand.signed()
    with no_evidence_of(pair, TRUST, kind):
        answer = hand.post(raw)
        assert (answer.status, answer.content_type) == (500, "application/problem+json")
        assert "Farouk" not in answer.body.decode()
        assert (claimed(pair, TRUST), pair.leaves(TRUST)) == (0, [])
    assert reply_body(hand.post(raw))["status"] == "known"
    assert (claimed(pair, TRUST), len(pair.leaves(TRUST))) == (1, 2)


@pytest.mark.holds("A57")
def test_a_refusal_whose_evidence_cannot_be_written_is_not_given(pair: Network) -> None:
    hand = PeerHand(network=pair, agreement=ref_of(pair))
    with no_evidence_of(pair, TRUST, "refused"):
        assert hand.post(hand.signed(hand.message(basis=("6-1-a",)))).status == 500
        assert claimed(pair, TRUST) == 0


@pytest.mark.holds("A57")
def test_a_repeat_whose_evidence_cannot_be_written_is_not_answered(pair: Network) -> None:
    hand = PeerHand(network=pair, agreement=ref_of(pair))
    raw = hand.signed()
    first = hand.post(raw)
    with no_evidence_of(pair, TRUST, "repeated"):
        assert hand.post(raw).status == 500
    assert hand.post(raw).body == first.body


def test_members_that_a_version_does_not_know_are_recorded_by_their_names_alone(pair: Network) -> None:
    hand = PeerHand(network=pair, agreement=ref_of(pair))
    body = {"consent_note": "Hartley", "Daniel Hartley": 1, "nhs9990000018": 2, "fields": ["worker", "shoe_size"]}
    assert hand.ask(body=body)["status"] == "known"
    answered, received = sorted(pair.leaves(TRUST), key=lambda leaf: str(leaf["kind"]))
    assert received["dropped"] == ["consent_note", "fields[]", "(2 more)"]
    assert "dropped" not in answered


def test_what_is_refused_for_a_budget_or_a_vague_description_is_recorded_with_its_unknown_members(
    tmp_path: Path,
) -> None:
    network = Network(tmp_path, [BY_ENTITY[COUNCIL], BY_ENTITY[TRUST]], budget=budget(subject=1))
    network.agree()
    hand = PeerHand(network=network, agreement=ref_of(network))
    vague = parse_subject({"family_name": "Hartley"}, this_year=2026)
    assert hand.ask(body={"consent_note": "Hartley"})["status"] == "known"
    assert hand.ask(body={"review_by": "Hartley"})["reason"]["code"] == "over_budget"
    assert hand.ask(body={"later_word": "Hartley"}, subject=vague)["reason"]["code"] == "not_enough_to_go_on"
    received = {tuple(leaf["dropped"]) for leaf in network.leaves(TRUST) if leaf["kind"] == "received"}
    assert received == {("consent_note",), ("review_by",), ("later_word",)}
    network.close()


def test_what_an_answer_has_too_much_is_recorded_too(pair: Network) -> None:
    signer = pair.nodes[TRUST].vault.signer(KeyUse.MESSAGE)

    def add(claims: JsonObject) -> None:
        claims["body"] |= {"review_by": "Hartley", "Hartley": 1}

    pair.wire.faults[TRUST] = faults.replies(faults.resigned(signer, add))
    assert pair.case_client().lines()[SERVICE]["status"] == "known"
    [received] = [leaf for leaf in pair.leaves(COUNCIL) if leaf["kind"] == "received" and leaf["peer"] == TRUST]
    assert received["dropped"] == ["review_by", "(1 more)"]


@pytest.mark.holds("A57")
def test_a_question_whose_evidence_cannot_be_written_is_not_asked(pair: Network) -> None:
    client = pair.case_client()
    with no_evidence_of(pair, COUNCIL, "sent"):
        lines = client.lines()
    assert not pair.wire.messages()
    assert {line["status"] for line in lines.values()} == {"no_reply"}


@pytest.mark.holds("A57")
def test_an_answer_that_cannot_be_recorded_is_not_shown(pair: Network) -> None:
    client = pair.case_client()
    with no_evidence_of(pair, COUNCIL, "received"):
        line = client.lines()[SERVICE]
    assert (line["status"], line["involvements"]) == ("no_reply", [])


def test_each_leaf_of_the_holder_says_who_asked_for_what_and_which_fields_were_released(pair: Network) -> None:
    pair.case_client().lines()
    leaves = pair.leaves(TRUST)
    assert sorted(leaf["kind"] for leaf in leaves) == ["answered", "received"]
    for leaf in leaves:
        assert (leaf["v"], leaf["role"], leaf["purpose"]) == (2, "key-worker", "early-help")
        assert (leaf["clause"], leaf["from_service"], leaf["to_service"]) == (
            "who-else-sensitive",
            "connecting-families",
            "mental-health",
        )
        assert leaf["fields"] == RELEASED
    asked = {leaf["kind"]: leaf for leaf in pair.leaves(COUNCIL) if leaf["peer"] == TRUST}
    assert asked["received"]["fields"] == RELEASED
    assert asked["sent"]["fields"] == ["birth_date", "family_name", "given_names", "nhs_number"]


def test_a_holder_that_tells_nothing_releases_no_field(pair: Network) -> None:
    hand = PeerHand(network=pair, agreement=ref_of(pair))
    unknown = parse_subject(
        {**SUBJECT, "nhs_number": "9449306494", "family_name": "Ottery", "given_names": "Una"}, this_year=2026
    )
    assert hand.ask(subject=unknown)["status"] == "nothing_to_share"
    assert hand.ask(basis=("6-1-a",))["status"] == "refused"
    assert [leaf["fields"] for leaf in pair.leaves(TRUST)] == [[]] * 4


@pytest.mark.holds("A48")
def test_an_identifier_that_the_holder_may_not_be_given_is_no_part_of_any_digest_or_search(pair: Network) -> None:
    hand = PeerHand(network=pair, agreement=ref_of(pair))
    decoy = {name: SUBJECT[name] for name in ("nino", "pnc_id", "upn")}
    named = {name: value for name, value in SUBJECT.items() if name not in {"nhs_number", *decoy}}
    for described in (named, {**named, **decoy}):
        hand.ask(subject=parse_subject(described, this_year=2026))
    assert len({leaf["subject"] for leaf in pair.leaves(TRUST)}) == 1
    assert hand.ask(subject=parse_subject(decoy, this_year=2026))["reason"]["code"] == "not_enough_to_go_on"


def test_both_sides_hold_leaves_of_the_same_bytes(pair: Network) -> None:
    client = pair.case_client()
    client.lines()
    [(request, reply)] = pair.wire.messages(TRUST)
    asked = [leaf for leaf in pair.leaves(COUNCIL) if leaf["peer"] == TRUST]
    answered = pair.leaves(TRUST)
    assert {leaf["message"]["digest"] for leaf in asked + answered} == {digest(request.body)}
    assert {leaf["answer"] for leaf in asked + answered if "answer" in leaf} == {digest(reply.body)}
    assert sorted(leaf["kind"] for leaf in asked) == ["received", "sent"]
    assert sorted(leaf["kind"] for leaf in answered) == ["answered", "received"]
    assert reply_claims(reply)["evidence"]["leaf"]


def test_the_evidence_holds_no_content(pair: Network) -> None:
    pair.case_client().lines()
    held = json.dumps([pair.leaves(COUNCIL), pair.leaves(TRUST)])
    secrets = [SUBJECT["nhs_number"], SUBJECT["family_name"], SUBJECT["birth_date"], "Farouk", "u-17", "CF-2291"]
    assert not [secret for secret in secrets if secret in held]
    pseudonyms = {leaf["subject"] for leaf in (*_about_questions(pair), *pair.leaves(TRUST))}
    assert len(pseudonyms) == 2  # one person, and a name of each node's own


def test_the_asking_node_has_one_name_for_a_person_however_each_holder_is_sent_them(town: Network) -> None:
    town.case_client().lines()
    leaves = _about_questions(town)
    assert len({leaf["peer"] for leaf in leaves}) > 4
    assert len({leaf["subject"] for leaf in leaves}) == 1


def _about_questions(network: Network) -> list[JsonObject]:
    """Return the asking node's leaves about the questions that it put to other nodes."""
    sent = {leaf["message"]["id"] for leaf in network.leaves(COUNCIL) if leaf["kind"] == "sent"}
    return [leaf for leaf in network.leaves(COUNCIL) if leaf["message"]["id"] in sent and leaf["peer"] != COUNCIL]
