"""Statements that came in a file are held to what they would be held to had they been fetched; nothing is fetched."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gateway.federation.bundle_import import ImportPlan, ImportResult
from gateway.federation.freshness import Freshness
from gateway.federation.resolver import FederationResolver
from gateway.federation.suspensions import Suspended
from gateway.store.factory import open_store
from tests.simulator.federation import Keys
from tests.simulator.town import ANCHOR, COUNCIL, COUNTY, POLICE
from tests.simulator.tree import Tree
from tests.support.stores import make_store
from trust.errors import ChainRefused, Untrusted
from trust.federation.bundle import Bundle
from trust.federation.suspension import SuspensionState
from trust.keys import KeyUse, LocalSigner


class Far:
    """A node that reaches no other, and the files carried to it."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.directory: FederationResolver = tree.directory()
        tree.down |= set(tree.entities)

    @property
    def now(self) -> datetime:
        return self.tree.clock.now()

    def chains(self) -> tuple[tuple[bytes, ...], ...]:
        """Make the chains of the police and of the county as they stand now."""
        return tuple(self.tree.chain(POLICE, COUNTY, ANCHOR)), tuple(self.tree.chain(COUNTY, ANCHOR))

    def take(self, *chains: tuple[bytes, ...], keys: bytes | None = None, log: tuple[bytes, ...] = ()) -> ImportPlan:
        """Judge what is carried, take in what is good, and return the plan."""
        importer = self.directory.importer()
        bundle = Bundle(chains=chains, anchor_keys=() if keys is None else (keys,), suspensions=log)
        plan = importer.plan(bundle, now=self.now)
        assert importer.apply(plan, now=self.now) == []
        return plan

    def stage(self) -> Freshness | None:
        """Return how far the police are served."""
        return {standing.entity: standing.freshness for standing in self.directory.statuses(now=self.now)}[POLICE]


@pytest.fixture
def far(tree: Tree, tmp_path: Path) -> Iterator[Far]:
    make_store(tmp_path / "far")
    tree.store = open_store("sqlite:///node.db", base_dir=tmp_path / "far")
    yield Far(tree)
    tree.store.close()


def fates(plan: ImportPlan) -> list[ImportResult]:
    return [decision.result for decision in plan.decisions]


def reasons(plan: ImportPlan) -> str:
    return " ".join(decision.detail for decision in plan.refused())


def test_what_was_carried_is_trusted_without_any_fetch(far: Far) -> None:
    assert fates(far.take(*far.chains())) == [ImportResult.TAKEN, ImportResult.TAKEN]
    assert far.directory.resolve(POLICE, now=far.now).superiors == (COUNTY, ANCHOR)
    assert far.tree.fetched == []


def test_judging_alone_changes_nothing(far: Far) -> None:
    far.directory.importer().plan(Bundle(chains=far.chains()), now=far.now)
    assert far.directory.statuses(now=far.now) == ()


def test_the_same_file_again_is_held_already(far: Far) -> None:
    chains = far.chains()
    far.take(*chains)
    assert fates(far.take(*chains)) == [ImportResult.HELD, ImportResult.HELD]


def test_a_file_is_no_refresh(far: Far) -> None:
    far.take(*far.chains())
    far.tree.clock.forward(minutes=1)
    later = far.chains()
    far.tree.clock.forward(minutes=15)
    assert fates(far.take(*later)) == [ImportResult.TAKEN, ImportResult.TAKEN]
    assert far.stage() is Freshness.ALARM


def test_a_known_party_is_served_by_the_age_of_what_was_carried(far: Far) -> None:
    far.take(*far.chains())
    far.tree.clock.forward(hours=1)
    later = far.chains()
    far.tree.clock.forward(hours=25)
    assert fates(far.take(*later)) == [ImportResult.TAKEN, ImportResult.TAKEN]
    assert far.stage() is Freshness.URGENT_ONLY
    with pytest.raises(ChainRefused, match="too long ago for this"):
        far.directory.resolve(POLICE, now=far.now)


def test_an_unknown_entity_is_not_accepted_by_an_old_chain(far: Far) -> None:
    chains = far.chains()
    far.tree.clock.forward(minutes=15)
    plan = far.take(*chains)
    assert fates(plan) == [ImportResult.REFUSED, ImportResult.REFUSED]
    assert "https://police.example is not known here" in reasons(plan)
    with pytest.raises(Untrusted):
        far.directory.resolve(POLICE, now=far.now)


