"""Each decision is kept with its leaf, replays to the same answer, and is explained rule by rule."""

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from pysqlite3 import dbapi2

from config.settings import NodeSettings
from gateway.administration import barriers, decision_export, decisions, simulation
from gateway.administration.context import node_vault, opened_store
from gateway.administration.decisions import RecordedDecision, held_agreements
from gateway.administration.errors import OperationRefused
from gateway.agreements.registry import AgreementRegistry
from gateway.evidence.recorder import PERMIT
from gateway.ports import Transaction
from gateway.store.tables import evidence_leaves, question_signatures
from tests.simulator.agreements import ref_of
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand, reply_body
from tests.simulator.settings_files import read_node
from tests.simulator.town import AGREEMENT, BY_ENTITY, COUNCIL, POLICE, TRUST
from trust import typed_json
from trust.agreements.comparison import COMPARED
from trust.agreements.decision import MatchOutcome, Permit, PersonRestrictions, decide_release
from trust.agreements.decision_record import input_digests, outcome_to_json, replay_of
from trust.agreements.legal_register import register_digest
from trust.exchange.message import Message
from trust.identifiers import RoleCode


def settings_of(network: Network) -> NodeSettings:
    return read_node(network.folder_of(TRUST) / "hearthgate.toml")


def recorded(network: Network) -> list[RecordedDecision]:
    """Return the decisions of the asked node, permits first."""
    settings = settings_of(network)
    key = node_vault(settings).seal_key()
    with opened_store(settings) as store:

        def read(tx: Transaction) -> list[RecordedDecision | None]:
            return [decisions.open_recorded(tx, each, key) for each in evidence_leaves.recent(tx, limit=100)]

        opened = [each for each in store.read(read) if each is not None]
        return sorted(opened, key=lambda each: not each.content.outcome["permit"])


def press_officer(hand: PeerHand) -> Message:
    message = hand.message()
    return replace(message, practitioner=replace(message.practitioner, role=RoleCode("press-officer")))


