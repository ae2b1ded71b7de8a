"""A question on its way out: our own policy first, and nothing of the practitioner but a pseudonym."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from gateway.app.node_parts import build_places
from gateway.app.restricted_places import QuestionPlaces
from gateway.callers import Practitioner
from gateway.consents.gate import ConsentGate
from gateway.consents.storage import ConsentSeal
from gateway.exchange.case_question import CaseQuestion
from gateway.exchange.fan_out import select_targets
from gateway.exchange.outbound import Outbound, PeerQuery, QueryOutcome, QueryStatus, pseudonym
from gateway.peers.client import HttpPeerClient
from gateway.peers.token_client import TokenRequester
from gateway.ports import PeerRequest, PeerResponse, Transaction
from tests.gateway.exchange.query_spec import spec
from tests.simulator.agreements import end
from tests.simulator.network import Network
from tests.simulator.peer_hand import reply_claims
from tests.simulator.town import AGREEMENT, COUNCIL, HOUSING, SUBJECT, TRUST
from tests.simulator.wire import Pass
from trust.exchange.involvement import INVOLVEMENT_QUERY, InvolvementQuery
from trust.exchange.person import Subject, parse_subject
from trust.identifiers import RoleCode, ServiceRef, ServiceSlug
from trust.keys import KeyUse
from trust.oauth.authorization_details import AuthorizationDetail
from trust.strict_json import JsonObject


def outbound_of(network: Network) -> Outbound:
    """Return the council's outbound line, which its case face asks through."""
    node = network.nodes[COUNCIL]
    requester = TokenRequester(own=COUNCIL, vault=node.vault, transport=network.wire, clock=network.clock)
    return Outbound(
        own=COUNCIL,
        directory=node.directory,
        vault=node.vault,
        store=node.store,
        peers=HttpPeerClient(requester, observe=lambda _sent: None),
        ask_own_node=_not_at_home,
        consents=ConsentGate(own=COUNCIL, seal=ConsentSeal(vault=node.vault)),
        clock=network.clock,
        find_place=QuestionPlaces(places=build_places(node.settings, node.store, node.vault)),
    )


def _not_at_home(_raw: bytes, _detail: AuthorizationDetail, _now: datetime) -> bytes:
    raise AssertionError("nobody at home was asked")


ASKER = Practitioner(id="u-17", client="case-system", role=RoleCode("key-worker"), org_unit="north-team")


def peer_query(network: Network, fields: Iterable[str] | None = None, **changes: Any) -> PeerQuery:
    holder = ServiceRef(entity=TRUST, service=ServiceSlug("mental-health"))
    agreements, now = network.nodes[COUNCIL].agreements, network.clock.now()
    [target] = select_targets(agreements, spec(holders=frozenset({holder})), now=now)
    query = InvolvementQuery(fields=None if fields is None else frozenset(fields))
    question = CaseQuestion(
        kind=INVOLVEMENT_QUERY,
        query=query,
        subject=parse_subject(dict(SUBJECT), this_year=2026),
        purpose=target.selected.clause.purpose,
        reason="A reason.",
        case_ref="CF-1",
        practitioner=ASKER,
        from_service=ServiceSlug("connecting-families"),
        trace="4bf92f3577b34da6a3ce929d0e0e4736",
        request_id="a-request",
    )
    question = replace(question, **changes)
    return PeerQuery(selected=target.selected, question=question, query=query, correlation="a-lookup")


def ask(network: Network, query: PeerQuery, outbound: Outbound | None = None) -> QueryOutcome:
    stored: list[QueryOutcome] = []

    def effect(_tx: Transaction, outcome: QueryOutcome) -> None:
        stored.append(outcome)

    outcome = (outbound or outbound_of(network)).ask(query, effect=effect, timeout_s=20)
    assert stored[-1] == outcome
    return outcome


def refused_leaf(network: Network, code: str) -> None:
    """Assert that the only leaf is that of a question which was refused here, and which released nothing."""
    [leaf] = network.leaves(COUNCIL)
    assert (leaf["kind"], leaf["reasons"], leaf["fields"], leaf["peer"]) == ("refused", [code], [], TRUST)
    assert leaf["message"].keys() == {"iss", "id"}
    assert (leaf["role"], leaf["purpose"]) == ("key-worker", "early-help")


@pytest.mark.holds("A48")
@pytest.mark.parametrize("fields", [["worker", "duty_phone"], ["address"], ["no_such_field"]], ids=str)
def test_a_field_outside_the_clause_is_refused_before_anything_is_sent(pair: Network, fields: list[str]) -> None:
    outcome = ask(pair, peer_query(pair, fields))
    assert (outcome.status, outcome.code) == (QueryStatus.REFUSED, "field_not_permitted")
    assert not pair.wire.messages()
    refused_leaf(pair, "field_not_permitted")


def test_fewer_fields_than_permitted_may_be_asked_for(pair: Network) -> None:
    outcome = ask(pair, peer_query(pair, ["worker"]))
    assert outcome.status is QueryStatus.ANSWERED
    [(_, reply)] = pair.wire.messages()
    assert reply_claims(reply)["body"]["involvements"] == [{"worker": "Farouk Linton"}]


def test_a_person_without_enough_permitted_details_is_not_asked_about(pair: Network) -> None:
    outcome = ask(pair, peer_query(pair, subject=Subject(nino="JT518427C")))
    assert (outcome.status, outcome.code) == (QueryStatus.REFUSED, "not_enough_to_go_on")
    assert not pair.wire.messages()
    refused_leaf(pair, "not_enough_to_go_on")


