"""A CA, and transports that trust it, for hostile servers."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gateway.peers.guard import HostAddress
from gateway.peers.transport import HttpTransport, client_tls
from tests.support.hostile import Behaviour, HostileServer, serving
from tests.support.tls import Authority, make_authority

HOST = "council.example"
Start = Callable[..., tuple[HostileServer, HttpTransport]]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def certificate(authority: Authority) -> tuple[Path, Path]:
    return authority.issue(HOST)


@pytest.fixture
def start(authority: Authority, certificate: tuple[Path, Path]) -> Iterator[Start]:
    """Run a server that behaves as told, and give it with a transport that finds it in ``[hosts]``."""
    with ExitStack() as stack:

        def run(behaviour: Behaviour, files: tuple[Path, Path] = certificate) -> tuple[HostileServer, HttpTransport]:
            server = stack.enter_context(serving(behaviour, files))
            hosts = {HOST: HostAddress(address="127.0.0.1", port=server.port)}
            transport = HttpTransport(tls=client_tls(authority.certificate), hosts=hosts)
            stack.callback(transport.close)
            return server, transport

        yield run
