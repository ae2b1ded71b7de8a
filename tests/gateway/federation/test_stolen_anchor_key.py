"""Once an anchor's keys are replaced, a thief's entries in its log are gone and the anchor's own stand."""

import pytest

from gateway.federation.fetch import SUSPENSIONS_PATH
from gateway.federation.resolver import FederationResolver
from gateway.federation.suspensions import Suspended
from gateway.ports import PeerRequest, PeerResponse
from tests.simulator.federation import Keys
from tests.simulator.town import ANCHOR, POLICE
from tests.simulator.tree import Tree, answered
from trust import strict_json
from trust.federation.anchor_keys import AnchorKeys, build_anchor_keys
from trust.federation.suspension import Suspension, SuspensionState, build_suspension
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse, Signer

HOUSING = EntityId("https://housing.example")
SCHOOL = EntityId("https://school.example")
RULED = SuspensionState.SUSPENDED
BACK = SuspensionState.ACTIVE


class Theft:
    """The anchor's key is stolen after it ruled on the police, and the thief signs what follows in its log."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        for entity in (HOUSING, SCHOOL):
            tree.add(entity, ANCHOR)
        self.directory = tree.directory()
        for entity in (POLICE, HOUSING, SCHOOL):
            self.directory.resolve(entity, now=tree.clock.now())
        tree.entities[ANCHOR].log.append((POLICE, RULED))
        self.hear(HOUSING, 1)
        self.stolen = tree.entities[ANCHOR].keys.signer(KeyUse.FEDERATION)

    def hear(self, teller: EntityId, seq: int) -> None:
        self.tree.clock.forward(seconds=46)
        self.directory.note_suspensions(teller, {ANCHOR: seq}, now=self.tree.clock.now())

    def forged(self, seq: int, subject: EntityId, state: SuspensionState) -> bytes:
        made = Suspension(issuer=ANCHOR, subject=subject, seq=seq, state=state, issued_at=self.tree.clock.now())
        return build_suspension(made, self.stolen)

    def thief_relays(self, *entries: bytes) -> None:
        """Have the thief's helper hand on entries while the anchor cannot be reached."""
        self.tree.down.add(ANCHOR)
        self.tree.said[SCHOOL + SUSPENSIONS_PATH] = lambda request: _after(request, entries)
        self.hear(SCHOOL, 1 + len(entries))
        self.tree.down.discard(ANCHOR)

    def thief_writes(self) -> None:
        """Have him readmit the police, and suspend an honest member."""
        self.thief_relays(self.forged(2, POLICE, BACK), self.forged(3, HOUSING, RULED))
        assert self.held == 3
        assert self.trusts(POLICE)
        assert not self.trusts(HOUSING)

    def recover(self, *, silent: bool) -> None:
        """Replace the anchor's keys, which the node learns at once, and its log only where it is not ``silent``."""
        self.tree.replace_anchor_keys(1)
        if silent:
            self.tree.said[ANCHOR + SUSPENSIONS_PATH] = lambda _request: Tree.not_found()
        self.tree.clock.forward(minutes=5)
        self.directory.catch_up(now=self.tree.clock.now())

    @property
    def held(self) -> int:
        return self.directory.suspension_seqs(now=self.tree.clock.now()).get(ANCHOR, 0)

    def trusts(self, entity: EntityId) -> bool:
        try:
            self.directory.resolve(entity, now=self.tree.clock.now())
        except Suspended:
            return False
        return True


def _after(request: PeerRequest, entries: tuple[bytes, ...]) -> PeerResponse:
    """Answer with a log from its second entry on."""
    told = entries[max(int(request.url.rpartition("after=")[2]) - 1, 0) :]
    return answered(strict_json.dumps({"suspensions": [each.decode() for each in told]}), "application/json")


@pytest.fixture
def theft(tree: Tree) -> Theft:
    return Theft(tree)


def test_what_a_thief_wrote_is_replaced_by_the_anchors_own_log(theft: Theft) -> None:
    theft.thief_writes()
    theft.tree.entities[ANCHOR].log.append((SCHOOL, RULED))  # under a number that the thief has taken
    theft.recover(silent=False)
    assert theft.held == 2
    assert [theft.trusts(each) for each in (POLICE, HOUSING, SCHOOL)] == [False, True, False]
    theft.directory = theft.tree.directory()  # a restart
    assert theft.held == 2
    assert [theft.trusts(each) for each in (POLICE, HOUSING, SCHOOL)] == [False, True, False]
    theft.tree.entities[ANCHOR].log.append((SCHOOL, BACK))
    theft.hear(HOUSING, 3)
    assert theft.trusts(SCHOOL)


