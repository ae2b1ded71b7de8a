"""One DPoP proof, shown to two workers of a real node at the same time (assertion A22)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest

from gateway.agreements.registry import detail_for
from gateway.peers.ssrf import HostAddress
from gateway.peers.token_client import Grant, TokenRequester
from gateway.peers.transport import HttpTransport, client_tls
from tests.simulator.agreements import ref_of
from tests.simulator.peer_hand import MESSAGES, PeerHand
from tests.simulator.processes import Answer, Served, served
from tests.simulator.town import ANCHOR, COUNCIL, PURPOSE, TRUST
from trust.claims import digest
from trust.federation.party_metadata import AuthorizationServer
from trust.identifiers import KindName, PurposeCode
from trust.keys import KeySet, KeyUse

pytestmark = pytest.mark.e2e
AT_ONCE = 12


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    threads = 2 * AT_ONCE  # all copies are one member's, who holds half of them at most
    with served(tmp_path_factory.mktemp("federation"), [COUNCIL, TRUST], workers=2, threads=threads) as made:
        made.network.agree()
        made.start(ANCHOR, COUNCIL, TRUST)
        yield made


@pytest.fixture
def hand(federation: Served) -> PeerHand:
    return PeerHand(network=federation.network, agreement=ref_of(federation.network))


def peer_token(federation: Served, hand: PeerHand) -> bytes:
    """Ask the real token endpoint, over TLS, in the council's name."""
    hosts = {}
    for entity, faces in federation.faces.items():
        address, _, port = faces.peer.rpartition(":")
        hosts[entity.removeprefix("https://")] = HostAddress(address=address, port=int(port))
    transport = HttpTransport(tls=client_tls(federation.authority.certificate), hosts=hosts)
    vault = federation.network.nodes[COUNCIL].vault
    oauth = KeySet.of(KeyUse.OAUTH, [federation.network.nodes[TRUST].vault.signer(KeyUse.OAUTH).public])
    server = AuthorizationServer(issuer=TRUST, token_endpoint=TRUST + "/oauth/v1/token", keys=oauth)
    detail = detail_for(hand.agreement, PurposeCode(PURPOSE), KindName("involvement.query"))
    requester = TokenRequester(own=COUNCIL, vault=vault, transport=transport, clock=federation.network.clock)
    try:
        return requester.request(Grant(server=server, detail=detail), deadline=monotonic() + 60).raw
    finally:
        transport.close()


@pytest.mark.holds("A22")
def test_a_proof_shown_to_all_workers_at_once_succeeds_exactly_once(federation: Served, hand: PeerHand) -> None:
    assert len(federation.processes[TRUST].workers()) == 2
    token = peer_token(federation, hand)
    for _ in range(3):
        raw, proof = hand.signed(), hand.proof(token)

        def send(_: int, raw: bytes = raw, proof: str = proof) -> Answer:
            headers = {"Authorization": f"DPoP {token.decode()}", "DPoP": proof, "Content-Type": "application/jwt"}
            return federation.call(TRUST + MESSAGES, body=raw, headers=headers)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            statuses = sorted(answer.status for answer in pool.map(send, range(AT_ONCE)))
        assert statuses == [200] + [401] * (AT_ONCE - 1)


@pytest.mark.holds("A3", "S17")
def test_copies_of_a_message_at_two_workers_get_the_same_bytes(federation: Served, hand: PeerHand) -> None:
    token = peer_token(federation, hand)
    raw = hand.signed()

    def send(_: int) -> Answer:
        proof = hand.proof(token)
        headers = {"Authorization": f"DPoP {token.decode()}", "DPoP": proof, "Content-Type": "application/jwt"}
        return federation.call(TRUST + MESSAGES, body=raw, headers=headers)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(send, range(AT_ONCE)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    own = [leaf["kind"] for leaf in federation.network.leaves(TRUST) if leaf["message"]["digest"] == digest(raw)]
    assert sorted(own) == ["answered", "received", *["repeated"] * (AT_ONCE - 1)]
