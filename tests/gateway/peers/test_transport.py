"""HTTP to strangers, against servers that misbehave."""

import gzip
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest

from gateway.peers.errors import DeadlineExceeded, InvalidResponse, ResponseTooLarge, Unreachable
from gateway.peers.resolver import SystemResolver
from gateway.peers.ssrf import AddressRefused, HostAddress, UrlRefused
from gateway.peers.transport import HttpTransport, client_tls
from gateway.ports import TransportError
from tests.gateway.peers.exchanges import GET, HOST, OK, POST, Start
from tests.simulator.clocks import MonotonicClock
from tests.support.hostile import Visit, answer, proxying
from tests.support.tls import Authority, make_authority


def test_an_answer_comes_back_whole(start: Start) -> None:
    server, transport = start(lambda visit: visit.say(OK))
    got = transport.send(POST)
    assert (got.status, got.content_type, got.body) == (200, "application/jwt", b"reply")
    assert server.requests[0].startswith(b"POST /x HTTP/1.1\r\nHost: council.example\r\n")
    assert server.requests[0].endswith(b"\r\n\r\nsigned")


def test_a_refusal_is_an_answer_of_any_content_type(start: Start) -> None:
    _, transport = start(
        lambda visit: visit.say(answer(b"{}", status="403 Forbidden", content_type="application/problem+json; x=y"))
    )
    got = transport.send(GET)
    assert (got.status, got.content_type) == (403, "application/problem+json")


# ---- time and size


@pytest.mark.holds("A32")
@pytest.mark.parametrize(
    "drip",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000,
        b"HTTP/1.1 200 OK\r\nContent-Type: application/jwt\r\nContent-Length: 900\r\n\r\n" + b"x" * 900,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 300,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 40,
    ],
    ids=["header", "body", "chunks", "interim"],
)
def test_a_dripping_answer_is_cut_at_the_total_time(start: Start, drip: bytes) -> None:
    _, transport = start(lambda visit: visit.drip(drip, every_s=0.03))
    with pytest.raises(DeadlineExceeded):
        transport.send(replace(GET, timeout_s=0.5))


@pytest.mark.holds("A65")
def test_a_peer_that_never_answers_costs_the_time_and_no_more(start: Start) -> None:
    _, transport = start(lambda visit: visit.stopping.wait(4))
    with pytest.raises(DeadlineExceeded):
        transport.send(replace(POST, timeout_s=0.4))


def test_a_handshake_that_never_ends_costs_the_time_and_no_more(authority: Authority) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    with listener:
        hosts = {HOST: HostAddress(address="127.0.0.1", port=listener.getsockname()[1])}
        transport = HttpTransport(tls=client_tls(authority.certificate), hosts=hosts)
        with pytest.raises(DeadlineExceeded):
            transport.send(replace(GET, timeout_s=0.4))


@pytest.mark.holds("A32")
def test_a_dripping_handshake_is_cut_at_the_total_time(authority: Authority) -> None:
    hello = b"\x16\x03\x03\x40\x00" + b"x" * 1000
    with proxying(lambda asked: asked.drip(hello, every_s=0.03), until=b"") as server:
        hosts = {HOST: HostAddress(address="127.0.0.1", port=server.port)}
        transport = HttpTransport(tls=client_tls(authority.certificate), hosts=hosts)
        with pytest.raises(DeadlineExceeded):
            transport.send(replace(GET, timeout_s=0.4))


