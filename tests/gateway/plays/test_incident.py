"""A step takes its own part of an incident, and what the victim wants decides as the play says."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from config.plays import Play, load_plays
from gateway.plays.incident import Incident, IncidentBody, RunBody, StepPart, read_incident, step_part
from gateway.plays.kinds import STEP_KINDS
from gateway.web.case_openapi import EXAMPLE_REPORT
from gateway.web.problem import Problem
from tests.support.plays import EXAMPLES

NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
(PLAY,) = load_plays(EXAMPLES)
CHILD = {
    "ref": "p2",
    "part": "child",
    "subject": {"family_name": "Reed", "given_names": "Ivo", "birth_date": "2019-05-02"},
    "views": {"sought": False, "why": "too-young"},
    "told": {"told": False, "why": "too-young"},
}
PERPETRATOR = {"ref": "p3", "part": "alleged_perpetrator", "subject": {}}


def statement(field: str, *about: str) -> dict[str, Any]:
    return {
        "field": field,
        "text": f"Text for {field}.",
        "about": list(about),
        "standing": "fact",
        "source": "home visit",
        "on": "2026-11-27",
    }


INCIDENT: dict[str, Any] = {
    **EXAMPLE_REPORT,
    "persons": [*EXAMPLE_REPORT["persons"], CHILD, PERPETRATOR],
    "details": {"incident_reference": "CF-1", "child_present": True, "chosen_authority": "https://council.example"},
    "statements": [
        statement("circumstances", "p1", "p3"),
        statement("what_the_school_needs", "p2"),
        statement("what_the_school_needs", "p2", "p3"),
        statement("why_advocacy", "p1"),
        statement("why_fridge", "p1"),
    ],
    "victim_agrees": "yes",
}


def read(body: dict[str, Any], model: type[IncidentBody] = IncidentBody) -> Incident:
    return read_incident(model, json.dumps(body).encode(), play=PLAY, now=NOW)[1]


def faults_of(body: dict[str, Any], model: type[IncidentBody] = IncidentBody) -> dict[str, str]:
    with pytest.raises(Problem) as refused:
        read(body, model)
    return {fault.path: fault.problem for fault in refused.value.faults}


def part(step_id: str, play: Play = PLAY, **changes: Any) -> StepPart:
    (step,) = (each for each in play.steps if each.id == step_id)
    return step_part(step, STEP_KINDS, read({**INCIDENT, **changes}))


def test_each_step_takes_its_own_persons_and_fields() -> None:
    police, school = part("police"), part("school")
    assert [person.ref for person in police.persons] == ["p1", "p2", "p3"]
    assert police.body is not None
    assert police.body.fields == {"incident_reference", "child_present", "circumstances"}
    assert [person.ref for person in school.persons] == ["p2"]
    assert school.body is not None
    (told,) = school.body.to_body()["statements"]
    assert (told["field"], told["about"]) == ("circumstances", ["p2"])


@pytest.mark.parametrize(("said", "dropped"), [("yes", False), ("no", True), ("not_asked", True)])
def test_only_yes_is_agreement(said: str, dropped: bool) -> None:
    assert part("fridge", victim_agrees=said).dropped is dropped
    assert part("police", victim_agrees=said).dropped is False


def test_without_the_victims_agreement_a_step_leaves_out_what_it_lists(tmp_path: Path) -> None:
    text = (EXAMPLES / "witnessed-domestic-violence.toml").read_text()
    before, _, after = text.partition('if_victim_says_no = "send"')
    without = f'{before}if_victim_says_no = "send-without"\nwithout = ["persons.victim", "dash_score"]{after}'
    (tmp_path / "witnessed-domestic-violence.toml").write_text(without)
    (play,) = load_plays(tmp_path)
    details = {**INCIDENT["details"], "dash_score": 9}
    statements = [statement("circumstances", "p3"), statement("circumstances", "p1")]
    cut = part("police", play, victim_agrees="no", details=details, statements=statements)
    assert [person.ref for person in cut.persons] == ["p2", "p3"]
    assert cut.body is not None
    assert "dash_score" not in cut.body.fields
    assert cut.body.refs == {"p3"}
    assert "dash_score" in (part("police", play, details=details).body or cut.body).fields


def test_the_alternate_receives_where_the_alleged_perpetrator_works_at_the_recipient() -> None:
    first, second = PLAY.steps[0].to, PLAY.steps[0].alternate
    details = {**INCIDENT["details"], "perpetrator_works_at": [first]}
    assert str(part("police").recipient) == first
    assert str(part("police", details=details).recipient) == second
    details["perpetrator_works_at"] = [first, second]
    assert part("police", details=details).recipient is None


def test_what_a_step_lacks_is_named_by_the_incidents_own_fields() -> None:
    lacking = part("rehousing")
    assert lacking.body is None
    assert {fault.path for fault in lacking.faults} == {"details.accommodation_status", "statements"}
    assert {fault.path for fault in part("school-move").faults} == {"details.school_needed_by", "statements"}
    (alone,) = part("school", persons=INCIDENT["persons"][:1], statements=[]).faults
    assert alone.path == "persons"


def test_every_fault_of_an_incident_is_named_at_once() -> None:
    body = {
        **INCIDENT,
        "details": {"shoe_size": 7},
        "statements": [statement("circumstances", "p9"), statement("gossip", "p1")],
        "victim_agrees": "perhaps",
        "persons": [{**EXAMPLE_REPORT["persons"][0], "told": None}, CHILD],
        "steps": {"police": "send", "magic": "send"},
    }
    named = faults_of(body, RunBody)
    expected = {"details", "statements", "statements[1].field", "victim_agrees", "persons[0].told"}
    assert expected <= named.keys()
    assert "shoe_size" not in str(named)


def test_a_run_decides_on_each_step_and_sends_one_at_least() -> None:
    decided = {step.id: "drop" for step in PLAY.steps}
    assert faults_of({**INCIDENT, "steps": decided}, RunBody) == {
        "steps": "drops every step, so there is nothing to send"
    }
    named = faults_of({**INCIDENT, "steps": {"police": "send", "magic": "send"}}, RunBody)
    assert named.keys() == {
        "steps",
        "steps.advocacy",
        "steps.school",
        "steps.school-move",
        "steps.rehousing",
        "steps.fridge",
    }
    assert read({**INCIDENT, "steps": {**decided, "police": "send"}}, RunBody).persons
