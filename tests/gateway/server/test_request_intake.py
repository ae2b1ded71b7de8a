"""A request is whole exactly when its last byte is there, however it is cut up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.server.request_intake import MAX_BODY, MAX_HEAD, RequestIntake

HEAD = b"POST /x HTTP/1.1\r\nHost: a.example\r\n"
WHOLE = [
    b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
    HEAD + b"Content-Length: 0\r\n\r\n",
    HEAD + b"content-length:5\r\n\r\nhello",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: gzip, Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
]


@pytest.mark.parametrize("request_bytes", WHOLE)
def test_a_request_is_whole_with_its_last_byte_and_not_before(request_bytes: bytes) -> None:
    intake = RequestIntake(b"", now=0.0)
    for number, byte in enumerate(request_bytes):
        assert not intake.is_whole(), number
        intake.add(bytes([byte]))
    assert intake.is_whole()
    assert bytes(intake.buffer) == request_bytes


@given(st.sampled_from(WHOLE), st.lists(st.integers(0, 120), max_size=6), st.binary(max_size=40))
def test_what_follows_a_whole_request_is_kept_for_the_next(request_bytes: bytes, cuts: list[int], next_: bytes) -> None:
    sent = request_bytes + next_
    intake = RequestIntake(b"", now=0.0)
    at = 0
    for cut in [*sorted(each for each in cuts if each < len(request_bytes)), len(sent)]:
        assert not intake.is_whole()
        intake.add(sent[at:cut])
        at = cut
    assert intake.is_whole()
    assert bytes(intake.buffer) == sent


@pytest.mark.parametrize(
    "hopeless",
    [
        b"A" * (MAX_HEAD + 1),
        HEAD + b"Content-Length: x\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: %d\r\n\r\n" % (MAX_BODY + 1),
        HEAD + b"Content-Length: " + b"9" * 400 + b"\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip\r\n\r\n",
        HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
        HEAD + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 300,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"T: x\r\n" * 12_000,
    ],
)
def test_what_can_never_be_taken_is_refused_at_once(hopeless: bytes) -> None:
    assert RequestIntake(hopeless, now=0.0).is_whole()


def test_a_client_that_waits_to_be_told_to_go_on_is_told_once() -> None:
    intake = RequestIntake(HEAD + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n", now=0.0)
    assert not intake.is_whole()
    assert [intake.expects_continue(), intake.expects_continue()] == [True, False]
    intake.add(b"hello")
    assert intake.is_whole()


@given(st.binary(max_size=400), st.lists(st.binary(max_size=50), max_size=5))
def test_any_bytes_are_whole_or_not(first: bytes, more: list[bytes]) -> None:
    intake = RequestIntake(first, now=0.0)
    for each in more:
        assert intake.is_whole() in {True, False}
        intake.add(each)
