"""The whole story by command: a message looks like misuse, and two people at the asking agency say who it was."""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pysqlite3 import dbapi2

from config.loading import load
from config.settings import NodeSettings
from gateway.administration.checks import accountability
from gateway.administration.context import node_vault
from tests.gateway.cli.conftest import COUNCIL, POLICE, Answer, Partnership, hearthgate, seconded
from trust.exchange.question_signature import parse_signature, verify_question_signature
from trust.keys import KeyUse

SECRET = "Ada Canary"
WHY = "Looked up outside working hours."
CONTACT = "M. Ellery, 01632 960 111"


@pytest.fixture
def whole(both: Partnership) -> Partnership:
    """Give two agencies and an anchor that all run."""
    for name in ("council", "police"):
        both.run_node(name)
    return both


@pytest.fixture
def asked(whole: Partnership) -> str:
    """Have the council's case system ask the police, and return the id of the message as the police have it."""
    agreement = whole.agreement()
    signatures = [whole.signature(name, agreement) for name in ("council", "police")]
    for name in ("council", "police"):
        words = ["agreement", "add", agreement, *signatures, "--config", whole.config(name), "--yes"]
        assert hearthgate(*words).code == 0
    key = whole.root / "case.pem"
    words = ["client", "add", "--id", "case", "--name", "Case system"]
    words += ["--service", "families", "--role", "key-worker", "--unit", "north", "--generate-key", key]
    words += ["--manager", "Maud Ellery", "--sample-percent", "100"]
    assert seconded(whole.config("council"), *words).code == 0
    question = whole.root / "question.json"
    subject = {"family_name": "Fell", "given_names": "Ada", "birth_date": "2001-01-02"}
    practitioner = {"id": "u-17", "role": "key-worker", "org_unit": "north", "second_factor": True}
    question.write_text(
        json.dumps({"subject": subject, "reason": "A canary reason.", "case_ref": "C-1", "practitioner": practitioner})
    )
    words = ["lookup", question, "--config", whole.config("council"), "--purpose", "early-help", "--key", key]
    found = hearthgate(*words, "--json")
    assert found.code == 0, found.err + found.out
    (sample,) = hearthgate("client", "sample", "list", "--config", whole.config("council"), "--json").json["samples"]
    assert sample["practitioner"]["id"] == "u-17"
    return _pseudonym(whole)


def _pseudonym(whole: Partnership) -> str:
    """Return the only message that the police received of the council's practitioner."""
    with closing(dbapi2.connect(str(whole.root / "police" / "data" / "node.db"))) as connection:
        leaves = [json.loads(row[0]) for row in connection.execute("SELECT leaf FROM evidence_leaves")]
    (received,) = [leaf for leaf in leaves if leaf["kind"] == "received" and leaf["peer"] == COUNCIL]
    asker = f"{COUNCIL} {received['practitioner']}"
    words = ("misuse", "messages", asker, "--config", whole.config("police"), "--json")
    (message,) = hearthgate(*words).json["messages"]
    return str(message["id"])


def ask(whole: Partnership, message: str) -> Answer:
    return hearthgate("misuse", "ask", message, "--reason", WHY, "--config", whole.config("police"), "--yes", "--json")


def council(whole: Partnership, *words: Any, by: str = "ann") -> Answer:
    return hearthgate("misuse", *words, "--config", whole.config("council"), "--json", SUDO_USER=by)


def approve(whole: Partnership, change: str, *, by: str = "ann") -> Answer:
    return hearthgate("trust", "approve", change, "--config", whole.config("council"), "--yes", "--json", SUDO_USER=by)


def journal(whole: Partnership, name: str) -> str:
    return (whole.root / name / "data" / "administration.jsonl").read_text()


