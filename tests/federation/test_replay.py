"""A message that comes again, changed or in another's name (scenario S17)."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.keys.files import KeyFile, create_keys
from gateway.store.tables import flags, messages
from tests.simulator.agreements import end, ref_of
from tests.simulator.faults import Counted, states
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand, new_key, reply_body
from tests.simulator.town import AGREEMENT, BY_ENTITY, COUNCIL, POLICE, RELEASED, TRUST
from trust.claims import digest
from trust.evidence.leaf import message_key
from trust.federation import node_metadata
from trust.federation.suspension import SuspensionState
from trust.identifiers import ServiceSlug
from trust.keys import KeyUse
from trust.strict_json import JsonObject


@pytest.fixture
def hand(pair: Network) -> PeerHand:
    return PeerHand(network=pair, agreement=ref_of(pair))


@pytest.fixture
def asked(pair: Network) -> Counted:
    return pair.count(TRUST, "mental-health")


def code_of(body: bytes) -> str:
    return str(json.loads(body)["code"])


@pytest.mark.holds("S17", "A3")
def test_a_message_sent_again_gets_the_original_answer_and_does_nothing_twice(hand: PeerHand, asked: Counted) -> None:
    raw = hand.signed()
    first = hand.post(raw)
    evidence = hand.network.leaves(TRUST)
    hand.network.clock.forward(seconds=30)
    again = hand.post(raw)
    assert (first.status, again.status) == (200, 200)
    assert again.body == first.body
    assert (asked.finds, asked.reads) == (2, 2)  # the release is decided again; nothing is charged or kept twice
    *before, repeat = hand.network.leaves(TRUST)
    assert before == evidence
    assert (repeat["kind"], repeat["outcome"]) == ("repeated", "repeated")
    assert repeat["message"]["digest"] == digest(raw)
    assert repeat["answer"] == digest(first.body)
    assert repeat["fields"] == before[-1]["fields"] == RELEASED


def test_an_answer_is_not_told_again_once_the_agreement_has_ended(hand: PeerHand, asked: Counted) -> None:
    raw, token = hand.signed(), hand.token()
    assert reply_body(hand.post(raw, token=token))["status"] == "known"
    end(hand.network, AGREEMENT, 1)
    hand.network.clock.forward(seconds=1)
    again = reply_body(hand.post(raw, token=token))
    assert (again["status"], again["reason"]["code"]) == ("refused", "agreement_not_in_force")
    assert asked.finds == 1
    leaf = hand.network.leaves(TRUST)[-1]
    assert (leaf["kind"], leaf["outcome"], leaf["reasons"]) == ("refused", "refused", ["agreement_not_in_force"])


def test_a_refusal_is_repeated_as_it_was(hand: PeerHand) -> None:
    token = hand.token()
    end(hand.network, AGREEMENT, 1)
    raw = hand.signed()
    first = hand.post(raw, token=token)
    assert reply_body(first)["status"] == "refused"
    assert hand.post(raw, token=token).body == first.body


@pytest.mark.holds("S17", "A3")
def test_many_copies_at_once_get_one_answer_and_one_effect(hand: PeerHand) -> None:
    raw, token = hand.signed(), hand.token()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: hand.post(raw, token=token), range(8)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    kinds = [leaf["kind"] for leaf in hand.network.leaves(TRUST)]
    assert sorted(kinds) == ["answered", "received", *["repeated"] * 7]


@pytest.mark.holds("S17")
def test_the_original_answer_survives_a_restart(hand: PeerHand) -> None:
    raw = hand.signed()
    first = hand.post(raw)
    hand.network.start(TRUST)
    hand.network.clock.forward(seconds=2)
    assert hand.post(raw).body == first.body


@pytest.mark.holds("A4", "S17")
def test_the_same_id_with_other_bytes_is_a_conflict(
    hand: PeerHand, asked: Counted, capsys: pytest.CaptureFixture[str]
) -> None:
    message = hand.message()
    hand.post(hand.signed(message))
    hand.network.clock.forward(seconds=1)
    conflicting = hand.signed(hand.message(jti=message.jti, correlation="another"))
    other = hand.post(conflicting)
    assert (other.status, code_of(other.body)) == (409, "message-id-reused")
    assert asked.finds == 1
    said = capsys.readouterr()
    [alarm] = [line for line in (said.out + said.err).splitlines() if "id_reused" in line]
    assert "warning" in alarm
    assert COUNCIL in alarm
    leaf = hand.network.leaves(TRUST)[-1]
    assert (leaf["kind"], leaf["outcome"], leaf["reasons"]) == ("refused", "id_reused", ["id_reused"])
    name = message_key(hand.network.nodes[TRUST].vault.evidence_hmac_key(), COUNCIL, message.jti)
    assert leaf["message"] == {"iss": COUNCIL, "id": name, "digest": digest(conflicting)}
    assert leaf["fields"] == []
    metrics = hand.network.nodes[TRUST].operations_app.test_client().get("/metrics").text
    assert re.search(
        r'hearthgate_messages_handled_total\{kind="involvement.query",outcome="id_reused",.*\} [1-9]', metrics
    )
    [flag] = hand.network.nodes[TRUST].store.read(flags.list_open)
    assert (flag.code, flag.asker, flag.count) == ("id_reused", COUNCIL, 1)


@pytest.mark.holds("A5")
def test_the_same_id_from_another_sender_is_another_message(tmp_path: Path) -> None:
    network = Network(tmp_path, [BY_ENTITY[entity] for entity in (COUNCIL, TRUST, POLICE)])
    try:
        document = network.document()
        for clause in document["clauses"]:
            clause["askers"].append(f"{POLICE}#police")
        ref = network.agree(document)
        council = PeerHand(network=network, agreement=ref)
        police = PeerHand(network=network, agreement=ref, own=POLICE)
        message = council.message()
        first = council.post(council.signed(message))
        other = police.post(police.signed(police.message(jti=message.jti, from_service=ServiceSlug("police"))))
        assert (first.status, other.status) == (200, 200)
        assert reply_body(other)["status"] == "known"
        assert first.body != other.body
    finally:
        network.close()


@pytest.mark.holds("S17")
@pytest.mark.parametrize("part", [0, 1, 2], ids=["header", "payload", "signature"])
def test_a_message_with_one_bit_changed_is_refused(hand: PeerHand, asked: Counted, part: int) -> None:
    parts = hand.signed().split(b".")
    place = len(parts[part]) // 2
    other = b"A" if parts[part][place : place + 1] != b"A" else b"B"
    parts[part] = parts[part][:place] + other + parts[part][place + 1 :]
    answer = hand.post(b".".join(parts))
    assert answer.status == 400
    assert asked.finds == 0
    assert not hand.network.leaves(TRUST)


@pytest.mark.holds("S17")
def test_a_message_signed_with_an_unknown_key_is_refused(hand: PeerHand, asked: Counted) -> None:
    answer = hand.post(hand.signed(signer=new_key()))
    assert (answer.status, code_of(answer.body)) == (400, "message-not-verified")
    assert asked.finds == 0


@pytest.mark.holds("S17")
@pytest.mark.parametrize("use", [KeyUse.OAUTH, KeyUse.FEDERATION, KeyUse.DPOP], ids=str)
def test_a_key_for_another_purpose_signs_no_message(hand: PeerHand, asked: Counted, use: KeyUse) -> None:
    answer = hand.post(hand.signed(signer=hand.signer(use)))
    assert (answer.status, code_of(answer.body)) == (400, "message-not-verified")
    assert asked.finds == 0


@pytest.mark.holds("S17")
def test_no_member_presents_anothers_message(tmp_path: Path) -> None:
    network = Network(tmp_path, [BY_ENTITY[entity] for entity in (COUNCIL, TRUST, POLICE)])
    try:
        document = network.document()
        for clause in document["clauses"]:
            clause["askers"].append(f"{POLICE}#police")
        ref = network.agree(document)
        council = PeerHand(network=network, agreement=ref)
        police = PeerHand(network=network, agreement=ref, own=POLICE)
        asked = network.count(TRUST, "mental-health")
        stolen = police.post(council.signed())
        forged = police.post(council.signed(signer=police.signer(KeyUse.MESSAGE)))
        assert (stolen.status, code_of(stolen.body)) == (400, "message-not-verified")
        assert (forged.status, code_of(forged.body)) == (400, "message-misaddressed")
        assert asked.finds == 0
        assert not network.leaves(TRUST)
    finally:
        network.close()


@pytest.fixture
def impostors(tmp_path: Path) -> Iterator[tuple[PeerHand, PeerHand]]:
    """Give the council, and the police who publish the council's public message key among their own."""
    network = Network(tmp_path, [BY_ENTITY[entity] for entity in (COUNCIL, TRUST, POLICE)])
    document = network.document()
    for clause in document["clauses"]:
        clause["askers"].append(f"{POLICE}#police")
    ref = network.agree(document)
    council = PeerHand(network=network, agreement=ref)
    police = PeerHand(network=network, agreement=ref, own=POLICE)
    key = dict(council.signer(KeyUse.MESSAGE).public.jwk)

    def publish(metadata: JsonObject) -> None:
        metadata[node_metadata.ENTITY_TYPE]["message_jwks"]["keys"].append(key)

    network.wire.faults[POLICE] = states(police.signer(KeyUse.FEDERATION), publish)
    yield council, police
    network.close()


