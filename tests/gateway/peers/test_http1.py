"""The strict reading of an answer."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.peers.guard import parse_url
from gateway.peers.http1 import MAX_FRAMING_BYTES, NonsenseAnswer, OverCap, read_answer, request_bytes
from gateway.ports import PeerRequest, TransportError


class Bytes:
    """A stream that ends where its bytes do."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def line(self, most: int) -> bytes:
        end = self._data.find(b"\r\n")
        if end > most or (end < 0 and len(self._data) > most):
            raise OverCap("too long")
        if end < 0:
            raise NonsenseAnswer("ended")
        line, self._data = self._data[:end], self._data[end + 2 :]
        return line

    def exactly(self, count: int) -> bytes:
        if len(self._data) < count:
            raise NonsenseAnswer("ended")
        taken, self._data = self._data[:count], self._data[count:]
        return taken


def read(data: bytes, max_bytes: int = 100) -> tuple[int, bytes, bool]:
    received = read_answer(Bytes(data), max_bytes=max_bytes)
    return received.answer.status, received.answer.body, received.persistent


def test_a_body_of_stated_length_is_read() -> None:
    assert read(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi") == (200, b"hi", True)


def test_a_chunked_body_is_joined_and_its_trailers_dropped() -> None:
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=1\r\nhi\r\n3\r\n you\r\n0\r\nX: y\r\n\r\n"
    with pytest.raises(NonsenseAnswer):
        read(data)
    assert read(data.replace(b"3\r\n you", b"4\r\n you")) == (200, b"hi you", True)


def test_interim_answers_are_passed_over() -> None:
    assert read(b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 204 None\r\n\r\n") == (204, b"", True)


def test_the_peer_may_close_the_connection() -> None:
    assert not read(b"HTTP/1.1 200 OK\r\nConnection: keep, Close\r\nContent-Length: 0\r\n\r\n")[2]
    assert not read(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")[2]


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Type: c/d\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
        b"HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\n",
        b"ICY 200 OK\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 99 No\r\nContent-Length: 2\r\n\r\n",
        b"\r\n\r\n",
    ],
)
def test_an_ambiguous_answer_is_refused(head: bytes) -> None:
    with pytest.raises(NonsenseAnswer):
        read(head + b"2\r\nhi\r\n0\r\n\r\n")


@pytest.mark.parametrize("size", [b"-1", b"0x2", b"+2", b" 2", b"", b"2_0", b"123456789"])
def test_a_malformed_chunk_size_is_refused(size: bytes) -> None:
    with pytest.raises(NonsenseAnswer):
        read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + size + b"\r\nhi\r\n0\r\n\r\n")


def test_a_body_over_its_cap_is_refused_and_not_cut() -> None:
    assert read(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 100)[1] == b"x" * 100
    with pytest.raises(OverCap):
        read(b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + b"x" * 101)
    with pytest.raises(OverCap):
        read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + b"x" * 101 + b"\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * MAX_FRAMING_BYTES + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100 + b"\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 2000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 9000 + b"0\r\n\r\n",
    ],
)
def test_endless_framing_is_refused(data: bytes) -> None:
    with pytest.raises(OverCap):
        read(data, max_bytes=1_000_000)


@given(st.binary(max_size=200), st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: "]))
def test_any_bytes_are_an_answer_or_a_refusal(data: bytes, start: bytes) -> None:
    with suppress(TransportError):
        read(start + data)


def test_a_request_is_written_with_the_hosts_name_and_no_encoding() -> None:
    request = PeerRequest(
        method="POST",
        url="https://council.example/x?y",
        headers={"DPoP": "a.b.c"},
        body=b"hi",
        accept="application/jwt",
        max_bytes=1,
        timeout_s=1,
    )
    head, _, body = request_bytes(request, parse_url(request.url, with_port=False)).partition(b"\r\n\r\n")
    assert body == b"hi"
    assert head.split(b"\r\n") == [
        b"POST /x?y HTTP/1.1",
        b"Host: council.example",
        b"Accept: application/jwt",
        b"Accept-Encoding: identity",
        b"DPoP: a.b.c",
        b"Content-Length: 2",
    ]


@pytest.mark.parametrize("header", [("X", "a\r\nY: b"), ("X\r\n", "a"), ("Host", "other.example"), ("X", "\u00e9")])
def test_a_header_cannot_carry_another(header: tuple[str, str]) -> None:
    request = PeerRequest(
        method="GET",
        url="https://a.example/",
        headers=dict([header]),
        body=b"",
        accept="*/*",
        max_bytes=1,
        timeout_s=1,
    )
    with pytest.raises(ValueError, match="header"):
        request_bytes(request, parse_url(request.url, with_port=False))
