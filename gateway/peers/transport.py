"""HTTP to other nodes, with every guard of the profile's section 5.

One exchange, in this order:

1. the URL is https with a plain host name and no port, or it is refused;
2. a connection kept from an earlier exchange is used if the peer was silent since; else
3. the ways to the host are found, each to an address that was checked (:mod:`gateway.peers.routing`);
4. the connection is made to a checked address, through the proxy or directly (so a name that resolves differently the
   next moment gains nothing), and the certificate must prove the host name;
5. the answer is read within its caps; a redirect, a compressed answer, or a success of another content type than was
   asked for is refused. A fired limit is a failure, never a truncated success.

Names, handshakes, headers and bodies draw on one deadline. The environment's proxies, netrc and certificate variables
play no part.
"""

import os
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from types import MappingProxyType

import requests
from urllib3 import exceptions as urllib3_exceptions
from urllib3.util import SKIP_HEADER

from gateway.peers.connection import GuardedConnection
from gateway.peers.errors import ConnectionLost, DeadlineExceeded, InvalidResponse, ResponseTooLarge, remaining
from gateway.peers.resolver import Resolver, SystemResolver
from gateway.peers.routing import FindRoutes, HostRouter, PeerRoutePolicy
from gateway.peers.session import GuardedAdapter, GuardedSession
from gateway.peers.ssrf import HostAddress, HttpsUrl, Network, parse_url
from gateway.peers.tls_socket import DeadlineSocket
from gateway.peers.tunnel import Proxy
from gateway.ports import PeerRequest, PeerResponse, TransportError

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
_STEP = 16_384
_METHODS = frozenset({"GET", "POST"})
_VALUE = re.compile(r"[\x20-\x7e]*")
_RESERVED = frozenset(
    {
        "host",
        "connection",
        "content-length",
        "transfer-encoding",
        "accept",
        "accept-encoding",
        "expect",
        "te",
        "upgrade",
    }
)
_OK = range(200, 300)
_NO_CONTENT = 204
_REDIRECTS = range(300, 400)


def client_tls(ca: Path | None) -> ssl.SSLContext:
    """Make the one TLS context of a process: TLS 1.3, or 1.2 with ECDHE and AEAD (RFC 9325 section 4.2).

    ``ca`` replaces the system's roots. The strict and partial-chain flags are those that Python sets by default from
    3.13 on. Its sockets belong to this package's connections alone, which set their deadlines. Raises :class:`OSError`
    or :class:`ssl.SSLError` for an unusable file.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = DeadlineSocket
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.check_hostname = True
    context.hostname_checks_common_name = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    if ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        context.load_verify_locations(cafile=ca)
    return context


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """What a TLS handshake came to; ``certificate`` is the server's own, in DER."""

    protocol: str
    cipher: str
    certificate: bytes


class Exchanger:
    """Exchanges over kept connections, by one rule about which ways lead to a host.

    Each process opens a session of its own at its first exchange, so an exchanger may be made before the fork.
    """

    def __init__(self, *, tls: ssl.SSLContext, routes: FindRoutes) -> None:
        self._tls = tls
        self._routes = routes
        self._sessions: dict[int, GuardedSession] = {}

    def exchange(self, url: HttpsUrl, request: PeerRequest, *, repeatable: bool) -> PeerResponse:
        """Send one request and return its complete answer, of any status.

        Where a kept connection had ended, a ``repeatable`` request is sent once more on a new one. Raises
        :class:`TransportError`.
        """
        deadline = monotonic() + request.timeout_s
        prepared = _prepared(request, url)
        try:
            return self._once(prepared, request.max_bytes, deadline)
        except ConnectionLost:
            if not repeatable:
                raise
        return self._once(prepared, request.max_bytes, deadline)

    def handshake(self, url: HttpsUrl, *, timeout_s: float) -> Handshake:
        """Shake hands on a connection of its own and send nothing. Raises :class:`TransportError`."""
        connection = GuardedConnection(
            url.host, url.port, timeout=timeout_s, ssl_context=self._tls, routes=self._routes
        )
        try:
            connection.connect()
            sock = connection.sock
            if not isinstance(sock, ssl.SSLSocket):
                raise TypeError("the TLS context makes other sockets")
            name, protocol, _ = sock.cipher() or ("", "", 0)
            return Handshake(
                protocol=sock.version() or protocol, cipher=name, certificate=sock.getpeercert(binary_form=True) or b""
            )
        finally:
            connection.close()

    def _once(self, prepared: requests.PreparedRequest, max_bytes: int, deadline: float) -> PeerResponse:
        try:
            with self._session().send(
                prepared, stream=True, allow_redirects=False, timeout=remaining(deadline)
            ) as response:
                return _read(response, max_bytes)
        except (requests.Timeout, urllib3_exceptions.TimeoutError) as failed:
            raise DeadlineExceeded("there was no complete answer within the time") from failed
        except (requests.RequestException, urllib3_exceptions.HTTPError) as failed:
            raise InvalidResponse("the answer is not a complete HTTP/1.1 answer") from failed

    def close(self) -> None:
        """Close every kept connection of this process."""
        session = self._sessions.pop(os.getpid(), None)
        if session is not None:
            session.close()

    def _session(self) -> GuardedSession:
        """Return this process's session; where two threads are first at once, one is dropped before it was used."""
        process = os.getpid()
        return self._sessions.get(process) or self._sessions.setdefault(
            process, GuardedSession(GuardedAdapter(tls=self._tls, routes=self._routes))
        )


