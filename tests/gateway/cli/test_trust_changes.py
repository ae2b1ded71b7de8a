"""Suspending, removing and revoking take a second administrator, or an emergency that another one reviews."""

import json
import os
from datetime import timedelta
from os import getuid
from pathlib import Path
from pwd import getpwuid

import pytest

from config.loading import load
from config.settings import AnchorSettings
from gateway.administration import administrators, dual_control
from gateway.administration.context import now
from gateway.cli import output
from gateway.store.factory import open_store
from gateway.store.tables import members, suspensions
from gateway.store.tables.federation_records import StoredSuspension
from tests.gateway.cli.conftest import ANCHOR, COUNCIL, POLICE, Answer, Partnership, Template, hearthgate
from trust.federation.suspension import Suspension, parse_suspension
from trust.keys import KeySet, KeyUse, LocalSigner

REASON = ("--reason", "a lost laptop")
LOGGED_IN = administrators.logged_in
ACCOUNT = getpwuid(getuid()).pw_name
EMERGENCY = ("--emergency", "it is being used now")


@pytest.fixture
def joined(tmp_path: Path, admitted: Template, running: object) -> Partnership:
    """Give an anchor with two members; nothing runs."""
    assert running is not None
    return admitted.copied(tmp_path, running)  # type: ignore[arg-type]


def run(partnership: Partnership, *words: object, by: str = "ann", answer: str | None = None) -> Answer:
    said = () if answer is not None else ("--yes",)
    config = partnership.config("anchor")
    return hearthgate("trust", *words, *said, "--config", config, "--json", answer=answer, SUDO_USER=by)


def asked(partnership: Partnership, *words: object) -> str:
    answer = run(partnership, *(words or ("suspend", COUNCIL)), *REASON)
    assert answer.code == 0, answer.err
    assert answer.json["state"] == "pending"
    return str(answer.json["id"])


def listed(partnership: Partnership, *words: str) -> list[dict[str, str]]:
    answer = hearthgate("trust", "changes", *words, "--config", partnership.config("anchor"), "--json")
    found: list[dict[str, str]] = answer.json["changes"]
    return found


def state(partnership: Partnership, entity: str = COUNCIL) -> str:
    answer = hearthgate("trust", "list", "--config", partnership.config("anchor"), "--json")
    return str(next(member["state"] for member in answer.json["members"] if member["entity_id"] == entity))


def snapshot(partnership: Partnership) -> object:
    """Return all that a command on members could change in the store, but the list of changes."""
    settings = load(partnership.config("anchor"), {})
    store = open_store(settings.store.url, base_dir=settings.base_dir)
    try:
        return store.read(lambda tx: (members.list(tx), entries(tx)))
    finally:
        store.close()


def entries(tx: object) -> tuple[StoredSuspension, ...]:
    return suspensions.after(tx, issuer=ANCHOR, seq=0, limit=100)  # type: ignore[arg-type]


def log(partnership: Partnership) -> list[Suspension]:
    """Return the log as a node would read it: signed with the anchor's key, numbered without a gap."""
    settings = load(partnership.config("anchor"), {})
    assert isinstance(settings, AnchorSettings)
    signer = LocalSigner.from_pem(
        (partnership.root / "anchor" / "keys" / "federation.pem").read_bytes(), KeyUse.FEDERATION
    )
    keys = KeySet.of(KeyUse.FEDERATION, [signer.public])
    store = open_store(settings.store.url, base_dir=settings.base_dir)
    try:
        found = [parse_suspension(each.raw, issuer_keys=keys, now=now()) for each in store.read(entries)]
    finally:
        store.close()
    assert [entry.seq for entry in found] == list(range(1, len(found) + 1))
    return found


def test_a_suspension_waits_for_another_administrator_and_is_signed_and_logged(joined: Partnership) -> None:
    before = snapshot(joined)
    change = asked(joined)
    assert snapshot(joined) == before
    (waiting,) = listed(joined)
    assert (waiting["id"], waiting["act"], waiting["requested_by"]) == (change, "trust suspend", f"ann as {ACCOUNT}")
    approved = run(joined, "approve", change, by="ben")
    assert approved.code == 0, approved.err
    assert f"asked for by ann as {ACCOUNT}" in approved.err
    assert "a lost laptop" in approved.err
    assert "will be suspended" in approved.err
    assert (approved.json["state"], approved.json["second_by"]) == ("approved", f"ben as {ACCOUNT}")
    assert state(joined) == "suspended"
    (entry,) = log(joined)
    assert (entry.issuer, entry.subject, entry.state) == (ANCHOR, COUNCIL, "suspended")
    assert listed(joined) == []
    assert [each["state"] for each in listed(joined, "--all")] == ["approved"]


