"""A CA, and transports that trust it, for hostile servers; and the sender and receiver of a request."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gateway.keys.files import create_keys
from gateway.keys.vault import FileKeyVault, open_vault
from gateway.peers.ssrf import HostAddress
from gateway.peers.transport import HttpTransport, client_tls
from tests.gateway.peers.other_node import MESSAGE_ENDPOINT, NOW, PEER, TOKEN_ENDPOINT, Start
from tests.support.hostile import Behaviour, HostileServer, serving
from tests.support.tls import Authority, make_authority
from trust.federation.chain import TrustedEntity
from trust.federation.node_metadata import NodeMetadata
from trust.federation.party_metadata import AuthorizationServer
from trust.identifiers import EntityId
from trust.keys import Alg, KeySet, KeyUse, LocalSigner

HOST = "council.example"


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


@pytest.fixture(scope="session")
def vault(tmp_path_factory: pytest.TempPathFactory) -> FileKeyVault:
    folder = tmp_path_factory.mktemp("vault") / "keys"
    create_keys(folder)
    return open_vault(folder)


@pytest.fixture(scope="session")
def peer() -> TrustedEntity:
    return TrustedEntity(
        entity_id=PEER,
        anchor=EntityId("https://anchor.example"),
        federation_keys=keys(KeyUse.FEDERATION),
        metadata={},
        node=NodeMetadata(
            name="Council",
            message_keys=keys(KeyUse.MESSAGE),
            evidence_key=LocalSigner.generate(KeyUse.EVIDENCE, Alg.ED25519).public,
            message_endpoint=MESSAGE_ENDPOINT,
            receipt_endpoint=PEER + "/exchange/v1/receipts",
            services=(),
            kinds_supported={},
        ),
        oauth_client_keys=None,
        authorization_server=AuthorizationServer(issuer=PEER, token_endpoint=TOKEN_ENDPOINT, keys=keys(KeyUse.OAUTH)),
        refreshed_at=NOW,
        expires_at=NOW,
    )


def keys(use: KeyUse) -> KeySet:
    return KeySet.of(use, [LocalSigner.generate(use).public])
