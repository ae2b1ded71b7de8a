"""An anchor's keys, its pin and its recovery key, which alone brings it back when its keys are lost or stolen."""

import stat
from pathlib import Path

import pytest

from config.loading import load
from config.settings import AnchorSettings, NodeSettings
from gateway.administration.context import now
from gateway.app.commands import federation_of
from gateway.keys.files import ANCHOR_KEYS, KeyFilesRefused
from gateway.keys.vault import open_vault
from gateway.store.factory import open_store
from gateway.store.revision import is_current
from gateway.store.tables import anchor_keys, pending_changes
from gateway.store.tables.federation_records import StoredAnchorKeys
from gateway.store.tables.pending_changes import Change
from tests.gateway.cli.conftest import ANCHOR, COUNCIL, Answer, Partnership, hearthgate
from trust.federation.anchor_keys import parse_anchor_keys, parse_pin
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse, LocalSigner


def anchor(partnership: Partnership, *words: object, answer: str | None = None) -> Answer:
    return hearthgate("trust", "anchor", *words, "--config", partnership.config("anchor"), "--json", answer=answer)


def recover(partnership: Partnership, *words: object, answer: str | None = None) -> Answer:
    key = partnership.root / "anchor-recovery.pem"
    said = () if answer is not None else ("--yes",)
    why = ("--reason", "compromised", "--emergency", "the machine was broken into")
    return anchor(partnership, "recover", "--recovery-key", key, *why, *said, *words, answer=answer)


Snapshot = tuple[tuple[StoredAnchorKeys, ...], tuple[Change, ...], dict[str, bytes]]


def snapshot(partnership: Partnership) -> Snapshot:
    """Return all that a recovery could change in the store, and the anchor's keys."""
    folder = partnership.root / "anchor"
    settings = load(partnership.config("anchor"), {})
    store = open_store(settings.store.url, base_dir=settings.base_dir)
    try:
        documents, noted = store.read(lambda tx: (anchor_keys.load(tx), pending_changes.list(tx)))
    finally:
        store.close()
    return documents, noted, {path.name: path.read_bytes() for path in (folder / "keys").iterdir()}


def test_a_new_anchor_is_complete_and_its_recovery_key_lies_apart(partnership: Partnership) -> None:
    folder, key = partnership.root / "anchor", partnership.root / "anchor-recovery.pem"
    settings = load(folder / "anchor.toml", {})
    assert isinstance(settings, AnchorSettings)
    open_vault(folder / "keys", needed=ANCHOR_KEYS)
    assert is_current(settings.store.url, base_dir=folder)
    assert {oct(stat.S_IMODE(path.stat().st_mode)) for path in folder.rglob("*")} == {"0o600", "0o700"}
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    signer = LocalSigner.from_pem(key.read_bytes(), KeyUse.RECOVERY)
    pin = parse_pin((folder / "anchor-pin.json").read_bytes(), EntityId(ANCHOR))
    assert pin.recovery is not None
    assert pin.recovery.kids == {signer.kid}
    private = key.read_bytes().split(b"\n")[1]
    assert not any(private in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_its_pin_is_written_again_and_is_what_init_wrote(partnership: Partnership) -> None:
    out = partnership.root / "again.json"
    answer = anchor(partnership, "pin", "--out", out)
    assert answer.code == 0, answer.err
    assert out.read_bytes() == (partnership.root / "anchor" / "anchor-pin.json").read_bytes()
    assert len(answer.json["key_ids"]) == 2
    assert b'"d"' not in out.read_bytes()
    assert anchor(partnership, "pin", "--out", out).code == 1


def test_init_tells_to_move_the_recovery_key_away(partnership: Partnership, tmp_path: Path) -> None:
    words = ["--entity-id", ANCHOR, "--name", "Another", *partnership.words("anchor")]
    answer = hearthgate("trust", "anchor", "init", tmp_path / "new", *words, "--recovery-key", tmp_path / "safe.pem")
    assert answer.code == 0, answer.err
    assert "Move that file off this machine now" in answer.out
    assert (tmp_path / "safe.pem").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--recovery-key", "new/recovery.pem"], 2, "not to lie beside"),
        (["--recovery-key", "taken.pem"], 1, "exists already"),
        (["--superior", "https://top.example", "--recovery-key", "safe.pem"], 2, "no recovery key"),
        (["--superior", "top"], 2, "--superior"),
        (["--entity-id", "http://x.example"], 2, "--entity-id"),
    ],
)
def test_what_cannot_be_set_up_leaves_nothing_behind(
    partnership: Partnership, tmp_path: Path, words: list[str], code: int, said: str
) -> None:
    (tmp_path / "taken.pem").write_text("something else")
    before = set(tmp_path.iterdir())
    common = ["--entity-id", ANCHOR, "--name", "Another", *partnership.words("anchor")]
    answer = hearthgate("trust", "anchor", "init", tmp_path / "new", *common, *words)
    assert answer.code == code
    assert said in answer.err
    assert set(tmp_path.iterdir()) == before
    assert (tmp_path / "taken.pem").read_text() == "something else"