def test_until_the_new_log_is_there_no_suspended_member_is_back(theft: Theft) -> None:
    theft.thief_writes()
    theft.recover(silent=True)
    for _ in range(3):
        assert theft.held == 0
        assert not theft.trusts(POLICE)  # the thief's readmission counts for nothing, the suspension before it does
        theft.tree.clock.forward(minutes=1)
        theft.directory.catch_up(now=theft.tree.clock.now())
        theft.directory = theft.tree.directory()
    theft.tree.said.clear()
    theft.directory.catch_up(now=theft.tree.clock.now())
    assert [theft.trusts(each) for each in (POLICE, HOUSING)] == [False, True]


def test_the_log_is_asked_for_within_a_minute_though_it_was_asked_for_just_before(theft: Theft) -> None:
    theft.thief_writes()
    theft.recover(silent=True)
    theft.tree.said.clear()
    theft.tree.clock.forward(minutes=1)
    theft.directory.catch_up(now=theft.tree.clock.now())
    assert theft.held == 1
    assert theft.trusts(HOUSING)


def test_a_peer_that_shows_only_the_beginning_ends_no_suspension(theft: Theft) -> None:
    theft.tree.entities[ANCHOR].log.append((SCHOOL, RULED))
    theft.hear(HOUSING, 2)
    theft.recover(silent=True)
    first = theft.tree.suspension(ANCHOR, 1)
    theft.tree.said[HOUSING + SUSPENSIONS_PATH] = lambda request: _after(
        request, (first,) if request.url.endswith("after=0") else ()
    )
    theft.hear(HOUSING, 2)
    assert theft.held == 1
    assert [theft.trusts(each) for each in (POLICE, SCHOOL)] == [False, False]


def test_a_peer_does_not_bring_back_what_the_stolen_key_signed(theft: Theft) -> None:
    theft.recover(silent=False)
    assert theft.held == 1
    theft.thief_relays(theft.forged(2, POLICE, BACK), theft.forged(3, HOUSING, RULED))
    assert ("suspensions_refused", ANCHOR) in theft.tree.notices
    assert theft.held == 1
    assert [theft.trusts(each) for each in (POLICE, HOUSING)] == [False, True]


def test_a_worker_that_looked_before_the_replacement_stores_nothing_by_the_stolen_key(theft: Theft) -> None:
    """It verifies with the keys of a second ago; what it then stores is held against those of now."""
    late: FederationResolver = theft.tree.directory()
    late.suspension_seqs(now=theft.tree.clock.now())
    entries = (theft.forged(2, POLICE, BACK),)

    def answer(request: PeerRequest) -> PeerResponse:
        theft.recover(silent=False)
        theft.tree.clock.moment = at
        theft.tree.down.add(ANCHOR)  # or the worker would hear from it at once what is right
        return _after(request, entries)

    at = theft.tree.clock.now()
    theft.tree.said[SCHOOL + SUSPENSIONS_PATH] = answer
    late.note_suspensions(SCHOOL, {ANCHOR: 2}, now=at)
    theft.tree.clock.forward(minutes=6)
    assert theft.held == 1
    assert not theft.trusts(POLICE)


def announce(tree: Tree, seq: int, *signers: Signer) -> None:
    keys = KeySet.of(KeyUse.FEDERATION, [signer.public for signer in signers])
    document = AnchorKeys(anchor=ANCHOR, seq=seq, keys=keys, issued_at=tree.clock.now())
    tree.entities[ANCHOR].keys_document = build_anchor_keys(document, tree.recovery)


def test_a_rotation_in_good_order_changes_no_standing(theft: Theft) -> None:
    tree, old, new = theft.tree, theft.stolen, Keys()
    tree.entities[ANCHOR].log += [(SCHOOL, RULED), (SCHOOL, BACK)]
    theft.hear(HOUSING, 3)
    announce(tree, 1, old, new.signer(KeyUse.FEDERATION))
    tree.clock.forward(minutes=5)
    theft.directory.catch_up(now=tree.clock.now())
    assert theft.held == 3
    tree.entities[ANCHOR].keys = new
    announce(tree, 2, new.signer(KeyUse.FEDERATION))
    tree.clock.forward(minutes=5)
    tree.notices.clear()
    theft.directory.catch_up(now=tree.clock.now())
    assert theft.held == 3
    assert [theft.trusts(each) for each in (POLICE, HOUSING, SCHOOL)] == [False, True, True]
    assert tree.notices == [("anchor_keys_replaced", ANCHOR)]  # no administrator hears of old suspensions again
