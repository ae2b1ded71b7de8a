"""From a node or an anchor with a route to a node without one: a file of signed statements, shown before it counts."""

import json
from pathlib import Path

import pytest

from tests.gateway.cli.conftest import ANCHOR, COUNCIL, POLICE, Answer, Partnership, hearthgate


def exported(partnership: Partnership, at: str, *entities: str) -> Answer:
    words = ("--config", partnership.config(at), "--json")
    return hearthgate("trust", "bundle", "export", partnership.root / "today.bundle", *entities, *words)


def imported(partnership: Partnership, *words: str, answer: str | None = None, file: str = "today.bundle") -> Answer:
    config = ("--config", partnership.config("police"))
    return hearthgate("trust", "bundle", "import", partnership.root / file, *config, *words, answer=answer)


def known(partnership: Partnership) -> dict[str, bool]:
    """Return the members that the police know, and whether they trust each."""
    shown = hearthgate("trust", "show", "--config", partnership.config("police"), "--json").json
    every = [*shown["peers"], shown["own"]]
    return {each["entity_id"]: each["trusted"] for each in every if "stage" in each}


def journal(partnership: Partnership) -> list[dict[str, object]]:
    lines = (partnership.root / "police" / "data" / "administration.jsonl").read_text().splitlines()
    return [entry for entry in map(json.loads, lines) if entry["act"] == "trust bundle import"]


@pytest.fixture
def carried(both: Partnership) -> Partnership:
    """Export at the council everything about both agencies, and take the police's route away."""
    for name in ("council", "police"):
        both.run_node(name)
    answer = exported(both, "council", POLICE, COUNCIL)
    assert answer.code == 0, answer.out
    config = both.config("police")
    config.write_text(config.read_text().replace(f"127.0.0.1:{both.ports['anchor']}", "127.0.0.1:1"))
    return both


def test_a_node_without_a_route_trusts_by_what_was_carried(carried: Partnership) -> None:
    answer = imported(carried, "--yes", "--json")
    assert answer.code == 0, answer.out
    assert [each["fate"] for each in answer.json["statements"]] == ["taken", "taken"]
    assert known(carried) == {COUNCIL: True, POLICE: True}
    (entry,) = journal(carried)
    assert (entry["chain"], entry["suspension"]) == (2, 0)
    assert entry["by"]


def test_the_effect_is_shown_before_and_nothing_changes_without_a_yes(carried: Partnership) -> None:
    answer = imported(carried, answer="n\n")
    assert answer.code == 1
    assert f"Chain of {COUNCIL}: new, new here" in answer.err
    assert "vouched for a minute ago, expires in 119 hours: up to date" in answer.err
    assert known(carried) == {}
    assert journal(carried) == []


def test_a_file_that_ends_early_changes_nothing(carried: Partnership) -> None:
    whole = (carried.root / "today.bundle").read_bytes()
    (carried.root / "today.bundle").write_bytes(whole[:-20])
    answer = imported(carried, "--yes", "--json")
    assert answer.code == 1
    assert known(carried) == {}


def test_what_is_refused_is_listed_with_its_reason_and_costs_nothing_else(carried: Partnership) -> None:
    path = carried.root / "today.bundle"
    bundle = json.loads(path.read_text())
    chains = bundle["chains"]
    bundle["chains"] = [[*chains[0][:-1], chains[0][-1][:-10] + "AAAAAAAAAA"], chains[1]]
    path.write_text(json.dumps(bundle))
    answer = imported(carried, "--yes", "--json")
    assert answer.code == 1
    fates = {each["about"]: each for each in answer.json["statements"]}
    assert fates[POLICE]["fate"] == "refused"
    assert "Entity configuration at the end of the chain" in fates[POLICE]["detail"]
    assert fates[COUNCIL]["fate"] == "taken"
    assert known(carried) == {COUNCIL: True}


def test_the_same_file_again_changes_nothing(carried: Partnership) -> None:
    assert imported(carried, "--yes").code == 0
    again = imported(carried, "--json")
    assert again.code == 0
    assert (again.json["taken"], again.json["held"]) == (0, 2)
    assert len(journal(carried)) == 1


def test_an_anchor_writes_what_it_says_of_all_its_members(both: Partnership) -> None:
    for name in ("council", "police"):
        both.run_node(name)
    config = both.config("anchor")
    hosts = "".join(
        f'"{name}.example" = {{ address = "127.0.0.1:{both.ports[name]}", reason = "tests run on one machine" }}\n'
        for name in ("council", "police")
    )
    trusting = config.read_text().replace("[trust]\n", f'[trust]\nca = "{both.authority.certificate}"\n')
    config.write_text(f"{trusting}\n[hosts]\n{hosts}")
    answer = exported(both, "anchor")
    assert answer.code == 0, answer.out
    assert [each["entity_id"] for each in answer.json["chains"]] == [COUNCIL, POLICE]
    assert imported(both, "--yes").code == 0
    assert known(both) == {COUNCIL: True, POLICE: True}


def test_who_is_not_vouched_for_is_left_out_and_said(both: Partnership) -> None:
    both.run_node("police")
    answer = exported(both, "council", POLICE, "https://stranger.example")
    assert answer.code == 1
    assert [each["entity_id"] for each in answer.json["chains"]] == [POLICE]
    assert [each["entity_id"] for each in answer.json["left_out"]] == ["https://stranger.example"]


def test_nothing_is_written_without_a_member(both: Partnership) -> None:
    answer = exported(both, "council", "https://stranger.example")
    assert answer.code == 1
    assert "There is nothing to write" in answer.json["error"]
    assert not (both.root / "today.bundle").exists()


def test_a_suspension_travels_with_the_chains(carried: Partnership, tmp_path: Path) -> None:
    assert imported(carried, "--yes").code == 0
    words = ("--reason", "Their network was broken into.", "--emergency", "Tonight.", "--yes")
    suspended = hearthgate("trust", "suspend", COUNCIL, "--config", carried.config("anchor"), *words)
    assert suspended.code == 0, suspended.err
    later = tmp_path / "later.bundle"
    export = hearthgate("trust", "bundle", "export", later, POLICE, "--config", carried.config("council"), "--json")
    assert export.json["suspensions"] == 1
    answer = imported(carried, "--yes", "--json", file=later.name)
    entry = next(each for each in answer.json["statements"] if each["kind"] == "suspension")
    assert (entry["about"], entry["fate"], entry["detail"]) == (COUNCIL, "taken", f"suspended by {ANCHOR}, number 1")