@pytest.mark.holds("A28")
def test_an_older_file_changes_nothing(far: Far) -> None:
    older = far.chains()
    far.tree.clock.forward(minutes=20)
    far.take(*far.chains())
    plan = far.take(*older)
    assert fates(plan) == [ImportResult.REFUSED, ImportResult.REFUSED]
    assert "older than one already accepted" in reasons(plan)
    assert far.stage() is Freshness.NORMAL


def test_a_file_from_before_the_superior_said_no_revives_no_entity(far: Far) -> None:
    chains = far.chains()
    far.take(*chains)
    far.tree.clock.forward(minutes=1)
    far.tree.down.clear()
    far.tree.suspend(COUNTY, POLICE)
    with pytest.raises(Untrusted):
        far.directory.refresh(POLICE, now=far.now)
    plan = far.take(*chains)
    assert plan.decisions[1].result is ImportResult.REFUSED
    with pytest.raises(Untrusted):
        far.directory.resolve(POLICE, now=far.now)


def test_a_file_from_before_an_intermediate_ended_lets_no_entity_in_below_it(far: Far) -> None:
    far.take(*far.chains())
    council = tuple(far.tree.chain(COUNCIL, COUNTY, ANCHOR))
    far.tree.clock.forward(minutes=1)
    far.tree.down.clear()
    far.tree.suspend(ANCHOR, COUNTY)
    with pytest.raises(Untrusted):
        far.directory.refresh(COUNTY, now=far.now)
    assert fates(far.take(council)) == [ImportResult.REFUSED]


@pytest.mark.parametrize("place", range(4))
def test_a_forged_statement_refuses_its_chain_and_no_other(far: Far, place: int) -> None:
    police, county = far.chains()
    forged = list(police)
    head, _, signature = forged[place].rpartition(b".")
    forged[place] = head + b"." + signature[:-8] + (b"AAAAAAAA" if signature[-8:] != b"AAAAAAAA" else b"BBBBBBBB")
    plan = far.take(tuple(forged), county)
    assert {decision.about: decision.result for decision in plan.decisions} == {
        COUNTY: ImportResult.TAKEN,
        POLICE: ImportResult.REFUSED,
    }


def test_a_foreign_anchor_vouches_for_no_entity(far: Far) -> None:
    far.tree.entities[ANCHOR].keys = Keys()
    plan = far.take(*far.chains())
    assert fates(plan) == [ImportResult.REFUSED, ImportResult.REFUSED]
    assert "not pinned here" in reasons(plan)


@pytest.mark.holds("A30")
def test_pieces_of_different_chains_are_no_chain(far: Far) -> None:
    police, county = far.chains()
    council = tuple(far.tree.chain(COUNCIL, COUNTY, ANCHOR))
    plan = far.take((police[0], council[1], *police[2:]), (council[0], *county[1:]))
    assert fates(plan) == [ImportResult.REFUSED, ImportResult.REFUSED]


@pytest.mark.holds("A31")
def test_a_statement_of_tomorrow_is_refused_and_todays_is_taken_after_it(far: Far) -> None:
    police, county = far.chains()
    ahead = (police[0], far.tree.statement(COUNTY, POLICE, far.now + timedelta(days=1)), *police[2:])
    assert fates(far.take(ahead)) == [ImportResult.REFUSED]
    assert fates(far.take(police, county)) == [ImportResult.TAKEN, ImportResult.TAKEN]


def test_what_has_expired_is_refused(far: Far) -> None:
    far.take(*far.chains())
    far.tree.clock.forward(minutes=1)
    later = far.chains()
    far.tree.clock.forward(hours=121)
    assert fates(far.take(*later)) == [ImportResult.REFUSED, ImportResult.REFUSED]


def test_a_chain_without_the_anchors_own_word_is_refused(far: Far) -> None:
    police, _ = far.chains()
    assert fates(far.take(police[:-1])) == [ImportResult.REFUSED]


def test_an_empty_chain_is_refused(far: Far) -> None:
    assert fates(far.take(())) == [ImportResult.REFUSED]


def test_a_suspension_that_was_carried_is_honoured_at_once(far: Far) -> None:
    chains = far.chains()
    far.take(*chains)
    far.tree.suspend(COUNTY, POLICE)
    plan = far.take(log=(far.tree.suspension(COUNTY, 1),))
    assert [decision.detail for decision in plan.decisions] == [f"suspended by {COUNTY}, number 1"]
    with pytest.raises(ChainRefused, match="suspended"):
        far.directory.resolve(POLICE, now=far.now)


