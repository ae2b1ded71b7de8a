"""An intermediate under several superiors and anchors: one way at a time, the shortest, and another once it ends."""

import pytest

from gateway.federation.fetch import NotVouchedFor
from gateway.federation.resolver import FederationResolver
from gateway.federation.suspensions import Suspended
from tests.simulator.town import ANCHOR, COUNTY, POLICE
from tests.simulator.tree import Tree
from trust.errors import Untrusted
from trust.federation.anchor_keys import Pin
from trust.identifiers import EntityId

REGION = EntityId("https://region.example")
OTHER = EntityId("https://other-anchor.example")


@pytest.fixture
def twice(tree: Tree) -> FederationResolver:
    """Put the county under another pinned anchor as well, and under a region between the two."""
    tree.add(OTHER)
    tree.add(REGION, OTHER).below.add(COUNTY)
    tree.entities[COUNTY].superiors = (ANCHOR, REGION)
    return tree.directory([tree.pinned, Pin(entity=OTHER, keys=tree.entities[OTHER].keys.federation_keys())])


def test_an_intermediate_under_several_superiors_is_taken_by_the_shortest_way(
    tree: Tree, twice: FederationResolver
) -> None:
    assert twice.resolve(POLICE, now=tree.clock.now()).superiors == (COUNTY, ANCHOR)


def test_it_is_found_by_its_other_superior_where_one_is_away(tree: Tree, twice: FederationResolver) -> None:
    tree.down.add(ANCHOR)
    assert twice.resolve(POLICE, now=tree.clock.now()).superiors == (COUNTY, REGION, OTHER)


def test_it_is_found_by_its_other_superior_once_one_vouches_for_it_no_longer(
    tree: Tree, twice: FederationResolver
) -> None:
    twice.resolve(POLICE, now=tree.clock.now())
    tree.entities[ANCHOR].below.discard(COUNTY)
    tree.clock.forward(minutes=5)
    with pytest.raises(NotVouchedFor):
        twice.resolve(POLICE, now=tree.clock.now())
    tree.clock.forward(seconds=46)
    assert twice.resolve(POLICE, now=tree.clock.now()).superiors == (COUNTY, REGION, OTHER)


def test_a_suspension_by_one_superior_says_nothing_about_the_other(tree: Tree, twice: FederationResolver) -> None:
    twice.resolve(POLICE, now=tree.clock.now())
    tree.suspend(ANCHOR, COUNTY)
    twice.catch_up(now=tree.clock.now())
    with pytest.raises(Suspended) as refused:
        twice.resolve(POLICE, now=tree.clock.now())
    assert (refused.value.statement, refused.value.rule) == (f"Suspension by {ANCHOR}", "exchange profile section 1")
    tree.clock.forward(minutes=5)
    with pytest.raises(Untrusted):
        twice.resolve(POLICE, now=tree.clock.now())
    tree.clock.forward(seconds=46)
    assert twice.resolve(POLICE, now=tree.clock.now()).superiors == (COUNTY, REGION, OTHER)
