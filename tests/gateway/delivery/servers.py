"""A mail server and a receiver of webhooks, both over TLS, that keep what they were sent."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from http_message_signatures import HTTPMessageVerifier, HTTPSignatureKeyResolver, InvalidSignature, algorithms
from http_message_signatures.resolvers import SigningKey, VerificationKey

from gateway.delivery.webhook_bell import COVERED, TAG
from tests.support.case_systems import free_port
from tests.support.tls import Authority
from trust.keys import KeySet

HOST = "127.0.0.1"


@dataclass
class Mailbox:
    """What a mail server took, and the answers that it gives in place of its own."""

    messages: list[tuple[list[str], str]] = field(default_factory=list)
    to_data: str = "250 taken"
    to_quit: str = "221 bye"
    refused: frozenset[str] = frozenset()

    async def handle_RCPT(  # noqa: N802 - the library's hook
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return "550 no such address"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - the same
        if self.to_data.startswith("250"):
            self.messages.append((list(envelope.rcpt_tos), str(envelope.original_content or b"", "ascii")))
        return self.to_data

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - the same
        return self.to_quit


def server_context(authority: Authority, *names: str) -> ssl.SSLContext:
    certificate, key = authority.issue(*names)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def _right_password(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
    right = isinstance(data, LoginPassword) and data == LoginPassword(b"duty", b"secret")
    return AuthResult(success=right, handled=False)


@contextmanager
def mail_server(box: Mailbox, *, tls: ssl.SSLContext | None, starttls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Run a mail server at a free port."""
    port = free_port()
    controller = Controller(
        box,
        hostname=HOST,
        port=port,
        ssl_context=tls,
        tls_context=starttls,
        require_starttls=starttls is not None,
        authenticator=_right_password,
        auth_require_tls=starttls is not None,
    )
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


@dataclass
class Rings:
    """What a receiver of webhooks verified; ``keys`` are those that the node publishes."""

    keys: KeySet
    status: int = 204
    bodies: list[bytes] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


class _Keys(HTTPSignatureKeyResolver):
    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    def resolve_public_key(self, key_id: str) -> VerificationKey:
        return self._keys.get(key_id).key

    def resolve_private_key(self, key_id: str) -> SigningKey:
        raise NotImplementedError


@dataclass(frozen=True)
class SignedRequest:
    """A request as a receiver has it, for the verifier."""

    method: str
    url: str
    headers: dict[str, str]


def verify(request: SignedRequest, body: bytes, keys: KeySet) -> None:
    """Verify a request as a receiver should: with the body, the tag, and all that must be covered."""
    verifier = HTTPMessageVerifier(signature_algorithm=algorithms.ECDSA_P256_SHA256, key_resolver=_Keys(keys))
    verifier.verify(request, expect_tag=TAG, require_components=COVERED, body=body)


@contextmanager
def webhook_receiver(rings: Rings, tls: ssl.SSLContext) -> Iterator[int]:
    """Run an HTTPS server at a free port that takes only rings that verify."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            url = f"https://{self.headers['host']}{self.path}"
            try:
                verify(SignedRequest("POST", url, dict(self.headers.items())), body, rings.keys)
            except InvalidSignature as refused:
                rings.refused.append(str(refused))
                self.send_response(401)
            else:
                rings.bodies.append(body)
                self.send_response(rings.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer((HOST, 0), Handler)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


NOW = datetime.now(UTC).replace(microsecond=0)
"""A moment of this run; a signature made at it has expired when the run is longer than its life."""


def machine_now() -> datetime:
    """Return now, since the verifier of signatures has no clock but the machine's."""
    return datetime.now(UTC).replace(microsecond=0)