@pytest.mark.holds("A32")
@pytest.mark.parametrize("late", ["nothing", "connection", "answer"])
def test_names_connection_and_answer_draw_on_one_time(
    start: Start, authority: Authority, monkeypatch: pytest.MonkeyPatch, monotonic_clock: MonotonicClock, late: str
) -> None:
    def answer_late(visit: Visit) -> None:
        if late == "answer":
            monotonic_clock.forward(4)
            visit.say(OK[:20])  # the rest is asked for after the deadline
        else:
            visit.say(OK)

    server, _ = start(answer_late)

    def slowly(_host: str, _port: int) -> Sequence[str]:
        monotonic_clock.forward(0 if late == "nothing" else 4)
        return ["1.1.1.1"]

    def connect(place: HostAddress, timeout_s: float) -> socket.socket:
        assert place == HostAddress(address="1.1.1.1", port=443)
        monotonic_clock.forward(4 if late == "connection" else 0)
        return socket.create_connection(("127.0.0.1", server.port), timeout_s)

    monkeypatch.setattr("gateway.peers.connection.open_tcp", connect)
    transport = HttpTransport(tls=client_tls(authority.certificate), hosts={}, resolver=SystemResolver(slowly))
    request = replace(GET, timeout_s=6)
    if late == "nothing":
        assert transport.send(request).status == 200
    else:
        with pytest.raises(DeadlineExceeded):
            transport.send(request)
    assert len(server.requests) == (0 if late == "connection" else 1)


def test_an_unread_request_costs_the_time_and_no_more(start: Start) -> None:
    def deaf(visit: Visit) -> None:
        visit.say(OK)
        visit.stopping.wait(4)

    server, transport = start(deaf)
    transport.send(GET)
    with pytest.raises(DeadlineExceeded):
        transport.send(replace(POST, body=b"x" * 50_000_000, timeout_s=0.5))
    assert server.connections == 1


def _endless(visit: Visit, status: bytes = b"200 OK") -> None:
    visit.say(b"HTTP/1.1 " + status + b"\r\nContent-Type: application/jwt\r\nLocation: https://council.example/y\r\n")
    visit.say(b"Transfer-Encoding: chunked\r\n\r\n3fffffff\r\n")  # one chunk, so that no cap of framing ends it
    with suppress(OSError):
        while not visit.stopping.is_set():
            visit.say(b"x" * 1024)


@pytest.mark.holds("A32")
def test_an_endless_body_is_cut_at_its_cap(start: Start) -> None:
    _, transport = start(_endless)
    with pytest.raises(ResponseTooLarge):
        transport.send(replace(GET, max_bytes=65_536))


@pytest.mark.holds("A32")
def test_an_endless_redirect_is_cut_at_its_cap(start: Start) -> None:
    server, transport = start(lambda visit: _endless(visit, b"302 Found"))
    with pytest.raises(ResponseTooLarge):
        transport.send(replace(GET, max_bytes=65_536))
    assert len(server.requests) == 1


def test_an_answer_that_breaks_off_is_a_failure(start: Start) -> None:
    def cut(visit: Visit) -> None:
        visit.say(OK[:-2])
        visit.sock.close()

    _, transport = start(cut)
    with pytest.raises(Unreachable):
        transport.send(GET)


# ---- what is refused of an answer


@pytest.mark.holds("A32")
def test_a_redirect_is_not_followed(start: Start) -> None:
    server, transport = start(
        lambda visit: visit.say(answer(b"", status="302 Found", extra=f"Location: https://{HOST}/y\r\n"))
    )
    with pytest.raises(InvalidResponse, match="redirect"):
        transport.send(GET)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "content_type",
    ["text/html", "application/jwt+xml", "application/xjwt", "text/plain; x=application/jwt", "application/ jwt", ""],
)
def test_a_success_of_another_content_type_is_refused(start: Start, content_type: str) -> None:
    _, transport = start(lambda visit: visit.say(answer(b"a.b.c", content_type=content_type)))
    with pytest.raises(InvalidResponse, match="application/jwt"):
        transport.send(GET)


def test_a_compressed_answer_is_refused_though_small(start: Start) -> None:
    bomb = gzip.compress(b"0" * 10_000_000, compresslevel=9)
    _, transport = start(lambda visit: visit.say(answer(bomb, extra="Content-Encoding: gzip\r\n")))
    with pytest.raises(InvalidResponse, match="compressed"):
        transport.send(replace(GET, max_bytes=65_536))


# ---- who is at the other end


def test_a_certificate_for_another_name_is_refused(start: Start, authority: Authority) -> None:
    server, transport = start(lambda visit: visit.say(OK), authority.issue("police.example"))
    with pytest.raises(Unreachable, match="certificate"):
        transport.send(GET)
    assert server.requests == []


