"""Keys from the command line: what will happen is shown first, and a change that cannot be made changes nothing."""

import json
from pathlib import Path

import pytest

from config.loading import load
from gateway.administration.context import now
from gateway.keys.files import STATE_FILE, sole_change
from gateway.store.factory import open_store
from gateway.store.tables import anchor_keys
from tests.gateway.cli.conftest import ANCHOR, COUNCIL, Answer, Partnership, hearthgate
from trust.federation.anchor_keys import AnchorKeys, parse_anchor_keys
from trust.federation.enrolment import parse_enrolment_request
from trust.keys import KeySet, KeyUse, LocalSigner
from trust.spoken_digits import digits_of_keys, spoken


def run(partnership: Partnership, name: str, *words: object, answer: str | None = None, by: str = "ann") -> Answer:
    return hearthgate("trust", "key", *words, "--config", partnership.config(name), answer=answer, SUDO_USER=by)


def keys(partnership: Partnership, name: str, use: str) -> list[dict[str, str | None]]:
    listed = run(partnership, name, "list", "--json")
    assert listed.code == 0, listed.err
    return [each for each in listed.json["keys"] if each["use"] == use]


def files(partnership: Partnership, name: str) -> dict[str, bytes]:
    folder = partnership.root / name
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in (*(folder / "keys").iterdir(), folder / "data" / "administration.jsonl")
        if path.exists()
    }


@pytest.fixture
def recovery(partnership: Partnership, tmp_path: Path) -> LocalSigner:
    """Fetch the anchor's recovery key from its safe."""
    pem = (partnership.root / "anchor-recovery.pem").read_bytes()
    path = tmp_path / "recovery.pem"
    path.touch(mode=0o600)
    path.write_bytes(pem)
    return LocalSigner.from_pem(pem, KeyUse.RECOVERY)


def document(partnership: Partnership, recovery: LocalSigner) -> AnchorKeys:
    """Return the document that the anchor would serve."""
    settings = load(partnership.config("anchor"), {})
    store = open_store(settings.store.url, base_dir=settings.base_dir)
    (stored,) = store.read(anchor_keys.load)
    store.close()
    pinned = KeySet.of(KeyUse.RECOVERY, [recovery.public])
    read = parse_anchor_keys(stored.raw, recovery_keys=pinned, now=now())
    assert (read.anchor, read.seq) == (ANCHOR, stored.seq)
    return read


def test_a_rotation_is_shown_before_it_is_made_and_recorded(partnership: Partnership) -> None:
    before = files(partnership, "council")
    shown = run(partnership, "council", "rotate", "--use", "message", answer="n\n")
    assert shown.code == 1
    assert "new; next: published, and signs from" in shown.err
    assert "signs until" in shown.err
    assert files(partnership, "council") == before

    made = run(partnership, "council", "rotate", "--use", "message", "--yes", "--json")
    assert made.code == 0, made.err
    old, new = keys(partnership, "council", "message")
    assert (old["stage"], new["stage"], new["key_id"]) == ("signs", "next", made.json["made"]["key_id"])
    assert old["retired_at"] == new["signs_from"]
    entries = (partnership.root / "council" / "data" / "administration.jsonl").read_text().splitlines()
    assert (json.loads(entries[-1])["act"], json.loads(entries[-1])["key_id"]) == ("key rotate", new["key_id"])
    listed = run(partnership, "council", "list")
    assert "next: published, and signs from" in listed.out


def test_a_shorter_wait_is_done_with_a_warning(partnership: Partnership) -> None:
    made = run(partnership, "council", "rotate", "--use", "oauth", "--sign-after", "0", "--yes")
    assert made.code == 0
    assert "Peers that have not heard of the key by then refuse" in made.err
    assert [key["stage"] for key in keys(partnership, "council", "oauth")] == ["retired", "signs"]


