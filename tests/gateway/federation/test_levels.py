"""Several levels: who stands between an agency and the anchor is found, shared, refreshed and ended like anybody."""

from datetime import timedelta

import pytest

from gateway.federation.fetch import NotVouchedFor, Unconfirmed
from gateway.federation.freshness import Freshness
from gateway.federation.limits import MAX_FETCHES
from tests.simulator.federation import Keys
from tests.simulator.town import ANCHOR, COUNCIL, COUNTY, POLICE
from tests.simulator.tree import Tree, answered
from trust.errors import ChainRefused, NoChain, Untrusted
from trust.federation.anchor_keys import Pin
from trust.federation.chain import TrustedEntity
from trust.federation.freshness import PROFILE_BOUNDS, SHORTEST_BOUNDS, Bounds
from trust.identifiers import EntityId
from trust.keys import KeyUse

REGION = EntityId("https://region.example")
HOUSING = EntityId("https://housing.example")
OTHER = EntityId("https://other-anchor.example")
STATEMENT = "application/entity-statement+jwt"


def look(tree: Tree, entity: EntityId = POLICE) -> TrustedEntity:
    return tree.directory().resolve(entity, now=tree.clock.now())


def spent(tree: Tree) -> list[str]:
    """Take what was fetched since, without scheme and parameters."""
    found = [url.removeprefix("https://").partition("?")[0] for url in tree.fetched]
    tree.fetched.clear()
    return found


# ---- finding and sharing


def test_an_agency_below_an_intermediate_is_found_through_it(tree: Tree) -> None:
    found = look(tree)
    assert found.superiors == (COUNTY, ANCHOR)
    assert found.node is not None


def test_a_new_member_below_a_known_intermediate_costs_three_fetches(tree: Tree) -> None:
    directory, now = tree.directory(), tree.clock.now()
    directory.resolve(POLICE, now=now)
    spent(tree)
    tree.add(HOUSING, COUNTY)
    assert directory.resolve(HOUSING, now=now).superiors == (COUNTY, ANCHOR)
    assert spent(tree) == [
        "anchor.example/federation/v1/fetch",
        "housing.example/.well-known/openid-federation",
        "county.example/federation/v1/fetch",
    ]


def test_a_refresh_costs_two_fetches_for_an_agency_and_two_for_all_intermediates_of_one(tree: Tree) -> None:
    directory = tree.directory()
    for entity in (COUNCIL, POLICE):
        directory.resolve(entity, now=tree.clock.now())
    tree.clock.forward(minutes=5)
    spent(tree)
    directory.resolve(POLICE, now=tree.clock.now())
    assert sorted(spent(tree)) == [
        "anchor.example/.well-known/openid-federation",
        "anchor.example/federation/v1/fetch",
        "county.example/.well-known/openid-federation",
        "county.example/federation/v1/fetch",
        "police.example/.well-known/openid-federation",
    ]
    directory.resolve(COUNCIL, now=tree.clock.now())  # its own configuration is not fetched
    assert spent(tree) == ["county.example/federation/v1/fetch"]


def test_who_was_confirmed_a_moment_ago_is_not_asked_for_when_the_intermediate_has_aged(tree: Tree) -> None:
    directory = tree.directory()
    directory.resolve(COUNCIL, now=tree.clock.now())
    tree.clock.forward(minutes=4)
    directory.resolve(POLICE, now=tree.clock.now())
    tree.clock.forward(minutes=1)
    spent(tree)
    assert directory.resolve(POLICE, now=tree.clock.now()).refreshed_at == tree.clock.now() - timedelta(minutes=1)
    assert not any("police" in url or url == "county.example/federation/v1/fetch" for url in spent(tree))


def test_an_intermediate_is_an_entry_that_outlives_a_restart(tree: Tree) -> None:
    look(tree)
    tree.fetched.clear()
    assert tree.directory().resolve(COUNTY, now=tree.clock.now()).superiors == (ANCHOR,)
    assert tree.fetched == []


def test_those_above_others_are_shown_before_them(tree: Tree) -> None:
    look(tree)
    look(tree, COUNCIL)
    known = tree.directory().statuses(now=tree.clock.now())
    assert [standing.entity for standing in known] == [COUNTY, COUNCIL, POLICE]


def test_the_nearest_of_several_ways_is_taken(tree: Tree) -> None:
    tree.add(REGION, ANCHOR)
    tree.entities[REGION].below.add(COUNTY)
    tree.entities[COUNTY].superiors = (REGION, ANCHOR)
    tree.entities[ANCHOR].below.discard(COUNTY)
    tree.add(HOUSING, COUNTY, REGION)
    assert look(tree, HOUSING).superiors == (REGION, ANCHOR)
    assert look(tree, POLICE).superiors == (COUNTY, REGION, ANCHOR)


