"""A mark that its authority takes back counts no more after the next refresh, at every level."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.store.tables import issued_trust_marks
from tests.simulator import faults
from tests.simulator.levels import Levels
from tests.simulator.peer_hand import PeerHand
from tests.simulator.town import ANCHOR, COUNCIL, COUNTY, TRUST
from trust.federation.trust_mark import data_protection_mark
from trust.identifiers import EntityId

ASSURED = data_protection_mark(ANCHOR)


@pytest.fixture(params=[ANCHOR, COUNTY])
def issuer(request: pytest.FixtureRequest) -> EntityId:
    found: EntityId = request.param
    return found


@pytest.fixture
def levels(tmp_path: Path, issuer: EntityId) -> Iterator[Levels]:
    """Give the council and the trust, who demand a mark of each other, which the issuer has granted to both."""
    marks: dict[EntityId, dict[str, Any]] = {ANCHOR: {"accredited": [{"type": ASSURED, "issuers": [issuer]}]}}
    marks.setdefault(issuer, {}).update({"issues": [{"type": ASSURED}]})
    made = Levels(tmp_path, (COUNCIL, TRUST), marks=marks)
    made.agree(made.document(required_marks=[ASSURED]))
    for entity in (COUNCIL, TRUST):
        made.authorities[issuer].authority.mark_issuer.issue(ASSURED, entity, now=made.clock.now())
        made.nodes[entity].directory.resolve(COUNTY, now=made.clock.now())
    for entity in (COUNCIL, TRUST) * 2:
        made.nodes[entity].keeper.round()
    made.clock.forward(minutes=6)
    for entity in (COUNCIL, TRUST):
        made.start(entity)  # what a running worker notices within seconds, and its peers with their next refresh
    yield made
    made.close()


@pytest.fixture
def hand(levels: Levels) -> PeerHand:
    [held] = levels.nodes[COUNCIL].agreements.in_force(now=levels.clock.now())
    return PeerHand(network=levels, agreement=held.agreement.ref)


def revoke(levels: Levels, issuer: EntityId) -> None:
    """Do what `hearthgate trust mark revoke` does."""
    at = levels.clock.now()
    levels.authorities[issuer].store.write(
        lambda tx: issued_trust_marks.revoke(tx, mark_type=ASSURED, subject=COUNCIL, reason="a breach", at=at)
    )


def test_a_revoked_mark_is_missed_by_the_next_refresh(levels: Levels, hand: PeerHand, issuer: EntityId) -> None:
    assert hand.ask()["status"] == "known"
    revoke(levels, issuer)
    levels.clock.forward(minutes=5)
    hand.forget_tokens()
    asked = levels.count(TRUST, "mental-health")
    reason = hand.ask()["reason"]
    assert reason["code"] == "mark_missing"
    assert f'{COUNCIL} lacks the mark "data-protection assured" of {ANCHOR}' in reason["text"]
    assert asked.finds == 0


def test_what_was_seen_to_be_revoked_stays_so_while_the_issuer_is_away(
    levels: Levels, hand: PeerHand, issuer: EntityId
) -> None:
    assert hand.ask()["status"] == "known"
    revoke(levels, issuer)
    levels.clock.forward(minutes=5)
    hand.forget_tokens()
    assert hand.ask()["reason"]["code"] == "mark_missing"
    levels.wire.faults[issuer] = faults.down
    levels.start(TRUST)
    levels.clock.forward(minutes=5)
    hand.forget_tokens()
    assert hand.ask()["reason"]["code"] == "mark_missing"