def test_no_administrator_approves_or_reviews_alone(joined: Partnership) -> None:
    change = asked(joined)
    refused = run(joined, "approve", change, by="ann")
    assert refused.code == 1
    assert f"ann as {ACCOUNT} requested it" in refused.json["error"]
    assert state(joined) == "active"
    made = run(joined, "suspend", POLICE, *REASON, *EMERGENCY)
    assert run(joined, "review", made.json["id"], "--finding", "fine", by="ann").code == 1
    assert listed(joined)[1]["state"] == "unreviewed"


@pytest.mark.parametrize(
    ("first", "second", "another"),
    [
        ("ann", "ben", True),
        ("ann as root", "ben as root", True),
        ("ann as hearthgate", "ben as hearthgate", True),
        ("Ann as ann as hearthgate", "Ben as ben as hearthgate", True),
        ("ann as hearthgate", "Ben as ann as hearthgate", False),
        ("Ann as ann as hearthgate", "Ben as ann as hearthgate", False),
        ("ann", "ann", False),
        ("ann as root", "ann as hearthgate", False),
        ("ann", "ben as ann", False),
        ("ben as ann", "ann", False),
        ("root", "ann as root", False),
    ],
)
def test_who_counts_as_another(first: str, second: str, *, another: bool) -> None:
    assert administrators.is_another(first, second) is another


