"""HTTP to the agency's own case systems, for adapters: :class:`adapters.contract.HttpCaller`."""

import ssl
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from adapters.contract import Deadline, HttpResponse, SourceUnavailable
from gateway.peers.resolver import Resolver, SystemResolver
from gateway.peers.routing import HostRouter, case_system_route
from gateway.peers.ssrf import HostAddress, parse_url
from gateway.peers.transport import Exchanger
from gateway.ports import PeerRequest, TransportError


class CaseSystemCaller:
    """POST to the internal systems that the configuration names, and to nothing else.

    ``names`` are the host names that may be called; one that is also in ``hosts`` is reached at that exact address,
    any other through the agency's own name service, where private addresses are expected. Metadata services,
    link-local and multicast addresses are refused all the same. No proxy stands on the way. TLS is always verified.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext,
        names: AbstractSet[str],
        hosts: Mapping[str, HostAddress],
        resolver: Resolver | None = None,
    ) -> None:
        self._names = frozenset(names)
        routes = HostRouter(hosts=hosts, resolver=resolver or SystemResolver(), policy=case_system_route)
        self._exchanger = Exchanger(tls=tls, routes=routes)

    def post(
        self, url: str, *, headers: Mapping[str, str], body: bytes, max_bytes: int, deadline: Deadline
    ) -> HttpResponse:
        """POST ``body`` and return the complete answer, of any status and content type.

        Where a kept connection had ended the request is sent once more: adapters only read, or store by id. Raises
        :class:`SourceUnavailable`, which names the host and never the path or the body.
        """
        try:
            parsed = parse_url(url, with_port=True)
        except TransportError as refused:
            raise SourceUnavailable(f"the case system's address was refused: {refused}") from refused
        if parsed.host not in self._names:
            raise SourceUnavailable(f"{parsed.host} is not among the case systems that the configuration names")
        request = PeerRequest(
            method="POST",
            url=url,
            headers={name: value for name, value in headers.items() if name.lower() != "accept"},
            body=body,
            accept=next((value for name, value in headers.items() if name.lower() == "accept"), "*/*"),
            max_bytes=max_bytes,
            timeout_s=deadline.remaining_s(),
        )
        try:
            answer = self._exchanger.exchange(parsed, request, repeatable=True)
        except TransportError as failed:
            raise SourceUnavailable(f"{parsed.host}: {failed}") from failed
        return HttpResponse(status=answer.status, headers=answer.headers, body=answer.body)

    def close(self) -> None:
        """Close every kept connection."""
        self._exchanger.close()
