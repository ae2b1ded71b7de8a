"""The bytes that reach an API through the real nginx, for anything that a client sends."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import pytest

from gateway.runtime.server_tls import server_tls
from tests.e2e.nginx import free_ports, nginx, program_path, said, tls, written
from tests.gateway.cli.conftest import Partnership
from tests.support.tls import make_authority

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(program_path() is None, reason="nginx is not installed (on Debian: apt-get install nginx)"),
]
HOST = "anchor.example"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
FORGED = (
    "Forwarded",
    "Proxy",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Proto",
    "X-Real-IP",
    "Upgrade",
    "HTTP2-Settings",
    "TE",
    "Transfer_Encoding",
    "X_Forwarded_For",
)


@dataclass(slots=True)
class Recorder:
    """In the place of a face: it keeps each request as it came, and answers it; ``heard`` is every byte that came."""

    sock: socket.socket
    context: ssl.SSLContext
    requests: list[bytes] = field(default_factory=list)
    heard: bytearray = field(default_factory=bytearray)

    def run(self) -> None:
        with suppress(OSError):
            while True:
                plain, _ = self.sock.accept()
                Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with suppress(OSError), self.context.wrap_socket(plain, server_side=True) as sock:
            data = b""
            while piece := sock.recv(65_536):
                data += piece
                self.heard += piece
                while (length := whole(data)) is not None:
                    self.requests.append(data[:length])
                    data = data[length:]
                    sock.sendall(ANSWER)


def whole(data: bytes) -> int | None:
    """Return how long the first request is, once it is whole; what comes by nginx states a length or has no body."""
    head, end, _ = data.partition(b"\r\n\r\n")
    if not end:
        return None
    stated = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    length = len(head) + len(end) + (int(stated[0].partition(b":")[2]) if stated else 0)
    return length if len(data) >= length else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """nginx before a recorder; ``folder`` is where nginx would put what does not fit into its memory."""

    port: int
    ca: Path
    recorder: Recorder
    folder: Path

    def send(self, *pieces: bytes) -> bytes:
        """Send bytes and return all that comes back."""
        self.recorder.requests.clear()
        self.recorder.heard.clear()
        with tls(self.port, HOST, self.ca) as sock:
            for piece in pieces:
                sock.sendall(piece)
            return said(sock)


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    root = tmp_path_factory.mktemp("wire")
    party = Partnership(root=root, authority=make_authority(tmp_path_factory.mktemp("ca")), running=ExitStack())
    party.set_up_anchor()
    (port,) = free_ports(1)
    options = ["--listen", f"127.0.0.1:{port}", "--logs", str(root), "--ca", str(party.authority.certificate)]
    text = written(party.config("anchor"), *options)
    context = server_tls(*party.files["anchor"])
    assert context is not None
    context.sslsocket_class = ssl.SSLSocket
    with socket.create_server(("127.0.0.1", party.ports["anchor"])) as sock:
        recorder = Recorder(sock=sock, context=context)
        Thread(target=recorder.run, daemon=True).start()
        with nginx(root / "nginx", [text], [port]):
            yield Wire(port=port, ca=party.authority.certificate, recorder=recorder, folder=root / "nginx")
        sock.shutdown(socket.SHUT_RDWR)


def request(method: str = "POST", target: str = "/x", *headers: str, body: bytes = b"") -> bytes:
    lines = (f"{method} {target} HTTP/1.1", f"Host: {HOST}", "Connection: close", *headers, "", "")
    return "\r\n".join(lines).encode() + body


def names(raw: bytes) -> set[str]:
    head = raw.partition(b"\r\n\r\n")[0].decode()
    return {line.partition(":")[0].lower() for line in head.split("\r\n")[1:]}


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("Content-Length: 6\r\nTransfer-Encoding: chunked", 400),
        ("Transfer-Encoding: chunked\r\nContent-Length: 6", 400),
        ("Content-Length: 6\r\nContent-Length: 5", 400),
        ("Content-Length: +6", 400),
        ("Content-Length: 6, 6", 400),
        ("Content-Length: 0x6", 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400),
        ("Transfer-Encoding: xchunked", 501),
        ("Transfer-Encoding: chunked, identity", 501),
        ("Transfer-Encoding: identity, chunked", 501),
        ("Transfer-Encoding : chunked", 400),
        ("Transfer-Encoding:\x0bchunked", 501),
        ("X: y\r\n Transfer-Encoding: chunked", 400),
        ("Transfer-Encoding: chunked\r\nX: \x00", 400),
    ],
    ids=repr,
)
def test_nothing_of_a_request_whose_end_can_be_read_in_two_ways_reaches_the_face(
    wire: Wire, head: str, status: int
) -> None:
    smuggled = f"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
    answer = wire.send(f"POST /x HTTP/1.1\r\nHost: {HOST}\r\n{head}\r\n\r\n".encode() + smuggled)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert answer.count(b"HTTP/1.1 ") == 1
    assert wire.recorder.heard == b""


@pytest.mark.parametrize(
    "chunks",
    [
        b"5\r\nhello\r\n0\r\n\r\n",
        b"5;name=value\r\nhello\r\n0\r\n\r\n",
        b"05\r\nhello\r\n0\r\nTrailer: forged\r\nContent-Length: 9\r\n\r\n",
    ],
    ids=["plain", "extension", "trailers"],
)
def test_chunks_arrive_as_one_body_of_a_stated_length(wire: Wire, chunks: bytes) -> None:
    answer = wire.send(request("POST", "/x", "Transfer-Encoding: chunked", body=chunks))
    assert answer.startswith(b"HTTP/1.1 200 ")
    [raw] = wire.recorder.requests
    assert raw.endswith(b"\r\n\r\nhello")
    assert b"content-length: 5" in raw.lower()
    assert not names(raw) & {"transfer-encoding", "trailer"}


@pytest.mark.parametrize(
    "chunks", [b"zz\r\nhello\r\n0\r\n\r\n", b"5\r\nhelloX\r\n0\r\n\r\n", b"-5\r\nhello\r\n0\r\n\r\n"]
)
def test_broken_chunks_do_not_arrive(wire: Wire, chunks: bytes) -> None:
    assert wire.send(request("POST", "/x", "Transfer-Encoding: chunked", body=chunks)).startswith(b"HTTP/1.1 400 ")
    assert wire.recorder.heard == b""


def test_lines_that_end_in_a_bare_line_feed_arrive_as_lines(wire: Wire) -> None:
    wire.send(f"GET /x HTTP/1.1\nHost: {HOST}\nConnection: close\nX: a\n\n".encode())
    [raw] = wire.recorder.requests
    assert raw.count(b"\n") == raw.count(b"\r\n")


def test_what_a_client_says_of_other_hops_does_not_arrive(wire: Wire) -> None:
    wire.send(request("GET", "/x", *(f"{name}: forged" for name in FORGED), "Authorization: DPoP t", "DPoP: p"))
    [raw] = wire.recorder.requests
    assert b"forged" not in raw
    assert names(raw) == {"host", "authorization", "dpop"}
    assert f"Host: {HOST}\r\n".encode() in raw


def test_no_client_takes_a_header_of_another_away(wire: Wire) -> None:
    wire.send(
        f"GET /x HTTP/1.1\r\nHost: {HOST}\r\nConnection: close, Authorization\r\nAuthorization: a\r\n\r\n".encode()
    )
    assert "authorization" in names(wire.recorder.requests[0])


def test_requests_in_one_breath_arrive_one_after_the_other(wire: Wire) -> None:
    first = f"POST /1 HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 3\r\n\r\nabc".encode()
    answer = wire.send(first + request("GET", "/2"))
    assert answer.count(b"HTTP/1.1 200 ") == 2
    assert [raw.split(b" ")[1] for raw in wire.recorder.requests] == [b"/1", b"/2"]
    assert wire.recorder.requests[0].endswith(b"\r\n\r\nabc")


@pytest.mark.holds("A64")
@pytest.mark.parametrize(
    "target", ["/a%2fb", "/a/../b", "/a/%2e%2e/b", "//x", "/a;b=c", "/a%0d%0aX:y", "/%C3%A9", "/a?b=%2e%2e/"]
)
def test_a_target_arrives_as_it_was_sent_so_that_only_one_party_reads_it(wire: Wire, target: str) -> None:
    wire.send(request("GET", target))
    assert [raw.split(b" ")[1].decode() for raw in wire.recorder.requests] == [target]


@pytest.mark.parametrize("target", ["/../x", "/a%00b", "/a b", "x", "https://other.example/x"])
def test_a_target_that_leads_out_of_the_face_does_not_arrive(wire: Wire, target: str) -> None:
    assert wire.send(request("GET", target))[9:12] in {b"400", b"421"}
    assert wire.recorder.heard == b""


def test_http_2_is_neither_offered_nor_understood(wire: Wire) -> None:
    context = ssl.create_default_context(cafile=str(wire.ca))
    context.set_alpn_protocols(["h2", "http/1.1"])
    with context.wrap_socket(socket.create_connection(("127.0.0.1", wire.port), 10), server_hostname=HOST) as sock:
        assert sock.selected_alpn_protocol() == "http/1.1"
    assert not wire.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").startswith(b"HTTP/1.1 2")
    assert wire.recorder.heard == b""


@pytest.mark.holds("A61")
@pytest.mark.parametrize("earlier", [0, 1], ids=["first request", "second request"])
def test_headers_that_never_end_are_cut_off_in_nginx(wire: Wire, earlier: int) -> None:
    """Before the first request nginx takes its limits from the block of no name, and afterwards from the face's."""
    with tls(wire.port, HOST, wire.ca) as sock:
        sock.sendall(f"GET /x HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode() * earlier)
        while earlier and not sock.recv(65_536).endswith(b"ok"):
            continue
        wire.recorder.heard.clear()
        sock.settimeout(0.5)
        sock.sendall(f"GET /slow HTTP/1.1\r\nHost: {HOST}\r\nX: ".encode())
        cut = False
        while not cut:
            try:
                cut = sock.recv(65_536) == b""
            except TimeoutError:
                with suppress(OSError):
                    sock.sendall(b"x")
            except OSError:
                cut = True
    assert cut
    assert wire.recorder.heard == b""


@pytest.mark.holds("A61")
def test_a_body_that_does_not_come_is_cut_off_and_costs_the_face_nothing(wire: Wire) -> None:
    answer = wire.send(request("POST", "/x", "Content-Length: 100", body=b"slow"))
    assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")
    assert wire.recorder.heard == b""


@pytest.mark.holds("A50")
def test_no_body_rests_on_a_disk_not_even_the_largest(wire: Wire) -> None:
    body = b"x" * 163_840
    (wire.folder / "body").rmdir()  # so that nginx fails where it would write one down
    try:
        for stated, sent in (
            (f"Content-Length: {len(body)}", body),
            ("Transfer-Encoding: chunked", b"27ff0\r\n" + body[16:] + b"\r\n10\r\n" + body[:16] + b"\r\n0\r\n\r\n"),
        ):
            assert wire.send(request("POST", "/x", stated, body=sent)).startswith(b"HTTP/1.1 200 ")
            assert wire.recorder.requests[0].endswith(body)
    finally:
        (wire.folder / "body").mkdir()


@pytest.mark.parametrize("stated", ["Content-Length: 163841", "Transfer-Encoding: chunked"])
def test_a_body_over_the_cap_does_not_arrive(wire: Wire, stated: str) -> None:
    body = b"28001\r\n" + b"x" * 0x28001 + b"\r\n0\r\n\r\n" if "chunked" in stated else b""
    assert wire.send(request("POST", "/x", stated, body=body)).startswith(b"HTTP/1.1 413 ")
    assert wire.recorder.heard == b""


@pytest.mark.parametrize(("size", "status"), [(16_500, b"200"), (19_000, b"400")])
def test_a_header_line_may_carry_a_token_and_not_more(wire: Wire, size: int, status: bytes) -> None:
    assert wire.send(request("GET", "/x", f"Authorization: {'t' * size}"))[9:12] == status
