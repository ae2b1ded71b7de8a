"""An agency joins an agreement by commands: its own signature, one admission, and each party's ruling."""

import json
from pathlib import Path

import pytest

from config.loading import load
from config.settings import NodeSettings
from gateway.app.node import create_node
from tests.gateway.cli.conftest import ANCHOR, COUNCIL, POLICE, Answer, Partnership, Template, hearthgate

MARK = f"{ANCHOR}/marks/data-protection-assured"
WHO = ("--name", "R. Example", "--post", "SIRO")
ID = "vale-early-help"
SENTENCES = {
    "admit": "admits it for this agency",
    "confirm": "opens between it and this agency",
    "object": "until this agency confirms it",
}


@pytest.fixture
def partners(tmp_path: Path, admitted: Template, running: object) -> Partnership:
    """Give a council whose agreement police forces may join, and a police force with the mark; both can be reached."""
    made = admitted.copied(tmp_path, running)  # type: ignore[arg-type]
    anchor = made.config("anchor")
    anchor.write_text(f'{anchor.read_text()}\n[[marks.issues]]\ntype = "{MARK}"\n', encoding="utf-8")
    granted = hearthgate("trust", "mark", "issue", POLICE, MARK, "--yes", "--config", anchor)
    assert granted.code == 0, granted.err
    made.run_anchor()
    return made


def fetch_mark(partners: Partnership) -> None:
    """Have the police fetch its mark, as its maintenance does."""
    settings = load(partners.config("police"), {})
    assert isinstance(settings, NodeSettings)
    node = create_node(settings)
    try:
        node.keeper.round()
    finally:
        node.store.close()
        node.claims.close()


def open_document(partners: Partnership, version: int = 1) -> Path:
    """Write the agreement of the council, which is its only party and admits police forces."""
    document = partners.agreement()
    whole = json.loads(document.read_text())
    whole["parties"] = whole["parties"][:1]
    whole["joining"] = [
        {
            "id": "forces",
            "title": "Police forces",
            "marks": [MARK],
            "kinds": ["neighbourhood"],
            "admitted_by": [COUNCIL],
            "objection_days": 14,
        }
    ]
    whole["clauses"][0] |= {"holders": [], "joining_holders": ["forces"]}
    del whole["clauses"][0]["holders"]
    document.write_text(json.dumps({**whole, "version": version}))
    return document


def propose(partners: Partnership) -> str:
    """Have the council, the only party of the document, sign it; return its address."""
    document = open_document(partners)
    proposed = run(partners, "council", "propose", document)
    assert proposed.code == 0, proposed.err
    return str(proposed.json["url"])


def run(partners: Partnership, name: str, command: str, *words: object, answer: str | None = None) -> Answer:
    said = ("--json",) if command in {"list", "show"} else (*WHO, "--json", *(() if answer else ("--yes",)))
    return hearthgate("agreement", command, *words, "--config", partners.config(name), *said, answer=answer)


def join(partners: Partnership, url: str, *words: object, answer: str | None = None) -> Answer:
    return run(partners, "police", "join", url, "--complaints", "Write to the chief.", *words, answer=answer)


def state(partners: Partnership, name: str, other: str) -> str:
    [held] = run(partners, name, "list").json["agreements"]
    [pair] = [each for each in held["pairs"] if each["entity_id"] == other]
    return str(pair["state"])


def test_a_force_joins_with_two_signatures_and_is_confirmed(partners: Partnership) -> None:
    url = propose(partners)
    fetch_mark(partners)
    partners.run_node("council")
    partners.run_node("police")
    joined = join(partners, url)
    assert joined.code == 0, joined.err
    assert "Police joins" not in joined.out
    [waiting] = run(partners, "council", "show", ID).json["versions"]
    assert [each["entity_id"] for each in waiting["waiting"]] == [POLICE]
    assert waiting["joined"] == []
    for command, after in (("admit", "waiting"), ("object", "objected"), ("confirm", "confirmed")):
        shown = run(partners, "council", command, ID, POLICE, answer="n\n")
        assert shown.code == 1
        assert SENTENCES[command] in shown.err
        done = run(partners, "council", command, ID, POLICE)
        assert done.code == 0, done.err
        assert [each["told"] for each in done.json["parties"]] == ["told"]
        assert state(partners, "council", POLICE) == state(partners, "police", COUNCIL) == after
    [listed] = run(partners, "police", "list").json["agreements"]
    assert listed["in_force"] is True
    shown = run(partners, "council", "propose", open_document(partners, version=2), answer="n\n")
    assert "Not carried over, of those that joined: Police. Each joins again, and is admitted" in shown.err


def test_what_is_joined_is_shown_before_and_nothing_is_signed_without_a_yes(partners: Partnership) -> None:
    url = propose(partners)
    partners.run_node("council")
    refused = join(partners, url, answer="n\n")
    assert refused.code == 1
    assert "joins for Police (https://police.example) as forces" in refused.err
    assert "This node knows of no valid" in refused.err
    assert run(partners, "police", "list").json["agreements"] == []


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--class", "schools"), "has no class schools; it has: forces"),
        (("--service", "library"), "library is not of a kind that class forces takes: neighbourhood"),
    ],
)
def test_what_cannot_join_is_refused_with_the_reason(
    partners: Partnership, words: tuple[str, ...], reason: str
) -> None:
    url = propose(partners)
    partners.run_node("council")
    refused = join(partners, url, *words)
    assert refused.code == 1
    assert reason in str(refused.json)


def test_a_force_without_the_mark_is_not_taken(partners: Partnership) -> None:
    url = propose(partners)
    partners.run_node("council")
    partners.run_node("police")
    joined = join(partners, url)
    assert joined.code == 0, joined.err
    [told] = joined.json["parties"]
    assert told["told"] == "refused"
    assert "It lacks the mark" in told["detail"]
    unknown = run(partners, "council", "admit", ID, POLICE)
    assert "No accession of https://police.example waits here" in str(unknown.json)


def test_a_party_signs_and_does_not_join(partners: Partnership) -> None:
    url = propose(partners)
    partners.run_node("council")
    refused = run(partners, "council", "join", url, "--complaints", "Write to us.")
    assert "is a party of vale-early-help version 1; sign it instead" in str(refused.json)
    none = run(partners, "council", "confirm", ID, POLICE)
    assert "has not joined vale-early-help" in str(none.json)


def test_sync_brings_an_accession_to_a_node_that_was_away(partners: Partnership) -> None:
    url = propose(partners)
    fetch_mark(partners)
    document = partners.root / "agreement.json"
    partners.run_node("police")
    away = run(partners, "police", "join", document, "--complaints", "Write to the chief.")
    assert [each["told"] for each in away.json["parties"]] == ["silent"]
    partners.run_node("council")
    synced = hearthgate("agreement", "sync", "--config", partners.config("police"))
    assert synced.code == 0, synced.err
    assert run(partners, "council", "admit", ID, POLICE).code == 0, url