def test_two_people_name_the_practitioner_and_the_holder_hears_it(whole: Partnership, asked: str) -> None:
    pending = ask(whole, asked)
    assert pending.code == 0, pending.err + pending.out
    assert pending.json["state"] == "pending"
    (query,) = council(whole, "list").json["received"]
    assert query["holder"] == POLICE
    assert query["reason"] == WHY
    assert query["practitioner"]["id"] == "u-17"
    assert query["overdue"] is False
    named = council(whole, "answer", query["id"], "--name", SECRET, "--contact", CONTACT, "--yes")
    assert named.code == 0, named.err + named.out
    change = named.json["id"]
    assert SECRET not in named.out
    assert ask(whole, asked).json["state"] == "pending"

    alone = approve(whole, change)
    assert alone.code == 1
    assert "A second administrator" in alone.json["error"]
    assert ask(whole, asked).json["state"] == "pending"

    released = approve(whole, change, by="ben")
    assert released.code == 0, released.err + released.out
    told = ask(whole, asked).json
    assert told["state"] == "answered"
    assert told["practitioner"] == {"name": SECRET, "role": "key-worker", "org_unit": "north", "contact": CONTACT}
    assert council(whole, "list").json["received"] == []
    again = council(whole, "answer", query["id"], "--name", "Another", "--contact", CONTACT, "--yes")
    assert again.code == 1
    for name in ("council", "police"):
        assert SECRET not in journal(whole, name)
        assert WHY not in journal(whole, name)


def test_what_is_overdue_is_shown(whole: Partnership, asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(whole, asked).code == 0
    later = datetime.now(UTC) + timedelta(days=4)
    monkeypatch.setattr("gateway.administration.misuse_queries.now", lambda: later)
    (query,) = council(whole, "list").json["received"]
    assert query["overdue"] is True
    (ours,) = hearthgate("misuse", "list", "--config", whole.config("police"), "--json").json["asked"]
    assert ours["overdue"] is True
    for name, wrong in (("council", "answered in time"), ("police", "answer ours in time")):
        settings = load(whole.config(name), {})
        assert isinstance(settings, NodeSettings)
        (line,) = [each for each in accountability.check_accountability(settings, later) if each.name.endswith(wrong)]
        assert not line.ok


def test_a_message_that_never_came_is_not_asked_about(whole: Partnership, asked: str) -> None:
    for message in ("no-such-message", "-no-such", "--no-such"):
        refused = ask(whole, message)
        assert refused.code == 1
        assert "No such message" in refused.json["error"]
    unknown = council(whole, "answer", "-XkD10gwz7Il5pwi1ncr", "--name", SECRET, "--contact", CONTACT, "--yes")
    assert "no such query" in unknown.json["error"]


def test_a_query_that_waits_is_shown_among_the_changes_without_the_name(whole: Partnership, asked: str) -> None:
    ask(whole, asked)
    (query,) = council(whole, "list").json["received"]
    council(whole, "answer", query["id"], "--name", SECRET, "--contact", CONTACT, "--yes")
    shown = hearthgate("trust", "changes", "--config", whole.config("council"), "--json")
    assert shown.json["changes"][0]["act"] == "misuse answer"
    assert SECRET not in shown.out
    approved = approve(whole, shown.json["changes"][0]["id"], by="ben")
    assert approved.code == 0
    assert ask(whole, asked).json["practitioner"]["name"] == SECRET


def test_the_signature_of_a_message_is_written_for_a_third_party(whole: Partnership, asked: str) -> None:
    target = whole.root / "signature.json"
    words = ["misuse", "signature", asked, "--out", target, "--config", whole.config("police"), "--json"]
    assert hearthgate(*words).code == 0
    exported = json.loads(target.read_text())
    assert exported["agency"] == COUNCIL
    assert not [said for said in ("Fell", "Ada", "2001-01-02", "canary") if said in target.read_text()]
    settings = load(whole.config("council"), environment={})
    assert isinstance(settings, NodeSettings)
    keys = node_vault(settings).published(KeyUse.MESSAGE)
    assert verify_question_signature(parse_signature(exported), keys=keys).use is KeyUse.MESSAGE
    assert hearthgate(*words).code == 1  # no file is written over
