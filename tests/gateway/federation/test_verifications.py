"""Each trust document is verified once: verified values travel through a refresh, never bytes to open again."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.federation.fetch import CONFIGURATION_PATH
from gateway.federation.resolver import FederationResolver
from tests.simulator.town import ANCHOR, COUNCIL, COUNTY, POLICE
from tests.simulator.tree import Tree, answered
from trust import jose
from trust.federation.bundle import Bundle
from trust.federation.entity_statement import build_entity_configuration
from trust.federation.trust_mark import MarkDraft, StatedMark, build_trust_mark
from trust.identifiers import EntityId
from trust.keys import KeyUse

INSPECTOR = EntityId("https://inspector.example")
INSPECTED = f"{INSPECTOR}/marks/inspected"

Verifications = Callable[[Callable[[], object]], Counter[bytes]]


@pytest.fixture
def verifications(monkeypatch: pytest.MonkeyPatch) -> Verifications:
    """Return a function that counts the signatures that some work verifies, by what they sign."""
    counted: Counter[bytes] = Counter()
    verify = jose._stands

    def count(parts: jose._Parts, key: object) -> bool:
        counted[parts.signing_input] += 1
        return verify(parts, key)  # type: ignore[arg-type]

    def during(work: Callable[[], object]) -> Counter[bytes]:
        counted.clear()
        work()
        return Counter(counted)

    monkeypatch.setattr(jose, "_stands", count)
    return during


@pytest.fixture
def resolver(tree: Tree) -> FederationResolver:
    return tree.directory()


def refresh(tree: Tree, resolver: FederationResolver) -> None:
    resolver.refresh(POLICE, now=tree.clock.now())


def test_a_discovery_verifies_each_document_once(
    tree: Tree, resolver: FederationResolver, verifications: Verifications
) -> None:
    counted = verifications(lambda: resolver.resolve(POLICE, now=tree.clock.now()))
    assert sorted(counted.values()) == [1] * 5  # the anchor, two statements, the intermediate, the entity


def test_a_refresh_verifies_each_document_that_it_fetched_once_and_no_other(
    tree: Tree, resolver: FederationResolver, verifications: Verifications
) -> None:
    refresh(tree, resolver)
    assert sorted(verifications(lambda: refresh(tree, resolver)).values()) == [1] * 2  # the superior above is fresh
    tree.clock.forward(minutes=6)
    assert sorted(verifications(lambda: refresh(tree, resolver)).values()) == [1] * 5


def test_an_entity_that_does_not_answer_has_its_cached_configuration_verified_no_second_time(
    tree: Tree, resolver: FederationResolver, verifications: Verifications
) -> None:
    refresh(tree, resolver)
    tree.clock.forward(minutes=6)
    tree.down.add(POLICE)
    assert sorted(verifications(lambda: refresh(tree, resolver)).values()) == [1] * 4


def test_a_cached_configuration_that_has_expired_gives_way_to_an_older_one(
    tree: Tree, resolver: FederationResolver
) -> None:
    """Each process of an entity signs its own, so the one that answers may have signed earlier, and for longer."""
    made_at, signer = tree.clock.now(), tree.entities[POLICE].keys.signer(KeyUse.FEDERATION)
    brief = replace(tree._draft(POLICE, None), expires_at=made_at + timedelta(minutes=6))
    brief = replace(brief, metadata=tree._metadata(tree.entities[POLICE]))
    earlier = tree.configuration(POLICE, made_at - timedelta(minutes=1))
    answers = [build_entity_configuration(brief, signer, authority_hints=(COUNTY,)), earlier]
    tree.said[POLICE + CONFIGURATION_PATH] = lambda request: answered(answers.pop(0), request.accept)
    refresh(tree, resolver)
    tree.clock.forward(minutes=7)
    assert resolver.refresh(POLICE, now=tree.clock.now()).expires_at > made_at + timedelta(hours=1)


def test_another_worker_verifies_a_stored_chain_once(tree: Tree, verifications: Verifications) -> None:
    refresh(tree, tree.directory())
    worker = tree.directory()
    assert sorted(verifications(lambda: worker.resolve(POLICE, now=tree.clock.now())).values()) == [1] * 4
    assert not verifications(lambda: worker.resolve(POLICE, now=tree.clock.now()))


def test_a_changed_key_of_an_anchor_has_no_chain_verified_again_but_its_links_checked(
    tree: Tree, resolver: FederationResolver, verifications: Verifications
) -> None:
    refresh(tree, resolver)
    tree.replace_anchor_keys(1)
    tree.clock.forward(minutes=6)
    counted = verifications(lambda: resolver.catch_up(now=tree.clock.now()))
    assert max(counted.values()) == 1
    chains = {status.entity: status.trusted for status in resolver.statuses(now=tree.clock.now())}
    assert chains[POLICE] is None  # the county's was refreshed, to ask it for its suspensions
    assert chains[COUNTY] is not None


def test_a_presented_chain_is_verified_once(
    tree: Tree, resolver: FederationResolver, verifications: Verifications
) -> None:
    chain = tree.chain(POLICE, COUNTY, ANCHOR)
    counted = verifications(lambda: resolver.resolve_presented(POLICE, chain, now=tree.clock.now()))
    assert sorted(counted.values()) == [1] * 4
    assert not verifications(lambda: resolver.resolve_presented(POLICE, chain, now=tree.clock.now()))


def test_an_imported_chain_is_verified_once_for_the_plan_and_the_import(
    tree: Tree, resolver: FederationResolver, verifications: Verifications
) -> None:
    bundle = Bundle(chains=(tuple(tree.chain(POLICE, COUNTY, ANCHOR)),))
    importer, now = resolver.importer(), tree.clock.now()
    counted = verifications(lambda: importer.apply(importer.plan(bundle, now=now), now=now))
    assert sorted(counted.values()) == [1] * 4


def test_trust_marks_and_their_status_are_verified_once_too(tree: Tree, verifications: Verifications) -> None:
    """The issuer stands outside the chain, so the marks are evaluated again once its keys are known."""
    tree.add(INSPECTOR, ANCHOR)
    tree.add(EntityId("https://inspected.example"), INSPECTOR)
    tree.required_marks = frozenset({INSPECTED})
    tree.entities[ANCHOR].mark_issuers = {INSPECTED: (INSPECTOR,)}
    signer = tree.entities[INSPECTOR].keys.signer(KeyUse.FEDERATION)
    draft = MarkDraft(issuer=INSPECTOR, subject=POLICE, mark_type=INSPECTED, issued_at=tree.clock.now())
    tree.entities[POLICE].marks = (StatedMark(mark_type=INSPECTED, raw=build_trust_mark(draft, signer)),)
    resolver = tree.directory()
    for _ in range(3):
        counted = verifications(lambda: refresh(tree, resolver))
        assert set(counted.values()) == {1}
        assert [mark.mark_type for mark in resolver.resolve(POLICE, now=tree.clock.now()).marks] == [INSPECTED]
        tree.clock.forward(minutes=6)


def test_the_own_entity_is_refreshed_like_any_other(
    tree: Tree, resolver: FederationResolver, verifications: Verifications
) -> None:
    resolver.resolve(COUNCIL, now=tree.clock.now())
    tree.clock.forward(minutes=6)
    counted = verifications(lambda: resolver.refresh(COUNCIL, now=tree.clock.now()))
    assert sorted(counted.values()) == [1] * 5
