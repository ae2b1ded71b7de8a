"""Each true identifier of a person finds each question about them, whichever words found their record."""

from collections.abc import Sequence

import pytest
from sqlalchemy import select

from gateway.accountability.subject_buckets import person_keys
from gateway.store.engine.statement import Statement
from gateway.store.schema import budgets
from gateway.store.tables import evidence_index, evidence_leaves
from tests.simulator.agreements import ref_of
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand
from tests.simulator.town import COUNCIL, SUBJECT, TRUST
from trust.evidence.leaf import Leaf, parse_leaf
from trust.exchange.person import Subject, parse_subject
from trust.identifiers import EntityId

END = b"\xff" * 16
_EVERY_BUDGET = Statement(select(budgets.c.key))


def found_by(network: Network, entity: EntityId, person: Subject) -> list[Leaf]:
    node = network.nodes[entity]
    keys: Sequence[str] = person_keys(node.vault.evidence_hmac_key(), person)
    ids = node.store.read(lambda tx: evidence_index.find(tx, keys, before=END, limit=99))
    return [parse_leaf(each.leaf) for each in node.store.read(lambda tx: evidence_leaves.get_all(tx, ids))]


@pytest.fixture
def hand(pair: Network) -> PeerHand:
    return PeerHand(network=pair, agreement=ref_of(pair))


NAMED = {name: SUBJECT[name] for name in ("family_name", "given_names", "birth_date", "address")}
TRUE = [Subject(nhs_number=SUBJECT["nhs_number"]), parse_subject(NAMED, this_year=2026)]


@pytest.mark.parametrize(
    "decoy",
    [
        NAMED,
        {"nhs_number": SUBJECT["nhs_number"], "birth_date": SUBJECT["birth_date"]},
        {**NAMED, "family_name": "Hart-ley"},
        {**NAMED, "family_name": "Hart\u0301ley"},
        {**NAMED, "upn": SUBJECT["upn"]},
        {**NAMED, "aliases": [{"family_name": "Ottery"}], "nino": SUBJECT["nino"]},
    ],
    ids=str,
)
def test_a_question_that_finds_the_record_is_found_by_each_thing_the_record_says(
    hand: PeerHand, decoy: dict[str, object]
) -> None:
    assert hand.ask(subject=parse_subject(decoy, this_year=2026))["status"] == "known"
    for person in TRUE:
        [leaf] = found_by(hand.network, TRUST, person)
        assert (leaf.outcome_code, leaf.role, bool(leaf.fields)) == ("known", "key-worker", True)


def test_a_question_that_a_human_must_look_into_is_found_by_what_the_record_says(hand: PeerHand) -> None:
    doubtful = {"nhs_number": SUBJECT["nhs_number"], "birth_date": "1999-01-02"}
    assert hand.ask(subject=parse_subject(doubtful, this_year=2026))["status"] == "nothing_to_share"
    [leaf] = found_by(hand.network, TRUST, TRUE[1])
    assert leaf.reason_codes == ("match:review",)


def test_a_question_that_finds_no_record_is_found_by_its_own_words_alone(hand: PeerHand) -> None:
    stranger = parse_subject({**NAMED, "family_name": "Ottery", "given_names": "Una"}, this_year=2026)
    assert hand.ask(subject=stranger)["status"] == "nothing_to_share"
    assert len(found_by(hand.network, TRUST, stranger)) == 1
    assert not [person for person in TRUE if found_by(hand.network, TRUST, person)]


@pytest.mark.holds("A42")
def test_no_leaf_answer_or_budget_has_what_the_record_alone_says(hand: PeerHand) -> None:
    hand.ask(subject=parse_subject(NAMED, this_year=2026))
    node = hand.network.nodes[TRUST]
    [number] = person_keys(node.vault.evidence_hmac_key(), TRUE[0])
    assert found_by(hand.network, TRUST, TRUE[0])
    assert number not in str(hand.network.leaves(TRUST))
    kept = node.store.read(lambda tx: [str(row) for row in tx.rows(_EVERY_BUDGET, {})])
    assert kept
    assert not [key for key in kept if number in key]


def test_the_asking_node_finds_what_it_told_each_holder_of_a_person(pair: Network) -> None:
    pair.case_client().lines()
    sent = [leaf for leaf in found_by(pair, COUNCIL, TRUE[0]) if leaf.kind == "sent"]
    assert TRUST in {leaf.peer for leaf in sent}
    assert all(leaf.fields for leaf in sent)
