"""A further kind of exchange needs a module of rules, a folder of the gateway, and a line in two tables."""

from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from gateway.app.capabilities import CAPABILITIES
from gateway.web.capability import served_kinds
from tests.gateway.exchange.toy.capability import PATH, WAITING
from tests.gateway.exchange.toy.waiting import WAITING_QUERY
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand, reply_body
from tests.simulator.town import BY_ENTITY, COUNCIL, PURPOSE, STRANGER, TRUST
from tests.trust.agreements.examples import DOCUMENT, document
from trust.agreements.agreement import parse_agreement
from trust.agreements.denial import sentences
from trust.exchange.errors import MalformedAgreement
from trust.exchange.kind import kinds_by_name, supported
from trust.exchange.kinds import KINDS
from trust.exchange.message import Message
from trust.identifiers import ClauseId, KindName
from trust.strict_json import dumps

SERVED = (*CAPABILITIES, WAITING)  # the line in gateway.app.capabilities
SPOKEN = kinds_by_name(*KINDS.values(), WAITING_QUERY)  # the line in trust.exchange.kinds
SERVICE = f"{TRUST}#mental-health"
CLAUSE: dict[str, Any] = {
    "id": "waiting",
    "kind": "waiting.query",
    "version": 1,
    "purpose": PURPOSE,
    "askers": [f"{COUNCIL}#connecting-families"],
    "holders": [SERVICE],
    "fields_by_role": {"key-worker": ["place"]},
    "basis": ["6-1-e", "ca2004-s10"],
    "existence": "unconditional",
    "keep_days": 30,
    "onward": "none",
    "waiting_lists": ["flats"],
}


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    """Give the council and the mental health trust, which speak the toy kind and have a clause for it."""
    made = Network(tmp_path, [BY_ENTITY[COUNCIL], BY_ENTITY[TRUST]], capabilities=SERVED)
    whole = made.document()
    made.agree(whole | {"clauses": [*whole["clauses"], CLAUSE]})
    yield made
    made.close()


@pytest.fixture
def hand(network: Network) -> PeerHand:
    [standing] = network.nodes[COUNCIL].agreements.in_force(now=network.clock.now())
    return PeerHand(network=network, agreement=standing.agreement.ref, kind=WAITING_QUERY.name)


def ask(network: Network, **changes: Any) -> TestResponse:
    client = network.case_client()
    body = client.body(waiting_list="flats") | changes
    return client.http.post(PATH, base_url=client.base_url, json=body, headers=client.headers())


def asked_by_hand(hand: PeerHand, **changes: Any) -> Message:
    clause = {"kind": WAITING_QUERY.name, "clause": ClauseId("waiting"), "body": {"waiting_list": "flats"}}
    return hand.message(**clause | changes)


def test_the_table_of_the_running_node_is_that_of_the_rules() -> None:
    assert served_kinds(CAPABILITIES).kinds.items() <= KINDS.items()
    served = served_kinds(SERVED)
    assert served.kinds.items() <= SPOKEN.items()
    assert served.responders.keys() == {name for name, kind in served.kinds.items() if not kind.queued}


def test_a_question_is_asked_decided_answered_minimised_and_recorded(network: Network) -> None:
    response = ask(network)
    assert response.status_code == 200, response.text
    assert response.get_json() == {"answers": {SERVICE: {"place": "7"}}}
    [(_, reply)] = network.wire.messages(TRUST)
    assert reply_body(reply) == {"place": "7"}
    answered, received = sorted(network.leaves(TRUST), key=itemgetter("kind"))
    assert (received["kind"], answered["kind"], answered["fields"]) == ("received", "answered", ["place"])
    read, sent = sorted(network.leaves(COUNCIL), key=itemgetter("kind"))
    assert (sent["kind"], read["kind"], read["fields"], read["outcome"]) == ("sent", "received", ["place"], "answered")


def test_of_a_stranger_nothing_is_told_or_recorded(network: Network) -> None:
    assert ask(network, subject=STRANGER).get_json() == {"answers": {SERVICE: {}}}
    assert [leaf["fields"] for leaf in network.leaves(TRUST)] == [[], []]


def test_what_the_clause_does_not_list_is_refused_before_it_is_sent(network: Network) -> None:
    response = ask(network, waiting_list="houses")
    assert (response.status_code, response.get_json()["code"]) == (403, "not-permitted")
    assert response.get_json()["detail"].endswith("Known here: 'flats'.")
    assert not network.wire.messages()
    [leaf] = network.leaves(COUNCIL)
    assert (leaf["kind"], leaf["reasons"]) == ("refused", ["waiting_list_not_permitted"])


def test_what_the_clause_does_not_list_is_refused_by_its_holder(network: Network, hand: PeerHand) -> None:
    answer = hand.post(hand.signed(asked_by_hand(hand, body={"waiting_list": "houses"})))
    assert reply_body(answer)["reason"]["code"] == "waiting_list_not_permitted"
    assert [leaf["reasons"] for leaf in network.leaves(TRUST)] == [["waiting_list_not_permitted"]] * 2


def test_a_message_that_comes_again_is_answered_and_recorded_alike(network: Network, hand: PeerHand) -> None:
    raw = hand.signed(asked_by_hand(hand))
    assert hand.post(raw).body == hand.post(raw).body
    assert network.leaves(TRUST)[-1]["fields"] == ["place"]


def test_a_node_that_does_not_speak_it_says_so(pair: Network) -> None:
    [standing] = pair.nodes[COUNCIL].agreements.in_force(now=pair.clock.now())
    hand = PeerHand(network=pair, agreement=standing.agreement.ref)
    body = hand.ask(kind=KindName("waiting.query"), body={"waiting_list": "flats"})
    assert body["reason"]["code"] == "unsupported_kind"


def test_it_is_published_and_described(network: Network) -> None:
    trusted = network.nodes[COUNCIL].directory.resolve(TRUST, now=network.clock.now())
    assert trusted.node is not None
    assert trusted.node.kinds_supported == supported(served_kinds(SERVED).kinds)
    client = network.case_client()
    described = client.http.get("/case/v1/openapi.json", base_url=client.base_url).get_json()
    assert described["paths"][PATH]["post"]["operationId"] == "askWaiting"
    assert "WaitingBody" in described["components"]["schemas"]
    assert "waiting_list_not_permitted" in sentences(SPOKEN)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"waiting_lists": ["castles"]}, "must be some of flats, houses"),
        ({"waiting_lists": []}, "waiting_lists"),
        ({"kind": "involvement.query", "fields_by_role": {"a": ["role"]}}, "belongs only in a clause of waiting.query"),
        ({"questions": ["entitled"]}, "belongs only in a clause of eligibility.query"),
        ({"fields_by_role": {"key-worker": ["place", "reason"]}}, "names a field"),
    ],
)
def test_an_agreement_keeps_the_rules_of_its_clauses(changes: dict[str, Any], fault: str) -> None:
    first = DOCUMENT["clauses"][0]
    clause = {name: first[name] for name in ("purpose", "askers", "holders", "basis")}
    whole = document(clauses=[CLAUSE | clause | changes])
    with pytest.raises(MalformedAgreement, match=fault):
        parse_agreement(dumps(whole), SPOKEN)
    assert parse_agreement(dumps(document(clauses=[CLAUSE | clause])), SPOKEN)
    with pytest.raises(MalformedAgreement, match="is not a kind of exchange"):
        parse_agreement(dumps(document(clauses=[CLAUSE | clause])))