@pytest.fixture(autouse=True)
def the_time_of_the_network(pair: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (decisions, decision_export, simulation, barriers):
        monkeypatch.setattr(module, "now", pair.clock.now)


@pytest.fixture
def decided(pair: Network) -> Network:
    """Give a node that answered one question and refused another."""
    hand = PeerHand(network=pair, agreement=ref_of(pair))
    for message in (hand.message(), press_officer(hand)):
        hand.post(hand.signed(message))
    return pair


def test_a_decision_is_sealed_beside_the_leaf_that_commits_to_each_input(decided: Network) -> None:
    answered, refused = recorded(decided)
    key = node_vault(settings_of(decided)).evidence_hmac_key()
    release = answered.content.release
    assert release is not None
    assert answered.leaf.decision == input_digests({**answered.content.inputs, "release": release}, key)
    assert answered.leaf.decision["legal_register"] == register_digest()
    assert refused.content.release is None
    assert refused.content.outcome["code"] == "role_not_permitted"
    assert answered.content.outcome["clause"] == "who-else-sensitive"


def test_nothing_of_the_person_is_in_the_clear_or_in_the_record(decided: Network) -> None:
    answered, _ = recorded(decided)
    written = json.dumps([dict(answered.content.inputs), answered.content.outcome])
    for word in ("Hartley", "Daniel", "a-pseudonym"):
        assert word not in written
    with closing(dbapi2.connect(str(decided.folder_of(TRUST) / "data" / "node.db"))) as connection:
        rows = connection.execute("SELECT outcome, sealed FROM question_signatures").fetchall()
    assert sorted(row[0] for row in rows) == [PERMIT, "role_not_permitted"]
    assert all(b"key-worker" not in row[1] for row in rows)


def test_both_decisions_replay_to_the_same_answer(decided: Network) -> None:
    with opened_store(settings_of(decided)) as store:
        find = held_agreements(AgreementRegistry(store), decided.clock.now())
    for each in recorded(decided):
        again = replay_of(each.content.inputs, find).decide()
        assert outcome_to_json(again) == each.content.outcome
        if each.content.release is not None:
            assert isinstance(again, Permit)
            restrictions = typed_json.decode(PersonRestrictions, each.content.release["restrictions"])
            match = MatchOutcome(each.content.release["match"])
            release = decide_release(again, match=match, restrictions=restrictions)
            assert list(release.reasons) == each.content.release["reasons"]
            assert release.discloses == bool(each.content.release["fields"])


def test_equal_requests_of_one_day_are_counted_together(pair: Network) -> None:
    hand = PeerHand(network=pair, agreement=ref_of(pair))
    for message in (hand.message(), hand.message(), press_officer(hand)):
        hand.post(hand.signed(message))
    with opened_store(settings_of(pair)) as store:
        read = question_signatures.page_of_decisions
        counted = store.read(lambda tx: read(tx, first=b"", end=b"\xff" * 16))
    assert sorted((each.outcome, each.count) for each in counted) == [(PERMIT, 2), ("role_not_permitted", 1)]


def test_an_explanation_shows_each_rule_and_whether_today_would_differ(decided: Network) -> None:
    settings = settings_of(decided)
    answered, refused = recorded(decided)
    shown = "\n".join(decisions.explain(settings, refused.id).lines)
    assert "\u2713 6c  The clause lets this service ask that service." in shown
    assert "\u2717 7   The clause names the role of the person who asks." in shown
    assert "The agreement does not let this role ask." in shown
    assert "- 8a  The stated legal basis is the clause's own. Not reached." in shown
    assert "Replayed with its recorded inputs: the same answer." in shown
    assert "the evidence commits to these inputs" in shown
    explained = decisions.explain(settings, str(answered.leaf.message_id))
    assert explained.ok
    assert "1   One record is the person's, unrestricted." in "\n".join(explained.lines)
    assert explained.data["replayed_alike"]
    assert "Hartley" not in "\n".join(explained.lines)


def test_an_explanation_names_the_input_through_which_today_differs(decided: Network) -> None:
    settings = settings_of(decided)
    answered, _ = recorded(decided)
    service = next(each for each in settings.services if each.slug == "mental-health")
    rule = {"agreement": ref_of(decided).id, "clause": "who-else-sensitive", "reason": "A review is under way."}
    narrowed = service.model_validate({**service.model_dump(), "restrictions": [rule]})
    others = tuple(narrowed if each.slug == service.slug else each for each in settings.services)
    explained = decisions.explain(settings.model_copy(update={"services": others}), answered.id)
    assert explained.data["changed_by"] == ["local"]
    assert "What the holder's own agency has withdrawn from its service." in "\n".join(explained.lines)


def test_a_message_is_named_by_its_senders_own_id_too(pair: Network) -> None:
    hand = PeerHand(network=pair, agreement=ref_of(pair))
    message = hand.message()
    hand.post(hand.signed(message))
    [only] = recorded(pair)
    assert decisions.explain(settings_of(pair), message.jti, sender=COUNCIL).data["id"] == only.id
    for unknown in (message.jti, "00" * 16, "nothing"):
        with pytest.raises(OperationRefused, match="No decision is on record"):
            decisions.explain(settings_of(pair), unknown)


def test_a_record_that_was_moved_is_not_explained(decided: Network) -> None:
    answered, _ = recorded(decided)
    with closing(dbapi2.connect(str(decided.folder_of(TRUST) / "data" / "node.db"))) as connection:
        [(other,)] = connection.execute(
            "SELECT sealed FROM question_signatures WHERE leaf <> ?", (answered.stored.id,)
        ).fetchall()
        connection.execute("UPDATE question_signatures SET sealed = ? WHERE leaf = ?", (other, answered.stored.id))
        connection.commit()
    with pytest.raises(OperationRefused, match="was changed or moved"):
        decisions.explain(settings_of(decided), answered.id)


@pytest.mark.parametrize("inputs", [False, True])
def test_an_export_is_a_log_of_decisions_that_replays_by_itself(decided: Network, tmp_path: Path, inputs: bool) -> None:
    settings, file = settings_of(decided), tmp_path / "decisions.jsonl"
    assert decision_export.export(settings, file, days=30, inputs=inputs).data["decisions"] == 2
    records = map(json.loads, file.read_text().splitlines())
    refused, answered = sorted(records, key=lambda each: each["body"]["adl.core.response"]["decision"])
    for each in (refused, answered):
        assert (each["event_name"], each["status"]) == ("adl.access_evaluation", "Unset")
        assert (len(each["trace_id"]), len(each["span_id"])) == (32, 16)
        assert ("adl.core.information" in each["body"]) == inputs
        assert ("adl.core.information" in each["attributes"]) != inputs
    assert [each["body"]["adl.core.response"]["decision"] for each in (refused, answered)] == [False, True]
    assert answered["attributes"]["adl.core.policies"]["agreement-sha256"] == ref_of(decided).digest
    assert "Hartley" not in file.read_text()
    if inputs:
        with opened_store(settings) as store:
            find = held_agreements(AgreementRegistry(store), decided.clock.now())
        again = replay_of(answered["body"]["adl.core.information"], find).decide()
        assert outcome_to_json(again)["permit"]


def draft_file(network: Network, folder: Path, **roles: list[str]) -> Path:
    """Write a next version of the agreement whose clauses grant these roles these fields."""
    whole = network.document(version=2)
    for clause in whole["clauses"]:
        clause["fields_by_role"] |= roles
    file = folder / "draft.json"
    file.write_text(json.dumps(whole))
    return file


def test_a_draft_is_simulated_over_every_recorded_decision(pair: Network, tmp_path: Path) -> None:
    hand = PeerHand(network=pair, agreement=ref_of(pair))
    for message in (hand.message(), hand.message(), press_officer(hand)):
        hand.post(hand.signed(message))
    seen: list[tuple[int, int]] = []
    draft = draft_file(pair, tmp_path, **{"press-officer": ["duty_phone"]})
    result = simulation.simulate(
        settings_of(pair), draft, days=90, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(3, 3)]
    assert (result.data["decisions"], result.data["sorts"]) == (3, 2)
    assert result.data["effects"]["refusal becomes permit"] == 1
    assert result.data["effects"]["as before"] == 2
    [change] = result.data["changes"]
    assert (change["role"], change["clause"], change["count"]) == ("press-officer", "who-else-sensitive", 1)
    assert "Hartley" not in "\n".join(result.lines)
    with pytest.raises(OperationRefused, match="agreement check"):
        simulation.simulate(settings_of(pair), _broken(tmp_path), days=90, progress=lambda _done, _total: None)


def _broken(folder: Path) -> Path:
    file = folder / "broken.json"
    file.write_text("{}")
    return file


def test_barriers_are_listed_with_what_would_unblock_them_at_both_ends(decided: Network) -> None:
    report = barriers.report(settings_of(decided), days=90, progress=lambda _done, _total: None)
    assert (report.data["decisions"], report.data["blocked"]) == (2, 1)
    [barrier] = report.data["barriers"]
    assert (barrier["code"], barrier["role"], barrier["count"]) == ("role_not_permitted", "press-officer", 1)
    assert "The role press-officer" in "\n".join(report.lines)
    client = decided.case_client()
    refused = client.post_lookup(client.body(purpose="curiosity", holders=[f"{TRUST}#mental-health"]))
    assert refused.status_code == 403
    own = read_node(decided.folder_of(COUNCIL) / "hearthgate.toml")
    [barrier] = barriers.report(own, days=90, progress=lambda _done, _total: None).data["barriers"]
    assert (barrier["code"], barrier["purpose"]) == ("purpose_not_covered", "curiosity")


def test_an_asker_is_told_the_first_input_on_which_the_holder_decided_otherwise(tmp_path: Path) -> None:
    """The holder withdrew the clause from its service; its refusal carries digests, and none of the person."""
    rule = {"agreement": AGREEMENT, "clause": "who-else-sensitive", "reason": "A review is under way."}
    folder = tmp_path / "narrowed"
    folder.mkdir()
    network = Network(folder, [BY_ENTITY[COUNCIL], BY_ENTITY[TRUST]], restrictions={"mental-health": [rule]})
    with closing(network):
        network.agree()
        line = network.case_client().lines(holders=[f"{TRUST}#mental-health"])[f"{TRUST}#mental-health"]
        assert line["status"] == "refused"
        assert line["reason"].endswith(" ".join(COMPARED["local_policy"]))
        [(_, answer)] = network.wire.messages(TRUST)
        inputs = reply_body(answer)["reason"]["inputs"]
        assert inputs.keys() == COMPARED.keys()


def test_a_lookup_names_the_expected_services_that_it_did_not_ask(pair: Network) -> None:
    expected = [
        {"entity": POLICE, "name": "Vale Police", "services": ["missing-persons"]},
        {"entity": TRUST, "name": "Vale Mental Health", "services": ["mental-health", "crisis-line"]},
    ]
    pair.agree(pair.document(version=2, expected=expected))
    client = pair.case_client()
    view = client.look_up()
    assert {each["service"]: each["code"] for each in view["not_asked"]} == {
        f"{POLICE}#missing-persons": "not_a_member",
        f"{TRUST}#crisis-line": "no_agreement",
    }
    assert view["summary"].endswith("2 that were expected were not asked")
    assert client.get_lookup(view["id"]).get_json()["not_asked"] == view["not_asked"]
