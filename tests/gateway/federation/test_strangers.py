"""A party without a stored chain: bounded work, and short memory."""

import pytest

from gateway.federation.chain_cache import STRANGERS_A_MINUTE
from gateway.federation.fetch import NotVouchedFor
from tests.simulator.federation import Federation
from tests.simulator.town import ANCHOR, POLICE
from trust.errors import NoChain, Untrusted
from trust.identifiers import EntityId

STRANGER = EntityId("https://stranger.example")
FETCH = ANCHOR + "/federation/v1/fetch"


@pytest.mark.holds("A35")
def test_a_flood_of_strangers_stays_within_the_budget(federation: Federation) -> None:
    federation.directory.resolve(POLICE, now=federation.clock.now())
    federation.wire.asked.clear()
    for number in range(200):
        with pytest.raises(Untrusted):
            federation.directory.resolve(EntityId(f"https://n{number}.example"), now=federation.clock.now())
    assert (
        len(federation.wire.asked) <= 2 * STRANGERS_A_MINUTE
    )  # the anchor's refusal, and the superiors that it names itself
    assert federation.directory.resolve(POLICE, now=federation.clock.now()).entity_id == POLICE
    federation.clock.forward(minutes=1)
    with pytest.raises(NotVouchedFor):
        federation.directory.resolve(STRANGER, now=federation.clock.now())


def test_a_refusal_is_remembered_for_under_a_minute(federation: Federation) -> None:
    for seconds, fetches in ((0, 3), (44, 3), (2, 5)):
        federation.clock.forward(seconds=seconds)
        with pytest.raises(NoChain):
            federation.directory.resolve(STRANGER, now=federation.clock.now())
        assert len(federation.wire.asked) == fetches


def test_a_refresh_asked_for_by_an_administrator_is_made(federation: Federation) -> None:
    now = federation.clock.now()
    with pytest.raises(NoChain):
        federation.directory.refresh(STRANGER, now=now)
    with pytest.raises(NoChain):
        federation.directory.refresh(STRANGER, now=now)
    assert sum(FETCH in url for url in federation.wire.asked) == 2
