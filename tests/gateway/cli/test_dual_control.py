"""Changes that take two administrators beside suspending, removing and revoking, and agencies with one."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from re import sub

import pytest

from config.loading import load
from config.settings import NodeSettings
from gateway.administration import administrators, dual_control
from gateway.administration.checks.administrators import check_administrators
from gateway.administration.context import now
from gateway.app.commands import federation_of
from gateway.federation.announcements import announcements
from gateway.store.factory import open_store
from gateway.store.tables import clients, key_revocations, members, pending_changes
from gateway.store.tables.federation_records import StoredKeyRevocation
from tests.gateway.cli.conftest import ANCHOR, COUNCIL, Answer, Partnership, Template, hearthgate
from trust.federation.party_metadata import parse_federation_entity
from trust.keys import KeyUse, LocalSigner

LIMITS = ("--service", "families", "--role", "key-worker", "--unit", "north")


@pytest.fixture
def joined(tmp_path: Path, admitted: Template, running: object) -> Partnership:
    """Give an anchor with two members; nothing runs."""
    return admitted.copied(tmp_path, running)  # type: ignore[arg-type]


def run(partnership: Partnership, name: str, *words: object, by: str = "ann") -> Answer:
    return hearthgate(*words, "--config", partnership.config(name), "--json", SUDO_USER=by)


def approve(partnership: Partnership, name: str, change: str, *words: object, by: str = "ben") -> Answer:
    return run(partnership, name, "trust", "approve", change, *words, "--yes", by=by)


def read(partnership: Partnership, name: str, work: object) -> object:
    settings = load(partnership.config(name), {})
    store = open_store(settings.store.url, base_dir=settings.base_dir)
    try:
        return store.read(work)  # type: ignore[arg-type]
    finally:
        store.close()


def written(partnership: Partnership, name: str, work: object) -> None:
    settings = load(partnership.config(name), {})
    store = open_store(settings.store.url, base_dir=settings.base_dir)
    try:
        store.write(work)  # type: ignore[arg-type]
    finally:
        store.close()


# ---- members


def test_a_service_of_another_kind_is_shown_as_what_it_opens_and_takes_two(joined: Partnership) -> None:
    config = joined.config("council")
    config.write_text(sub('(?m)^kind = ".*"', 'kind = "jobcentre"', config.read_text(), count=1))
    assert 'kind = "jobcentre"' in config.read_text()
    request = joined.root / "again.jwt"
    words = ("trust", "join", ANCHOR, "--config", config, "--out", request, "--yes", "--json")
    assert hearthgate(*words).code == 0
    before = read(joined, "anchor", lambda tx: members.get(tx, entity=COUNCIL))
    asked = run(joined, "anchor", "trust", "admit", request, "--yes")
    assert (asked.code, asked.json["state"]) == (0, "pending"), asked.err
    assert "will count as jobcentre" in asked.err
    assert "nino" in asked.err
    assert read(joined, "anchor", lambda tx: members.get(tx, entity=COUNCIL)) == before
    change = asked.json["id"]
    assert approve(joined, "anchor", change, by="ann").code == 1
    approved = approve(joined, "anchor", change)
    assert approved.code == 0, approved.err
    after = read(joined, "anchor", lambda tx: members.get(tx, entity=COUNCIL))
    assert "jobcentre" in json.dumps(after.metadata)  # type: ignore[attr-defined]


@pytest.mark.holds("A59")
def test_a_change_that_a_key_asked_for_is_not_made_once_the_member_has_revoked_that_key(joined: Partnership) -> None:
    """The thief of a key had another one registered beside it before its owner noticed."""
    request = joined.root / "again.jwt"
    words = ("trust", "join", ANCHOR, "--config", joined.config("council"), "--out", request, "--yes", "--json")
    assert hearthgate(*words).code == 0
    change = run(joined, "anchor", "trust", "admit", request, "--yes").json["id"]
    before = read(joined, "anchor", lambda tx: members.get(tx, entity=COUNCIL))
    kid = before.jwks["keys"][0]["kid"]  # type: ignore[attr-defined]
    stolen = StoredKeyRevocation(
        issuer=COUNCIL, subject=COUNCIL, kid=kid, use="federation", revoked_at=now(), raw=b"as its owner signed it"
    )
    written(joined, "anchor", lambda tx: key_revocations.put(tx, stolen, at=now()))
    refused = approve(joined, "anchor", change)
    assert (refused.code, "has revoked a key" in refused.json["error"]) == (1, True)
    assert read(joined, "anchor", lambda tx: members.get(tx, entity=COUNCIL)) == before


def test_a_new_member_takes_one_administrator_and_no_emergency(partnership: Partnership) -> None:
    assert partnership.admit("council") == ""
    assert read(partnership, "anchor", lambda tx: members.get(tx, entity=COUNCIL)) is not None


# ---- case systems


def test_a_case_system_that_vouches_takes_two_and_one_that_does_not_takes_one(joined: Partnership) -> None:
    named = ("--name", "Case system", *LIMITS, "--yes")
    key = joined.root / "vouching.pem"
    asked = run(joined, "council", "client", "add", "--id", "vouching", *named, "--generate-key", key)
    assert (asked.code, asked.json["state"]) == (0, "pending")
    assert key.exists()
    assert read(joined, "council", clients.list) == ()
    portal = ("client", "add", "--id", "portal", *named, "--signed-in-only")
    assert run(joined, "council", *portal, "--generate-key", joined.root / "portal.pem").code == 0
    assert approve(joined, "council", asked.json["id"], by="ann").code == 1
    assert approve(joined, "council", asked.json["id"]).code == 0
    found = read(joined, "council", clients.list)
    assert [each.client_id for each in found] == ["portal", "vouching"]  # type: ignore[attr-defined]
    new = run(joined, "council", "client", "keys", "vouching", "--generate-key", joined.root / "new.pem", "--yes")
    assert new.json["state"] == "pending"
    dropped = run(joined, "council", "client", "keys", "portal", "--generate-key", joined.root / "two.pem", "--yes")
    assert "state" not in dropped.json
    assert approve(joined, "council", new.json["id"]).code == 0


def test_a_key_that_was_asked_for_of_other_keys_is_not_given(joined: Partnership) -> None:
    key = joined.root / "vouching.pem"
    words = ("client", "add", "--id", "vouching", "--name", "Case", *LIMITS, "--generate-key", key, "--yes")
    assert approve(joined, "council", run(joined, "council", *words).json["id"]).code == 0
    waiting = [
        run(joined, "council", "client", "keys", "vouching", "--generate-key", joined.root / f"{n}.pem", "--yes").json
        for n in (1, 2)
    ]
    assert approve(joined, "council", waiting[0]["id"]).code == 0
    late = approve(joined, "council", waiting[1]["id"])
    assert (late.code, "was changed since" in late.json["error"]) == (1, True)


def test_the_first_case_systems_key_does_not_lie_with_the_node(partnership: Partnership, tmp_path: Path) -> None:
    words = ("--client", "cases", "--role", "key-worker", "--unit", "north")
    inside = tmp_path / "new" / "cases.pem"
    refused = hearthgate("init", tmp_path / "new", "--entity-id", "https://new.example", *words, "--client-key", inside)
    assert refused.code == 2


# ---- one administrator


@pytest.fixture
def alone(joined: Partnership) -> Partnership:
    """Give the council one administrator, who asked for a suspension's like: another vouching case system."""
    config = joined.config("council")
    config.write_text(config.read_text().replace("[node]\n", "[node]\nadministrators = 1\n", 1))
    return joined