@pytest.mark.parametrize(
    ("name", "words", "why"),
    [
        ("council", ["--use", "dpop", "--sign-after", "5"], "used at once"),
        ("council", ["--use", "message", "--out", "request.jwt"], "belong to the federation key"),
        ("council", ["--use", "federation", "--recovery-key", "r.pem"], "Only a trust anchor has a recovery key"),
        ("anchor", ["--use", "message"], "There is no message key here"),
        ("anchor", ["--use", "federation"], "offline recovery key"),
        ("anchor", ["--use", "federation", "--out", "request.jwt"], "it has no superior"),
        ("anchor", ["--use", "federation", "--recovery-key", "absent.pem"], "cannot be read"),
        ("council", ["--use", "federation"], "no connection"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(
    partnership: Partnership, name: str, words: list[str], why: str
) -> None:
    before = {path: raw for path, raw in files(partnership, name).items() if not path.endswith(".jsonl")}
    refused = run(partnership, name, "rotate", *words, "--yes")
    assert refused.code == 1
    assert why in refused.err
    assert {path: raw for path, raw in files(partnership, name).items() if not path.endswith(".jsonl")} == before


def test_a_federation_key_is_rotated_with_a_request_that_the_old_one_signs(
    partnership: Partnership, tmp_path: Path
) -> None:
    out = tmp_path / "keys.jwt"
    made = run(partnership, "council", "rotate", "--use", "federation", "--out", out, "--yes", "--json")
    assert made.code == 0, made.err
    old, new = keys(partnership, "council", "federation")
    asked = parse_enrolment_request(out.read_bytes(), now=now())
    assert asked.thumbprints == (old["key_id"], new["key_id"])
    assert asked.signed_with == old["key_id"]
    assert (old["stage"], new["stage"], new["signs_from"]) == ("signs", "next", None)
    assert spoken(digits_of_keys([str(new["key_id"])])) in made.err
    again = run(partnership, "council", "rotate", "--use", "federation", "--out", tmp_path / "again.jwt", "--yes")
    assert again.code == 1
    assert "rotated already" in again.err
    assert not (tmp_path / "again.jwt").exists()


def test_a_request_is_taken_back_where_the_key_cannot_be_written(
    partnership: Partnership, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "keys.jwt"

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    refused = run(partnership, "council", "rotate", "--use", "federation", "--out", out, "--yes")
    assert refused.code == 1
    assert "No space left" in refused.err
    assert not out.exists()
    assert not (partnership.root / "council" / "keys" / STATE_FILE).exists()


def test_an_anchor_rotates_with_its_recovery_key_and_leaves_the_old_key_out_in_the_end(
    partnership: Partnership, recovery: LocalSigner, tmp_path: Path
) -> None:
    words = ["--recovery-key", tmp_path / "recovery.pem", "--yes"]
    assert run(partnership, "anchor", "rotate", "--use", "federation", "--sign-after", "0", *words).code == 0
    old, new = (str(key["key_id"]) for key in keys(partnership, "anchor", "federation"))
    assert document(partnership, recovery).keys.kids == {old, new}
    assert run(partnership, "anchor", "announce", *words).code == 0
    assert document(partnership, recovery).seq == 2  # both are still published
    other = LocalSigner.generate(KeyUse.RECOVERY)
    (tmp_path / "recovery.pem").write_bytes(other.to_pem())
    refused = run(partnership, "anchor", "announce", *words)
    assert refused.code == 1
    assert "not the recovery key of this trust anchor" in refused.err
    (tmp_path / "recovery.pem").chmod(0o644)
    assert "chmod 600" in run(partnership, "anchor", "announce", *words).err


def test_an_anchor_revokes_a_key_once_members_know_another(
    partnership: Partnership, recovery: LocalSigner, tmp_path: Path
) -> None:
    (only,) = keys(partnership, "anchor", "federation")
    stolen = str(only["key_id"])
    words = ["--recovery-key", tmp_path / "recovery.pem", "--yes"]
    revoking = ["revoke", stolen, "--reason", "compromised", *words]
    refused = run(partnership, "anchor", *revoking)
    assert refused.code == 1
    assert "trust key rotate --use federation" in refused.err
    assert run(partnership, "anchor", "rotate", "--use", "federation", "--sign-after", "0", *words).code == 0
    asked = run(partnership, "anchor", *revoking, "--json", by="ann")
    assert asked.code == 0, asked.err
    assert "document" not in asked.json["arguments"]
    assert document(partnership, recovery).seq == 1  # nothing is changed by asking for it
    approving = ("trust", "approve", asked.json["id"], "--config", partnership.config("anchor"), "--yes")
    approved = hearthgate(*approving, SUDO_USER="ben")
    assert approved.code == 0, approved.err
    (left,) = document(partnership, recovery).keys.kids
    assert left != stolen
    assert [key["stage"] for key in keys(partnership, "anchor", "federation")] == ["revoked", "signs"]


def test_a_key_id_that_begins_with_a_hyphen_is_an_id(partnership: Partnership) -> None:
    kid = "-" + "A" * 42
    words: list[object] = [kid, "--reason", "compromised", "--emergency", "a laptop was stolen", "--yes"]
    assert run(partnership, "council", "revoke", *words).code == 1
    words += ["--use", "message", "--config", partnership.config("anchor")]
    assert hearthgate("trust", "revoke", COUNCIL, *words, SUDO_USER="ann").code == 1


def test_a_revocation_does_not_outlive_the_keys_that_it_was_asked_for(
    partnership: Partnership, recovery: LocalSigner, tmp_path: Path
) -> None:
    words = ["--recovery-key", tmp_path / "recovery.pem", "--yes"]
    run(partnership, "anchor", "rotate", "--use", "federation", "--sign-after", "0", *words)
    stolen = str(keys(partnership, "anchor", "federation")[0]["key_id"])
    asked = run(partnership, "anchor", "revoke", stolen, "--reason", "compromised", *words, "--json", by="ann").json
    assert run(partnership, "anchor", "announce", *words).code == 0
    before = files(partnership, "anchor")
    approving = ("trust", "approve", asked["id"], "--config", partnership.config("anchor"), "--yes")
    refused = hearthgate(*approving, SUDO_USER="ben")
    assert refused.code == 1
    assert "changed since the revocation was asked for" in refused.err
    assert files(partnership, "anchor") == before
    assert document(partnership, recovery).seq == 2


def test_a_node_revokes_a_key_in_an_emergency(partnership: Partnership) -> None:
    (only,) = keys(partnership, "council", "message")
    words = ["revoke", only["key_id"], "--reason", "compromised", "--emergency", "a laptop was stolen", "--yes"]
    made = run(partnership, "council", *words, "--json", by="ann")
    assert made.code == 0, made.err
    assert (made.json["state"], made.json["emergency"]) == ("unreviewed", "a laptop was stolen")
    assert [key["stage"] for key in keys(partnership, "council", "message")] == ["revoked", "signs"]
    again = run(partnership, "council", *words)
    assert again.code == 1
    assert "revoked already" in again.err


def test_two_commands_do_not_change_keys_at_once(partnership: Partnership) -> None:
    with sole_change(partnership.root / "council" / "keys"):
        refused = run(partnership, "council", "rotate", "--use", "message", "--yes")
    assert refused.code == 1
    assert "another command is changing the keys" in refused.err
