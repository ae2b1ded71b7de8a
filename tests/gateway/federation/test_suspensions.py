"""A suspended member is refused: by the next refresh, at once if a peer relays it, with any chain it presents."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from gateway.federation.fetch import NotVouchedFor
from gateway.federation.resolver import FederationResolver
from gateway.federation.suspension_relay import PULLS_OF_ONE_A_MINUTE, SOURCES_A_ROUND
from gateway.federation.suspensions import Suspended
from gateway.ports import PeerRequest, PeerResponse
from tests.simulator.federation import Keys
from tests.simulator.town import ANCHOR, COUNCIL, COUNTY, POLICE
from tests.simulator.tree import Tree, answered
from trust import strict_json
from trust.errors import Untrusted
from trust.federation.suspension import Suspension, SuspensionState, build_suspension
from trust.identifiers import EntityId
from trust.keys import KeyUse

HOUSING = EntityId("https://housing.example")
SCHOOL = EntityId("https://school.example")
SUSPENSIONS = "/federation/v1/suspensions"


@pytest.fixture
def directory(tree: Tree) -> FederationResolver:
    """Give the council's directory, which knows the police below the county, and two others below the anchor."""
    for entity in (HOUSING, SCHOOL):
        tree.add(entity, ANCHOR)
    made = tree.directory()
    for entity in (POLICE, HOUSING, SCHOOL):
        made.resolve(entity, now=tree.clock.now())
    return made


def relays(tree: Tree, teller: EntityId, issuer: EntityId, *seqs: int) -> None:
    """Have a peer hand on some entries of an authority's log, or all of them."""

    def say(request: PeerRequest) -> PeerResponse:
        if f"iss={issuer.replace(':', '%3A').replace('/', '%2F')}" not in request.url:
            return entries()
        return entries(*(tree.suspension(issuer, seq) for seq in seqs)) if seqs else honest(tree, issuer, request)

    tree.said[teller + SUSPENSIONS] = say


def honest(tree: Tree, issuer: EntityId, request: PeerRequest) -> PeerResponse:
    return tree.suspensions(issuer, int(request.url.rpartition("after=")[2]))


def entries(*found: bytes) -> PeerResponse:
    return answered(strict_json.dumps({"suspensions": [entry.decode() for entry in found]}), "application/json")


def hear(tree: Tree, directory: FederationResolver, teller: EntityId, seqs: Mapping[EntityId, int]) -> None:
    directory.note_suspensions(teller, seqs, now=tree.clock.now())


def refused(tree: Tree, directory: FederationResolver, entity: EntityId, *shown: bytes) -> None:
    with pytest.raises(Suspended):
        directory.resolve(entity, now=tree.clock.now())
    with pytest.raises(Untrusted):
        directory.resolve_presented(entity, shown or tree.chain(entity, COUNTY, ANCHOR), now=tree.clock.now())


# ---- by refresh


@pytest.mark.parametrize("issuer", [COUNTY, ANCHOR])
def test_who_is_suspended_is_refused_by_the_refresh_after_five_minutes(
    tree: Tree, directory: FederationResolver, issuer: EntityId
) -> None:
    tree.suspend(issuer, POLICE if issuer == COUNTY else COUNTY)
    tree.clock.forward(minutes=4, seconds=59)
    assert directory.resolve(POLICE, now=tree.clock.now()).entity_id == POLICE
    tree.clock.forward(seconds=1)
    with pytest.raises(NotVouchedFor):
        directory.resolve(POLICE, now=tree.clock.now())


# ---- at once, by a peer


@pytest.mark.parametrize("state", [SuspensionState.SUSPENDED, SuspensionState.REMOVED])
@pytest.mark.parametrize(("issuer", "subject"), [(COUNTY, POLICE), (ANCHOR, COUNTY), (ANCHOR, POLICE)])
def test_a_suspension_that_a_peer_relays_is_honoured_at_once_and_by_every_worker(
    tree: Tree, directory: FederationResolver, issuer: EntityId, subject: EntityId, state: SuspensionState
) -> None:
    before = tree.chain(POLICE, COUNTY, ANCHOR)
    other = tree.directory()
    assert other.resolve(POLICE, now=tree.clock.now()).entity_id == POLICE
    tree.suspend(issuer, subject, state)
    tree.down |= {ANCHOR, COUNTY}  # only the peer is in reach
    relays(tree, HOUSING, issuer)
    hear(tree, directory, HOUSING, {issuer: 1})
    refused(tree, directory, POLICE, *before)
    assert directory.resolve(HOUSING, now=tree.clock.now()).entity_id == HOUSING
    refused(tree, tree.directory(), POLICE, *before)  # after a restart
    tree.clock.forward(seconds=1)
    refused(tree, other, POLICE, *before)


