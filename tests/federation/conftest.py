"""The simulator's networks and a peer, for proofs on whole nodes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.runtime import machine_clock
from tests.federation.joining import MARK, Joining, open_document
from tests.federation.marks import hold, publish
from tests.simulator.fixtures import benefits, pair, standing, town
from tests.simulator.inbound import caller, hand, inbound, seen
from tests.simulator.network import Network
from tests.simulator.town import ANCHOR, BY_ENTITY, COLLEGE, COUNCIL, HOUSING, TRUST
from trust.keys import KeyUse

__all__ = ["benefits", "caller", "hand", "inbound", "pair", "seen", "standing", "town"]


@pytest.fixture(autouse=True)
def no_time_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the others decide about a clock, whether a time service keeps this machine's or not."""
    monkeypatch.setattr(machine_clock, "synchronised", lambda _clock: False)


@pytest.fixture
def joining(tmp_path: Path) -> Iterator[Joining]:
    """Give a council and a trust under an open agreement, and a college and a housing office with the mark."""
    network = Network(tmp_path, [BY_ENTITY[each] for each in (COUNCIL, TRUST, COLLEGE, HOUSING)])
    publish(network, ANCHOR, network.anchor.vault.signer(KeyUse.FEDERATION), trust_mark_issuers={MARK: [ANCHOR]})
    hold(network, COLLEGE, [MARK])
    ref = network.agree(open_document(network), held_by=[COUNCIL, TRUST])
    yield Joining(network=network, ref=ref)
    network.close()