def test_a_service_that_its_node_no_longer_offers_is_not_asked(pair: Network) -> None:
    query = peer_query(pair)
    gone = replace(query.selected, holder=ServiceRef(entity=TRUST, service=ServiceSlug("closed")))
    outcome = ask(pair, replace(query, selected=gone))
    assert (outcome.status, outcome.code) == (QueryStatus.NO_REPLY, "withdrawn")
    refused_leaf(pair, "withdrawn")


def test_a_service_that_only_asks_is_sent_no_person(pair: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    node = pair.nodes[COUNCIL].directory.resolve(TRUST, now=pair.clock.now()).node
    assert node is not None
    assert not any(entry.asks_only for entry in node.services)
    entry = replace(node.services[0], asks_only=True)
    monkeypatch.setattr("gateway.exchange.outbound._entry", lambda *_: entry)
    outcome = ask(pair, peer_query(pair))
    assert (outcome.status, outcome.code) == (QueryStatus.REFUSED, "not_offered")
    assert not pair.wire.messages()


def test_a_stranger_is_not_asked(pair: Network) -> None:
    query = peer_query(pair)
    stranger = replace(query.selected, holder=ServiceRef(entity=HOUSING, service=ServiceSlug("housing")))
    outcome = ask(pair, replace(query, selected=stranger))
    assert (outcome.status, outcome.code) == (QueryStatus.NO_REPLY, "untrusted")


@pytest.mark.parametrize(
    ("status", "document", "expected"),
    [
        (503, {"code": "busy"}, QueryStatus.NO_REPLY),
        (500, {"code": "internal"}, QueryStatus.NO_REPLY),
        (409, {"code": "message-id-reused"}, QueryStatus.REFUSED),
        (400, {"code": "message-malformed"}, QueryStatus.REFUSED),
    ],
    ids=["busy", "crashed", "reused", "malformed"],
)
def test_a_refusal_before_the_message_was_opened_is_silence_or_a_refusal(
    pair: Network, status: int, document: JsonObject, expected: QueryStatus
) -> None:
    def problem(request: PeerRequest, answer: Pass) -> PeerResponse:
        if not request.url.endswith("/exchange/v1/messages"):
            return answer()
        body = json.dumps(document).encode()
        return PeerResponse(status=status, content_type="application/problem+json", headers={}, body=body)

    pair.wire.faults[TRUST] = problem
    outcome = ask(pair, peer_query(pair))
    assert (outcome.status, outcome.code) == (expected, document["code"])
    assert [leaf["kind"] for leaf in pair.leaves(COUNCIL)] == ["sent"]


def test_a_holder_that_is_no_node_any_more_when_its_keys_are_asked_for_again_gave_no_answer(
    pair: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = pair.nodes[COUNCIL].directory
    holder = directory.resolve(TRUST, now=pair.clock.now())
    assert holder.node is not None
    stale = replace(holder, node=replace(holder.node, message_keys=pair.nodes[COUNCIL].vault.published(KeyUse.MESSAGE)))
    monkeypatch.setattr(directory, "resolve", lambda *_, **__: stale)
    monkeypatch.setattr(directory, "refresh_keys", lambda *_, **__: replace(holder, node=None))
    outcome = ask(pair, peer_query(pair))
    assert (outcome.status, outcome.code) == (QueryStatus.NO_REPLY, "malformed_body")
    assert outcome.reason == "It answered, but the answer did not verify, so it counts as no answer."
    assert sorted(leaf["outcome"] for leaf in pair.leaves(COUNCIL)) == ["malformed_body", "sent"]


def test_the_holders_own_reason_and_remedy_are_passed_on(pair: Network) -> None:
    asked, outbound = peer_query(pair), outbound_of(pair)
    assert ask(pair, asked, outbound).status is QueryStatus.ANSWERED  # and a token is held
    end(pair, AGREEMENT, 1, TRUST)
    outcome = ask(pair, asked, outbound)
    assert (outcome.status, outcome.code) == (QueryStatus.REFUSED, "agreement_not_in_force")
    assert outcome.reason == (
        "The agreement is not in force. A party has ended it. "
        "Ask the parties' information-governance officers to sign or renew it. "
        "The two nodes do not hold the same agreement as in force under this id and version. "
        "Run `hearthgate agreement sync` at both nodes, then compare `hearthgate agreement list`."
    )


def test_a_practitioner_has_one_name_for_each_holder_and_it_leads_nowhere() -> None:
    key = bytes(range(32))
    name = pseudonym(key, "u-17", TRUST)
    assert name == pseudonym(key, "u-17", TRUST)
    assert len({name, pseudonym(key, "u-17", HOUSING), pseudonym(key, "u-18", TRUST)}) == 3
    assert pseudonym(bytes(32), "u-17", TRUST) != name
    assert "u-17" not in name


def test_one_local_name_in_two_case_systems_is_two_practitioners_and_one_sign_in_is_one() -> None:
    key = b"k" * 32
    assert pseudonym(key, "u-17", TRUST, client="adults") != pseudonym(key, "u-17", TRUST, client="children")
    assert pseudonym(key, "https://id.example#u-17", TRUST) != pseudonym(key, "u-17", TRUST, client="adults")
