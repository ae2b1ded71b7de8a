"""A play is checked against the agreements before the night on which it is needed."""

from pathlib import Path
from typing import Any

from config.plays import Play, load_plays
from gateway.plays.check import check_play
from gateway.plays.kinds import STEP_KINDS
from tests.support.plays import PLAY
from tests.trust.agreements.examples import DOCUMENT, binding, document
from tests.trust.exchange.examples import COUNCIL, TRUST
from trust.identifiers import ServiceSlug

CLAUSE: dict[str, Any] = {
    **DOCUMENT["clauses"][0],
    "id": "danger",
    "kind": "alert",
    "purpose": "early-help",
    "topics": ["safeguarding"],
    "fields_by_role": {"key-worker": ["persons.victim", "circumstances"]},
    "existence": "conditional",
}
STEP = PLAY.replace("https://police.example#pvp", f"{TRUST}#community-team").replace(
    'purpose = "safeguarding"', 'purpose = "early-help"'
)


def play(folder: Path, text: str = STEP) -> Play:
    (folder / "one.toml").write_text(text.replace('"families"', '"connecting-families"'))
    (loaded,) = load_plays(folder)
    return loaded


def problems(checked: Play, clause: dict[str, Any] | None = None) -> list[str]:
    standings = (binding(document(clauses=[*DOCUMENT["clauses"], *([clause] if clause else [])])),)
    hosted = [ServiceSlug("connecting-families")]
    found = check_play(checked, STEP_KINDS, own=COUNCIL, hosted=hosted, standings=standings)
    return [f"{each.step}: {each.problem}" for each in found]


def test_a_play_that_every_clause_permits_has_no_fault(tmp_path: Path) -> None:
    assert problems(play(tmp_path), CLAUSE) == []


def test_a_service_without_an_agreement_is_named(tmp_path: Path) -> None:
    (found,) = problems(play(tmp_path))
    assert found.startswith(f"police: {TRUST}#community-team for key-worker: ")
    unknown, stranger = problems(play(tmp_path, PLAY.replace('"safeguarding"', '"early-help"', 1)), CLAUSE)
    assert unknown.startswith("police: topic ")
    assert "https://police.example#pvp for key-worker: " in stranger


def test_another_topic_than_the_clauses_is_named(tmp_path: Path) -> None:
    (found,) = problems(play(tmp_path), {**CLAUSE, "topics": ["worker-risk"]})
    assert "does not permit alerts about this topic" in found


def test_a_field_that_the_clause_does_not_give_is_named(tmp_path: Path) -> None:
    narrower = {**CLAUSE, "fields_by_role": {"key-worker": ["persons.child"]}}
    (found,) = problems(play(tmp_path), narrower)
    assert found.startswith("police: clause danger does not give key-worker circumstances, persons.victim; ")


def test_another_clause_than_the_step_names_is_named(tmp_path: Path) -> None:
    named = STEP.replace('urgency = "red"', 'urgency = "red"\nclause = "mash"')
    (found,) = problems(play(tmp_path, named), CLAUSE)
    assert "clause danger would be used" in found


def test_a_role_a_kind_and_a_service_that_are_not_there_are_named(tmp_path: Path) -> None:
    roles = STEP.replace('["key-worker"]', '["key-worker", "caretaker"]')
    assert "for caretaker: " in problems(play(tmp_path, roles), CLAUSE)[0]
    kind = STEP.replace('kind = "alert"', 'kind = "involvement.query"')
    assert problems(play(tmp_path, kind), CLAUSE) == [
        "police: kind involvement.query cannot be sent by a play; use alert, referral."
    ]
    checked = play(tmp_path)
    standings = (binding(document(clauses=[*DOCUMENT["clauses"], CLAUSE])),)
    (found,) = check_play(checked, STEP_KINDS, own=COUNCIL, hosted=[], standings=standings)
    assert found.problem == "from_service connecting-families is no service of this node."


def test_what_a_topic_demands_and_the_step_does_not_bring_is_named(tmp_path: Path) -> None:
    silent = STEP.partition("[steps.statements]")[0]
    assert problems(play(tmp_path, silent), CLAUSE) == [
        "police: statements must have one whose field is circumstances; the topic safeguarding demands it."
    ]
    referral = {**CLAUSE, "kind": "referral", "service_types": ["essentials"]}
    del referral["topics"]
    referral["fields_by_role"] = {"key-worker": ["persons.victim", "item", "delivery_restricted", "reason"]}
    help_step = STEP.replace('"alert"', '"referral"').replace('"safeguarding"', '"essentials"')
    help_step = help_step.replace('circumstances = "circumstances"', 'reason = "why"\n[steps.values]\nitem = "yacht"\n')
    found = problems(play(tmp_path, help_step), referral)
    assert [each.partition(" must")[0].partition(" is")[0] for each in found] == [
        "police: details.item",
        "police: details.delivery_restricted",
    ]
    asked = help_step.replace("yacht", "fridge") + '[steps.details]\ndelivery_restricted = "restricted"\n'
    assert problems(play(tmp_path, asked), referral) == []
