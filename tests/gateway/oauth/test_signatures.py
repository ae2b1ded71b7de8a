"""The memory of good signatures is bounded and never makes a refusal into a yes."""

import pytest

from gateway.oauth import signatures
from gateway.oauth.signatures import GoodSignatures
from tests.simulator.callers import token_claims
from tests.simulator.faces import Node
from trust.errors import Expired, NotYetValid, TrustError
from trust.oauth import access_token


@pytest.fixture
def tokens(node: Node) -> GoodSignatures:
    return GoodSignatures(node.peer_oauth().tokens)


def test_a_hit_gives_the_same_claims_and_checks_the_times_again(node: Node, tokens: GoodSignatures) -> None:
    raw = access_token.build(token_claims(node), node.signer)
    first = tokens.verify(raw, now=node.clock.now())
    assert tokens.verify(raw, now=node.clock.now()) is first
    with pytest.raises(Expired):
        tokens.verify(raw, now=first.exp)
    node.clock.forward(seconds=-11)
    with pytest.raises(NotYetValid):
        tokens.verify(raw, now=node.clock.now())


def test_a_refused_token_is_not_remembered(node: Node, tokens: GoodSignatures) -> None:
    raw = access_token.build(token_claims(node, aud="https://elsewhere.example"), node.signer)
    for _ in range(2):
        with pytest.raises(TrustError):
            tokens.verify(raw, now=node.clock.now())
    assert not tokens._verified


def test_the_oldest_are_forgotten(node: Node, tokens: GoodSignatures, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signatures, "MAX_REMEMBERED", 2)
    made = [access_token.build(token_claims(node), node.signer) for _ in range(3)]
    for raw in made:
        tokens.verify(raw, now=node.clock.now())
    assert len(tokens._verified) == 2
    assert tokens.verify(made[0], now=node.clock.now()).client_id
