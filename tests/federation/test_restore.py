"""A node or an anchor that was restored from a copy of its store answers nothing twice, and no member too soon."""

import json
from typing import Any

import pytest
from flask import Response, request

from gateway.authority.suspension import StateChange, change_state, log_state
from gateway.federation.fetch import MAX_SUSPENSIONS, SUSPENSIONS_PATH
from gateway.ports import PeerRequest, PeerResponse, Transaction
from gateway.store.tables import members, store_epoch, suspensions
from tests.simulator.agreements import ref_of
from tests.simulator.copies import LATER, Kept, confirm, mind
from tests.simulator.faults import dated
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand, reply_body, reply_claims
from tests.simulator.town import ANCHOR, COUNCIL, POLICE, TRUST
from trust.federation.suspension import SuspensionState
from trust.identifiers import EntityId
from trust.keys import KeyUse, Signer
from trust.strict_json import loads

MOST = 20


@pytest.fixture(autouse=True)
def dated_answers(pair: Network) -> None:
    """Have everybody's answers dated by the clock that the test moves."""
    for entity in (ANCHOR, COUNCIL, TRUST):
        pair.wire.faults[entity] = dated(pair.clock)


def posted(network: Network, to: EntityId) -> list[PeerRequest]:
    """Return every request with an effect that a party has been sent."""
    return [each for each, _ in network.wire.log if each.method == "POST" and each.url.startswith(to)]


@pytest.mark.holds("A59")
def test_nothing_that_the_lost_node_has_answered_is_answered_again(pair: Network) -> None:
    kept, asked = Kept.of(pair, TRUST), pair.count(TRUST, "mental-health")
    hand = PeerHand(network=pair, agreement=ref_of(pair))
    raw = hand.signed()
    first = hand.post(raw)
    assert reply_body(first)["status"]
    before = posted(pair, TRUST)
    assert [each.url.rpartition("/")[2] for each in before] == ["token", "messages"]

    kept.restore()
    again = pair.count(TRUST, "mental-health")
    pair.clock.forward(seconds=LATER)
    mind(pair, TRUST)
    assert pair.nodes[TRUST].fitness.fault() is None

    refused = [pair.wire.deliver(each) for each in before]  # byte for byte, within the life of all that they carry
    # The token too: that its client had ended it may be among what was lost.
    assert [(each.status, code(each)) for each in refused] == [(401, "invalid_client"), (401, "token-refused")]
    hand.forget_tokens()
    old = hand.post(raw)  # the message again, with a new token and a new proof
    assert (old.status, code(old)) == (400, "message-untimely")
    assert (asked.finds, again.finds) == (1, 0)
    new = hand.post(hand.signed())
    assert reply_body(new)["status"] == reply_body(first)["status"]
    assert reply_claims(new)["jti"] != reply_claims(first)["jti"]
    assert pair.nodes[TRUST].store.read(store_epoch.read).number == 1


def code(answer: PeerResponse) -> object:
    body = loads(answer.body, max_bytes=10_000)
    return body.get("code") or body.get("error")


@pytest.mark.holds("A59")
def test_no_peer_is_served_before_the_others_were_asked(pair: Network) -> None:
    kept, client = Kept.of(pair, TRUST), pair.case_client(TRUST)
    hand = PeerHand(network=pair, agreement=ref_of(pair))
    hand.token()
    kept.restore()
    node, anchor = pair.nodes[TRUST], pair.wire.apps.pop(ANCHOR)

    def states() -> set[int]:
        client.http = node.case_app.test_client()
        return {
            hand.post(hand.signed()).status,
            node.peer_app.test_client().get("/.well-known/openid-federation", base_url=TRUST).status_code,
            client.ask_token().status_code,
            node.operations_app.test_client().get("/health/ready").status_code,
        }

    for _ in range(3):  # the others cannot be asked, however much time passes
        pair.clock.forward(seconds=LATER)
        mind(pair, TRUST)
        assert states() == {503}
    pair.wire.apps[ANCHOR] = anchor
    pair.clock.forward(minutes=1)
    assert states() == {503}  # that they could be asked is not enough
    mind(pair, TRUST)
    hand.forget_tokens()
    assert hand.post(hand.signed()).status == 200