def test_a_node_that_never_met_the_suspended_refuses_it_with_its_old_chain(
    tree: Tree, directory: FederationResolver
) -> None:
    newcomer = EntityId("https://newcomer.example")
    tree.add(newcomer, COUNTY)
    before = tree.chain(newcomer, COUNTY, ANCHOR)
    tree.suspend(COUNTY, newcomer)
    relays(tree, HOUSING, COUNTY)
    hear(tree, directory, HOUSING, {COUNTY: 1})
    tree.fetched.clear()
    with pytest.raises(Suspended):  # the chain is younger than a refresh, so that no superior would be asked about it
        directory.resolve_presented(newcomer, before, now=tree.clock.now())
    assert tree.fetched == []


@pytest.mark.parametrize("minutes", [5, 14, 16, 60 * 24])
def test_an_old_chain_is_no_refresh_where_the_superior_says_no_since(tree: Tree, minutes: int) -> None:
    before = tree.chain(POLICE, COUNTY, ANCHOR)
    tree.suspend(COUNTY, POLICE)
    directory = tree.directory()
    tree.clock.forward(minutes=minutes)
    with pytest.raises(NotVouchedFor):
        directory.resolve_presented(POLICE, before, now=tree.clock.now())


def test_a_readmission_counts_only_with_its_number(tree: Tree, directory: FederationResolver) -> None:
    tree.suspend(COUNTY, POLICE)
    tree.suspend(COUNTY, POLICE, SuspensionState.ACTIVE)
    tree.down.add(COUNTY)
    relays(tree, HOUSING, COUNTY, 1)
    hear(tree, directory, HOUSING, {COUNTY: 2})
    refused(tree, directory, POLICE)
    relays(tree, HOUSING, COUNTY)
    tree.clock.forward(seconds=46)
    hear(tree, directory, HOUSING, {COUNTY: 2})
    assert directory.resolve(POLICE, now=tree.clock.now()).entity_id == POLICE


# ---- who lies about it


@pytest.mark.parametrize(
    "seqs", [(2,), (2, 1), (1, 3), (3, 2, 1)], ids=["a gap", "out of order", "a gap later", "backwards"]
)
def test_no_entry_is_taken_up_before_those_that_precede_it(
    tree: Tree, directory: FederationResolver, seqs: tuple[int, ...]
) -> None:
    for state in (SuspensionState.SUSPENDED, SuspensionState.ACTIVE, SuspensionState.SUSPENDED):
        tree.suspend(COUNTY, POLICE, state)
    tree.down.add(COUNTY)
    relays(tree, HOUSING, COUNTY, *seqs)
    hear(tree, directory, HOUSING, {COUNTY: 3})
    assert directory.suspension_seqs(now=tree.clock.now()).get(COUNTY, 0) == (1 if seqs[0] == 1 else 0)


def test_no_authority_suspends_an_entity_of_another(tree: Tree, directory: FederationResolver) -> None:
    tree.entities[COUNTY].log.append((HOUSING, SuspensionState.SUSPENDED))
    relays(tree, SCHOOL, COUNTY)
    hear(tree, directory, SCHOOL, {COUNTY: 1})
    assert directory.suspension_seqs(now=tree.clock.now()) == {COUNTY: 1}
    assert directory.resolve(HOUSING, now=tree.clock.now()).entity_id == HOUSING


def test_a_suspension_by_any_other_key_is_not_taken_up(tree: Tree, directory: FederationResolver) -> None:
    entry = Suspension(
        issuer=COUNTY, subject=POLICE, seq=1, state=SuspensionState.SUSPENDED, issued_at=tree.clock.now()
    )
    forged = build_suspension(entry, Keys().signer(KeyUse.FEDERATION))
    tree.said[HOUSING + SUSPENSIONS] = lambda _request: entries(forged)
    hear(tree, directory, HOUSING, {COUNTY: 1})
    assert ("suspensions_refused", COUNTY) in tree.notices
    assert directory.resolve(POLICE, now=tree.clock.now()).entity_id == POLICE


def test_peers_that_name_numbers_which_they_cannot_show_keep_no_honest_one_from_being_heard(
    tree: Tree, directory: FederationResolver
) -> None:
    liars = [EntityId(f"https://liar{number}.example") for number in range(12)]
    names = {EntityId(f"https://nobody{number}.example"): 9 for number in range(3)}
    for liar in liars:
        relays(tree, liar, ANCHOR, 1)
    tree.fetched.clear()
    for liar in liars:
        for _ in range(20):
            hear(tree, directory, liar, {**names, ANCHOR: 9})
    caused = [url for url in tree.fetched if SUSPENSIONS in url]
    assert len(caused) <= 2 * PULLS_OF_ONE_A_MINUTE * len(liars)
    tree.suspend(ANCHOR, COUNTY)
    tree.down |= {ANCHOR, COUNTY}
    relays(tree, HOUSING, ANCHOR)
    hear(tree, directory, HOUSING, {ANCHOR: 1})
    refused(tree, directory, POLICE)


