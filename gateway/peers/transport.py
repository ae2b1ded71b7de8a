"""HTTP to other nodes, with every guard of the profile's section 5.

One exchange, in this order:

1. the URL is https with a plain host name and no port, or it is refused;
2. a connection kept from an earlier exchange is used if the peer was silent since; else
3. a name in ``[hosts]`` leads to that exact address and port; any other is resolved, and **every** address found must
   be a public one, or nothing is connected to;
4. the connection is made to a checked address (so a name that resolves differently the next moment gains nothing), and
   the certificate must prove the host name;
5. the answer is read within its caps; a redirect, a compressed answer, or a success of another content type than was
   asked for is refused. A fired limit is a failure, never a truncated success.

Names, handshakes, headers and bodies draw on one deadline. The environment's proxies, netrc and certificate variables
play no part.
"""

import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic

from gateway.peers.connection import Connection, ConnectionLost, OverTime, Unreachable, connect, remaining
from gateway.peers.guard import HostAddress, HttpsUrl, check_internal, check_public, parse_url
from gateway.peers.http1 import NonsenseAnswer, request_bytes
from gateway.peers.pool import Pool
from gateway.peers.resolver import Resolver, SystemResolver
from gateway.ports import PeerAnswer, PeerRequest, TransportError

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
_LEAST_ATTEMPT_S = 1.0
_OK = range(200, 300)
_REDIRECTS = range(300, 400)


def client_tls(ca: Path | None) -> ssl.SSLContext:
    """Make the one TLS context of a process: TLS 1.3, or 1.2 with ECDHE and AEAD (RFC 9325 section 4.2).

    ``ca`` replaces the system's roots. The strict and partial-chain flags are those that Python sets by default from
    3.13 on. Raises :class:`OSError` or :class:`ssl.SSLError` for an unusable file.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
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


class Exchanger:
    """Exchanges over kept connections, for one rule about which addresses may be connected to.

    ``hosts`` are names with an exact address; ``check`` refuses an address that any other name resolved to. Nothing is
    opened before the first exchange, so one may be made before the fork.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext,
        hosts: Mapping[str, HostAddress],
        check: Callable[[str], None],
        resolver: Resolver,
    ) -> None:
        self._tls = tls
        self._hosts = dict(hosts)
        self._check = check
        self._resolver = resolver
        self._pool = Pool()
        for entry in self._hosts.values():
            check_internal(entry.address)

    def exchange(self, url: HttpsUrl, request: PeerRequest, *, repeatable: bool) -> PeerAnswer:
        """Send one request and return its complete answer, of any status.

        Where a kept connection had ended, a ``repeatable`` request is sent once more on a new one. Raises
        :class:`TransportError`.
        """
        deadline = monotonic() + request.timeout_s
        data = request_bytes(request, url)
        origin = f"{url.host}:{url.port}"
        kept = self._pool.take(origin)
        if kept is not None:
            try:
                return self._over(kept, origin, data, request.max_bytes, deadline)
            except ConnectionLost:
                self._pool.drop(origin)
                if not repeatable:
                    raise
        return self._over(self._connected(url, deadline), origin, data, request.max_bytes, deadline)

    def _over(self, connection: Connection, origin: str, data: bytes, max_bytes: int, deadline: float) -> PeerAnswer:
        keep = False
        try:
            received = connection.exchange(data, max_bytes=max_bytes, deadline=deadline)
            keep = received.persistent
        finally:
            if keep:
                self._pool.give(origin, connection)
            else:
                connection.close()
        return received.answer

    def close(self) -> None:
        """Close every kept connection."""
        self._pool.close()

    def _connected(self, url: HttpsUrl, deadline: float) -> Connection:
        exact = self._hosts.get(url.host)
        if exact is not None:
            return connect(exact.address, exact.port, host=url.host, tls=self._tls, deadline=deadline)
        addresses = self._resolver.addresses(url.host, url.port, deadline=deadline)
        for address in addresses:
            self._check(address)
        failure: TransportError = Unreachable("no connection came about")
        for position, address in enumerate(addresses):
            left = remaining(deadline)
            share = max(_LEAST_ATTEMPT_S, left / (len(addresses) - position))
            try:
                attempt = min(deadline, monotonic() + share)
                return connect(address, url.port, host=url.host, tls=self._tls, deadline=attempt)
            except (Unreachable, OverTime) as failed:
                failure = failed
        raise failure


class HttpTransport:
    """The :class:`gateway.ports.Transport` of a running node or anchor."""

    def __init__(
        self, *, tls: ssl.SSLContext, hosts: Mapping[str, HostAddress], resolver: Resolver | None = None
    ) -> None:
        self._exchanger = Exchanger(tls=tls, hosts=hosts, check=check_public, resolver=resolver or SystemResolver())

    def send(self, request: PeerRequest) -> PeerAnswer:
        """Send ``request``; a GET is repeated once where a kept connection had ended.

        Raises :class:`TransportError`, and of it :class:`gateway.peers.connection.ConnectionLost` for a POST that may
        or may not have arrived.
        """
        url = parse_url(request.url, with_port=False)
        try:
            answer = self._exchanger.exchange(url, request, repeatable=request.method == "GET")
            _check_answer(answer, request.accept)
        except TransportError as failed:
            raise type(failed)(f"{url.host}: {failed}") from failed
        return answer

    def close(self) -> None:
        """Close every kept connection."""
        self._exchanger.close()


def _check_answer(answer: PeerAnswer, accept: str) -> None:
    if answer.status in _REDIRECTS:
        raise NonsenseAnswer("the answer is a redirect, which is not followed")
    if answer.status in _OK and answer.content_type != accept:
        raise NonsenseAnswer(f"the answer's content type is not {accept}")
