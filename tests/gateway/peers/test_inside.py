"""A stranger that tries to lead this node inside: a real listener there sees no connection."""

import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.peers.errors import Unreachable
from gateway.peers.resolver import SystemResolver
from gateway.peers.ssrf import AddressRefused, HostAddress, UrlRefused
from gateway.peers.transport import HttpTransport, client_tls
from gateway.ports import PeerRequest
from tests.support.hostile import HostileServer, answer, serving
from tests.support.tls import Authority

HOST = "council.example"
GET = PeerRequest(
    method="GET", url=f"https://{HOST}/", headers={}, body=b"", accept="application/jwt", max_bytes=1000, timeout_s=2
)
PUBLIC = "1.1.1.1"
Resolving = Callable[[Callable[[str, int], Sequence[str]]], HttpTransport]


@pytest.fixture
def inside(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[HostileServer]:
    """Run a server on loopback that would answer for the stranger's name, at the port that every peer is asked at."""
    with serving(lambda visit: visit.say(answer(b"inside")), certificate) as server:
        monkeypatch.setattr("gateway.peers.ssrf.HTTPS_PORT", server.port)
        yield server


@pytest.fixture
def resolving(authority: Authority) -> Resolving:
    return lambda look_up: HttpTransport(
        tls=client_tls(authority.certificate), hosts={}, resolver=SystemResolver(look_up)
    )


@pytest.mark.holds("A34")
@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "127.1",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "2130706433",
        "localhost",
    ],
)
def test_a_name_that_leads_to_loopback_reaches_no_server(
    inside: HostileServer, resolving: Resolving, address: str
) -> None:
    with pytest.raises(AddressRefused):
        resolving(lambda _host, _port: [address]).send(GET)
    assert inside.connections == 0


@pytest.mark.holds("A34")
@pytest.mark.parametrize("also", [["127.0.0.1", PUBLIC], [PUBLIC, "127.0.0.1"]])
def test_one_inner_address_among_public_ones_is_enough(
    inside: HostileServer, resolving: Resolving, also: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.peers.connection.open_tcp", _only_loopback)
    with pytest.raises(AddressRefused):
        resolving(lambda _host, _port: also).send(GET)
    assert inside.connections == 0


@pytest.mark.holds("A34")
def test_a_name_that_is_public_when_checked_and_inner_when_asked_again_reaches_no_server(
    inside: HostileServer, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = socket.getaddrinfo

    def rebinding(host: str, port: int, *args: int, **named: int) -> object:
        if host != HOST:
            return real(host, port, *args, **named)
        asked.append(host)
        return real(PUBLIC if len(asked) == 1 else "127.0.0.1", port, *args, **named)

    monkeypatch.setattr("socket.getaddrinfo", rebinding)
    monkeypatch.setattr("gateway.peers.connection.open_tcp", _only_loopback)
    transport = HttpTransport(tls=client_tls(authority.certificate), hosts={})
    with pytest.raises(Unreachable):
        transport.send(GET)
    assert asked == [HOST]
    for _ in range(2):
        with pytest.raises(AddressRefused):
            transport.send(GET)
    assert inside.connections == 0


def _only_loopback(place: HostAddress, timeout_s: float) -> socket.socket:
    """Connect as the node does, but for the public address, which a test leaves in peace."""
    if place.address == PUBLIC:
        raise ConnectionRefusedError
    return socket.create_connection((place.address, place.port), timeout_s)


ODD = [
    "https://127.0.0.1/",
    "https://127.0.0.1:{port}/",
    "https://council.example:{port}/",
    "https://council.example:0443/",
    "https://council.example:/",
    "https://council.example:443:80/",
    "https://council.example:-1/",
    "https://council.example:\uff14\uff14\uff13/",
    "https://someone@council.example/",
    "https://someone:secret@council.example/",
    "https://@council.example/",
    "https://council.example@127.0.0.1:{port}/",
    "https://council.example%40127.0.0.1:{port}/",
    "https://council.example\\@127.0.0.1:{port}/",
    "https://127.0.0.1:{port}\\@council.example/",
    "https://127.0.0.1:{port}#@council.example/",
    "https://127.0.0.1:{port}?@council.example/",
    "https:\\\\council.example/",
    "https:/\\council.example/",
    "https:///council.example/",
    "https:/council.example/",
    "https:council.example/",
    "https://\\127.0.0.1/",
    "https://[::1]:{port}/",
    "https://[::ffff:127.0.0.1]:{port}/",
    "https://[::1%25lo]/",
    "https://[v1.x]/",
    "https://[council.example]/",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://0x7f000001/",
    "https://0x7f.0.0.0x1/",
    "https://0x7F.1/",
    "https://00000177.0.0.1/",
    "https://127.0.0.1./",
    "https://127.0.0.0x1/",
    "https://\uff11\uff12\uff17.0.0.1/",
    "https://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/",
    "https://127\u30020\u30020\u30021/",
    "https://council\u3002example/",
    "https://council\uff0eexample/",
    "https://council\uff61example/",
    "https://\u24d2ouncil.example/",
    "https://c\u00f6uncil.example/",
    "https://council.example\u202e/",
    "https://coun\u00adcil.example/",
    "https://coun\u200bcil.example/",
    "https://council.e\u0445ample/",
    "https://COUNCIL.example/",
    "https://council.example./",
    "https://.council.example/",
    "https://council..example/",
    "https://-council.example/",
    "https://council-.example/",
    "https://council_1.example/",
    "https://" + "a" * 64 + ".example/",
    "https://" + "a." * 130 + "example/",
    "https://localhost/",
    "https://localhost:{port}/",
    "https://%6cocalhost/",
    "https://%31%32%37.0.0.1/",
    "https://council%2eexample/",
    "https://council.example%00/",
    "https://council.example%2f@127.0.0.1/",
    "https://council.example%20/",
    "https://council.example\x00.127.0.0.1/",
    "https://council.example /",
    " https://council.example/",
    "https://council.example/ ",
    "https://council.example/\n",
    "https://council.example\t/",
    "https://council.example/a\rb",
    "https://council.example/a\r\nHost: other",
    "https://council.example/" + "x" * 2048,
    "https://council.example/a b",
    "https://council.example/\u00e9",
    "https://council.example/#fragment",
    "https://council.example/a\\b",
    "https://council.example/<a>",
    "ht\ttps://council.example/",
    "HTTPS://council.example/",
    "http://council.example/",
    "https+unix://council.example/",
    "gopher://council.example/",
    "file://council.example/etc/passwd",
    "ftp://council.example/",
    "data:text/plain,x",
    "jar:https://council.example!/",
    "//council.example/",
    "council.example",
    "",
]


@pytest.mark.holds("A34")
@pytest.mark.parametrize("url", ODD, ids=range(len(ODD)))
def test_an_odd_url_is_refused_before_anything_is_asked(inside: HostileServer, resolving: Resolving, url: str) -> None:
    asked: list[str] = []

    def look_up(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with pytest.raises(UrlRefused) as refused:
        resolving(look_up).send(replace(GET, url=url.replace("{port}", str(inside.port))))
    assert asked == []
    assert inside.connections == 0
    assert not url or url not in str(refused.value)