def test_a_peer_that_told_the_truth_is_heard_again_a_moment_later(tree: Tree, directory: FederationResolver) -> None:
    relays(tree, HOUSING, ANCHOR)
    tree.down |= {ANCHOR, COUNTY}
    tree.suspend(ANCHOR, SCHOOL)
    hear(tree, directory, HOUSING, {ANCHOR: 1})
    tree.clock.forward(seconds=5)
    tree.suspend(ANCHOR, COUNTY)
    hear(tree, directory, HOUSING, {ANCHOR: 2})
    refused(tree, directory, POLICE)


def test_an_entity_without_members_has_no_log_that_others_store_and_relay(
    tree: Tree, directory: FederationResolver
) -> None:
    """Else one member alone fills the stores of all the others, each of which passes it on."""
    for number in range(1_000):
        tree.entities[HOUSING].log.append((EntityId(f"https://x{number}.example"), SuspensionState.SUSPENDED))
    hear(tree, directory, HOUSING, {HOUSING: 1_000})
    assert directory.suspension_seqs(now=tree.clock.now()) == {}


def test_the_anchors_log_is_told_before_all_others(tree: Tree, directory: FederationResolver) -> None:
    """A reply has room for so many issuers: those whose names come first must not keep it from being told."""
    first = EntityId("https://a-county.example")
    tree.add(first, ANCHOR)
    tree.add(EntityId("https://below.example"), first)
    tree.suspend(first, POLICE)
    tree.suspend(ANCHOR, SCHOOL)
    hear(tree, directory, POLICE, {first: 1, ANCHOR: 1})
    assert list(directory.suspension_seqs(now=tree.clock.now())) == [ANCHOR, first]


# ---- cut off from the centre


def test_one_honest_peer_in_reach_ends_the_suspended_where_the_centre_is_cut_off(
    tree: Tree, directory: FederationResolver
) -> None:
    """Without requests the maintenance rounds find the one that has the log, though the others lie or fail."""
    others = [EntityId(f"https://member{number}.example") for number in range(8)]
    for other in others:
        tree.add(other, ANCHOR)
        directory.resolve(other, now=tree.clock.now())
    tree.suspend(ANCHOR, COUNTY)
    tree.down |= {ANCHOR, COUNTY, *others[:4], HOUSING}
    for liar in others[4:]:
        tree.said[liar + SUSPENSIONS] = lambda _request: entries()
    relays(tree, SCHOOL, ANCHOR)
    rounds = -(-(len(others) + 3) // SOURCES_A_ROUND)
    for _ in range(rounds):
        tree.fetched.clear()
        directory.catch_up(now=tree.clock.now())
        assert len([url for url in tree.fetched if SUSPENSIONS in url]) <= 2 * (1 + SOURCES_A_ROUND)
        tree.clock.forward(minutes=1)
    refused(tree, directory, POLICE)


def test_while_an_authority_answers_no_peer_is_asked_for_its_log(tree: Tree, directory: FederationResolver) -> None:
    tree.suspend(ANCHOR, COUNTY)
    tree.fetched.clear()
    for _ in range(10):
        directory.catch_up(now=tree.clock.now())
        tree.clock.forward(minutes=1)
    asked = {url.partition(SUSPENSIONS)[0] for url in tree.fetched if SUSPENSIONS in url}
    assert asked == {ANCHOR, COUNTY}
    assert directory.suspension_seqs(now=tree.clock.now()) == {ANCHOR: 1}


def test_who_suspends_stays_above_until_its_own_statement_ends(tree: Tree, directory: FederationResolver) -> None:
    """A suspension has no end of its own: five days later the member is still refused, and the log still held."""
    relays(tree, HOUSING, COUNTY)
    tree.suspend(COUNTY, POLICE)
    tree.down |= {ANCHOR, COUNTY}
    hear(tree, directory, HOUSING, {COUNTY: 1})
    for span in (timedelta(hours=23), timedelta(hours=96), timedelta(hours=24)):
        tree.clock.moment += span
        with pytest.raises(Untrusted):
            directory.resolve(POLICE, now=tree.clock.now(), urgent=True)
    assert directory.suspension_seqs(now=tree.clock.now()) == {COUNTY: 1}
    assert tree.own == COUNCIL
