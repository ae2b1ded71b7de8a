"""Fixtures: a holder's inbound path, and a peer that writes to it by hand."""

import pytest

from gateway.accountability.rate_limits import RateLimits, budgets_from_settings
from gateway.agreements.registry import detail_for
from gateway.app.capabilities import CAPABILITIES
from gateway.callers import PeerCaller
from gateway.consents.gate import ConsentGate
from gateway.consents.storage import ConsentSeal
from gateway.exchange.answer import RestrictionsOf
from gateway.exchange.inbound import Inbound
from gateway.telemetry.events import InboundMessageEvent
from gateway.web.capability import served_kinds
from tests.simulator.agreements import ref_of
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand
from tests.simulator.town import COUNCIL, PURPOSE, TRUST
from trust.identifiers import KindName, PurposeCode


@pytest.fixture
def seen() -> list[InboundMessageEvent]:
    return []


@pytest.fixture
def inbound(pair: Network, seen: list[InboundMessageEvent]) -> Inbound:
    node = pair.nodes[TRUST]
    return Inbound(
        own=TRUST,
        kinds=served_kinds(CAPABILITIES),
        directory=node.directory,
        vault=node.vault,
        store=node.store,
        services=node.services,
        agreements=node.agreements,
        budgets=RateLimits(limits=budgets_from_settings(node.settings.budgets.answering)),
        observe=seen.append,
        case_system_s=5.0,
        queued=node.receiving.queued.handle,
        restrictions_of=RestrictionsOf(hmac_key=node.vault.evidence_hmac_key),
        consents=ConsentGate(own=TRUST, seal=ConsentSeal(vault=node.vault)),
    )


@pytest.fixture
def hand(pair: Network) -> PeerHand:
    return PeerHand(network=pair, agreement=ref_of(pair))


@pytest.fixture
def caller(hand: PeerHand) -> PeerCaller:
    detail = detail_for(hand.agreement, PurposeCode(PURPOSE), KindName("involvement.query"))
    party = hand.network.nodes[TRUST].directory.resolve(COUNCIL, now=hand.network.clock.now())
    return PeerCaller(party=party, details=(detail,))