@pytest.mark.parametrize(
    ("login", "said", "known_by"),
    [("0", "root", "login"), ("4294967295", "eve as root", "name"), ("", "eve as root", "name")],
)
def test_the_login_that_the_kernel_saw_is_not_overridden(
    joined: Partnership, login: str, said: str, known_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = joined.root / "loginuid"
    file.write_text(login)
    monkeypatch.setattr(administrators, "LOGIN_ID", file)
    monkeypatch.setattr(administrators, "logged_in", LOGGED_IN)
    monkeypatch.setenv("SUDO_USER", "eve")
    monkeypatch.setattr("os.getuid", lambda: 0)
    found = administrators.current(load(joined.config("anchor"), {}))
    assert (found.name, found.known_by) == (said, known_by)


def test_where_nothing_proves_who_asks_each_needs_a_key_of_their_own(
    joined: Partnership, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(administrators, "logged_in", lambda: None)
    unproven = asked(joined)
    refused = run(joined, "approve", unproven, by="ben")
    assert refused.code == 1
    assert "key of their own" in refused.json["error"]
    assert run(joined, "decline", unproven, "--reason", "again").code == 0
    keys = {name: own_key(joined, tmp_path, name) for name in ("ann", "ben")}
    monkeypatch.setenv("HEARTHGATE_ADMINISTRATOR_KEY", str(keys["ann"]))
    proven = asked(joined)
    assert run(joined, "approve", proven, by="ben").code == 1
    monkeypatch.delenv("HEARTHGATE_ADMINISTRATOR_KEY")
    assert run(joined, "approve", proven, by="ben").code == 1
    monkeypatch.setenv("HEARTHGATE_ADMINISTRATOR_KEY", str(keys["ben"]))
    approved = run(joined, "approve", proven)
    assert approved.code == 0, approved.err
    assert state(joined) == "suspended"
    lines = [json.loads(line) for line in journal_of(joined).read_text().splitlines()]
    assert [each["known_by"] for each in lines if each["act"] == "trust approve"] == ["key"]


def own_key(joined: Partnership, folder: Path, name: str) -> Path:
    """Register a key for an administrator, as its command says, and return the private one's file."""
    file = folder / f"{name}.pem"
    config = joined.config("anchor")
    made = hearthgate("trust", "administrator", name, "--generate-key", file, "--config", config, "--yes", "--json")
    assert made.code == 0, made.err
    text = config.read_text()
    table, line = "\n[administrator_keys]\n", f'"{name}" = "{made.json["file"]}"\n'
    config.write_text(text.replace(table, table + line) if table in text else f"{text}{table}{line}")
    return file


def test_a_key_under_an_invented_name_makes_no_second_person(
    joined: Partnership, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = asked(joined)
    monkeypatch.setenv("HEARTHGATE_ADMINISTRATOR_KEY", str(own_key(joined, tmp_path, "bob")))
    refused = run(joined, "approve", change, by="ann")
    assert (refused.code, state(joined)) == (1, "active")
    assert run(joined, "approve", change, by="ben").code == 0


def test_a_stranger_to_the_configuration_has_no_key_here(joined: Partnership, monkeypatch: pytest.MonkeyPatch) -> None:
    file = joined.root / "strange.pem"
    file.write_bytes(LocalSigner.generate(KeyUse.ADMINISTRATOR).to_pem())
    monkeypatch.setenv("HEARTHGATE_ADMINISTRATOR_KEY", str(file))
    refused = run(joined, "suspend", COUNCIL, *REASON)
    assert (refused.code, listed(joined)) == (1, [])
    assert "no administrator of this configuration" in refused.json["error"]


def journal_of(joined: Partnership) -> Path:
    return joined.root / "anchor" / "data" / "administration.jsonl"


def test_an_emergency_is_made_at_once_and_stands_until_another_reviews_it(joined: Partnership) -> None:
    made = run(joined, "suspend", COUNCIL, *REASON, *EMERGENCY)
    assert made.code == 0, made.err
    assert "made now, by one administrator" in made.err
    assert state(joined) == "suspended"
    (open_,) = listed(joined)
    assert (open_["state"], open_["emergency"]) == ("unreviewed", "it is being used now")
    shown = hearthgate("trust", "changes", "--config", joined.config("anchor"))
    assert "trust review" in shown.out
    assert run(joined, "approve", open_["id"], by="ben").code == 1
    reviewed = run(joined, "review", open_["id"], "--finding", "it was right", by="ben")
    assert (reviewed.code, reviewed.json["state"]) == (0, "reviewed")
    assert listed(joined) == []
    text = (joined.root / "anchor" / "data" / "administration.jsonl").read_text()
    last = [json.loads(line) for line in text.splitlines()][-2:]
    assert [(entry["by"], entry["act"]) for entry in last] == [
        (f"ann as {ACCOUNT}", "trust suspend"),
        (f"ben as {ACCOUNT}", "trust review"),
    ]
    assert (last[0]["emergency"], last[1]["finding"]) == ("it is being used now", "it was right")


def test_a_member_is_readmitted_and_removed_each_with_the_next_number(joined: Partnership) -> None:
    run(joined, "suspend", COUNCIL, *REASON, *EMERGENCY)
    change = asked(joined, "readmit", COUNCIL)
    assert state(joined) == "suspended"
    assert run(joined, "approve", change, by="ann").code == 1
    assert run(joined, "approve", change, by="ben").code == 0
    assert state(joined) == "active"
    assert run(joined, "approve", asked(joined, "remove", COUNCIL), by="ben").code == 0
    assert state(joined) == "removed"
    assert [(entry.seq, entry.state) for entry in log(joined)] == [(1, "suspended"), (2, "active"), (3, "removed")]
    refused = run(joined, "readmit", COUNCIL, *REASON)
    assert refused.code == 1
    assert "admit it again" in refused.json["error"]


def test_a_removed_member_comes_back_by_an_admission_that_the_log_states(joined: Partnership) -> None:
    run(joined, "remove", COUNCIL, *REASON, *EMERGENCY)
    (joined.root / "council-enrolment.jwt").unlink()
    change = joined.admit("council", by="ann")
    assert state(joined) == "removed"
    assert run(joined, "approve", change, by="ann").code == 1
    assert run(joined, "approve", change, by="ben").code == 0
    assert state(joined) == "active"
    assert [entry.state for entry in log(joined)] == ["removed", "active"]


def test_a_suspended_member_is_not_let_in_by_a_new_request(joined: Partnership) -> None:
    run(joined, "suspend", COUNCIL, *REASON, *EMERGENCY)
    out = joined.root / "again.jwt"
    words = ("trust", "join", ANCHOR, "--config", joined.config("council"), "--out", out, "--yes", "--json")
    (thumbprint,) = hearthgate(*words).json["thumbprints"]
    before = snapshot(joined)
    refused = run(joined, "admit", out, "--thumbprint", thumbprint)
    assert refused.code == 1
    assert "readmit" in refused.json["error"]
    assert snapshot(joined) == before


@pytest.mark.parametrize(
    ("meanwhile", "why"),
    [
        ((("suspend", COUNCIL, *REASON, *EMERGENCY),), "is suspended since"),
        ((("suspend", COUNCIL, *REASON, *EMERGENCY), ("readmit", COUNCIL, *REASON, *EMERGENCY)), "is active since"),
        ((("remove", COUNCIL, *REASON, *EMERGENCY),), "is removed since"),
    ],
)
def test_what_was_asked_for_of_a_member_as_it_was_is_not_done_to_it_as_it_is(
    joined: Partnership, meanwhile: tuple[tuple[str, ...], ...], why: str
) -> None:
    change = asked(joined)
    for words in meanwhile:
        assert run(joined, *words).code == 0
    before = snapshot(joined)
    refused = run(joined, "approve", change, by="ben")
    assert refused.code == 1
    assert why in refused.json["error"]
    assert snapshot(joined) == before


def test_a_change_expires(joined: Partnership, monkeypatch: pytest.MonkeyPatch) -> None:
    change = asked(joined)
    monkeypatch.setattr(dual_control, "now", lambda: now() + dual_control.EXPIRES - timedelta(minutes=1))
    assert run(joined, "approve", change, by="ben", answer="n\n").json["error"] == "Nothing was changed."
    monkeypatch.setattr(dual_control, "now", lambda: now() + dual_control.EXPIRES)
    refused = run(joined, "approve", change, by="ben")
    assert refused.code == 1
    assert "is expired and not pending" in refused.json["error"]
    assert state(joined) == "active"


def test_a_change_is_given_up_and_never_made(joined: Partnership) -> None:
    change = asked(joined)
    twice = run(joined, "suspend", COUNCIL, *REASON)
    assert twice.code == 1
    assert change in twice.json["error"]
    assert run(joined, "decline", change).code == 2
    assert run(joined, "decline", change, "--reason", "found it").json["state"] == "withdrawn"
    assert run(joined, "approve", change, by="ben").code == 1
    assert asked(joined) != change
    assert state(joined) == "active"


@pytest.mark.parametrize(
    "words",
    [
        ("suspend", "https://stranger.example", *REASON),
        ("remove", "https://stranger.example", *REASON),
        ("readmit", "https://stranger.example", *REASON),
        ("readmit", COUNCIL, *REASON),
        ("suspend", "council", *REASON),
        ("suspend", COUNCIL, "--reason", " "),
        ("suspend", COUNCIL, *REASON, "--emergency", ""),
        ("approve", "00000000"),
        ("decline", "00000000", "--reason", "x"),
        ("review", "00000000", "--finding", "x"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(joined: Partnership, words: tuple[str, ...]) -> None:
    before = snapshot(joined)
    refused = run(joined, *words)
    assert (refused.code, refused.json["ok"]) == (1, False)
    assert snapshot(joined) == before
    assert listed(joined, "--all") == []


@pytest.mark.parametrize("words", [("suspend", COUNCIL, *REASON), ("suspend", COUNCIL, *REASON, *EMERGENCY)])
@pytest.mark.parametrize("typed", ["n\n", ""], ids=["no", "nobody"])
def test_nothing_is_asked_for_or_made_unless_the_administrator_says_so(
    joined: Partnership, words: tuple[str, ...], typed: str
) -> None:
    before = snapshot(joined)
    assert run(joined, *words, answer=typed).code == 1
    assert snapshot(joined) == before
    assert listed(joined, "--all") == []


def test_a_change_that_cannot_be_signed_is_not_made(joined: Partnership) -> None:
    change = asked(joined)
    before = snapshot(joined)
    (joined.root / "anchor" / "keys" / "federation.pem").chmod(0o644)
    for words in (("approve", change), ("suspend", POLICE, *REASON, *EMERGENCY)):
        assert run(joined, *words, by="ben").code == 1
    assert snapshot(joined) == before
    assert [each["state"] for each in listed(joined, "--all")] == ["pending"]


def test_a_suspension_is_made_once_however_often_it_is_approved(joined: Partnership) -> None:
    change = asked(joined)
    assert run(joined, "approve", change, by="ben").code == 0
    refused = run(joined, "approve", change, by="cat")
    assert "is approved and not pending" in refused.json["error"]
    assert len(log(joined)) == 1


def test_the_doctor_names_emergencies_without_a_review(joined: Partnership) -> None:
    waiting, made = asked(joined), run(joined, "suspend", POLICE, *REASON, *EMERGENCY).json["id"]
    name = "every emergency was reviewed by a second administrator"

    def line() -> dict[str, object]:
        found = hearthgate("doctor", "--config", joined.config("anchor"), "--json").json["sections"]["Administrators"]
        return next(each for each in found if each["name"] == name)

    assert line()["ok"] is False
    assert made in str(line()["detail"])
    assert waiting in str(line()["detail"])
    run(joined, "review", made, "--finding", "fine", by="ben")
    assert line()["ok"] is True


@pytest.mark.parametrize(
    ("words", "state_after", "entries_after"),
    [(("approve",), "suspended", 1), (("decline", "--reason", "found it"), "active", 0)],
    ids=["approved", "given up"],
)
def test_what_another_administrator_settles_meanwhile_is_not_made_again(
    joined: Partnership,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    state_after: str,
    entries_after: int,
) -> None:
    change = asked(joined)

    def meanwhile(_: str, *, yes: bool) -> None:
        monkeypatch.undo()
        monkeypatch.setattr(administrators, "logged_in", lambda: os.environ.get("SUDO_USER"))
        assert yes
        assert run(joined, words[0], change, *words[1:], by="cat").code == 0

    monkeypatch.setattr(output, "confirm", meanwhile)
    assert run(joined, "approve", change, by="ben").code == 1
    assert state(joined) == state_after
    assert len(log(joined)) == entries_after
