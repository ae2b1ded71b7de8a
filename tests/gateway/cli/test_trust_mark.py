"""An administrator grants a mark and ends it; what others are told of it follows at once."""

from pathlib import Path

import pytest

from config.loading import load
from config.settings import AnchorSettings
from gateway.administration.context import now
from gateway.app.authority import create_anchor
from gateway.authority.statements import MARK_PATH, STATUS_PATH
from gateway.store.factory import open_store
from gateway.store.tables import issued_trust_marks
from gateway.store.tables.issued_trust_marks import IssuedTrustMark
from tests.gateway.cli.conftest import ANCHOR, COUNCIL, POLICE, Answer, Partnership, Template, hearthgate
from trust.federation.anchor_keys import parse_pin
from trust.federation.trust_mark import DELEGATION_TYP, parse_status_response, peek_draft, verify_trust_mark
from trust.identifiers import EntityId

ASSURED = f"{ANCHOR}/marks/data-protection-assured"
OTHERS = "https://regulator.example/marks/assured"


@pytest.fixture
def issuing(tmp_path: Path, admitted: Template, running: object) -> Partnership:
    """Give an anchor with two members that issues one type of mark; nothing runs."""
    made = admitted.copied(tmp_path, running)  # type: ignore[arg-type]
    issue_also(made, f'[[marks.issues]]\ntype = "{ASSURED}"\n')
    return made


def issue_also(partnership: Partnership, table: str) -> None:
    config = partnership.config("anchor")
    config.write_text(config.read_text() + "\n" + table)


def mark(partnership: Partnership, *words: object, answer: str | None = None) -> Answer:
    said = () if answer is not None or words[0] == "list" else ("--yes",)
    return hearthgate("trust", "mark", *words, *said, "--config", partnership.config("anchor"), "--json", answer=answer)


def issued(partnership: Partnership) -> tuple[IssuedTrustMark, ...]:
    settings = load(partnership.config("anchor"), {})
    store = open_store(settings.store.url, base_dir=settings.base_dir)
    try:
        return store.read(issued_trust_marks.list)
    finally:
        store.close()


def asked(partnership: Partnership, raw: bytes | None = None) -> tuple[int, bytes]:
    """Ask the anchor for the council's mark, or for the status of one."""
    settings = load(partnership.config("anchor"), {})
    assert isinstance(settings, AnchorSettings)
    parts = create_anchor(settings)
    try:
        client = parts.peer_app.test_client()
        if raw is None:
            answer = client.get(MARK_PATH, query_string={"trust_mark_type": ASSURED, "sub": COUNCIL}, base_url=ANCHOR)
        else:
            answer = client.post(STATUS_PATH, data={"trust_mark": raw.decode()}, base_url=ANCHOR)
        return answer.status_code, answer.get_data()
    finally:
        parts.store.close()