# ---- ending


@pytest.mark.parametrize("minutes", [5, 6])
def test_what_stands_below_an_intermediate_ends_with_it(tree: Tree, minutes: int) -> None:
    directory = tree.directory()
    directory.resolve(POLICE, now=tree.clock.now())
    tree.entities[ANCHOR].below.discard(COUNTY)
    tree.clock.forward(minutes=minutes)
    with pytest.raises(NotVouchedFor):
        directory.resolve(POLICE, now=tree.clock.now())
    tree.down.add(ANCHOR)
    with pytest.raises(Untrusted):
        look(tree)


def test_an_intermediate_that_no_longer_vouches_ends_what_stands_below_it(tree: Tree) -> None:
    directory = tree.directory()
    directory.resolve(POLICE, now=tree.clock.now())
    tree.entities[COUNTY].below.discard(POLICE)
    tree.clock.forward(minutes=5)
    with pytest.raises(NotVouchedFor):
        directory.resolve(POLICE, now=tree.clock.now())


def test_an_agency_that_moves_is_found_below_its_new_superior(tree: Tree) -> None:
    directory = tree.directory()
    directory.resolve(POLICE, now=tree.clock.now())
    tree.entities[COUNTY].below.discard(POLICE)
    tree.add(REGION, ANCHOR).below.add(POLICE)
    tree.entities[POLICE].superiors = (REGION,)
    tree.clock.forward(minutes=5)
    with pytest.raises(NotVouchedFor):
        directory.resolve(POLICE, now=tree.clock.now())
    tree.clock.forward(seconds=46)
    assert directory.resolve(POLICE, now=tree.clock.now()).superiors == (REGION, ANCHOR)


# ---- what is held against those above


@pytest.mark.holds("A28")
def test_an_older_statement_about_an_intermediate_is_refused_after_a_restart_too(tree: Tree) -> None:
    tree.clock.forward(minutes=20)
    look(tree)
    early = tree.statement(ANCHOR, COUNTY, tree.clock.now() - timedelta(minutes=3))
    tree.clock.forward(minutes=6)
    tree.said[ANCHOR + "/federation/v1/fetch"] = lambda request: answered(early, request.accept)
    look(tree)
    assert ("rolled_back", COUNTY) in tree.notices


@pytest.mark.holds("A28")
def test_a_newcomer_is_not_accepted_on_an_old_statement_about_its_superior(tree: Tree) -> None:
    early = tree.statement(ANCHOR, COUNTY)
    tree.clock.forward(minutes=3)
    look(tree)
    tree.clock.forward(minutes=6)  # by its age alone it would still serve a new member
    tree.entities[ANCHOR].below.discard(COUNTY)
    with pytest.raises(Untrusted):
        look(tree)
    tree.add(HOUSING, COUNTY)
    tree.said[ANCHOR + "/federation/v1/fetch"] = lambda request: (
        answered(early, request.accept) if "county" in request.url else tree.not_found()
    )
    with pytest.raises(Untrusted):
        look(tree, HOUSING)


@pytest.mark.holds("A29")
def test_an_intermediate_whose_statement_never_moves_ages_all_that_stand_below_it(tree: Tree) -> None:
    directory = tree.directory()
    directory.resolve(POLICE, now=tree.clock.now())
    frozen = tree.statement(ANCHOR, COUNTY)
    tree.said[ANCHOR + "/federation/v1/fetch"] = lambda request: answered(frozen, request.accept)
    tree.clock.forward(minutes=16)
    directory.resolve(POLICE, now=tree.clock.now())
    assert ("stale", POLICE) in tree.notices
    tree.clock.forward(hours=24)
    with pytest.raises(Untrusted):
        directory.resolve(POLICE, now=tree.clock.now())


@pytest.mark.holds("A29", "A37")
def test_without_the_centre_what_is_urgent_goes_on_for_longer(tree: Tree) -> None:
    directory = tree.directory()
    directory.resolve(POLICE, now=tree.clock.now())
    tree.down |= {ANCHOR, COUNTY}
    for hours, served in ((23, (True, True)), (2, (False, True)), (94, (False, True)), (1, (False, False))):
        tree.clock.forward(hours=hours)
        for urgent in (False, True):
            if served[urgent]:
                assert directory.resolve(POLICE, now=tree.clock.now(), urgent=urgent).entity_id == POLICE
            else:
                with pytest.raises(Untrusted):
                    directory.resolve(POLICE, now=tree.clock.now(), urgent=urgent)


