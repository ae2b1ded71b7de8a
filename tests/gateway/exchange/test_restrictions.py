"""Restrictions on a person are read after the match and again at the moment of release (assertion A45)."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from gateway.callers import PeerCaller
from gateway.exchange.answer import PersonInSight, RestrictionsOf
from gateway.exchange.inbound import Inbound
from gateway.ports import StoreBusy, Transaction
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand
from tests.simulator.town import KNOWN, NOBODY, TRUST
from trust.agreements.decision import PersonRestrictions
from trust.exchange.envelope import MAX_BYTES
from trust.exchange.reply import TYP
from trust.jose import peek


@dataclass(slots=True)
class Script:
    """A source whose restrictions follow the count of its readings."""

    withheld: Callable[[int], bool]
    readings: int = 0
    last: PersonInSight | None = None

    def __call__(self, _tx: Transaction, person: PersonInSight, restrictions: PersonRestrictions) -> PersonRestrictions:
        self.readings, self.last = self.readings + 1, person
        return replace(restrictions, withheld=restrictions.withheld or self.withheld(self.readings))


def restricted_by(node: Inbound, *sources: Script) -> Inbound:
    return replace(node, restrictions_of=RestrictionsOf(hmac_key=node.vault.evidence_hmac_key, sources=sources))


def status(answer: bytes) -> str:
    return str(peek(answer, typ=TYP, max_bytes=MAX_BYTES).claims["body"]["status"])


@pytest.mark.holds("A45")
def test_a_restriction_that_comes_between_match_and_release_is_obeyed(
    pair: Network, inbound: Inbound, hand: PeerHand, caller: PeerCaller
) -> None:
    script = Script(withheld=lambda reading: reading >= 2)  # the first is beside the decision, the second at its record
    answer = restricted_by(inbound, script).handle(hand.signed(hand.message(subject=KNOWN)), caller, pair.clock.now())
    assert status(answer) == "nothing_to_share"
    assert {leaf["outcome"] for leaf in pair.leaves(TRUST)} == {"nothing_to_share"}


def test_a_restriction_that_never_settles_gives_no_answer(
    pair: Network, inbound: Inbound, hand: PeerHand, caller: PeerCaller
) -> None:
    node = restricted_by(inbound, Script(withheld=lambda reading: reading % 2 == 0))
    with pytest.raises(StoreBusy):
        node.handle(hand.signed(hand.message(subject=KNOWN)), caller, pair.clock.now())
    assert pair.leaves(TRUST) == []


def test_restrictions_are_read_as_often_where_no_record_was_found(
    pair: Network, inbound: Inbound, hand: PeerHand, caller: PeerCaller
) -> None:
    script = Script(withheld=lambda _reading: False)
    node = restricted_by(inbound, script)
    node.handle(hand.signed(hand.message(subject=KNOWN)), caller, pair.clock.now())
    known = script.readings
    assert script.last is not None
    assert script.last.record_key is not None
    node.handle(hand.signed(hand.message(subject=NOBODY)), caller, pair.clock.now())
    assert (script.readings, script.last.record) == (2 * known, None)


def test_no_source_lifts_what_another_restricts(
    pair: Network, inbound: Inbound, hand: PeerHand, caller: PeerCaller
) -> None:
    node = restricted_by(inbound, Script(withheld=lambda _: True), Script(withheld=lambda _: False))
    answer = node.handle(hand.signed(hand.message(subject=KNOWN)), caller, pair.clock.now())
    assert status(answer) == "nothing_to_share"
