"""Nodes below a county, below its anchor and below another anchor answer each other, until one is suspended."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import parse_qs, urlencode

import pytest

from gateway.federation.fetch import CONFIGURATION_PATH
from gateway.oauth.server import TOKEN_PATH
from gateway.ports import PeerRefused, PeerRequest, PeerResponse
from tests.simulator import faults
from tests.simulator.levels import FORCE, Levels
from tests.simulator.peer_hand import PeerHand, claims_in
from tests.simulator.town import ANCHOR, COUNCIL, COUNTY, HOUSING, POLICE, TRUST
from tests.simulator.wire import Pass
from trust import jose
from trust.identifiers import EntityId
from trust.keys import KeyUse
from trust.oauth.client_assertion import TYP as ASSERTION_TYP

COMMUNITY_TEAM = f"{TRUST}#mental-health"
NEIGHBOURHOOD = f"{POLICE}#police"


@pytest.fixture
def levels(tmp_path: Path) -> Iterator[Levels]:
    """Give the council below the county, the trust below the anchor and the police elsewhere, who have all met."""
    made = Levels(tmp_path)
    made.agree()
    assert made.case_client().lines()[COMMUNITY_TEAM]["status"] == "known"
    made.nodes[TRUST].directory.resolve(POLICE, now=made.clock.now())
    made.nodes[POLICE].directory.resolve(TRUST, now=made.clock.now())
    yield made
    made.close()


@pytest.fixture
def hand(levels: Levels) -> PeerHand:
    [held] = levels.nodes[COUNCIL].agreements.in_force(now=levels.clock.now())
    made = PeerHand(network=levels, agreement=held.agreement.ref)
    made.token()
    return made


def soon(what: Callable[[], bool]) -> None:
    """Wait for what a node does after its answers."""
    until = monotonic() + 10
    while not what():
        assert monotonic() < until
        sleep(0.02)


def held(levels: Levels, entity: EntityId, issuer: EntityId) -> int:
    """Give the highest number of an authority's suspensions that a node has."""
    return levels.nodes[entity].directory.suspension_seqs(now=levels.clock.now()).get(issuer, 0)


def cut_off(levels: Levels, *entities: EntityId) -> None:
    for entity in entities:
        levels.wire.faults[entity] = faults.down


def status(levels: Levels, hand: PeerHand) -> int:
    """Ask with the token that was given before, which is good; see that a refusal searched for no person."""
    asked = levels.count(TRUST, "mental-health")
    answer = hand.post(hand.signed())
    assert answer.status == 200 or (asked.finds == 0 and b"expired" not in answer.body)
    return answer.status


def test_they_answer_each_other_under_any_superior(levels: Levels) -> None:
    lines = levels.case_client().lines()
    assert (lines[COMMUNITY_TEAM]["status"], lines[NEIGHBOURHOOD]["status"]) == ("known", "known")
    now = levels.clock.now()
    seen = {entity: levels.nodes[TRUST].directory.resolve(entity, now=now).superiors for entity in (COUNCIL, POLICE)}
    assert seen == {COUNCIL: (COUNTY, ANCHOR), POLICE: (FORCE,)}


@pytest.mark.parametrize(("issuer", "subject"), [(COUNTY, COUNCIL), (ANCHOR, COUNTY)])
def test_a_suspended_asker_is_refused_by_the_next_refresh_with_a_token_that_is_good(
    levels: Levels, hand: PeerHand, issuer: EntityId, subject: EntityId
) -> None:
    levels.rule(issuer, subject)
    levels.clock.forward(minutes=4, seconds=50)
    hand.forget_tokens()
    assert status(levels, hand) == 200
    levels.clock.forward(seconds=10)
    assert status(levels, hand) in {401, 403}


def test_a_suspended_holder_is_not_asked_once_another_answer_has_told_of_it(levels: Levels) -> None:
    """The council cannot reach the centre, the police can: their reply carries the number, and their node the entry."""
    levels.rule(ANCHOR, TRUST)
    levels.nodes[POLICE].keeper.round()
    assert held(levels, POLICE, ANCHOR) == 1
    cut_off(levels, ANCHOR, COUNTY)
    levels.case_client().look_up()  # which still goes to the trust: no peer has told it yet
    soon(lambda: held(levels, COUNCIL, ANCHOR) == 1)
    before = len(levels.wire.messages(TRUST))
    lines = levels.case_client().lines()
    assert lines[NEIGHBOURHOOD]["status"] == "known"
    assert lines[COMMUNITY_TEAM]["status"] not in {"known", "not_known"}
    assert len(levels.wire.messages(TRUST)) == before


