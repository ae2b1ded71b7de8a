"""A peer's message, step by step, with everything around it real but the store where it must fail."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

import pytest

from gateway.callers import PeerCaller
from gateway.exchange.inbound import Inbound, MessageIdReused
from gateway.federation.suspensions import Suspended
from gateway.ports import Store, StoreBusy, StoreFull, Transaction
from gateway.store.tables import messages, suspensions
from gateway.store.tables.federation_records import StoredSuspension
from gateway.telemetry.events import InboundMessageEvent
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand, new_key
from tests.simulator.town import ANCHOR, COUNCIL, TRUST
from trust.claims import digest
from trust.errors import Expired, TrustError, UnknownKey, WrongAudience, WrongIssuer
from trust.evidence.leaf import message_key
from trust.exchange.message import Message, RequestRef
from trust.exchange.reply import Reply, open_reply
from trust.federation.suspension import Suspension, SuspensionState, build_suspension
from trust.identifiers import KindName
from trust.keys import KeyUse

T = TypeVar("T")


class Refusing:
    """A store whose writes fail after their work was done."""

    def __init__(self, store: Store, error: Exception) -> None:
        self._store = store
        self._error = error

    def read(self, work: Callable[[Transaction], T]) -> T:
        return self._store.read(work)

    def write(self, _work: Callable[[Transaction], T]) -> T:
        raise self._error

    erase = write

    def is_nearly_full(self) -> bool:
        return self._store.is_nearly_full()

    def close(self) -> None:
        """Leave the store to its node."""


@pytest.fixture
def now(pair: Network) -> datetime:
    return pair.clock.now()


def opened(hand: PeerHand, raw: bytes, answered: bytes, message: Message) -> Reply:
    """Verify a reply as the asker does."""
    keys = hand.network.nodes[COUNCIL].directory.resolve(TRUST, now=hand.network.clock.now()).node
    assert keys is not None
    return open_reply(
        answered,
        holder_keys=keys.message_keys,
        own_id=COUNCIL,
        sent=RequestRef(jti=message.jti, digest=digest(raw)),
        message=message,
        now=hand.network.clock.now(),
    )


def test_the_reply_is_bound_to_the_bytes_it_answers_and_names_its_evidence(
    inbound: Inbound, hand: PeerHand, caller: PeerCaller, now: datetime, seen: list[InboundMessageEvent]
) -> None:
    message = hand.message()
    raw = hand.signed(message)
    answered = inbound.handle(raw, caller, now)
    reply = opened(hand, raw, answered, message)
    assert reply.body["status"] == "known"
    assert reply.evidence is not None
    assert [(each.outcome, each.replayed, each.failure) for each in seen] == [("known", False, None)]


def test_a_repeated_message_is_told_as_one(
    inbound: Inbound, hand: PeerHand, caller: PeerCaller, now: datetime, seen: list[InboundMessageEvent]
) -> None:
    raw = hand.signed()
    assert inbound.handle(raw, caller, now) == inbound.handle(raw, caller, now)
    assert [(each.outcome, each.replayed) for each in seen] == [("known", False), ("repeated", True)]


def test_an_id_used_again_is_an_alarm(
    inbound: Inbound, hand: PeerHand, caller: PeerCaller, now: datetime, seen: list[InboundMessageEvent]
) -> None:
    message = hand.message()
    inbound.handle(hand.signed(message), caller, now)
    with pytest.raises(MessageIdReused):
        inbound.handle(hand.signed(replace(message, correlation="another")), caller, now)
    assert seen[-1].outcome == "id_reused"


@pytest.mark.parametrize("error", [StoreFull("full"), StoreBusy("busy")], ids=["full", "busy"])
def test_what_cannot_be_stored_is_not_answered(
    inbound: Inbound,
    hand: PeerHand,
    caller: PeerCaller,
    now: datetime,
    seen: list[InboundMessageEvent],
    error: Exception,
) -> None:
    refusing = replace(inbound, store=Refusing(inbound.store, error))
    raw = hand.signed()
    with pytest.raises(type(error)):
        refusing.handle(raw, caller, now)
    assert not seen
    assert inbound.handle(raw, caller, now)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda hand: hand.signed(hand.message(aud=COUNCIL)), WrongAudience),
        (lambda hand: hand.signed(hand.message(iat=1_600_000_000, exp=1_600_000_300)), Expired),
        (lambda hand: hand.signed(signer=new_key(KeyUse.MESSAGE)), UnknownKey),
        (lambda _hand: b"not a message", TrustError),
    ],
    ids=["for another", "old", "unknown key", "no message"],
)
def test_what_is_no_message_of_this_sender_to_this_node_now_leaves_no_trace(
    inbound: Inbound,
    hand: PeerHand,
    caller: PeerCaller,
    now: datetime,
    change: Callable[[PeerHand], bytes],
    error: type[TrustError],
) -> None:
    with pytest.raises(error):
        inbound.handle(change(hand), caller, now)
    assert not hand.network.leaves(TRUST)


def test_a_caller_cannot_send_what_another_member_signed(
    inbound: Inbound, hand: PeerHand, caller: PeerCaller, now: datetime
) -> None:
    with pytest.raises(WrongIssuer):
        inbound.handle(hand.signed(), replace(caller, party=replace(caller.party, entity_id=TRUST)), now)


@pytest.mark.holds("A36")
def test_a_caller_that_was_suspended_while_its_body_was_read_is_refused(
    inbound: Inbound, hand: PeerHand, caller: PeerCaller, now: datetime
) -> None:
    signer, later = hand.network.anchor.vault.signer(KeyUse.FEDERATION), now + timedelta(seconds=1)
    suspension = Suspension(issuer=ANCHOR, subject=COUNCIL, seq=1, state=SuspensionState.SUSPENDED, issued_at=now)
    entry = StoredSuspension.from_suspension(suspension, build_suspension(suspension, signer))
    inbound.store.write(lambda tx: suspensions.put(tx, entry))
    with pytest.raises(Suspended):
        inbound.handle(hand.signed(), caller, later)
    assert not hand.network.leaves(TRUST)


def test_an_unknown_kind_is_refused_and_makes_no_label_of_its_own(
    inbound: Inbound, hand: PeerHand, caller: PeerCaller, now: datetime, seen: list[InboundMessageEvent]
) -> None:
    message = hand.message(kind=KindName("made.up.by.a.peer"))
    raw = hand.signed(message)
    reply = opened(hand, raw, inbound.handle(raw, caller, now), message)
    assert reply.body["reason"]["code"] == "unsupported_kind"
    assert [each.kind for each in seen] == ["unknown"]


def test_an_unknown_version_is_answered_with_the_versions_that_are_spoken(
    inbound: Inbound, hand: PeerHand, caller: PeerCaller, now: datetime
) -> None:
    message = hand.message(version=9)
    raw = hand.signed(message)
    reply = opened(hand, raw, inbound.handle(raw, caller, now), message)
    assert reply.body["supported_versions"] == [1]


def test_an_answer_rests_no_longer_than_its_question_lives(
    pair: Network, inbound: Inbound, hand: PeerHand, caller: PeerCaller, now: datetime
) -> None:
    message = hand.message()
    inbound.handle(hand.signed(message), caller, now)
    store = pair.nodes[TRUST].store
    expiry = datetime.fromtimestamp(message.exp, now.tzinfo)
    late = expiry + timedelta(seconds=1)
    assert store.write(lambda tx: messages.erase_expired(tx, now=expiry - timedelta(seconds=1), batch=9)) == 0
    assert store.write(lambda tx: messages.erase_expired(tx, now=late, batch=9)) == 1
    name = message_key(pair.nodes[TRUST].vault.evidence_hmac_key(), COUNCIL, message.jti)
    prior = store.read(lambda tx: messages.find(tx, issuer=COUNCIL, message=name))
    assert prior is not None
    assert prior.sealed_reply is None
