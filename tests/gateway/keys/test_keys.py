"""The vault of private keys."""

import os
import stat
from pathlib import Path

import pytest

from gateway.keys.files import ANCHOR_KEYS, NODE_KEYS, KeyFile, KeyFilesRefused, create_keys, refuse_open_files
from gateway.keys.vault import open_vault
from trust.keys import Alg, KeyUse


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "keys"
    create_keys(made)
    return made


def test_new_keys_open_again_by_purpose(folder: Path) -> None:
    vault = open_vault(folder)
    elsewhere = {KeyUse.ENCRYPTION, KeyUse.RECOVERY, KeyUse.SIGN_IN, KeyUse.ADMINISTRATOR}
    kids = {use: vault.signer(use).kid for use in KeyUse if use not in elsewhere}
    assert len(set(kids.values())) == 5
    assert vault.signer(KeyUse.EVIDENCE).alg is Alg.ED25519
    assert vault.signer(KeyUse.MESSAGE).alg is Alg.ES256
    (encryption,) = vault.published(KeyUse.ENCRYPTION).keys
    assert encryption.use is KeyUse.ENCRYPTION
    secrets = {vault.seal_key(), vault.pseudonym_key(), vault.evidence_hmac_key()}
    assert {len(secret) for secret in secrets} == {32}
    assert len(secrets) == 3
    assert open_vault(folder).signer(KeyUse.MESSAGE).kid == kids[KeyUse.MESSAGE]


def test_an_anchor_needs_its_federation_key_only(tmp_path: Path) -> None:
    create_keys(tmp_path / "keys", names=ANCHOR_KEYS)
    vault = open_vault(tmp_path / "keys", needed=ANCHOR_KEYS)
    assert vault.signer(KeyUse.FEDERATION).use is KeyUse.FEDERATION


def test_keys_are_made_for_their_owner_only_under_any_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        create_keys(tmp_path / "keys")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert {stat.S_IMODE((tmp_path / "keys" / name).stat().st_mode) for name in NODE_KEYS} == {0o600}


def test_a_key_that_is_there_is_never_overwritten(folder: Path) -> None:
    before = {name: (folder / name).read_bytes() for name in NODE_KEYS}
    (folder / KeyFile.DPOP).unlink()
    with pytest.raises(KeyFilesRefused) as raised:
        create_keys(folder)
    assert len(raised.value.faults) == len(NODE_KEYS) - 1
    assert not (folder / KeyFile.DPOP).exists()
    assert all((folder / name).read_bytes() == before[name] for name in NODE_KEYS if name is not KeyFile.DPOP)


def test_a_dangling_link_is_not_written_through(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    (folder / KeyFile.SEAL).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyFilesRefused):
        create_keys(folder)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.holds("A60")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o660, 0o666, 0o610])
@pytest.mark.parametrize("name", list(KeyFile))
def test_a_key_open_to_group_or_others_is_refused(folder: Path, name: KeyFile, mode: int) -> None:
    (folder / name).chmod(mode)
    with pytest.raises(KeyFilesRefused) as raised:
        open_vault(folder)
    (fault,) = raised.value.faults
    assert f"chmod 600 {folder / name}" in fault


@pytest.mark.holds("A60")
def test_keys_outside_the_folder_are_held_to_the_same_rules(folder: Path, tmp_path: Path) -> None:
    others = [tmp_path / "peer.key", tmp_path / "case.key"]
    for other in others:
        other.write_bytes((folder / KeyFile.MESSAGE).read_bytes())
        other.chmod(0o640)
    with pytest.raises(KeyFilesRefused) as raised:
        refuse_open_files([*others, tmp_path / "absent.key"])
    assert len(raised.value.faults) == 3
    for other in others:
        other.chmod(0o600)
    refuse_open_files(others)


@pytest.mark.holds("A60")
@pytest.mark.parametrize("mode", [0o750, 0o705, 0o770, 0o777, 0o711])
def test_a_folder_open_to_group_or_others_is_refused(folder: Path, mode: int) -> None:
    folder.chmod(mode)
    with pytest.raises(KeyFilesRefused, match="chmod 700"):
        open_vault(folder)


@pytest.mark.holds("A60")
def test_a_link_is_judged_by_the_file_it_leads_to(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "message.pem"
    target.write_bytes((folder / KeyFile.MESSAGE).read_bytes())
    target.chmod(0o644)
    (folder / KeyFile.MESSAGE).unlink()
    (folder / KeyFile.MESSAGE).symlink_to(target)
    with pytest.raises(KeyFilesRefused, match="chmod 600"):
        open_vault(folder)
    target.chmod(0o600)
    open_vault(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.holds("A60")
def test_a_key_or_link_of_another_user_is_refused(folder: Path, tmp_path: Path) -> None:
    os.chown(folder / KeyFile.OAUTH, 12345, -1)
    moved = tmp_path / "dpop.pem"
    (folder / KeyFile.DPOP).rename(moved)
    (folder / KeyFile.DPOP).symlink_to(moved)
    os.lchown(folder / KeyFile.DPOP, 12345, -1)
    with pytest.raises(KeyFilesRefused) as raised:
        open_vault(folder)
    oauth, dpop = raised.value.faults
    assert "oauth.pem belongs to another user" in oauth
    assert "dpop.pem is a link that another user made" in dpop


def test_every_fault_is_named_at_once(folder: Path) -> None:
    folder.chmod(0o755)
    (folder / KeyFile.MESSAGE).chmod(0o644)
    (folder / KeyFile.OAUTH).unlink()
    (folder / KeyFile.DPOP).write_bytes(b"not a key")
    (folder / KeyFile.EVIDENCE).write_bytes((folder / KeyFile.FEDERATION).read_bytes())
    (folder / KeyFile.ENCRYPTION).write_bytes(b"not a key")
    (folder / KeyFile.SEAL).write_bytes(b"short")
    (folder / KeyFile.PSEUDONYM).unlink()
    (folder / KeyFile.PSEUDONYM).mkdir(mode=0o700)
    with pytest.raises(KeyFilesRefused) as raised:
        open_vault(folder)
    assert len(raised.value.faults) == 8
    for name in ("message.pem", "oauth.pem", "dpop.pem", "evidence.pem", "encryption.pem", "seal.key", "pseudonym.key"):
        assert name in str(raised.value)


def test_one_key_does_not_serve_two_purposes(folder: Path) -> None:
    (folder / KeyFile.MESSAGE).write_bytes((folder / KeyFile.OAUTH).read_bytes())
    with pytest.raises(KeyFilesRefused, match="one key under two names"):
        open_vault(folder)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFilesRefused, match=r"\[keys\] directory"):
        open_vault(tmp_path / "absent", needed=ANCHOR_KEYS)


def test_no_key_stands_in_a_representation(folder: Path) -> None:
    vault = open_vault(folder)
    assert repr(vault.seal_key()) not in repr(vault)
    assert "FileKeyVault object" in repr(vault)