def test_a_certificate_by_another_authority_is_refused(start: Start, tmp_path: Path) -> None:
    server, transport = start(lambda visit: visit.say(OK), make_authority(tmp_path).issue(HOST))
    with pytest.raises(Unreachable, match="certificate"):
        transport.send(GET)
    assert server.requests == []


def test_old_tls_and_weak_ciphers_are_not_offered(authority: Authority) -> None:
    context = client_tls(authority.certificate)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.check_hostname
    names = [cipher["name"] for cipher in context.get_ciphers()]
    assert names
    assert all(name.startswith(("TLS_", "ECDHE-")) and ("GCM" in name or "POLY1305" in name) for name in names)


@pytest.mark.parametrize("url", ["http://council.example/", "https://127.0.0.1/", "https://council.example:8443/"])
def test_only_https_to_a_name_is_sent(start: Start, url: str) -> None:
    server, transport = start(lambda visit: visit.say(OK))
    with pytest.raises(UrlRefused):
        transport.send(replace(GET, url=url))
    assert server.connections == 0


# ---- where it may connect


def _resolving(*addresses: str) -> Callable[[str, int], Sequence[str]]:
    return lambda _host, _port: addresses


@pytest.mark.holds("A34")
@pytest.mark.parametrize(
    "addresses",
    [
        ("127.0.0.1",),
        ("169.254.169.254",),
        ("10.0.0.1",),
        ("::1",),
        ("::ffff:127.0.0.1",),
        ("64:ff9b::7f00:1",),
        ("2002:7f00:1::1",),
        ("1.1.1.1", "127.0.0.1"),
    ],
)
def test_a_name_that_leads_inside_is_not_connected_to(
    authority: Authority, certificate: tuple[Path, Path], addresses: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[object] = []
    monkeypatch.setattr("gateway.peers.connection.open_tcp", lambda *args: connected.append(args))
    transport = HttpTransport(
        tls=client_tls(authority.certificate), hosts={}, resolver=SystemResolver(_resolving(*addresses))
    )
    with pytest.raises(AddressRefused):
        transport.send(GET)
    assert connected == []


def test_an_exception_holds_for_its_exact_name(start: Start) -> None:
    server, transport = start(lambda visit: visit.say(OK))
    assert transport.send(GET).status == 200
    with pytest.raises(TransportError):
        transport.send(replace(GET, url="https://www.council.example/x"))
    assert server.connections == 1


def test_no_exception_may_name_a_metadata_service(authority: Authority) -> None:
    with pytest.raises(AddressRefused):
        HttpTransport(
            tls=client_tls(authority.certificate), hosts={HOST: HostAddress(address="169.254.169.254", port=80)}
        )


def test_the_environment_plays_no_part(start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(tmp_path / "none.pem"))
    (tmp_path / "netrc").write_text(f"machine {HOST} login someone password invented")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    server, transport = start(lambda visit: visit.say(OK))
    assert transport.send(GET).status == 200
    assert b"authorization" not in server.requests[0].lower()


def test_a_name_service_that_hangs_costs_the_time_and_one_thread(authority: Authority) -> None:
    release = Event()
    asked: list[str] = []
    failures: list[type[TransportError]] = []

    def hang(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        release.wait(60)
        return ["127.0.0.1"]

    transport = HttpTransport(tls=client_tls(authority.certificate), hosts={}, resolver=SystemResolver(hang))

    def send() -> None:
        with pytest.raises(TransportError) as failed:
            transport.send(replace(GET, timeout_s=0.3))
        failures.append(failed.type)

    threads = [Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [DeadlineExceeded] * 6
    assert asked == [HOST]
    release.set()


def test_what_failed_is_named_by_host_and_nothing_else(start: Start) -> None:
    _, transport = start(lambda visit: visit.say(b"nonsense\r\n\r\n"))
    with pytest.raises(InvalidResponse) as raised:
        transport.send(replace(GET, url=f"https://{HOST}/secret?sub=x"))
    assert str(raised.value).startswith("council.example: ")
    assert "secret" not in str(raised.value)