def test_an_intermediate_has_superiors_and_nothing_to_pin(partnership: Partnership, tmp_path: Path) -> None:
    words = ["--entity-id", "https://county.example", "--name", "County", "--superior", ANCHOR]
    made = hearthgate("trust", "anchor", "init", tmp_path / "county", *words, *partnership.words("anchor"), "--json")
    assert made.code == 0, made.err
    config = tmp_path / "county" / "anchor.toml"
    settings = load(config, {})
    assert isinstance(settings, AnchorSettings)
    assert (settings.anchor.superiors, settings.anchor.recovery) == ((ANCHOR,), None)
    assert not (tmp_path / "county-recovery.pem").exists()
    for words in (["pin", "--out", "pin.json"], ["recover", "--reason", "compromised", "--emergency", "x"]):
        more = ["--recovery-key", str(tmp_path / "any.pem"), "--yes"] if words[0] == "recover" else []
        refused = hearthgate("trust", "anchor", *words, *more, "--config", config)
        assert refused.code == 1
        assert "intermediate" in refused.err


def test_members_take_over_the_keys_that_the_recovery_key_vouches_for(both: Partnership) -> None:
    settings = load(both.config("council"), {})
    assert isinstance(settings, NodeSettings)
    both.run_node("council")
    with federation_of(settings) as federation:
        federation.directory.resolve(EntityId(COUNCIL), now=now())
    answer = recover(both)
    assert answer.code == 0, answer.err
    assert "Every federation key" in answer.err
    assert answer.json["state"] == "unreviewed"
    (kid,) = answer.json["key_ids"]
    with federation_of(settings) as federation:
        federation.directory.refresh(EntityId(COUNCIL), now=now())
        assert federation.directory.anchors(now=now())[EntityId(ANCHOR)].kids == {kid}
    listed = hearthgate("trust", "key", "list", "--config", both.config("anchor"), "--json").json["keys"]
    assert [(each["stage"], each["reason"]) for each in listed] == [("revoked", "compromised"), ("signs", None)]
    again = recover(both)
    assert again.code == 0, again.err
    assert again.json["key_ids"] != [kid]


def test_lost_keys_are_made_again(partnership: Partnership) -> None:
    (partnership.root / "anchor" / "keys" / "federation.pem").unlink()
    with pytest.raises(KeyFilesRefused):
        open_vault(partnership.root / "anchor" / "keys", needed=ANCHOR_KEYS)
    before = snapshot(partnership)
    assert recover(partnership, answer="n\n").code == 1
    assert snapshot(partnership) == before
    answer = recover(partnership)
    assert answer.code == 0, answer.err
    vault = open_vault(partnership.root / "anchor" / "keys", needed=ANCHOR_KEYS)
    assert [vault.signer(KeyUse.FEDERATION).kid] == answer.json["key_ids"]


def test_nothing_is_replaced_without_the_recovery_key_that_members_pinned(partnership: Partnership) -> None:
    before = snapshot(partnership)
    key = partnership.root / "anchor-recovery.pem"
    held = key.read_bytes()
    key.write_bytes(LocalSigner.generate(KeyUse.RECOVERY).to_pem())
    assert "not the recovery key of this trust anchor" in recover(partnership).json["error"]
    key.write_bytes(held)
    key.chmod(0o644)
    assert recover(partnership).code == 1
    key.unlink()
    assert recover(partnership).code == 1
    assert snapshot(partnership) == before


def test_a_recovery_that_cannot_be_written_is_taken_back(
    partnership: Partnership, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, files = snapshot(partnership)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    refused = recover(partnership)
    monkeypatch.undo()
    assert refused.code == 1
    (kept,), noted, after = snapshot(partnership)
    assert (after, noted) == (files, ())
    signer = LocalSigner.from_pem((partnership.root / "anchor-recovery.pem").read_bytes(), KeyUse.RECOVERY)
    read = parse_anchor_keys(kept.raw, recovery_keys=KeySet.of(KeyUse.RECOVERY, [signer.public]), now=now())
    assert read.seq == 2  # the first named a key that was never written, the second the one that still signs
    assert read.keys.kids == {LocalSigner.from_pem(files["federation.pem"], KeyUse.FEDERATION).kid}
