"""A revoked mark never counts, with any marks beside it, and in any form of its signature."""

from datetime import timedelta

import pytest

from gateway.federation.resolver import FederationResolver
from gateway.federation.trust_mark_status import MAX_CHECKED
from gateway.ports import PeerRequest, PeerResponse, TransportError
from tests.simulator.federation import Keys
from tests.simulator.town import ANCHOR, POLICE
from tests.simulator.tree import Tree
from tests.support.forge import twin
from trust.federation.trust_mark import MarkDraft, StatedMark, build_trust_mark, data_protection_mark
from trust.keys import KeyUse, Signer

ASSURED = data_protection_mark(ANCHOR)


@pytest.fixture
def directory(tree: Tree) -> FederationResolver:
    tree.required_marks = frozenset({ASSURED})
    tree.entities[ANCHOR].mark_issuers = {ASSURED: (ANCHOR,)}
    return tree.directory()


def mark(tree: Tree, *, minutes: int = 0, mark_type: str = ASSURED, signer: Signer | None = None) -> bytes:
    issued_at = tree.clock.now() - timedelta(minutes=minutes)
    draft = MarkDraft(issuer=ANCHOR, subject=POLICE, mark_type=mark_type, issued_at=issued_at)
    return build_trust_mark(draft, signer or tree.entities[ANCHOR].keys.signer(KeyUse.FEDERATION))


def lists(tree: Tree, *marks: bytes, mark_type: str = ASSURED) -> None:
    tree.entities[POLICE].marks = tuple(StatedMark(mark_type=mark_type, raw=each) for each in marks)


def counting(tree: Tree, directory: FederationResolver) -> list[bytes]:
    return [each.raw for each in directory.resolve(POLICE, now=tree.clock.now()).marks]


def silent(_request: PeerRequest) -> PeerResponse:
    raise TransportError("no answer")


def test_worthless_marks_listed_first_do_not_keep_a_revoked_one_from_being_asked_about(
    tree: Tree, directory: FederationResolver
) -> None:
    forger, genuine = Keys().signer(KeyUse.FEDERATION), mark(tree)
    tree.entities[ANCHOR].revoked.add(genuine)
    lists(tree, *(mark(tree, minutes=place, signer=forger) for place in range(3 * MAX_CHECKED)), genuine)
    assert counting(tree, directory) == []


def test_older_marks_of_the_type_do_not_stand_in_for_a_newer_one_that_was_revoked(
    tree: Tree, directory: FederationResolver
) -> None:
    every = [mark(tree, minutes=place) for place in range(3 * MAX_CHECKED)]
    tree.entities[ANCHOR].revoked.update(every)
    lists(tree, *every)
    assert counting(tree, directory) == []


def test_of_many_marks_each_is_asked_about_within_a_few_refreshes(tree: Tree) -> None:
    types = [f"{ANCHOR}/marks/agreement/{number}" for number in range(3 * MAX_CHECKED)]
    tree.required_marks = frozenset(types)
    tree.entities[ANCHOR].mark_issuers = dict.fromkeys(types, (ANCHOR,))
    directory = tree.directory()
    every = [StatedMark(mark_type=each, raw=mark(tree, mark_type=each)) for each in types]
    tree.entities[POLICE].marks = tuple(every)
    tree.entities[ANCHOR].revoked.update(each.raw for each in every)
    for _ in range(4):
        counting(tree, directory)
        tree.clock.forward(minutes=5)
    assert counting(tree, directory) == []


def test_another_signature_over_a_revoked_mark_does_not_revive_it_while_its_issuer_is_silent(
    tree: Tree, directory: FederationResolver
) -> None:
    genuine = mark(tree)
    tree.entities[ANCHOR].revoked.add(genuine)
    lists(tree, genuine)
    assert counting(tree, directory) == []
    tree.said[ANCHOR + "/federation/v1/trust-mark-status"] = silent
    lists(tree, twin(genuine))
    tree.clock.forward(minutes=5)
    assert counting(tree, directory) == []
