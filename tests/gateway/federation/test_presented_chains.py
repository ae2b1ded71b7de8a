"""A chain that an unknown party presents saves fetches, refreshes nothing, and revives no member."""

from datetime import datetime, timedelta

import pytest

from gateway.federation.fetch import NotVouchedFor, Unconfirmed
from gateway.federation.resolver import FederationResolver
from tests.simulator.federation import Keys
from tests.simulator.town import ANCHOR, COUNTY, POLICE
from tests.simulator.tree import Tree, answered
from trust.errors import RolledBack, TrustError, Untrusted
from trust.federation.chain import TrustedEntity
from trust.federation.trust_mark import MarkDraft, StatedMark, build_trust_mark, data_protection_mark
from trust.identifiers import EntityId
from trust.keys import KeyUse, LocalSigner

HOUSING = EntityId("https://housing.example")
ASSURED = data_protection_mark(ANCHOR)


@pytest.fixture
def directory(tree: Tree) -> FederationResolver:
    return tree.directory()


def show(
    tree: Tree, directory: FederationResolver, *chain: bytes, entity: EntityId = POLICE, urgent: bool = False
) -> TrustedEntity:
    return directory.resolve_presented(
        entity, chain or tree.chain(entity, COUNTY, ANCHOR), now=tree.clock.now(), urgent=urgent
    )


def test_a_young_chain_costs_no_fetch_and_is_not_kept(tree: Tree, directory: FederationResolver) -> None:
    chain = tree.chain(POLICE, COUNTY, ANCHOR)
    tree.clock.forward(minutes=4, seconds=59)
    assert show(tree, directory, *chain).superiors == (COUNTY, ANCHOR)
    assert tree.fetched == []
    assert directory.statuses(now=tree.clock.now()) == ()


def test_after_five_minutes_the_superior_is_asked_and_its_answer_is_kept(
    tree: Tree, directory: FederationResolver
) -> None:
    chain = tree.chain(POLICE, COUNTY, ANCHOR)
    tree.clock.forward(minutes=5)
    assert show(tree, directory, *chain).refreshed_at == tree.clock.now()
    assert any(url.startswith(COUNTY + "/federation/v1/fetch") for url in tree.fetched)


@pytest.mark.holds("A37")
@pytest.mark.parametrize(("minutes", "accepted"), [(5, True), (14, True), (15, False), (60, False)])
def test_where_the_centre_is_away_a_chain_counts_for_fifteen_minutes(
    tree: Tree, directory: FederationResolver, minutes: int, *, accepted: bool
) -> None:
    chain = tree.chain(POLICE, COUNTY, ANCHOR)
    tree.down |= {ANCHOR, COUNTY}
    tree.clock.forward(minutes=minutes)
    if accepted:
        assert show(tree, directory, *chain).entity_id == POLICE
    else:
        with pytest.raises(Unconfirmed):
            show(tree, directory, *chain)


def aged(tree: Tree, directory: FederationResolver, made: datetime) -> None:
    """Have the whole federation repeat what it said at some time, and refuse a newcomer below the county on that."""
    tree.said[ANCHOR + "/federation/v1/fetch"] = lambda request: (
        answered(tree.statement(ANCHOR, COUNTY, made), request.accept) if "county" in request.url else tree.not_found()
    )
    tree.said[COUNTY + "/federation/v1/fetch"] = lambda request: answered(
        tree.statement(COUNTY, HOUSING, made), request.accept
    )
    with pytest.raises(Unconfirmed, match="too old"):
        directory.resolve(HOUSING, now=tree.clock.now())


@pytest.mark.holds("A37")
def test_no_new_entity_is_accepted_on_statements_that_are_only_repeated(
    tree: Tree, directory: FederationResolver
) -> None:
    tree.add(HOUSING, COUNTY)
    made = tree.clock.now()
    tree.clock.forward(minutes=15)
    aged(tree, directory, made)
    assert directory.statuses(now=tree.clock.now()) == ()
    tree.said.clear()
    tree.clock.forward(seconds=46)
    assert directory.resolve(HOUSING, now=tree.clock.now()).entity_id == HOUSING


# ---- what was seen stays seen


@pytest.mark.holds("A28")
@pytest.mark.parametrize("older", ["statement", "configuration"])
def test_a_shown_chain_that_is_older_than_one_shown_before_is_refused_by_every_worker(
    tree: Tree, directory: FederationResolver, older: str
) -> None:
    early = tree.clock.now()
    tree.clock.forward(minutes=3 if older == "statement" else 11)
    newer = tree.chain(POLICE, COUNTY, ANCHOR)
    mixed = (
        (newer[0], tree.statement(COUNTY, POLICE, early), *newer[2:])
        if older == "statement"
        else (tree.configuration(POLICE, early), *newer[1:])
    )
    assert show(tree, directory, *newer).entity_id == POLICE
    for worker in (directory, tree.directory()):
        with pytest.raises(RolledBack):
            show(tree, worker, *mixed)


