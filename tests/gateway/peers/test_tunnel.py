"""Through the agency's one proxy, a good one and bad ones: what it is asked, and what it can do to an exchange."""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from gateway.peers.errors import DeadlineExceeded, InvalidResponse, ResponseTooLarge, Unreachable
from gateway.peers.resolver import LookUp, SystemResolver
from gateway.peers.ssrf import AddressRefused, HostAddress
from gateway.peers.transport import HttpTransport, client_tls
from gateway.peers.tunnel import Proxy, basic_authorization
from gateway.ports import PeerRequest
from tests.support.hostile import Asked, ConnectProxy, HostileServer, ProxyBehaviour, answer, proxying, serving
from tests.support.tls import Authority

HOST = "council.example"
GET = PeerRequest(
    method="GET", url=f"https://{HOST}/x", headers={}, body=b"", accept="application/jwt", max_bytes=1000, timeout_s=5
)
POST = replace(GET, method="POST", headers={"DPoP": "a.b.c"}, body=b"signed")
PUBLIC = "1.1.1.1"
Start = Callable[..., tuple[ConnectProxy, HttpTransport]]


@pytest.fixture
def server(certificate: tuple[Path, Path]) -> Iterator[HostileServer]:
    with serving(lambda visit: visit.say(answer(b"reply")), certificate) as running:
        yield running


@pytest.fixture
def start(authority: Authority, server: HostileServer) -> Iterator[Start]:
    """Run a proxy that behaves as told, and give it with a transport that goes through it, which ends before others."""
    with ExitStack() as stack:

        def run(
            behaviour: ProxyBehaviour,
            *,
            look_up: LookUp = lambda _host, _port: [PUBLIC],
            authorization: str | None = None,
        ) -> tuple[ConnectProxy, HttpTransport]:
            proxy = stack.enter_context(proxying(behaviour))
            transport = HttpTransport(
                tls=client_tls(authority.certificate),
                hosts={},
                networks={HOST: [ip_network("10.20.30.0/28")]},
                proxy=Proxy(place=HostAddress(address="127.0.0.1", port=proxy.port), authorization=authorization),
                resolver=SystemResolver(look_up),
            )
            stack.callback(transport.close)
            return proxy, transport

        yield run


# ---- a good one


def test_an_exchange_goes_through_to_the_checked_address_and_the_proxy_sees_nothing_of_it(
    start: Start, server: HostileServer
) -> None:
    proxy, transport = start(lambda asked: asked.tunnel(server.port))
    assert transport.send(POST).body == b"reply"
    assert proxy.heads == [b"CONNECT 1.1.1.1:443 HTTP/1.1\r\nHost: 1.1.1.1:443\r\n\r\n"]
    assert server.requests[0].startswith(b"POST /x HTTP/1.1\r\nHost: council.example\r\n")
    assert b"proxy" not in server.requests[0].lower()


def test_the_tunnel_is_kept_like_any_connection(start: Start, server: HostileServer) -> None:
    proxy, transport = start(lambda asked: asked.tunnel(server.port))
    for _ in range(3):
        transport.send(POST)
    assert (proxy.connections, len(server.requests)) == (1, 3)


def test_an_ipv6_address_stands_in_brackets(start: Start, server: HostileServer) -> None:
    proxy, transport = start(
        lambda asked: asked.tunnel(server.port), look_up=lambda _host, _port: ["2606:4700:4700::1111"]
    )
    transport.send(GET)
    assert proxy.heads[0].startswith(b"CONNECT [2606:4700:4700::1111]:443 HTTP/1.1\r\nHost: [2606:4700:4700::1111]:443")


def test_credentials_are_for_the_proxy_alone(start: Start, server: HostileServer) -> None:
    authorization = basic_authorization("node:s3cret: and more")
    proxy, transport = start(lambda asked: asked.tunnel(server.port), authorization=authorization)
    transport.send(GET)
    assert b"\r\nProxy-Authorization: Basic bm9kZTpzM2NyZXQ6IGFuZCBtb3Jl\r\n\r\n" in proxy.heads[0]
    assert b"authorization" not in server.requests[0].lower()
    assert "bm9k" not in repr(Proxy(place=HostAddress(address="127.0.0.1", port=1), authorization=authorization))


@pytest.mark.parametrize(
    "credentials", ["", "hunter2", ":hunter2", "hunter2:", "a:hunter2\r\nX: y", "a:\u00e9", "a:" + "x" * 512]
)
def test_credentials_that_could_be_something_else_are_refused_and_not_repeated(credentials: str) -> None:
    with pytest.raises(ValueError, match="user:password") as refused:
        basic_authorization(credentials)
    assert not credentials or credentials not in str(refused.value)


def test_what_is_exact_or_private_is_reached_without_the_proxy(
    start: Start, authority: Authority, server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[HostAddress] = []

    def connect(place: HostAddress, timeout_s: float) -> socket.socket:
        connected.append(place)
        return socket.create_connection(("127.0.0.1", server.port), timeout_s)

    monkeypatch.setattr("gateway.peers.connection.open_tcp", connect)
    proxy, transport = start(lambda asked: asked.say(b"never"), look_up=lambda _host, _port: ["10.20.30.4"])
    assert transport.send(GET).body == b"reply"
    exact = HttpTransport(
        tls=client_tls(authority.certificate),
        hosts={HOST: HostAddress(address="127.0.0.1", port=server.port)},
        proxy=Proxy(place=HostAddress(address="127.0.0.1", port=proxy.port)),
    )
    assert exact.send(GET).body == b"reply"
    exact.close()
    assert [place.address for place in connected] == ["10.20.30.4", "127.0.0.1"]
    assert proxy.connections == 0


# ---- who wants to be led inside by it


@pytest.mark.holds("A34")
@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["169.254.169.254"],
        ["10.0.0.1"],
        ["10.20.30.16"],
        ["::ffff:10.20.30.4"],
        ["64:ff9b::7f00:1"],
        [PUBLIC, "192.168.1.1"],
        ["intranet"],
    ],
)
def test_the_proxy_is_never_asked_for_an_inner_address(
    start: Start, server: HostileServer, addresses: Sequence[str]
) -> None:
    proxy, transport = start(lambda asked: asked.tunnel(server.port), look_up=lambda _host, _port: addresses)
    with pytest.raises(AddressRefused):
        transport.send(GET)
    assert (proxy.connections, server.connections) == (0, 0)


