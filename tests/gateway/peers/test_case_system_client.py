"""Calls to case systems."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from adapters.contract import Deadline, HttpResponse, SourceUnavailable
from gateway.peers.case_system_client import CaseSystemCaller
from gateway.peers.resolver import SystemResolver
from gateway.peers.ssrf import HostAddress
from gateway.peers.transport import client_tls
from tests.support.hostile import Behaviour, HostileServer, Visit, answer, serving
from tests.support.tls import Authority

HOST = "council.example"
Start = Callable[[Behaviour], tuple[HostileServer, CaseSystemCaller]]


@pytest.fixture
def start_case_system(authority: Authority, certificate: tuple[Path, Path]) -> Iterator[Start]:
    with ExitStack() as stack:

        def run(behaviour: Behaviour) -> tuple[HostileServer, CaseSystemCaller]:
            server = stack.enter_context(serving(behaviour, certificate))
            hosts = {HOST: HostAddress(address="127.0.0.1", port=server.port)}
            caller = CaseSystemCaller(tls=client_tls(authority.certificate), names={HOST}, hosts=hosts)
            stack.callback(caller.close)
            return server, caller

        yield run


def post(caller: CaseSystemCaller, url: str = f"https://{HOST}/search", seconds: float = 3) -> HttpResponse:
    return caller.post(
        url,
        headers={"Content-Type": "application/json", "accept": "text/xml"},
        body=b"{}",
        max_bytes=1000,
        deadline=Deadline.after(seconds),
    )


def test_a_case_system_is_asked_and_answers_with_any_status_and_type(start_case_system: Start) -> None:
    server, caller = start_case_system(
        lambda visit: visit.say(answer(b"<no/>", status="500 Fault", content_type="application/soap+xml"))
    )
    got = post(caller)
    assert (got.status, got.body, got.headers["content-type"]) == (500, b"<no/>", "application/soap+xml")
    assert server.requests[0].startswith(b"POST /search HTTP/1.1\r\nHost: council.example\r\nAccept: text/xml\r\n")


@pytest.mark.parametrize(
    "url", ["https://other.example/", "http://council.example/", "https://127.0.0.1/", "https://a.council.example/"]
)
def test_only_the_named_systems_are_called(start_case_system: Start, url: str) -> None:
    server, caller = start_case_system(lambda visit: visit.say(answer(b"")))
    with pytest.raises(SourceUnavailable):
        post(caller, url)
    assert server.connections == 0


@pytest.mark.holds("A65")
def test_a_silent_case_system_costs_the_deadline_and_no_more(start_case_system: Start) -> None:
    _, caller = start_case_system(lambda visit: visit.drip(b"HTTP/1.1 200 OK\r\n" * 20, every_s=0.05))
    with pytest.raises(SourceUnavailable, match="within the time"):
        post(caller, seconds=0.3)


def test_a_lost_connection_is_tried_again(start_case_system: Start) -> None:
    def closes_on_second(visit: Visit) -> None:
        visit.say(answer(b"one"))
        visit.again()
        visit.sock.close()

    server, caller = start_case_system(closes_on_second)
    post(caller)
    assert post(caller).body == b"one"
    assert server.connections == 2


def test_a_private_address_is_where_case_systems_are_but_a_metadata_service_is_refused(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[HostAddress] = []

    def connect(place: HostAddress, _timeout_s: float) -> None:
        connected.append(place)
        raise SourceUnavailable("not in a test")

    monkeypatch.setattr("gateway.peers.connection.open_tcp", connect)
    for address in ("10.1.2.3", "169.254.169.254"):
        caller = CaseSystemCaller(
            tls=client_tls(authority.certificate),
            names={HOST},
            hosts={},
            resolver=SystemResolver(lambda _host, _port, found=address: [found]),  # type: ignore[misc]  # bound early
        )
        with pytest.raises(SourceUnavailable):
            post(caller, f"https://{HOST}:8443/search")
    assert connected == [HostAddress(address="10.1.2.3", port=8443)]