@pytest.mark.holds("S17")
def test_no_member_collects_the_answer_to_anothers_message_by_publishing_its_key(
    impostors: tuple[PeerHand, PeerHand],
) -> None:
    council, police = impostors
    raw = council.signed()
    assert reply_body(council.post(raw))["status"] == "known"
    stolen = police.post(raw)
    assert (stolen.status, code_of(stolen.body)) == (400, "message-misaddressed")
    assert council.post(raw).status == 200


@pytest.mark.holds("A5")
def test_no_member_uses_up_anothers_message_id(impostors: tuple[PeerHand, PeerHand]) -> None:
    council, police = impostors
    message = council.message(jti="the-id-that-comes-next")
    for squatting in (council.signed(message), police.signed(message)):
        answer = police.post(squatting)
        assert (answer.status, code_of(answer.body)) == (400, "message-misaddressed")
    assert not council.network.leaves(TRUST)
    assert reply_body(council.post(council.signed(message)))["status"] == "known"


@pytest.mark.holds("S17")
def test_a_revoked_message_key_signs_nothing_any_more(hand: PeerHand, asked: Counted) -> None:
    network = hand.network
    revoked = hand.signer(KeyUse.MESSAGE)
    assert hand.post(hand.signed()).status == 200
    keys = network.folder_of(COUNCIL) / "keys"
    (keys / KeyFile.MESSAGE).unlink()
    create_keys(keys, names=[KeyFile.MESSAGE])
    network.start(COUNCIL)
    network.clock.forward(minutes=6)
    hand.forget_tokens()
    backdated = hand.message()
    answer = hand.post(hand.signed(backdated, signer=revoked))
    assert (answer.status, code_of(answer.body)) == (400, "message-not-verified")
    assert asked.finds == 1
    assert hand.post(hand.signed()).status == 200