@pytest.mark.holds("A34")
def test_one_peers_private_network_is_not_anothers(start: Start) -> None:
    proxy, transport = start(lambda asked: asked.say(b"never"), look_up=lambda _host, _port: ["10.20.30.4"])
    with pytest.raises(AddressRefused):
        transport.send(replace(GET, url="https://police.example/x"))
    assert proxy.connections == 0


@pytest.mark.holds("A34")
def test_a_rebinding_name_gains_nothing_since_the_proxy_is_told_no_name(start: Start, server: HostileServer) -> None:
    answers = iter([[PUBLIC], ["10.0.0.1"]])
    proxy, transport = start(lambda asked: asked.tunnel(server.port), look_up=lambda _host, _port: next(answers))
    transport.send(GET)
    transport.close()
    with pytest.raises(AddressRefused):
        transport.send(GET)
    assert [head.partition(b"\r\n")[0] for head in proxy.heads] == [b"CONNECT 1.1.1.1:443 HTTP/1.1"]
    assert HOST.encode() not in b"".join(proxy.heads)


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1", "224.0.0.1"])
def test_no_proxy_is_at_a_metadata_service(authority: Authority, address: str) -> None:
    with pytest.raises(AddressRefused):
        HttpTransport(
            tls=client_tls(authority.certificate),
            hosts={},
            proxy=Proxy(place=HostAddress(address=address, port=3128)),
        )


# ---- bad ones


def test_a_proxy_that_leads_elsewhere_reaches_no_host_with_the_name(start: Start, authority: Authority) -> None:
    with serving(lambda visit: visit.say(answer(b"elsewhere")), authority.issue("police.example")) as elsewhere:
        _, transport = start(lambda asked: asked.tunnel(elsewhere.port))
        with pytest.raises(Unreachable, match="certificate"):
            transport.send(POST)
        assert elsewhere.requests == []


@pytest.mark.holds("A32")
@pytest.mark.parametrize(
    "drip",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"\x16\x03\x03\x40\x00" + b"x" * 1000,
        b"",
    ],
    ids=["head", "handshake", "silence"],
)
def test_a_dripping_proxy_is_cut_at_the_total_time(start: Start, drip: bytes) -> None:
    def behave(asked: Asked) -> None:
        if b"\r\n\r\n" in drip:
            asked.say(head)
            asked.sock.recv(65_536)  # the client's first words, after which a handshake may go on
            asked.drip(rest, every_s=0.03)
        asked.drip(drip, every_s=0.03)
        asked.stopping.wait(4)

    head, rest = drip[:19], drip[19:]
    _, transport = start(behave)
    with pytest.raises(DeadlineExceeded):
        transport.send(replace(POST, timeout_s=0.4))


@pytest.mark.holds("A32")
def test_endless_headers_of_a_proxy_are_cut_at_their_cap(start: Start) -> None:
    def flood(asked: Asked) -> None:
        asked.say(b"HTTP/1.1 200 OK\r\n")
        with suppress(OSError):
            while not asked.stopping.is_set():
                asked.say(b"X-Flood: " + b"x" * 1000 + b"\r\n")

    _, transport = start(flood)
    with pytest.raises(ResponseTooLarge):
        transport.send(POST)


@pytest.mark.parametrize(
    "said",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n",
        b"\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    ],
)
def test_an_answer_that_is_not_one_or_goes_on_is_refused(start: Start, server: HostileServer, said: bytes) -> None:
    _, transport = start(lambda asked: asked.say(said))
    with pytest.raises(InvalidResponse):
        transport.send(POST)
    assert server.connections == 0


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", r"other credentials; see \[proxy\]"),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "status 403"),
        (b"HTTP/1.1 302 Found\r\nLocation: https://police.example/\r\n\r\n", "status 302"),
        (b"HTTP/1.0 503 Unavailable\r\n\r\n", "status 503"),
        (b"HTTP/1.1 200 OK\r\n", "closed the connection"),
        (b"", "closed the connection"),
    ],
)
def test_a_proxy_that_refuses_is_named_and_its_words_are_not_repeated(start: Start, said: bytes, why: str) -> None:
    proxy, transport = start(lambda asked: asked.say(said))
    with pytest.raises(Unreachable, match=why):
        transport.send(POST)
    assert proxy.connections == 1


@pytest.mark.parametrize("head", [b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 204 Fine\r\nX: y\r\nContent-Length: 7\r\n"])
def test_a_tunnel_has_no_body_under_any_head(start: Start, server: HostileServer, head: bytes) -> None:
    _, transport = start(lambda asked: asked.tunnel(server.port, head + b"\r\n"))
    assert transport.send(POST).body == b"reply"


def test_without_a_proxy_that_listens_nothing_is_reached(authority: Authority, server: HostileServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    transport = HttpTransport(
        tls=client_tls(authority.certificate),
        hosts={},
        proxy=Proxy(place=HostAddress(address="127.0.0.1", port=port)),
        resolver=SystemResolver(lambda _host, _port: [PUBLIC]),
    )
    with pytest.raises(Unreachable):
        transport.send(GET)
    assert server.connections == 0
