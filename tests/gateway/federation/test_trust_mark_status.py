"""The answers of the issuers of trust marks at each refresh, and the meaning of their silence."""

from collections.abc import Callable

import pytest

from gateway.ports import PeerRequest, PeerResponse
from tests.simulator.town import ANCHOR, COUNTY, POLICE
from tests.simulator.tree import Tree, answered
from trust.federation.trust_mark import MarkDraft, StatedMark, build_trust_mark, data_protection_mark
from trust.identifiers import EntityId
from trust.keys import KeyUse

ASSURED = data_protection_mark(ANCHOR)
STATUS = "/federation/v1/trust-mark-status"


@pytest.fixture
def demanding(tree: Tree) -> Tree:
    """Give the tree where an agreement demands a mark that the anchor or the county may issue."""
    tree.required_marks = frozenset({ASSURED})
    tree.entities[ANCHOR].mark_issuers = {ASSURED: (ANCHOR, COUNTY)}
    return tree


def mark(tree: Tree, issuer: EntityId = ANCHOR) -> bytes:
    draft = MarkDraft(issuer=issuer, subject=POLICE, mark_type=ASSURED, issued_at=tree.clock.now())
    return build_trust_mark(draft, tree.entities[issuer].keys.signer(KeyUse.FEDERATION))


def show(tree: Tree, *marks: bytes) -> None:
    tree.entities[POLICE].marks = tuple(StatedMark(mark_type=ASSURED, raw=raw) for raw in marks)


def counting(tree: Tree) -> list[bytes]:
    """Ask again, and give the marks that count then; another worker, with the same store, counts the same."""
    tree.clock.forward(minutes=5)
    found = [each.raw for each in tree.directory().resolve(POLICE, now=tree.clock.now()).marks]
    assert found == [each.raw for each in tree.directory().resolve(POLICE, now=tree.clock.now()).marks]
    return found


def absent(_request: PeerRequest) -> PeerResponse:
    return PeerResponse(status=503, content_type="application/json", headers={}, body=b"{}")


def another_error(_request: PeerRequest) -> PeerResponse:
    return PeerResponse(status=400, content_type="application/json", headers={}, body=b'{"error":"invalid_request"}')


def nonsense(request: PeerRequest) -> PeerResponse:
    return answered(b"x", request.accept)


@pytest.mark.parametrize("said", [absent, another_error, nonsense])
def test_no_answer_revokes_nothing_and_unrevokes_nothing(
    demanding: Tree, said: Callable[[PeerRequest], PeerResponse]
) -> None:
    first, second = mark(demanding), mark(demanding, COUNTY)
    show(demanding, first, second)
    demanding.entities[ANCHOR].revoked.add(first)
    assert counting(demanding) == [second]
    for issuer in (ANCHOR, COUNTY):
        demanding.said[issuer + STATUS] = said
    assert counting(demanding) == [second]


def test_a_mark_that_its_issuer_does_not_know_counts_for_nothing_while_it_says_so(demanding: Tree) -> None:
    raw = mark(demanding)
    show(demanding, raw)
    assert counting(demanding) == [raw]
    demanding.said[ANCHOR + STATUS] = lambda _request: demanding.not_found()
    assert counting(demanding) == []
    assert ("mark_inactive", POLICE) in demanding.notices
    demanding.said[ANCHOR + STATUS] = absent
    assert counting(demanding) == []
    del demanding.said[ANCHOR + STATUS]
    assert counting(demanding) == [raw]


def test_what_was_revoked_stays_so_though_its_issuer_forgets_it(demanding: Tree) -> None:
    raw = mark(demanding)
    show(demanding, raw)
    demanding.entities[ANCHOR].revoked.add(raw)
    assert counting(demanding) == []
    demanding.entities[ANCHOR].revoked.clear()
    assert counting(demanding) == []


def test_a_mark_of_an_intermediate_is_asked_about_at_the_intermediate(demanding: Tree) -> None:
    raw = mark(demanding, COUNTY)
    show(demanding, raw)
    assert counting(demanding) == [raw]
    demanding.entities[COUNTY].revoked.add(raw)
    assert counting(demanding) == []
