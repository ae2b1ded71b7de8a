"""A backup holds no private key, and a restore makes the node again, whole or not at all."""

import io
import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from config.loading import load
from gateway.administration.backup import archive, key_export
from gateway.administration.backup.confirm import plan_confirmation
from gateway.administration.errors import OperationRefused
from gateway.keys.files import KeyFile
from tests.gateway.cli.conftest import Answer, Partnership, hearthgate, seconded
from trust import jose
from trust.keys import KeyUse, LocalSigner

PASSPHRASE = "five random words of dice"


@pytest.fixture(autouse=True)
def quick_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stretch passphrases less: how much work it is changes nothing of what is tested."""
    monkeypatch.setattr(key_export, "_COST", 2**10)


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.write_text(PASSPHRASE + "\n", encoding="utf-8")
    path.chmod(0o600)
    return path


def back_up(partnership: Partnership, passphrase: Path, name: str = "council") -> tuple[Path, Path]:
    """Write a party's backup and its keys."""
    config = partnership.config(name)
    made, keys = partnership.root / f"{name}.backup", partnership.root / f"{name}.safe"
    answer = hearthgate("backup", made, "--config", config)
    assert answer.code == 0, answer.err
    assert hearthgate("backup", keys, "--keys", "--passphrase-file", passphrase, "--config", config, "--yes").code == 0
    return made, keys


def restore(made: Path, folder: Path, keys: Path, passphrase: Path) -> Answer:
    return hearthgate("restore", made, folder, "--keys", keys, "--passphrase-file", passphrase, "--yes", "--json")


def members(path: Path) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(path) as tar:
        return [(each, tar.extractfile(each).read()) for each in tar]  # type: ignore[union-attr]


def test_a_node_is_made_again_as_it_was(partnership: Partnership, passphrase: Path) -> None:
    words = ["client", "add", "--id", "case", "--name", "Case", "--service", "families", "--role", "key-worker"]
    key = partnership.root / "case.pem"
    assert seconded(partnership.config("council"), *words, "--unit", "north", "--generate-key", key).code == 0
    made, keys = back_up(partnership, passphrase)
    again = partnership.root / "again"
    answer = restore(made, again, keys, passphrase)
    assert answer.code == 0, answer.err
    assert answer.json["entity_id"] == "https://council.example"
    assert answer.json["epoch"] == 1
    listed = hearthgate("client", "list", "--config", again / "node.toml", "--json").json["clients"]
    assert [each["id"] for each in listed] == ["case"]
    first = partnership.root / "council"
    for key in (first / "keys").iterdir():
        assert (again / "keys" / key.name).read_bytes() == key.read_bytes()
    assert (again / "node.toml").read_bytes() == (first / "node.toml").read_bytes()
    assert [oct(path.stat().st_mode & 0o777) for path in (again, again / "keys", made, keys)] == [
        "0o700",
        "0o700",
        "0o600",
        "0o600",
    ]
    journal = (again / "data" / "administration.jsonl").read_text()
    assert journal.startswith((first / "data" / "administration.jsonl").read_text().splitlines()[0])
    assert '"act": "restored"' in journal.splitlines()[-1]


def test_an_anchor_is_made_again_too(partnership: Partnership, passphrase: Path) -> None:
    partnership.admit("council")
    made, keys = back_up(partnership, passphrase, "anchor")
    answer = restore(made, partnership.root / "again", keys, passphrase)
    assert answer.code == 0, answer.err
    listed = hearthgate("trust", "list", "--config", partnership.root / "again" / "anchor.toml", "--json")
    assert "https://council.example" in listed.out


def test_a_backup_holds_no_private_key(partnership: Partnership, passphrase: Path) -> None:
    made, keys = back_up(partnership, passphrase)
    raw, safe = made.read_bytes(), keys.read_bytes()
    for key in (partnership.root / "council" / "keys").iterdir():
        secret = key.read_bytes()
        lines = [line for line in secret.splitlines() if len(line) > 30] if key.suffix == ".pem" else [secret]
        assert lines
        for line in lines:
            assert line not in raw
            assert line not in safe
    assert b"PRIVATE KEY" not in raw


@pytest.mark.parametrize("content", ["-----BEGIN PRIVATE KEY-----\n", '{"keys": [{"kty": "EC", "d": "secret"}]}'])
def test_a_configuration_with_a_private_key_in_it_is_not_backed_up(partnership: Partnership, content: str) -> None:
    folder = partnership.root / "council"
    (folder / "ca.pem").write_text(content, encoding="utf-8")
    config = folder / "node.toml"
    config.write_text(
        config.read_text().replace(f'ca = "{partnership.authority.certificate}"', 'ca = "ca.pem"'), encoding="utf-8"
    )
    refused = hearthgate("backup", partnership.root / "made", "--config", config)
    assert refused.code == 1
    assert "ca.pem holds a private key" in refused.err
    assert not (partnership.root / "made").exists()
    assert not list(partnership.root.glob(".backup.*"))