@pytest.mark.holds("A59")
@pytest.mark.parametrize("teller", [ANCHOR, COUNCIL], ids=["its superior", "a peer"])
def test_a_suspension_that_came_after_the_copy_is_known_before_anybody_is_served(
    pair: Network, teller: EntityId
) -> None:
    PeerHand(network=pair, agreement=ref_of(pair)).ask()  # so that it knows its peer
    kept = Kept.of(pair, TRUST)
    store = pair.anchor.store if teller == ANCHOR else pair.nodes[teller].store
    store.write(lambda tx: log_state(tx, EntityId(POLICE), SuspensionState.SUSPENDED, **ruled_by(pair)))
    kept.restore()
    pair.clock.forward(seconds=LATER)
    assert pair.nodes[TRUST].store.read(suspensions.highest) == {}
    mind(pair, TRUST)
    assert pair.nodes[TRUST].store.read(suspensions.highest) == {ANCHOR: 1}
    assert pair.nodes[TRUST].fitness.fault() is None


@pytest.mark.holds("A59")
def test_an_anchor_takes_up_its_own_rulings_from_its_members_and_reuses_no_number(pair: Network) -> None:
    hand = PeerHand(network=pair, agreement=ref_of(pair))
    hand.ask()
    kept = Kept.of(pair, ANCHOR)
    pair.anchor.store.write(
        lambda tx: change_state(tx, ruling(tx, pair, COUNCIL), issuer=ANCHOR, signer=signer_of(pair))
    )
    pair.clock.forward(minutes=10)
    mind(pair, TRUST)
    pair.nodes[TRUST].keeper.round()  # it hears of the suspension
    assert pair.nodes[TRUST].store.read(suspensions.highest) == {ANCHOR: 1}

    kept.restore()
    fetch = f"/federation/v1/fetch?sub={COUNCIL}"
    asked = pair.anchor.peer_app.test_client()
    pair.clock.forward(seconds=LATER)
    silent = {str(entity): pair.wire.apps.pop(entity) for entity in (COUNCIL, TRUST)}
    mind(pair, ANCHOR)
    assert asked.get(fetch, base_url=ANCHOR).status_code == 503  # by its copy, it would vouch for the suspended one
    pair.wire.apps.update(silent)
    mind(pair, ANCHOR)
    assert asked.get(fetch, base_url=ANCHOR).status_code == 503  # its members wait for an administrator
    confirm(pair, ANCHOR)
    assert asked.get(fetch, base_url=ANCHOR).status_code == 404
    assert asked.get(f"/federation/v1/fetch?sub={TRUST}", base_url=ANCHOR).status_code == 200
    number = pair.anchor.store.write(lambda tx: log_state(tx, POLICE, SuspensionState.SUSPENDED, **ruled_by(pair)))
    assert number == 2


@pytest.mark.holds("A59")
def test_a_member_that_repeats_what_is_known_does_not_keep_an_anchor_asking_for_ever(pair: Network) -> None:
    PeerHand(network=pair, agreement=ref_of(pair)).ask()
    pair.anchor.store.write(lambda tx: log_state(tx, POLICE, SuspensionState.SUSPENDED, **ruled_by(pair)))
    kept = Kept.of(pair, ANCHOR)
    (entry,) = pair.anchor.store.read(lambda tx: suspensions.after(tx, issuer=ANCHOR, seq=0, limit=1))
    kept.restore()
    pair.clock.forward(seconds=LATER)
    asked = 0

    def repeat() -> Response | None:
        nonlocal asked
        if request.path != SUSPENSIONS_PATH:
            return None
        asked += 1
        if asked > MOST:
            return Response(status=500)
        page = [entry.raw.decode(), *(f"{number}" for number in range(1, MAX_SUSPENSIONS))]
        return Response(json.dumps({"suspensions": page}), content_type="application/json")

    pair.wire.apps[COUNCIL].before_request_funcs[None].insert(0, repeat)
    pair.wire.apps[TRUST].before_request_funcs[None].insert(0, repeat)
    mind(pair, ANCHOR)
    assert 0 < asked <= MOST
    assert not pair.anchor.store.read(store_epoch.read).reconciled


def signer_of(network: Network) -> Signer:
    return network.anchor.vault.signer(KeyUse.FEDERATION)


def ruled_by(network: Network) -> dict[str, Any]:
    return {"at": network.clock.now(), "issuer": ANCHOR, "signer": signer_of(network)}


def ruling(tx: Transaction, network: Network, entity: EntityId) -> StateChange:
    held = members.get(tx, entity=entity)
    assert held is not None
    return StateChange(member=held, state=SuspensionState.SUSPENDED, at=network.clock.now())
