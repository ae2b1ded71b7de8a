"""Exemptions that a configuration grants beyond public addresses: their sum, and the sentences that say so."""

from pathlib import Path

import pytest

from config.settings import AnchorSettings, NodeSettings
from gateway.app.wiring import peer_transport
from gateway.keys.files import KeyFilesRefused
from gateway.peers.exemptions import exemptions
from gateway.peers.ssrf import AddressRefused
from gateway.ports import TransportError
from tests.gateway.peers.exchanges import GET, HOST
from tests.support.hostile import HostileServer, answer, proxying, serving
from tests.support.tls import Authority

REASON = "a reason of this test"


def anchor(folder: Path, **exceptions: object) -> AnchorSettings:
    return AnchorSettings.model_validate(
        {
            "role": "anchor",
            "anchor": {"entity_id": "https://anchor.example", "name": "Anchor"},
            "peer": {"bind": "127.0.0.1:8443", "certificate": "a.pem", "key": "a.key"},
            "operations": {"bind": "127.0.0.1:9443"},
            "trust": {"ca": "ca.crt"},
            "base_dir": folder,
            **exceptions,
        }
    )


def test_every_exception_is_said_in_a_sentence_with_its_reason(tmp_path: Path) -> None:
    settings = anchor(
        tmp_path,
        hosts={"police.example": {"address": "127.0.0.1:18543", "reason": "all on this machine"}},
        networks={"trust.example": {"networks": ["10.20.30.0/28", "10.20.31.0/28"], "reason": "the health network"}},
        proxy={"address": "10.0.0.9:3128", "credentials": "proxy.txt", "reason": "nothing else is let out"},
    )
    assert [f"{each.table} {each.sentence}" for each in exemptions(settings)] == [
        "[hosts] police.example is reached at 127.0.0.1:18543 and nowhere else. Reason given: all on this machine",
        (
            "[networks] trust.example may also lead to private addresses in 10.20.30.0/28, 10.20.31.0/28. Reason "
            "given: the health network"
        ),
        (
            "[proxy] public addresses are reached through 10.0.0.9:3128, which knows this node by a password. Reason "
            "given: nothing else is let out"
        ),
    ]
    assert exemptions(anchor(tmp_path)) == ()


def test_what_is_configured_is_what_is_done(
    authority: Authority, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = authority.certificate.parent
    credentials = folder / "proxy.txt"
    credentials.touch(mode=0o600)
    credentials.write_text("node:s3cret\n", encoding="ascii")
    monkeypatch.setattr("gateway.peers.resolver.look_up", None)
    with serving(lambda visit: visit.say(answer(b"reply")), certificate) as server:
        exact = {HOST: {"address": f"127.0.0.1:{server.port}", "reason": REASON}}
        assert _sent(anchor(folder, hosts=exact)) == b"reply"
        _through_the_proxy(folder, server, monkeypatch)


def _through_the_proxy(folder: Path, server: HostileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.peers.resolver.SystemResolver.addresses", lambda *_args, **_named: ["1.1.1.1"])
    with proxying(lambda asked: asked.tunnel(server.port)) as proxy:
        told = {"address": f"127.0.0.1:{proxy.port}", "credentials": "proxy.txt", "reason": REASON}
        assert _sent(anchor(folder, proxy=told)) == b"reply"
        assert b"Proxy-Authorization: Basic bm9kZTpzM2NyZXQ=\r\n" in proxy.heads[0]
        monkeypatch.setattr("gateway.peers.resolver.SystemResolver.addresses", lambda *_args, **_named: ["10.20.30.4"])
        monkeypatch.setattr("gateway.peers.connection.open_tcp", _unreachable)
        own = {HOST: {"networks": ["10.20.30.0/28"], "reason": REASON}}
        with pytest.raises(TransportError, match="no connection came about"):
            _sent(anchor(folder, networks=own, proxy=told))
        with pytest.raises(AddressRefused):
            _sent(anchor(folder, proxy=told))
        assert proxy.connections == 1


def _unreachable(*_args: object) -> None:
    raise ConnectionRefusedError


def _sent(settings: NodeSettings | AnchorSettings) -> bytes:
    transport = peer_transport(settings)
    try:
        return transport.send(GET).body
    finally:
        transport.close()


@pytest.mark.parametrize(
    ("content", "mode"), [("node:s3cret", 0o640), ("s3cret", 0o600), ("node:s3cret\nmore", 0o600), ("\u00e9:x", 0o600)]
)
def test_credentials_that_others_can_read_or_that_are_none_are_refused_and_not_repeated(
    authority: Authority, tmp_path: Path, content: str, mode: int
) -> None:
    (tmp_path / "ca.crt").write_bytes(authority.certificate.read_bytes())
    (tmp_path / "proxy.txt").write_text(content, encoding="utf-8")
    (tmp_path / "proxy.txt").chmod(mode)
    told = {"address": "10.0.0.9:3128", "credentials": "proxy.txt", "reason": REASON}
    with pytest.raises(KeyFilesRefused, match=r"proxy\.txt") as refused:
        peer_transport(anchor(tmp_path, proxy=told))
    assert "s3cret" not in str(refused.value)


def test_a_proxy_at_a_metadata_service_is_refused_with_its_place(authority: Authority) -> None:
    told = {"address": "169.254.169.254:80", "reason": REASON}
    with pytest.raises(AddressRefused, match=r"\[proxy\] address: .*correct or remove"):
        peer_transport(anchor(authority.certificate.parent, proxy=told))
