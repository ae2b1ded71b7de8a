"""Under an agreement that demands a trust mark, an agency without it is neither answered nor asked."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.federation.marks import ASSURED, BOTH, SIGNATORY, hold, publish
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand
from tests.simulator.town import AGREEMENT, ANCHOR, COUNCIL, TRUST
from trust.federation.trust_mark import (
    MarkDraft,
    StatedMark,
    build_delegation,
    build_trust_mark,
    stated_marks_to_json,
)
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse, LocalSigner

SERVICE = f"{TRUST}#mental-health"


@pytest.fixture
def demanding(pair: Network) -> Network:
    """Give the two agencies under a version of their agreement that demands two marks, which the anchor issues."""
    pair.agree(pair.document(version=2, required_marks=list(BOTH)))
    publish(pair, ANCHOR, pair.anchor.vault.signer(KeyUse.FEDERATION), trust_mark_issuers={m: [ANCHOR] for m in BOTH})
    return pair


def asking(network: Network) -> PeerHand:
    [held] = network.nodes[COUNCIL].agreements.in_force(now=network.clock.now())
    return PeerHand(network=network, agreement=held.agreement.ref)


def test_agencies_that_hold_the_marks_answer_each_other(demanding: Network) -> None:
    hold(demanding, COUNCIL)
    hold(demanding, TRUST)
    assert demanding.case_client().lines()[SERVICE]["status"] == "known"


def test_a_holder_without_a_mark_is_not_asked_and_its_line_says_which(demanding: Network) -> None:
    hold(demanding, COUNCIL)
    hold(demanding, TRUST, [ASSURED])
    asked = demanding.count(TRUST, "mental-health")
    line = demanding.case_client().lines()[SERVICE]
    assert line["status"] == "refused"
    assert f'{TRUST} lacks the mark "signatory of agreement {AGREEMENT}" of {ANCHOR}' in line["reason"]
    assert not demanding.wire.messages(TRUST)
    assert asked.finds == 0


def refusal(network: Network, hand: PeerHand) -> str:
    asked = network.count(TRUST, "mental-health")
    reason = hand.ask()["reason"]
    assert reason["code"] == "mark_missing"
    assert asked.finds == 0
    text: str = reason["text"]
    return text


def test_an_asker_without_a_mark_is_refused_with_that_reason_before_anyone_is_looked_up(demanding: Network) -> None:
    hold(demanding, COUNCIL, [SIGNATORY])
    text = refusal(demanding, asking(demanding))
    assert f'{COUNCIL} lacks the mark "data-protection assured" of {ANCHOR} ({ASSURED}).' in text
    assert SIGNATORY not in text


def test_a_mark_counts_until_it_ends_at_any_age_of_the_chain(demanding: Network) -> None:
    hold(demanding, COUNCIL, life=timedelta(seconds=60))
    hand = asking(demanding)
    assert hand.ask()["status"] == "known"
    demanding.clock.forward(seconds=60)
    assert ASSURED in refusal(demanding, hand)


def test_an_agency_issues_no_mark_to_itself(demanding: Network) -> None:
    hold(demanding, COUNCIL, issuer=COUNCIL)
    assert ASSURED in refusal(demanding, asking(demanding))


def test_another_agencys_marks_are_worth_nothing(demanding: Network) -> None:
    hold(demanding, TRUST)
    stolen = demanding.nodes[COUNCIL].directory.resolve(TRUST, now=demanding.clock.now()).marks
    marks = [StatedMark(mark_type=mark.mark_type, raw=mark.raw) for mark in stolen]
    assert len(marks) == len(BOTH)
    own = demanding.nodes[COUNCIL].vault.signer(KeyUse.FEDERATION)
    publish(demanding, COUNCIL, own, trust_marks=stated_marks_to_json(marks))
    assert ASSURED in refusal(demanding, asking(demanding))


OWNER = EntityId("https://owner.example")


def owned(network: Network, keys: KeySet) -> None:
    """Have the anchor say that the first type is another's, who delegates it."""
    jwks = {"sub": OWNER, "jwks": keys.to_jwks()}
    more = {"trust_mark_issuers": {mark: [ANCHOR] for mark in BOTH}, "trust_mark_owners": {ASSURED: jwks}}
    publish(network, ANCHOR, network.anchor.vault.signer(KeyUse.FEDERATION), **more)


def delegated_mark(network: Network, delegation: bytes | None) -> None:
    """Have the council hold both marks, the first with this delegation."""
    now, by = network.clock.now(), network.anchor.vault.signer(KeyUse.FEDERATION)

    def made(mark_type: str, shown: bytes | None) -> StatedMark:
        draft = MarkDraft(issuer=ANCHOR, subject=COUNCIL, mark_type=mark_type, issued_at=now)
        return StatedMark(mark_type=mark_type, raw=build_trust_mark(draft, by, delegation=shown))

    marks = stated_marks_to_json([made(ASSURED, delegation), made(SIGNATORY, None)])
    publish(network, COUNCIL, network.nodes[COUNCIL].vault.signer(KeyUse.FEDERATION), trust_marks=marks)


@pytest.mark.parametrize(
    ("wrong", "accepted"),
    [
        ({}, True),
        ({"issuer": EntityId("https://somebody.example")}, False),
        ({"subject": TRUST}, False),
        ({"mark_type": SIGNATORY}, False),
        ({"expires_at": timedelta(seconds=-1)}, False),
        ({"by": LocalSigner.generate(KeyUse.FEDERATION)}, False),
    ],
)
def test_a_mark_of_anothers_type_needs_its_owners_delegation(
    demanding: Network, wrong: dict[str, Any], *, accepted: bool
) -> None:
    owner, now = LocalSigner.generate(KeyUse.FEDERATION), demanding.clock.now()
    owned(demanding, KeySet.of(KeyUse.FEDERATION, [owner.public]))
    by = wrong.pop("by", owner) if "by" in wrong else owner
    draft = MarkDraft(issuer=OWNER, subject=ANCHOR, mark_type=ASSURED, issued_at=now - timedelta(minutes=1))
    if "expires_at" in wrong:
        wrong = {"expires_at": now + wrong["expires_at"]}
    delegated_mark(demanding, build_delegation(replace(draft, **wrong), by))
    if accepted:
        assert asking(demanding).ask()["status"] == "known"
    else:
        assert ASSURED in refusal(demanding, asking(demanding))


def test_a_mark_of_anothers_type_without_a_delegation_is_worth_nothing(demanding: Network) -> None:
    owner = LocalSigner.generate(KeyUse.FEDERATION)
    owned(demanding, KeySet.of(KeyUse.FEDERATION, [owner.public]))
    delegated_mark(demanding, None)
    assert ASSURED in refusal(demanding, asking(demanding))


def test_a_mark_by_an_authority_that_the_anchor_does_not_allow_is_worth_nothing(demanding: Network) -> None:
    hold(demanding, COUNCIL)
    by = demanding.anchor.vault.signer(KeyUse.FEDERATION)
    publish(demanding, ANCHOR, by, trust_mark_issuers={ASSURED: [TRUST], SIGNATORY: [ANCHOR]})
    assert ASSURED in refusal(demanding, asking(demanding))
    publish(demanding, ANCHOR, by, trust_mark_issuers={SIGNATORY: [ANCHOR]})  # a type that it does not list
    demanding.clock.forward(minutes=6)
    hand = asking(demanding)
    assert ASSURED in refusal(demanding, hand)
