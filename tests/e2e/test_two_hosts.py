"""One node on two hosts, on a PostgreSQL primary with a synchronous standby; the primary is killed under load."""

import json
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep

import pytest

from gateway.ports import PeerRefused
from gateway.store.tables import evidence_leaves
from tests.postgres import Cluster
from tests.simulator.network import Network
from tests.simulator.peer_hand import MESSAGES, PeerHand
from tests.simulator.processes import Answer, Served, address_of, served
from tests.simulator.town import ANCHOR, COUNCIL, HOUSING
from trust.exchange.message import AgreementRef

SENDERS = 3
WAIT_S = 90.0
UNAUTHORISED = 401
RETRIED = {UNAUTHORISED, 503}
"""The single-use ids are lost with the primary, so tokens and proofs from before are refused."""


@pytest.fixture
def federation(tmp_path: Path, postgres_cluster: Cluster) -> Iterator[Served]:
    stores = {HOUSING: postgres_cluster.url}
    with served(tmp_path, [COUNCIL, HOUSING], stores=stores) as made:
        yield made


class Sender(Thread):
    """A peer that sends messages, each to one host after another until one answers it."""

    def __init__(self, federation: Served, hand: PeerHand, hosts: list[tuple[str, int]]) -> None:
        super().__init__(daemon=True)
        self._federation, self._hand, self._hosts = federation, hand, cycle(hosts)
        self._is_over = Event()
        self.answered: dict[bytes, bytes] = {}
        self.fault: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            while not self._is_over.is_set():
                raw = self._hand.signed()
                self.answered[raw] = self.send(raw)
        except BaseException as fault:  # noqa: BLE001 - the test raises it
            self.fault = fault

    def send(self, raw: bytes) -> bytes:
        """Send one message until it is answered, and return the reply."""
        while True:
            answer = self._post(raw)
            if answer is not None and answer.status == UNAUTHORISED:
                self._hand.forget_tokens()
            if answer is not None and answer.status == 200:
                return answer.body
            assert answer is None or answer.status in RETRIED, answer.body
            sleep(0.1)

    def wait_for_more(self) -> None:
        """Wait until some more messages are answered."""
        enough, end = len(self.answered) + 10, monotonic() + WAIT_S
        while len(self.answered) < enough and self.fault is None:
            assert monotonic() < end
            sleep(0.02)

    def end(self) -> None:
        """Finish the message under way, and raise what went wrong."""
        self._is_over.set()
        self.join()
        if self.fault is not None:
            raise self.fault

    def _post(self, raw: bytes) -> Answer | None:
        try:
            token = self._hand.token()
        except PeerRefused:  # its node is busy, or waits for its database
            return None
        headers = {
            "Authorization": f"DPoP {token.decode()}",
            "DPoP": self._hand.proof(token),
            "Content-Type": "application/jwt",
            "Accept": "application/jwt",
        }
        try:
            return self._federation.call(HOUSING + MESSAGES, body=raw, headers=headers, at=next(self._hosts))
        except OSError:
            return None


def make_hand(network: Network, agreement: AgreementRef) -> PeerHand:
    """Return a peer that asks the housing association."""
    return PeerHand(network=network, agreement=agreement, target=HOUSING, to_service="housing", clause="who-else")


@pytest.mark.e2e
@pytest.mark.holds("A1", "A3")
def test_two_hosts_lose_no_answered_message_when_the_primary_dies_under_load(
    federation: Served, postgres_cluster: Cluster
) -> None:
    network = federation.network
    agreement = network.agree()
    federation.start(ANCHOR, COUNCIL, HOUSING)
    make_hand(network, agreement).ask()  # its host makes the daily key, which the other gets a copy of
    _, other = federation.add_host(HOUSING)
    hosts = [address_of(federation.faces[HOUSING].peer), address_of(other.peer)]
    senders = [
        Sender(federation, make_hand(network, agreement), hosts[number % 2 :] + hosts[: number % 2])
        for number in range(SENDERS)
    ]
    for each in senders:
        each.wait_for_more()
    postgres_cluster.primary.kill()
    postgres_cluster.promote()
    for each in senders:
        each.wait_for_more()
    for each in senders:
        each.end()

    answered = {raw: reply for each in senders for raw, reply in each.answered.items()}
    assert {raw: senders[0].send(raw) for raw in answered} == answered
    leaves = network.nodes[HOUSING].store.read(lambda tx: evidence_leaves.recent(tx, limit=10**6))
    assert sum(json.loads(each.leaf)["kind"] == "received" for each in leaves) == len(answered) + 1
