"""The directory: who is trusted, for how long, and what is never asked."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest

from gateway.federation.fetch import NotVouchedFor, Unconfirmed
from gateway.federation.freshness import Freshness
from gateway.ports import PeerResponse
from gateway.store.tables import trust_chains
from tests.simulator.faults import down
from tests.simulator.federation import Federation, Keys
from tests.simulator.town import ANCHOR, COUNCIL, POLICE
from trust.errors import NoChain, Untrusted
from trust.federation.chain import TrustedEntity
from trust.federation.entity_statement import MAX_LIFE, StatementDraft, build_subordinate_statement
from trust.federation.suspension import SuspensionState
from trust.identifiers import EntityId
from trust.keys import KeyUse, LocalSigner

STRANGER = EntityId("https://stranger.example")
FETCH = ANCHOR + "/federation/v1/fetch"
STATEMENT = "application/entity-statement+jwt"


def look(federation: Federation) -> TrustedEntity:
    return federation.directory.resolve(POLICE, now=federation.clock.now())


def statement(federation: Federation, *, at: datetime, keys: Keys | None = None) -> PeerResponse:
    """Write what the anchor said of the police at some time."""
    vouched = (keys or federation.keys[POLICE]).federation_keys()
    draft = StatementDraft(subject=POLICE, keys=vouched, issued_at=at, expires_at=at + MAX_LIFE)
    raw = build_subordinate_statement(draft, federation.anchor_keys.signer(KeyUse.FEDERATION), issuer=ANCHOR)
    return PeerResponse(status=200, content_type=STATEMENT, headers={}, body=raw)


# ---- finding


def test_a_member_is_found_with_the_keys_that_its_chain_names(federation: Federation) -> None:
    found = look(federation)
    assert found.node is not None
    assert found.node.message_keys.kids == {federation.keys[POLICE].signer(KeyUse.MESSAGE).kid}
    assert found.refreshed_at == federation.clock.now()


def test_the_superior_is_asked_before_the_entity(federation: Federation) -> None:
    look(federation)
    assert federation.wire.asked == [
        f"{ANCHOR}/.well-known/openid-federation",
        f"{FETCH}?sub=https%3A%2F%2Fpolice.example",
        f"{POLICE}/.well-known/openid-federation",
    ]


def test_of_an_unknown_entity_only_its_superiors_are_asked_for_and_once(
    federation: Federation,
) -> None:
    with pytest.raises(NoChain):
        federation.directory.resolve(STRANGER, now=federation.clock.now())
    fetched = [url for url in federation.wire.asked if url.startswith(STRANGER)]
    assert fetched == [STRANGER + "/.well-known/openid-federation"]


def test_the_own_chain_needs_no_request_to_the_own_node(federation: Federation) -> None:
    federation.wire.faults[COUNCIL] = down
    assert federation.directory.resolve(COUNCIL, now=federation.clock.now()).entity_id == COUNCIL
    assert not any(url.startswith(COUNCIL) for url in federation.wire.asked)


def test_an_anchor_is_no_peer(federation: Federation) -> None:
    with pytest.raises(NoChain):
        federation.directory.resolve(ANCHOR, now=federation.clock.now())


def test_many_questions_at_once_ask_the_superior_once(federation: Federation) -> None:
    together = Barrier(6)

    def ask() -> TrustedEntity:
        together.wait(5)
        return look(federation)

    with ThreadPoolExecutor(6) as threads:
        found = [each.result() for each in [threads.submit(ask) for _ in range(6)]]
    assert {each.entity_id for each in found} == {POLICE}
    assert sum(FETCH in url for url in federation.wire.asked) == 1


# ---- keeping fresh


def test_a_fresh_chain_is_not_fetched_again(federation: Federation) -> None:
    look(federation)
    federation.clock.forward(minutes=4, seconds=59)
    look(federation)
    assert len(federation.wire.asked) == 3


def test_another_worker_uses_what_the_store_holds(federation: Federation) -> None:
    look(federation)
    federation.directory = federation.new_directory()
    look(federation)
    assert len(federation.wire.asked) == 3


def test_after_five_minutes_the_superior_is_asked_again(federation: Federation) -> None:
    look(federation)
    federation.clock.forward(minutes=5)
    assert look(federation).refreshed_at == federation.clock.now()


def test_a_suspended_member_is_refused_within_five_minutes(federation: Federation) -> None:
    look(federation)
    federation.admit(POLICE, SuspensionState.SUSPENDED)
    federation.clock.forward(minutes=5)
    with pytest.raises(NotVouchedFor):
        look(federation)
    assert ("not_vouched_for", POLICE) in federation.notices


def test_a_suspension_outlives_a_restart_without_the_anchor(federation: Federation) -> None:
    look(federation)
    federation.admit(POLICE, SuspensionState.SUSPENDED)
    federation.clock.forward(minutes=5)
    with pytest.raises(Untrusted):
        look(federation)
    federation.wire.faults[ANCHOR] = down
    federation.directory = federation.new_directory()
    with pytest.raises(Untrusted):
        look(federation)


def test_a_member_admitted_again_is_trusted_again(federation: Federation) -> None:
    look(federation)
    federation.admit(POLICE, SuspensionState.SUSPENDED)
    federation.clock.forward(minutes=5)
    with pytest.raises(Untrusted):
        look(federation)
    federation.admit(POLICE)
    federation.clock.forward(seconds=46)
    assert look(federation).entity_id == POLICE


@pytest.mark.holds("A28")
def test_a_statement_from_before_the_suspension_does_not_undo_it(federation: Federation) -> None:
    look(federation)
    early = federation.clock.now() + timedelta(minutes=4)
    federation.clock.forward(minutes=5)
    federation.admit(POLICE, SuspensionState.SUSPENDED)
    with pytest.raises(Untrusted):
        look(federation)
    federation.wire.said[FETCH] = statement(federation, at=early)
    federation.clock.forward(seconds=46)
    with pytest.raises(Untrusted):
        look(federation)
    assert ("rolled_back", POLICE) in federation.notices


@pytest.mark.holds("A28")
def test_a_statement_older_than_one_seen_is_refused_after_a_restart_too(federation: Federation) -> None:
    federation.clock.forward(minutes=10)
    newest = look(federation).refreshed_at
    federation.wire.said[FETCH] = statement(federation, at=newest - timedelta(minutes=3))
    federation.clock.forward(minutes=5)
    federation.directory = federation.new_directory()
    assert look(federation).refreshed_at == newest
    assert ("rolled_back", POLICE) in federation.notices


def test_an_older_configuration_of_the_entity_does_not_replace_a_newer(federation: Federation) -> None:
    old = federation.configurations[POLICE](federation.clock.now())
    federation.clock.forward(minutes=6)
    rotated = federation.keys[POLICE].signers[KeyUse.MESSAGE] = LocalSigner.generate(KeyUse.MESSAGE)
    federation.publish(POLICE)
    look(federation)
    federation.clock.forward(minutes=6)
    federation.wire.said[POLICE + "/.well-known/openid-federation"] = PeerResponse(
        status=200, content_type=STATEMENT, headers={}, body=old
    )
    found = look(federation)
    assert found.refreshed_at == federation.clock.now()
    assert found.node is not None
    assert found.node.message_keys.kids == {rotated.kid}


# ---- when the centre is away


@pytest.mark.holds("A37")
def test_without_the_anchor_known_peers_are_served_and_new_members_are_not(
    federation: Federation,
) -> None:
    look(federation)
    federation.keys[STRANGER] = Keys()
    federation.publish(STRANGER)
    federation.admit(STRANGER)
    federation.wire.faults[ANCHOR] = down
    federation.clock.forward(hours=23)
    assert look(federation).entity_id == POLICE
    assert federation.notices[-1] == ("stale", POLICE)
    with pytest.raises(Unconfirmed):
        federation.directory.resolve(STRANGER, now=federation.clock.now())
    federation.wire.faults.clear()
    federation.clock.forward(minutes=1)
    assert federation.directory.resolve(STRANGER, now=federation.clock.now()).entity_id == STRANGER


@pytest.mark.holds("A29", "A37")
@pytest.mark.parametrize("hours", [24, 119, 120, 200])
def test_after_a_day_without_a_refresh_no_peer_is_served(federation: Federation, hours: int) -> None:
    look(federation)
    federation.wire.faults[ANCHOR] = down
    federation.clock.forward(hours=hours)
    with pytest.raises(Untrusted):
        look(federation)
    federation.wire.faults.clear()
    federation.clock.forward(minutes=1)
    assert look(federation).entity_id == POLICE


@pytest.mark.holds("A29")
def test_a_statement_that_never_moves_ages_like_none(federation: Federation) -> None:
    look(federation)
    federation.wire.said[FETCH] = statement(federation, at=federation.clock.now())
    federation.clock.forward(minutes=16)
    look(federation)
    assert ("stale", POLICE) in federation.notices
    federation.clock.forward(hours=24)
    with pytest.raises(Untrusted):
        look(federation)


def test_an_anchor_that_does_not_answer_is_asked_once_for_all_that_are_known(federation: Federation) -> None:
    look(federation)
    federation.directory.resolve(COUNCIL, now=federation.clock.now())
    federation.wire.faults[ANCHOR] = down
    federation.clock.forward(minutes=6)
    federation.wire.asked.clear()
    for _ in range(3):
        look(federation)
        federation.directory.resolve(COUNCIL, now=federation.clock.now())
    assert len(federation.wire.asked) == 1
    federation.clock.forward(seconds=46)
    look(federation)
    assert len(federation.wire.asked) == 2


def test_a_plain_404_is_no_withdrawal(federation: Federation) -> None:
    look(federation)
    federation.wire.said[FETCH] = PeerResponse(status=404, content_type="text/html", headers={}, body=b"not here")
    federation.clock.forward(minutes=6)
    assert look(federation).entity_id == POLICE


def test_a_peer_that_is_away_is_refreshed_from_its_superior_alone(federation: Federation) -> None:
    look(federation)
    federation.wire.faults[POLICE] = down
    federation.clock.forward(hours=30)
    assert look(federation).refreshed_at == federation.clock.now()


# ---- keys


def test_a_rotated_message_key_is_known_after_the_next_refresh(federation: Federation) -> None:
    look(federation)
    federation.keys[POLICE].signers[KeyUse.MESSAGE] = LocalSigner.generate(KeyUse.MESSAGE)
    federation.publish(POLICE)
    federation.clock.forward(minutes=5)
    found = look(federation)
    assert found.node is not None
    assert found.node.message_keys.kids == {federation.keys[POLICE].signer(KeyUse.MESSAGE).kid}


def test_a_federation_key_that_the_superior_withdrew_ends_trust(federation: Federation) -> None:
    look(federation)
    federation.wire.said[FETCH] = statement(federation, at=federation.clock.now() + timedelta(minutes=5), keys=Keys())
    federation.clock.forward(minutes=5)
    with pytest.raises(NotVouchedFor):
        look(federation)
    federation.wire.faults[ANCHOR] = down
    federation.directory = federation.new_directory()
    with pytest.raises(Untrusted):
        look(federation)


@pytest.mark.holds("A30")
def test_a_statement_about_another_entity_is_refused(federation: Federation) -> None:
    federation.keys[STRANGER] = federation.keys[POLICE]  # so that only the name tells the statements apart
    federation.publish(STRANGER)
    federation.wire.said[FETCH] = statement(federation, at=federation.clock.now())
    with pytest.raises(Untrusted):
        federation.directory.resolve(STRANGER, now=federation.clock.now())


@pytest.mark.holds("A31")
def test_a_statement_from_the_future_is_refused_and_the_next_good_one_accepted(federation: Federation) -> None:
    federation.wire.said[FETCH] = statement(federation, at=federation.clock.now() + timedelta(hours=1))
    with pytest.raises(Untrusted):
        look(federation)
    federation.wire.said.clear()
    federation.clock.forward(minutes=1)
    assert look(federation).entity_id == POLICE


# ---- looking at it


def test_what_is_known_is_shown_with_its_stage(federation: Federation) -> None:
    look(federation)
    federation.directory.resolve(COUNCIL, now=federation.clock.now())
    federation.clock.forward(minutes=20)
    shown = {each.entity: each.freshness for each in federation.directory.statuses(now=federation.clock.now())}
    assert shown == {COUNCIL: Freshness.ALARM, POLICE: Freshness.ALARM}
    federation.admit(POLICE, SuspensionState.SUSPENDED)
    with pytest.raises(Untrusted):
        look(federation)
    shown = {each.entity: each.freshness for each in federation.directory.statuses(now=federation.clock.now())}
    assert shown == {COUNCIL: Freshness.ALARM, POLICE: None}


def test_what_was_ended_is_an_empty_chain_in_the_store(federation: Federation) -> None:
    look(federation)
    federation.admit(POLICE, SuspensionState.SUSPENDED)
    federation.clock.forward(minutes=6)
    with pytest.raises(Untrusted):
        look(federation)
    stored = federation.store.read(lambda tx: trust_chains.get_chain(tx, entity=POLICE))
    assert stored is not None
    assert stored.statements == ()