def test_a_question_that_waits_its_turn_is_not_sent_to_who_was_suspended_meanwhile(
    levels: Levels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.exchange.fan_out.MAX_PARALLEL", 1)
    council = levels.start(COUNCIL)
    others = {TRUST: (POLICE, FORCE), POLICE: (TRUST, ANCHOR)}
    first: list[EntityId] = []

    def while_it_answers(entity: EntityId) -> Callable[[PeerRequest, Pass], PeerResponse]:
        waiting, issuer = others[entity]

        def fault(request: PeerRequest, answer: Pass) -> PeerResponse:
            if request.url.endswith("/exchange/v1/messages") and not first:
                first.append(entity)
                levels.rule(issuer, waiting)
                council.directory.catch_up_with_all(now=levels.clock.now())
            return answer()

        return fault

    for entity in others:
        levels.wire.faults[entity] = while_it_answers(entity)
    before = {entity: len(levels.wire.messages(entity)) for entity in others}
    statuses = {name.partition("#")[0]: line["status"] for name, line in levels.case_client().lines().items()}
    [asked] = first
    waiting, _ = others[asked]
    assert (statuses[asked], statuses[waiting]) == ("known", "no_reply")
    assert len(levels.wire.messages(waiting)) == before[waiting]


def test_a_holder_that_is_cut_off_refuses_the_suspended_with_one_honest_peer_in_reach(
    levels: Levels, hand: PeerHand
) -> None:
    levels.rule(COUNTY, COUNCIL)
    levels.nodes[POLICE].keeper.round()
    assert held(levels, POLICE, COUNTY) == 1
    cut_off(levels, ANCHOR, COUNTY, FORCE)
    assert status(levels, hand) == 200  # no member has told the trust, and the council will not
    levels.nodes[TRUST].keeper.round()
    assert status(levels, hand) in {401, 403}
    levels.start(TRUST)
    assert status(levels, hand) in {401, 403}


def chain_of(levels: Levels) -> tuple[bytes, ...]:
    """Give the council's chain as it is now."""
    fetch = "/federation/v1/fetch?sub="
    addresses = (
        COUNCIL + CONFIGURATION_PATH,
        f"{COUNTY}{fetch}{COUNCIL}",
        f"{ANCHOR}{fetch}{COUNTY}",
        ANCHOR + CONFIGURATION_PATH,
    )
    return tuple(levels.wire.deliver_text(address) for address in addresses)


def with_chain(chain: tuple[bytes, ...], hand: PeerHand) -> Callable[[PeerRequest, Pass], PeerResponse]:
    """Have the council's token requests carry a chain."""

    def fault(request: PeerRequest, answer: Pass) -> PeerResponse:
        if not request.url.endswith(TOKEN_PATH):
            return answer()
        form = parse_qs(request.body.decode())
        claims = claims_in(form["client_assertion"][0].encode())
        header = {"trust_chain": [statement.decode() for statement in chain]}
        resigned = jose.sign(claims, typ=ASSERTION_TYP, signer=hand.signer(KeyUse.OAUTH), headers=header)
        form["client_assertion"] = [resigned.decode()]
        return hand.network.wire.deliver(replace(request, body=urlencode(form, doseq=True).encode()))

    return fault


@pytest.mark.parametrize("suspended", [False, True])
def test_a_node_that_never_met_the_suspended_gives_no_token_for_its_old_chain(
    tmp_path: Path, *, suspended: bool
) -> None:
    levels = Levels(tmp_path, (COUNCIL, HOUSING))
    try:
        ref = levels.agree()
        hand = PeerHand(network=levels, agreement=ref, target=HOUSING, to_service="housing", clause="who-else")
        levels.nodes[COUNCIL].directory.resolve(HOUSING, now=levels.clock.now())
        chain = chain_of(levels)
        if suspended:
            levels.rule(COUNTY, COUNCIL)
            levels.nodes[HOUSING].keeper.round()
            levels.nodes[HOUSING].keeper.round()
        cut_off(levels, ANCHOR, COUNTY, COUNCIL)
        levels.wire.faults[HOUSING] = with_chain(chain, hand)
        if suspended:
            with pytest.raises(PeerRefused):
                hand.token()
        else:  # the same chain is taken where it was not: so nothing else refused it
            assert hand.token()
    finally:
        levels.close()