@pytest.mark.holds("A28")
def test_a_shown_chain_from_before_its_intermediate_was_ended_is_refused(
    tree: Tree, directory: FederationResolver
) -> None:
    directory.resolve(POLICE, now=tree.clock.now())
    tree.clock.forward(minutes=4)
    tree.add(HOUSING, COUNTY)
    chain = tree.chain(HOUSING, COUNTY, ANCHOR)  # newer than any statement that was seen
    tree.clock.forward(minutes=1)
    tree.entities[ANCHOR].below.discard(COUNTY)
    with pytest.raises(NotVouchedFor):
        directory.resolve(POLICE, now=tree.clock.now())
    with pytest.raises(RolledBack):
        show(tree, directory, *chain, entity=HOUSING)


def test_what_its_superior_denied_is_not_revived_by_the_chain_that_it_showed(
    tree: Tree, directory: FederationResolver
) -> None:
    chain = tree.chain(POLICE, COUNTY, ANCHOR)
    tree.clock.forward(seconds=1)
    assert show(tree, directory, *chain).entity_id == POLICE
    tree.entities[COUNTY].below.discard(POLICE)
    unknown = LocalSigner.generate(KeyUse.MESSAGE).kid
    with pytest.raises(NotVouchedFor):
        directory.refresh_keys(POLICE, unknown, now=tree.clock.now())
    with pytest.raises(Untrusted):
        directory.resolve(POLICE, now=tree.clock.now())
    for worker in (directory, tree.directory()):
        with pytest.raises(RolledBack):
            show(tree, worker, *chain)


# ---- what is shown in another's name


@pytest.mark.holds("A30")
def test_anothers_chain_or_pieces_of_two_are_refused(tree: Tree, directory: FederationResolver) -> None:
    tree.add(HOUSING, ANCHOR)
    police, housing = tree.chain(POLICE, COUNTY, ANCHOR), tree.chain(HOUSING, ANCHOR)
    for chain in (housing, [police[0], *housing[1:]], [housing[0], *police[1:]], [*police[:2], housing[-1]]):
        with pytest.raises(TrustError):
            show(tree, directory, *chain)
    assert show(tree, directory, *police).entity_id == POLICE


@pytest.mark.holds("A41")
def test_keys_that_a_party_shows_for_itself_are_worth_nothing(tree: Tree, directory: FederationResolver) -> None:
    chain = tree.chain(POLICE, COUNTY, ANCHOR)
    tree.entities[POLICE].keys = Keys()
    own = tree.configuration(POLICE)
    with pytest.raises(TrustError):
        show(tree, directory, own, *chain[1:])


@pytest.mark.holds("A31")
@pytest.mark.parametrize("place", range(4))
def test_a_chain_with_a_statement_from_the_future_is_refused_and_the_next_good_one_accepted(
    tree: Tree, directory: FederationResolver, place: int
) -> None:
    chain, ahead = tree.chain(POLICE, COUNTY, ANCHOR), tree.clock.now() + timedelta(hours=1)
    chain[place] = (
        tree.configuration(POLICE, ahead),
        tree.statement(COUNTY, POLICE, ahead),
        tree.statement(ANCHOR, COUNTY, ahead),
        tree.configuration(ANCHOR, ahead),
    )[place]
    with pytest.raises(TrustError):
        show(tree, directory, *chain)
    tree.clock.forward(minutes=1)
    assert show(tree, directory).entity_id == POLICE


# ---- its marks


def test_a_revoked_mark_does_not_count_for_a_party_that_shows_a_young_chain_each_time(
    tree: Tree, directory: FederationResolver
) -> None:
    tree.required_marks = frozenset({ASSURED})
    anchor = tree.entities[ANCHOR]
    anchor.mark_issuers = {ASSURED: (ANCHOR,)}
    draft = MarkDraft(issuer=ANCHOR, subject=POLICE, mark_type=ASSURED, issued_at=tree.clock.now())
    mark = build_trust_mark(draft, anchor.keys.signer(KeyUse.FEDERATION))
    tree.entities[POLICE].marks = (StatedMark(mark_type=ASSURED, raw=mark),)
    assert [found.raw for found in show(tree, directory).marks] == [mark]
    anchor.revoked.add(mark)
    tree.clock.forward(minutes=5)
    assert show(tree, directory).marks == ()
    newcomer = tree.directory()
    assert show(tree, newcomer).marks == ()