def test_a_log_is_taken_in_without_a_gap_and_once(far: Far) -> None:
    far.take(*far.chains())
    for state in (SuspensionState.SUSPENDED, SuspensionState.ACTIVE, SuspensionState.SUSPENDED):
        far.tree.suspend(COUNTY, POLICE, state)
    first, second, third = (far.tree.suspension(COUNTY, seq) for seq in (1, 2, 3))
    plan = far.take(log=(first, third))
    assert fates(plan) == [ImportResult.TAKEN, ImportResult.REFUSED]
    assert "Entry 2" in reasons(plan)
    assert fates(far.take(log=(first, second, third))) == [ImportResult.HELD, ImportResult.TAKEN, ImportResult.TAKEN]


def test_no_authority_suspends_in_anothers_name(far: Far) -> None:
    far.take(*far.chains())
    far.tree.suspend(COUNTY, POLICE)
    far.tree.entities[COUNTY].keys = Keys()
    plan = far.take(log=(far.tree.suspension(COUNTY, 1),))
    assert fates(plan) == [ImportResult.REFUSED]
    far.directory.resolve(POLICE, now=far.now)


def test_the_log_of_an_unknown_authority_is_refused(far: Far) -> None:
    far.tree.suspend(COUNTY, POLICE)
    plan = far.take(log=(far.tree.suspension(COUNTY, 1),))
    assert "No known authority vouches for https://county.example" in reasons(plan)


def test_an_anchors_new_keys_come_before_what_they_signed(far: Far) -> None:
    far.take(*far.chains())
    far.tree.clock.forward(minutes=1)
    far.tree.replace_anchor_keys(1)
    document = far.tree.entities[ANCHOR].keys_document
    plan = far.take(*far.chains(), keys=document)
    assert fates(plan) == [ImportResult.TAKEN, ImportResult.TAKEN, ImportResult.TAKEN]
    assert far.directory.resolve(POLICE, now=far.now).anchor == ANCHOR
    assert fates(far.take(keys=document)) == [ImportResult.HELD]


def test_a_log_that_a_thief_went_on_with_is_replaced_by_the_one_carried_with_the_new_keys(far: Far) -> None:
    far.tree.entities[ANCHOR].log += [(POLICE, SuspensionState.SUSPENDED), (POLICE, SuspensionState.ACTIVE)]
    forged = tuple(far.tree.suspension(ANCHOR, seq) for seq in (1, 2))
    far.take(*far.chains(), log=forged)
    far.directory.resolve(POLICE, now=far.now)
    far.tree.entities[ANCHOR].log[1:] = [(COUNTY, SuspensionState.SUSPENDED)]
    far.tree.replace_anchor_keys(1)
    far.tree.clock.forward(minutes=1)
    document = far.tree.entities[ANCHOR].keys_document
    log = (*forged, *(far.tree.suspension(ANCHOR, seq) for seq in (1, 2)))
    plan = far.take(*far.chains(), keys=document, log=log)
    assert fates(plan) == [*[ImportResult.TAKEN] * 3, *[ImportResult.REFUSED] * 2, *[ImportResult.TAKEN] * 2]
    assert far.directory.suspension_seqs(now=far.now) == {ANCHOR: 2}
    with pytest.raises(Suspended):
        far.directory.resolve(POLICE, now=far.now)


def test_older_keys_of_an_anchor_do_not_come_back(far: Far) -> None:
    far.tree.replace_anchor_keys(1)
    older = far.tree.entities[ANCHOR].keys_document
    far.tree.replace_anchor_keys(2)
    far.take(keys=far.tree.entities[ANCHOR].keys_document)
    plan = far.take(keys=older)
    assert fates(plan) == [ImportResult.REFUSED]
    assert "under number 2" in reasons(plan)


def test_only_the_pinned_recovery_key_replaces_an_anchors_keys(far: Far) -> None:
    far.tree.replace_anchor_keys(1, by=LocalSigner.generate(KeyUse.RECOVERY))
    plan = far.take(*far.chains(), keys=far.tree.entities[ANCHOR].keys_document)
    assert fates(plan) == [ImportResult.REFUSED] * 3


def test_what_became_known_meanwhile_is_not_undone(far: Far) -> None:
    importer = far.directory.importer()
    plan = importer.plan(Bundle(chains=far.chains()), now=far.now)
    far.tree.clock.forward(minutes=1)
    newer = far.now
    far.take(*far.chains())
    far.tree.clock.forward(minutes=6)
    late = importer.apply(plan, now=far.now)
    assert [decision.result for decision in late] == [ImportResult.REFUSED, ImportResult.REFUSED]
    assert far.directory.resolve(POLICE, now=far.now).refreshed_at == newer
