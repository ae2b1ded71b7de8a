"""The wire between the nodes, and between a node and its case systems: the apps themselves, reached by host."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from urllib.parse import urlsplit

from flask import Flask

from adapters.contract import Deadline, HttpResponse, SourceUnavailable
from gateway.ports import PeerRequest, PeerResponse, TransportError

Pass = Callable[[], PeerResponse]
Fault = Callable[[PeerRequest, Pass], PeerResponse]
"""What happens to a request instead of, before or after its answer, which the second argument fetches."""
CaseFault = Callable[[Deadline], None]
"""What happens to a call to a case system before it is answered."""


@dataclass(slots=True)
class Wire:
    """A :class:`gateway.ports.Transport` to the real apps. ``faults`` strike by host, ``log`` keeps what was said.

    ``said`` answers at an address in an app's place.
    """

    apps: dict[str, Flask] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    said: dict[str, PeerResponse] = field(default_factory=dict)
    log: list[tuple[PeerRequest, PeerResponse]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def send(self, request: PeerRequest) -> PeerResponse:
        """Send to the app of the URL's host, through its fault; as strict about the answer as the real transport."""
        origin = f"https://{urlsplit(request.url).hostname}"
        with self._lock:
            self.asked.append(request.url)
        fault = self.faults.get(origin)
        answer = fault(request, lambda: self.deliver(request)) if fault else self.deliver(request)
        if 300 <= answer.status < 400:
            raise TransportError(f"{origin}: the answer is a redirect, which is not followed")
        if 200 <= answer.status < 300 and answer.status != 204 and answer.content_type != request.accept:
            raise TransportError(f"{origin}: the answer's content type is not {request.accept}")
        if len(answer.body) > request.max_bytes:
            raise TransportError(f"{origin}: the answer is too long")
        return answer

    def deliver(self, request: PeerRequest) -> PeerResponse:
        """Have the app answer, through any faults."""
        url = urlsplit(request.url)
        app = self.apps.get(f"https://{url.hostname}")
        if app is None:
            raise TransportError(f"{url.hostname}: no connection came about")
        if in_its_place := self.said.get(f"https://{url.hostname}{url.path}"):
            return in_its_place
        response = app.test_client().open(
            request.url.removeprefix(f"https://{url.hostname}"),
            base_url=f"https://{url.hostname}",
            method=request.method,
            headers={**request.headers, "Accept": request.accept},
            data=request.body,
        )
        answer = PeerResponse(
            status=response.status_code,
            content_type=response.mimetype or "",
            headers={name.lower(): value for name, value in response.headers.items()},
            body=response.data,
        )
        with self._lock:
            self.log.append((request, answer))
        return answer

    def deliver_text(self, url: str) -> bytes:
        """Return what stands at an address."""
        request = PeerRequest(
            method="GET", url=url, headers={}, body=b"", accept="*/*", max_bytes=65_536, timeout_s=5.0
        )
        return self.deliver(request).body

    def messages(self, host: str = "") -> list[tuple[PeerRequest, PeerResponse]]:
        """Return the messages that were answered, perhaps at one host, with their answers."""
        return [
            (request, answer)
            for request, answer in self.log
            if request.url.startswith(host) and request.url.endswith("/exchange/v1/messages")
        ]


@dataclass(slots=True)
class CaseSystemWire:
    """An :class:`adapters.contract.HttpCaller` to the case systems that speak HTTP."""

    apps: dict[str, Flask] = field(default_factory=dict)
    faults: dict[str, CaseFault] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def post(
        self, url: str, *, headers: Mapping[str, str], body: bytes, max_bytes: int, deadline: Deadline
    ) -> HttpResponse:
        """Post to the app of the URL's host."""
        parts = urlsplit(url)
        self.asked.append(url)
        if fault := self.faults.get(str(parts.hostname)):
            fault(deadline)
        app = self.apps.get(str(parts.hostname))
        if app is None:
            raise SourceUnavailable(f"{parts.hostname}: no connection came about")
        response = app.test_client().post(
            parts.path, base_url=f"https://{parts.hostname}", headers=dict(headers), data=body
        )
        return HttpResponse(status=response.status_code, headers=dict(response.headers), body=response.data[:max_bytes])