def ask_alone(alone: Partnership) -> dict[str, str]:
    key = alone.root / "vouching.pem"
    words = ("client", "add", "--id", "vouching", "--name", "Case", *LIMITS, "--generate-key", key, "--yes")
    asked = run(alone, "council", *words)
    assert asked.code == 0, asked.err
    found: dict[str, str] = asked.json
    return found


def announce(alone: Partnership, at: datetime) -> dict[str, object]:
    settings = load(alone.config("council"), {})
    store = open_store(settings.store.url, base_dir=settings.base_dir)
    try:
        return announcements(store, administrators=1)(at)
    finally:
        store.close()


def test_one_administrators_change_waits_until_members_were_told_for_a_day(
    alone: Partnership, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = ask_alone(alone)["id"]
    untold = approve(alone, "council", change, by="ann")
    assert (untold.code, "have not been told" in untold.json["error"]) == (1, True)
    told_at = datetime.now(UTC)
    stated = announce(alone, told_at)
    member = parse_federation_entity(stated, entity=COUNCIL)  # type: ignore[arg-type]
    assert member.announced is not None
    assert [(each.id, each.act) for each in member.announced] == [(change, "client add")]
    announce(alone, told_at + timedelta(hours=5))
    monkeypatch.setattr(dual_control, "now", lambda: told_at + timedelta(hours=23, minutes=59))
    assert "may be made from" in approve(alone, "council", change, by="ann").json["error"]
    monkeypatch.setattr(dual_control, "now", lambda: told_at + timedelta(hours=24))
    made = approve(alone, "council", change, by="ann")
    assert made.code == 0, made.json
    assert parse_federation_entity(announce(alone, told_at), entity=COUNCIL).announced == ()  # type: ignore[arg-type]


def test_where_several_administer_nothing_is_announced(joined: Partnership) -> None:
    settings = load(joined.config("council"), {})
    store = open_store(settings.store.url, base_dir=settings.base_dir)
    assert announcements(store, administrators=2)(datetime.now(UTC)) == {}
    assert read(joined, "council", pending_changes.list) == ()
    store.close()


def test_a_superior_approves_the_change_that_was_read_out_and_no_other(alone: Partnership) -> None:
    alone.run_anchor()
    asked = ask_alone(alone)
    other, right = alone.root / "other.jwt", alone.root / "right.jwt"
    for digits, file in (("1" * 30, other), (asked["digest"], right)):
        words = ("trust", "second", COUNCIL, asked["id"], *digits.split(), "--out", file, "--yes")
        second = run(alone, "anchor", *words)
        assert second.code == 0, second.json
    remember_chain(alone)
    refused = approve(alone, "council", asked["id"], "--superior", other, by="ann")
    assert (refused.code, "no approval of this change" in refused.json["error"]) == (1, True)
    made = approve(alone, "council", asked["id"], "--superior", right, by="ann")
    assert made.code == 0, made.json
    assert read(alone, "council", lambda tx: len(clients.list(tx))) == 1


def remember_chain(alone: Partnership) -> None:
    """Have the council's node refresh its own chain, as a running one does every five minutes."""
    alone.run_node("council")
    settings = load(alone.config("council"), {})
    assert isinstance(settings, NodeSettings)
    with federation_of(settings) as federation:
        assert federation.directory.resolve(federation.own, now=datetime.now(UTC)).entity_id == COUNCIL


# ---- the journal


def test_the_doctor_names_the_first_line_that_was_changed_and_a_journal_that_was_cut(joined: Partnership) -> None:
    settings = load(joined.config("anchor"), {})
    name = "the administrators' journal is as it was written"

    def looked() -> tuple[bool, str]:
        (line,) = [each for each in check_administrators(settings, datetime.now(UTC)) if each.name == name]
        return line.ok, line.detail

    assert looked()[0]
    file = joined.root / "anchor" / "data" / "administration.jsonl"
    whole = file.read_bytes()
    lines = whole.splitlines(keepends=True)
    assert len(lines) >= 2
    file.write_bytes(b"".join(lines[:-1]))
    assert looked() == (False, "the line that the evidence committed to last is missing: it was cut short or replaced")
    file.write_bytes(lines[0].replace(b"2026", b"2025") + b"".join(lines[1:]))
    assert (looked()[0], "Line 2 " in looked()[1]) == (False, True)
    file.write_bytes(whole)
    assert looked()[0]


def test_the_doctor_says_where_two_cannot_be_told_apart(joined: Partnership, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(administrators, "logged_in", lambda: None)
    settings = load(joined.config("anchor"), {})
    (line,) = [
        each
        for each in check_administrators(settings, datetime.now(UTC))
        if each.name == "two administrators can be told apart"
    ]
    assert (line.warning, "no login id" in line.detail) == (True, True)


def test_asking_by_command_and_taking_a_token_are_on_record(joined: Partnership) -> None:
    key = joined.root / "nobody.pem"
    key.write_bytes(LocalSigner.generate(KeyUse.OAUTH).to_pem())
    assert run(joined, "council", "client", "token", "nobody", "--key", key).code == 1
    file = joined.root / "council" / "data" / "administration.jsonl"
    assert json.loads(file.read_text().splitlines()[-1])["act"] == "client token"


def test_an_authority_revokes_a_members_key_with_two_administrators(joined: Partnership) -> None:
    kid = "k" * 43
    words = ("trust", "revoke", COUNCIL, kid, "--use", "message", "--reason", "compromised", "--yes")
    assert run(joined, "anchor", "trust", "revoke", COUNCIL, "short", *words[4:]).code == 1
    asked = run(joined, "anchor", *words)
    assert asked.json["state"] == "pending", asked.json
    assert approve(joined, "anchor", asked.json["id"], by="ann").code == 1
    assert approve(joined, "anchor", asked.json["id"]).code == 0
    held = read(joined, "anchor", lambda tx: key_revocations.of(tx, subject=COUNCIL))
    assert [(each.kid, each.issuer, each.use) for each in held] == [(kid, ANCHOR, "message")]  # type: ignore[attr-defined]
    assert "revoked already" in run(joined, "anchor", *words).json["error"]