@pytest.mark.holds("S17")
def test_a_suspended_member_is_refused_within_five_minutes_token_in_hand(hand: PeerHand, asked: Counted) -> None:
    network = hand.network
    assert hand.post(hand.signed()).status == 200
    network.clock.forward(minutes=4)
    hand.forget_tokens()
    token = hand.token()
    network.enrol(COUNCIL, SuspensionState.SUSPENDED)
    network.clock.forward(minutes=2)
    answer = hand.post(hand.signed(), token=token)
    assert (answer.status, code_of(answer.body)) == (401, "token-refused")
    assert asked.finds == 1


@pytest.mark.holds("A13")
def test_a_replay_after_its_id_was_forgotten_is_refused_as_expired(hand: PeerHand, asked: Counted) -> None:
    raw = hand.signed()
    hand.post(raw)
    network = hand.network
    network.clock.forward(hours=3)
    store = network.nodes[TRUST].store
    assert store.write(lambda tx: messages.erase_expired(tx, now=network.clock.now(), batch=100)) == 2
    hand.forget_tokens()
    answer = hand.post(raw)
    assert (answer.status, code_of(answer.body)) == (400, "message-untimely")
    assert asked.finds == 1


def test_what_is_stored_of_a_query_is_sealed(hand: PeerHand) -> None:
    hand.post(hand.signed())
    files = (hand.network.folder_of(TRUST) / "data").glob("node.db*")
    held = b"".join(path.read_bytes() for path in files)
    for secret in (b"Farouk Linton", b"Hartley", b"9990000018", b"2004-03-14"):
        assert secret not in held