@pytest.mark.holds("A37")
def test_without_the_anchor_no_new_entity_is_accepted_below_a_known_intermediate(tree: Tree) -> None:
    directory = tree.directory()
    directory.resolve(POLICE, now=tree.clock.now())
    tree.down.add(ANCHOR)
    tree.add(HOUSING, COUNTY)
    tree.clock.forward(minutes=20)
    assert directory.resolve(POLICE, now=tree.clock.now()).entity_id == POLICE
    with pytest.raises(Unconfirmed):
        directory.resolve(HOUSING, now=tree.clock.now())


@pytest.mark.holds("A29")
def test_an_anchors_shorter_bounds_hold_from_the_next_refresh_on(tree: Tree) -> None:
    directory = tree.directory()
    directory.resolve(POLICE, now=tree.clock.now())
    shorter = Bounds(
        alarm_after=timedelta(minutes=10), urgent_only_after=timedelta(hours=1), closed_after=timedelta(hours=2)
    )
    tree.entities[ANCHOR].bounds = shorter
    tree.clock.forward(minutes=5)
    directory.resolve(POLICE, now=tree.clock.now())
    tree.down |= {ANCHOR, COUNTY}
    tree.clock.forward(minutes=59)
    directory.resolve(POLICE, now=tree.clock.now())
    tree.clock.forward(minutes=1)
    with pytest.raises(ChainRefused, match=rf"too long ago for this under {ANCHOR}"):
        directory.resolve(POLICE, now=tree.clock.now())
    assert directory.cached(POLICE, now=tree.clock.now()) is None
    directory.resolve(POLICE, now=tree.clock.now(), urgent=True)
    tree.clock.forward(hours=1)
    for known in (directory, tree.directory()):  # and in another worker, from the store
        with pytest.raises(ChainRefused, match="too long ago for anything"):
            known.resolve(POLICE, now=tree.clock.now(), urgent=True)


def test_of_several_anchors_the_one_at_the_chains_end_sets_the_bounds(tree: Tree) -> None:
    tree.add(OTHER)
    tree.add(HOUSING, OTHER)
    tree.entities[ANCHOR].bounds = SHORTEST_BOUNDS
    other = Pin(entity=OTHER, keys=tree.entities[OTHER].keys.federation_keys())
    directory = tree.directory([tree.pinned, other])
    assert directory.resolve(HOUSING, now=tree.clock.now()).bounds == PROFILE_BOUNDS
    assert directory.resolve(POLICE, now=tree.clock.now()).bounds == SHORTEST_BOUNDS


def test_an_intermediate_bounds_nothing(tree: Tree) -> None:
    tree.entities[COUNTY].bounds = SHORTEST_BOUNDS
    assert look(tree).bounds == PROFILE_BOUNDS


def test_what_comes_next_is_counted_down(tree: Tree) -> None:
    directory = tree.directory()
    confirmed = tree.clock.now()
    directory.resolve(POLICE, now=confirmed)
    tree.clock.forward(minutes=20)
    [standing] = [each for each in directory.statuses(now=tree.clock.now()) if each.entity == POLICE]
    assert (standing.freshness, standing.age) == (Freshness.ALARM, timedelta(minutes=20))
    assert standing.next_freshness == (Freshness.URGENT_ONLY, confirmed + timedelta(hours=24))


# ---- bounds


@pytest.mark.holds("A33")
def test_who_names_each_other_as_superiors_costs_bounded_fetches(tree: Tree) -> None:
    names = [EntityId(f"https://loop{number}.example") for number in range(30)]
    for name in names:
        tree.add(name)
    for place, name in enumerate(names):
        tree.entities[name].superiors = tuple(names[(place + step) % 30] for step in range(1, 6))
        tree.entities[name].below = set(names)
    with pytest.raises(Untrusted):
        look(tree, names[0])
    assert len(tree.fetched) <= MAX_FETCHES


@pytest.mark.holds("A33")
def test_a_chain_that_is_too_deep_is_not_followed_to_its_end(tree: Tree) -> None:
    above = COUNTY
    for number in range(5):
        deeper = EntityId(f"https://level{number}.example")
        tree.add(deeper, above)
        above = deeper
    tree.add(HOUSING, above)
    with pytest.raises(Untrusted):
        look(tree, HOUSING)
    assert len(tree.fetched) <= MAX_FETCHES


def test_an_intermediates_rotated_key_is_known_as_soon_as_its_superior_names_it(tree: Tree) -> None:
    directory = tree.directory()
    directory.resolve(COUNCIL, now=tree.clock.now())
    tree.clock.forward(minutes=3)
    tree.entities[COUNTY].keys = Keys()
    assert directory.resolve(POLICE, now=tree.clock.now()).superiors == (COUNTY, ANCHOR)


def test_an_anchor_itself_exchanges_nothing(tree: Tree) -> None:
    with pytest.raises(NoChain):
        look(tree, ANCHOR)
    assert tree.entities[ANCHOR].keys.signer(KeyUse.FEDERATION).kid