def rewritten(path: Path, change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], object]) -> Path:
    """Write an archive again, changed."""
    content = members(path)
    change(content)
    with tarfile.open(path, mode="w") as tar:
        for member, raw in content:
            tar.addfile(member, io.BytesIO(raw))
    return path


def flip(content: list[tuple[tarfile.TarInfo, bytes]], index: int) -> None:
    member, raw = content[index]
    content[index] = (member, raw[:-1] + bytes([raw[-1] ^ 1]))


def rename(content: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    content[1][0].name = "folder/../../escaped"


def link(content: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    content[1][0].type, content[1][0].linkname = tarfile.SYMTYPE, "/etc/passwd"


def hard_link(content: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    content[1][0].type, content[1][0].linkname = tarfile.LNKTYPE, "../../etc/passwd"


def device(content: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    content[1][0].type = tarfile.CHRTYPE


def absolute(content: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    content[1][0].name = "/etc/cron.d/escaped"


def more(content: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    content.append((tarfile.TarInfo("folder/more"), b""))


CHANGES: dict[str, Callable[[list[tuple[tarfile.TarInfo, bytes]]], object]] = {
    "the manifest": lambda content: flip(content, 0),
    "the store": lambda content: flip(content, 1),
    "the last part": lambda content: flip(content, -1),
    "a part is missing": lambda content: content.pop(),
    "the order": lambda content: content.insert(1, content.pop()),
    "another name": rename,
    "an absolute name": absolute,
    "a link": link,
    "a hard link": hard_link,
    "a device": device,
    "something more": more,
}


@pytest.mark.holds("A63")
@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_backup_makes_nothing(partnership: Partnership, passphrase: Path, change: str) -> None:
    made, keys = back_up(partnership, passphrase)
    refused = restore(rewritten(made, CHANGES[change]), partnership.root / "again", keys, passphrase)
    assert refused.code == 1
    assert refused.json["error"].startswith("The backup")
    assert_nothing_is_left(partnership)


@pytest.mark.holds("A63")
@pytest.mark.parametrize(
    "name", ["folder/../../escaped", "/etc/cron.d/escaped", "folder//escaped", "folder/./escaped", "escaped"]
)
def test_not_even_a_manifest_that_our_own_key_signed_leads_out_of_the_folder(
    partnership: Partnership, passphrase: Path, name: str
) -> None:
    made, keys = back_up(partnership, passphrase)
    pem = (partnership.root / "council" / "keys" / KeyFile.FEDERATION).read_bytes()

    def lead_out(content: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        manifest = jose.peek(content[0][1], typ=archive.TYP, max_bytes=100_000).claims
        manifest["parts"][0]["name"] = content[1][0].name = name
        signed = jose.sign(manifest, typ=archive.TYP, signer=LocalSigner.from_pem(pem, KeyUse.FEDERATION))
        content[0][0].size = len(signed)
        content[0] = (content[0][0], signed)

    refused = restore(rewritten(made, lead_out), partnership.root / "again", keys, passphrase)
    assert refused.code == 1
    assert refused.json["error"].startswith("The backup was changed")
    assert_nothing_is_left(partnership)
    assert not list(partnership.root.rglob("escaped"))


def test_a_truncated_backup_and_no_backup_at_all_make_nothing(partnership: Partnership, passphrase: Path) -> None:
    made, keys = back_up(partnership, passphrase)
    for raw in (made.read_bytes()[:50_000], b"", b"not a tar"):
        made.write_bytes(raw)
        refused = restore(made, partnership.root / "again", keys, passphrase)
        assert refused.code == 1
        assert_nothing_is_left(partnership)


def assert_nothing_is_left(partnership: Partnership) -> None:
    assert not os.path.lexists(partnership.root / "again")
    assert not list(partnership.root.glob(".again.*"))


def test_a_foreign_backup_makes_nothing(partnership: Partnership, passphrase: Path) -> None:
    theirs, _ = back_up(partnership, passphrase, "anchor")
    _, ours = back_up(partnership, passphrase)
    refused = restore(theirs, partnership.root / "again", ours, passphrase)
    assert refused.code == 1
    assert "not signed by a federation key of https://council.example" in refused.json["error"]
    assert_nothing_is_left(partnership)


def test_a_restore_overwrites_nothing(partnership: Partnership, passphrase: Path) -> None:
    made, keys = back_up(partnership, passphrase)
    before = (partnership.root / "council" / "node.toml").stat()
    refused = restore(made, partnership.root / "council", keys, passphrase)
    assert refused.code == 1
    assert "overwrites nothing" in refused.json["error"]
    assert (partnership.root / "council" / "node.toml").stat() == before


def test_an_unconfirmed_restore_makes_nothing(partnership: Partnership, passphrase: Path) -> None:
    made, keys = back_up(partnership, passphrase)
    words = ["restore", made, partnership.root / "again", "--keys", keys, "--passphrase-file", passphrase]
    refused = hearthgate(*words, answer="n\n")
    assert refused.code == 1
    assert "What happened since is not in it" in refused.err
    assert_nothing_is_left(partnership)


def test_what_is_held_is_listed_beside_the_journal_and_opened_in_one_step(
    partnership: Partnership, passphrase: Path
) -> None:
    client = ["client", "add", "--config", partnership.config("council"), "--id", "case", "--name", "Case", "--yes"]
    client += ["--service", "families", "--role", "key-worker", "--unit", "north"]
    assert hearthgate(*client, "--generate-key", partnership.root / "case.pem").code == 0
    made, keys = back_up(partnership, passphrase)
    again = partnership.root / "again"
    assert restore(made, again, keys, passphrase).code == 0
    words = ["restore", "confirm", "--config", again / "node.toml"]
    listed = hearthgate("trust", "changes", "--config", again / "node.toml", "--json").json["changes"]
    held = hearthgate("trust", "approve", listed[0]["id"], "--config", again / "node.toml", "--yes")
    assert held.code == 1
    assert "asked for before the restore" in held.err
    assert "the restore is confirmed" in hearthgate("doctor", "--config", again / "node.toml").out
    asked = hearthgate(*words, answer="n\n")
    assert asked.code == 1
    assert "(client add, asked for by" in asked.err  # it waits for a second administrator
    assert "as old as the backup" in asked.err
    assert "restored" in asked.err  # the journal's last entry
    planned = plan_confirmation(load(again / "node.toml", {}))
    confirmed = hearthgate(*words, "--yes", "--json")
    assert [each["kind"] for each in confirmed.json["opened"]] == ["change"]
    assert hearthgate(*words, "--yes").code == 1  # once
    with pytest.raises(OperationRefused):
        planned.apply()
    assert '"restore confirmed"' in (again / "data" / "administration.jsonl").read_text()


def test_the_keys_need_their_passphrase(partnership: Partnership, passphrase: Path) -> None:
    made, keys = back_up(partnership, passphrase)
    passphrase.write_text("quite another passphrase", encoding="utf-8")
    refused = restore(made, partnership.root / "again", keys, passphrase)
    assert "passphrase is another one" in refused.json["error"]
    passphrase.write_text(PASSPHRASE, encoding="utf-8")
    keys.write_bytes(keys.read_bytes().replace(b"council.example", b"police.example."))
    assert "was changed" in restore(made, partnership.root / "again", keys, passphrase).json["error"]


def test_a_passphrase_that_others_can_read_or_guess_is_refused(partnership: Partnership, passphrase: Path) -> None:
    words = ["backup", partnership.root / "k", "--keys", "--passphrase-file", passphrase, "--yes"]
    words += ["--config", partnership.config("council")]
    passphrase.chmod(0o644)
    assert f"chmod 600 {passphrase}" in hearthgate(*words).err
    passphrase.chmod(0o600)
    passphrase.write_text("short", encoding="utf-8")
    assert "fewer than 16 characters" in hearthgate(*words).err
    assert not (partnership.root / "k").exists()


def test_writing_the_keys_is_recorded_before_it_is_done(partnership: Partnership, passphrase: Path) -> None:
    back_up(partnership, passphrase)
    journal = (partnership.root / "council" / "data" / "administration.jsonl").read_text()
    assert '"act": "keys exported"' in journal


def test_in_a_folder_the_newest_backups_are_kept(partnership: Partnership, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = partnership.root / "nightly" / "backups"
    assert hearthgate("backup", folder, "--keep", 2, "--config", partnership.config("council")).code == 0
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    next(folder.iterdir()).unlink()
    other = folder / "police.example-20200101T000000Z.backup"
    for name in ("council.example-20200101T000000Z.backup", "council.example-20200102T000000Z.backup", other.name):
        (folder / name).touch()
    answer = hearthgate("backup", folder, "--keep", 2, "--config", partnership.config("council"), "--json")
    assert answer.code == 0
    assert sorted(path.name for path in folder.iterdir() if path != other) == [
        "council.example-20200102T000000Z.backup",
        Path(answer.json["file"]).name,
    ]
    assert other.exists()


def test_an_existing_backup_is_not_overwritten(partnership: Partnership) -> None:
    made = partnership.root / "made"
    made.write_bytes(b"mine")
    refused = hearthgate("backup", made, "--config", partnership.config("council"))
    assert refused.code == 1
    assert made.read_bytes() == b"mine"