class HttpTransport:
    """The :class:`gateway.ports.Transport` of a running node or anchor.

    ``hosts``, ``networks`` and ``proxy`` are what its configuration allows beyond public addresses. Raises
    :class:`AddressRefused` for what no configuration may allow.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext,
        hosts: Mapping[str, HostAddress],
        networks: Mapping[str, Sequence[Network]] = MappingProxyType({}),
        proxy: Proxy | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        way = PeerRoutePolicy(networks=networks, proxy=proxy)
        routes = HostRouter(hosts=hosts, resolver=resolver or SystemResolver(), policy=way)
        self._exchanger = Exchanger(tls=tls, routes=routes)

    def send(self, request: PeerRequest) -> PeerResponse:
        """Send ``request``; a GET is repeated once where a kept connection had ended.

        Raises :class:`TransportError`, and of it :class:`gateway.peers.errors.ConnectionLost` for a POST that may
        or may not have arrived.
        """
        url = parse_url(request.url, with_port=False)
        try:
            answer = self._exchanger.exchange(url, request, repeatable=request.method == "GET")
            _check_answer(answer, request.accept)
        except TransportError as failed:
            raise type(failed)(f"{url.host}: {failed}") from failed
        return answer

    def handshake(self, host: str, *, timeout_s: float) -> Handshake:
        """Shake hands with ``host`` as an exchange would, and send nothing. Raises :class:`TransportError`."""
        url = parse_url(f"https://{host}", with_port=False)
        try:
            return self._exchanger.handshake(url, timeout_s=timeout_s)
        except TransportError as failed:
            raise type(failed)(f"{url.host}: {failed}") from failed

    def close(self) -> None:
        """Close every kept connection."""
        self._exchanger.close()


def _check_answer(answer: PeerResponse, accept: str) -> None:
    if answer.status in _REDIRECTS:
        raise InvalidResponse("the answer is a redirect, which is not followed")
    if answer.status in _OK and answer.status != _NO_CONTENT and answer.content_type not in accept.split(", "):
        raise InvalidResponse(f"the answer's content type is not {accept}")


def _prepared(request: PeerRequest, url: HttpsUrl) -> requests.PreparedRequest:
    """Write a request. Raises :class:`ValueError` for a method or header that a caller must not set."""
    if request.method not in _METHODS:
        raise ValueError("only GET and POST are sent")
    if request.method == "GET" and request.body:
        raise ValueError("a GET has no body")
    for name, value in request.headers.items():
        if name.lower() in _RESERVED or not _VALUE.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError("a request header may not be set to this here")
    own = {"Accept": request.accept, "Accept-Encoding": "identity", "User-Agent": SKIP_HEADER}
    prepared = requests.PreparedRequest()
    prepared.prepare_method(request.method)
    # Not by the library's prepare_url, which rewrites dots and escapes: the proof names the URL as it was published.
    prepared.url = f"https://{url.host}:{url.port}{url.target}"
    prepared.prepare_headers({**own, **request.headers})
    prepared.prepare_body(request.body or None, files=None)
    return prepared


def _read(response: requests.Response, max_bytes: int) -> PeerResponse:
    headers = dict(response.headers.lower_items())
    body = bytearray()
    if int(headers.get("content-length", 0)) > max_bytes:
        raise ResponseTooLarge(f"the answer is larger than {max_bytes} bytes")
    for piece in response.raw.stream(_STEP, decode_content=False):
        body += piece
        if len(body) > max_bytes:
            raise ResponseTooLarge(f"the answer is larger than {max_bytes} bytes")
    return PeerResponse(
        status=response.status_code,
        content_type=headers.get("content-type", "").partition(";")[0].strip().lower(),
        headers=headers,
        body=bytes(body),
    )