def test_a_mark_is_granted_fetched_and_revoked(issuing: Partnership) -> None:
    granted = mark(issuing, "issue", COUNCIL, "data-protection-assured")
    assert granted.code == 0, granted.err
    assert 'the mark "data-protection assured"' in granted.err
    assert "Each lasts 90 days" in granted.err
    assert granted.json["type"] == ASSURED
    status, raw = asked(issuing)
    assert status == 200
    keys = parse_pin((issuing.root / "anchor" / "anchor-pin.json").read_bytes(), EntityId(ANCHOR)).keys
    issuers = {ASSURED: (EntityId(ANCHOR),)}
    verify_trust_mark(raw, subject=EntityId(COUNCIL), issuers=issuers, owners={}, keys_of=lambda _: keys, now=now())
    (listed,) = mark(issuing, "list").json["issued"]
    assert (listed["entity_id"], listed["status"]) == (COUNCIL, "active")

    revoked = mark(issuing, "revoke", COUNCIL, "data-protection-assured", "--reason", "withdrawn")
    assert revoked.code == 0, revoked.err
    _, answer = asked(issuing, raw)
    assert parse_status_response(answer, issuer_keys=keys, mark=raw, now=now()) == "revoked"
    assert asked(issuing)[0] == 404
    (listed,) = mark(issuing, "list").json["issued"]
    assert (listed["status"], listed["reason"]) == ("revoked", "withdrawn")
    shown = hearthgate("trust", "mark", "list", "--config", issuing.config("anchor"))
    assert "(withdrawn)" in shown.out
    assert mark(issuing, "issue", COUNCIL, "data-protection-assured").code == 0


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("issue", COUNCIL, "agreement/vale"), "issues no marks of the type"),
        (("issue", COUNCIL, OTHERS), "issues no marks of the type"),
        (("issue", POLICE, ASSURED), "has the mark"),
        (("issue", "council", ASSURED), ""),
        (("issue", COUNCIL, "a b"), "web address"),
        (("issue", COUNCIL, "x" * 300), "web address"),
        (("revoke", COUNCIL, ASSURED, "--reason", "x"), "has no mark"),
        (("delegate", ANCHOR, ASSURED, "--out", "delegation.jwt"), "no delegation"),
        (("delegate", POLICE, ASSURED, "--out", "taken.jwt"), "exists already"),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(
    issuing: Partnership, words: tuple[str, ...], why: str
) -> None:
    assert mark(issuing, "issue", POLICE, ASSURED).code == 0
    Path("taken.jwt").write_text("something else")
    before = issued(issuing)
    refused = mark(issuing, *words)
    assert refused.code == 1
    assert why in refused.json["error"]
    assert issued(issuing) == before
    assert Path("taken.jwt").read_text() == "something else"
    assert not Path("delegation.jwt").exists()


@pytest.mark.parametrize("typed", ["n\n", ""], ids=["no", "nobody"])
def test_nothing_is_granted_or_ended_unless_the_administrator_says_so(issuing: Partnership, typed: str) -> None:
    mark(issuing, "issue", POLICE, ASSURED)
    before = issued(issuing)
    assert mark(issuing, "issue", COUNCIL, ASSURED, answer=typed).code == 1
    assert mark(issuing, "revoke", POLICE, ASSURED, "--reason", "x", answer=typed).code == 1
    assert mark(issuing, "delegate", POLICE, ASSURED, "--out", "delegation.jwt", answer=typed).code == 1
    assert issued(issuing) == before
    assert not Path("delegation.jwt").exists()


def test_a_suspended_member_gets_no_mark(issuing: Partnership) -> None:
    words = ["--reason", "x", "--emergency", "now", "--config", issuing.config("anchor"), "--yes"]
    assert hearthgate("trust", "suspend", COUNCIL, *words).code == 0
    refused = mark(issuing, "issue", COUNCIL, ASSURED)
    assert "is suspended" in refused.json["error"]


def test_a_type_of_anothers_is_issued_under_its_delegation(issuing: Partnership, tmp_path: Path) -> None:
    words = ["--entity-id", "https://regulator.example", "--name", "Regulator", *issuing.words("anchor")]
    assert hearthgate("trust", "anchor", "init", tmp_path / "regulator", *words).code == 0
    out = issuing.root / "anchor" / "delegation.jwt"
    delegating = ("delegate", ANCHOR, "assured", "--days", "30", "--out", out, "--yes", "--json")
    delegated = hearthgate("trust", "mark", *delegating, "--config", tmp_path / "regulator" / "anchor.toml")
    assert delegated.code == 0, delegated.err
    assert delegated.json["type"] == OTHERS
    said = peek_draft(out.read_bytes(), typ=DELEGATION_TYP)
    assert (said.issuer, said.subject) == ("https://regulator.example", ANCHOR)
    issue_also(issuing, f'[[marks.issues]]\ntype = "{OTHERS}"\ndelegation = "delegation.jwt"\n')
    granted = mark(issuing, "issue", COUNCIL, OTHERS)
    assert granted.code == 0, granted.err
    assert "which lets this authority issue it, until" in granted.err
    (made,) = issued(issuing)
    assert made.expires_at == said.expires_at


def test_a_node_lists_what_it_holds(issuing: Partnership) -> None:
    listed = hearthgate("trust", "mark", "list", "--config", issuing.config("council"), "--json")
    assert (listed.code, listed.json["held"]) == (0, [])
    assert "issued" not in listed.json
