"""A renewed certificate is taken up by a running face, and one that cannot be used is not."""

import ssl
from pathlib import Path
from shutil import copyfile

import pytest

from gateway.server.worker import FaceTls
from tests.support.tls import Authority, make_authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return make_authority(tmp_path)


@pytest.fixture
def face(authority: Authority) -> FaceTls:
    return FaceTls(*authority.issue("council.example"))


def presented(face: FaceTls, authority: Authority) -> bytes | None:
    """Shake hands in memory and return the certificate that was shown."""
    face._look_at = 0.0
    server_context = face.current()
    assert server_context is not None
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client_context = ssl.create_default_context(cafile=str(authority.certificate))
    client = client_context.wrap_bio(to_client, to_server, server_hostname="council.example")
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    for side in (client, server, client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return client.getpeercert(binary_form=True)


def test_a_renewed_certificate_is_shown_to_the_next_client(authority: Authority, face: FaceTls) -> None:
    before = presented(face, authority)
    assert before == presented(face, authority)
    authority.issue("council.example")
    assert presented(face, authority) not in {None, before}


def test_a_certificate_without_its_key_waits_for_it(
    authority: Authority, face: FaceTls, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = presented(face, authority)
    key = tmp_path / "council.example.key"
    copyfile(key, tmp_path / "earlier.key")
    authority.issue("council.example")
    copyfile(key, tmp_path / "renewed.key")
    copyfile(tmp_path / "earlier.key", key)
    assert presented(face, authority) == before
    assert "the earlier one goes on" in caplog.text
    copyfile(tmp_path / "renewed.key", key)
    assert presented(face, authority) != before


@pytest.mark.holds("A60")
def test_a_renewed_key_that_others_can_read_is_not_used(authority: Authority, face: FaceTls, tmp_path: Path) -> None:
    before = presented(face, authority)
    authority.issue("council.example")
    (tmp_path / "council.example.key").chmod(0o640)
    assert presented(face, authority) == before
    (tmp_path / "council.example.key").chmod(0o600)
    assert presented(face, authority) != before
