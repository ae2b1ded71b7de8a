"""The strict reading of an answer, over a connection as it comes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.peers.errors import InvalidResponse, ResponseTooLarge, Unreachable
from gateway.peers.response import MAX_FRAMING_BYTES
from gateway.peers.routing import Route
from gateway.peers.ssrf import HostAddress, parse_url
from gateway.peers.transport import Exchanger, client_tls
from gateway.ports import PeerRequest, PeerResponse, TransportError
from tests.support.hostile import Visit, serving
from tests.support.tls import Authority

URL = "https://council.example/x"
Read = Callable[..., PeerResponse]


@pytest.fixture
def read(authority: Authority, certificate: tuple[Path, Path]) -> Iterator[Read]:
    """Bring back what is said, of any status and type; the connection ends after it."""
    said = [b""]

    def say(visit: Visit) -> None:
        visit.say(said[0])
        visit.sock.close()

    with ExitStack() as stack:
        server = stack.enter_context(serving(say, certificate))
        exchanger = Exchanger(
            tls=client_tls(authority.certificate),
            routes=lambda _host, _port, _deadline: [Route(target=HostAddress(address="127.0.0.1", port=server.port))],
        )
        stack.callback(exchanger.close)

        def exchange(data: bytes, max_bytes: int = 100) -> PeerResponse:
            said[0] = data
            request = PeerRequest(
                method="GET", url=URL, headers={}, body=b"", accept="*/*", max_bytes=max_bytes, timeout_s=5
            )
            return exchanger.exchange(parse_url(URL, with_port=False), request, repeatable=False)

        yield exchange


def test_a_body_of_stated_length_is_read(read: Read) -> None:
    assert read(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").body == b"hi"
    assert read(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").body == b""


def test_headers_come_in_lower_case_and_joined(read: Read) -> None:
    got = read(b"HTTP/1.1 429 Slow\r\nContent-Type: A/B; c=d\r\nX-One: a\r\nx-one: b\r\nContent-Length: 0\r\n\r\n")
    assert (got.status, got.content_type) == (429, "a/b")
    assert got.headers == {"content-type": "A/B; c=d", "x-one": "a, b", "content-length": "0"}


def test_a_chunked_body_is_joined_and_its_trailers_dropped(read: Read) -> None:
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=1\r\nhi\r\n3\r\n you\r\n0\r\nX: y\r\n\r\n"
    with pytest.raises(InvalidResponse):
        read(data)
    got = read(data.replace(b"3\r\n you", b"4\r\n you"))
    assert got.body == b"hi you"
    assert "x" not in got.headers


def test_interim_answers_are_passed_over(read: Read) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 102 Wait\r\n\r\n"
    got = read(interim + b"HTTP/1.1 204 None\r\n\r\n")
    assert (got.status, got.body, got.headers) == (204, b"", {})


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Type: c/d\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nnonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\n",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\rContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
        b"HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\n",
        b"ICY 200 OK\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 99 No\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 600 No\r\nContent-Length: 2\r\n\r\n",
        b"\r\n\r\n",
    ],
)
def test_an_ambiguous_answer_is_refused(read: Read, head: bytes) -> None:
    with pytest.raises(InvalidResponse):
        read(head + b"2\r\nhi\r\n0\r\n\r\n")


@pytest.mark.parametrize("size", [b"-1", b" 2", b"", b"x"])
def test_a_malformed_chunk_size_is_refused(read: Read, size: bytes) -> None:
    with pytest.raises(InvalidResponse):
        read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + size + b"\r\nhi\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    "whole",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: y\r\n\r\n",
        b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: y\r\n\r\n",
    ],
)
def test_an_answer_cut_anywhere_is_a_failure(read: Read, whole: bytes) -> None:
    assert read(whole).status == 200
    for end in range(len(whole)):
        with pytest.raises(Unreachable):
            read(whole[:end])


def test_a_body_over_its_cap_is_refused_and_not_cut(read: Read) -> None:
    assert read(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 100).body == b"x" * 100
    with pytest.raises(ResponseTooLarge):
        read(b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + b"x" * 101)
    with pytest.raises(ResponseTooLarge):
        read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + b"x" * 101 + b"\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * MAX_FRAMING_BYTES + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 70 + b"\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 2000,
        b"HTTP/1.1 103 Hints\r\n\r\n" * 2000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 9000 + b"0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 9000,
    ],
    ids=["line", "headers", "interim-100", "interim-103", "chunks", "trailers"],
)
def test_endless_framing_is_refused(read: Read, data: bytes) -> None:
    with pytest.raises(ResponseTooLarge):
        read(data, max_bytes=1_000_000)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=200),
    start=st.sampled_from(
        [
            b"",
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: ",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        ]
    ),
)
def test_any_bytes_are_an_answer_or_a_refusal(read: Read, data: bytes, start: bytes) -> None:
    with suppress(TransportError):
        read(start + data)
