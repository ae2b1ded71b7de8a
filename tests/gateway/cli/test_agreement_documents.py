"""Documents, differences and the register are written by commands, and replace nothing."""

import json

import pytest

from tests.gateway.cli.conftest import Partnership, hearthgate


def test_every_document_of_a_file_is_written(partnership: Partnership) -> None:
    folder = partnership.root / "documents"
    answer = hearthgate("agreement", "render", partnership.agreement(), "--out", folder, "--json")
    assert answer.code == 0, answer.out
    names = {each.name for each in folder.iterdir()}
    assert names == set(answer.json["files"])
    assert {"agreement.html", "leaflet.cy.md", "matrix.svg", "processing-record.csv"} <= names


def test_a_folder_with_content_is_refused(partnership: Partnership) -> None:
    folder = partnership.root / "documents"
    folder.mkdir()
    (folder / "kept.txt").write_text("kept")
    answer = hearthgate("agreement", "render", partnership.agreement(), "--out", folder)
    assert answer.code == 1
    assert "is not empty" in answer.err
    assert [each.name for each in folder.iterdir()] == ["kept.txt"]


@pytest.mark.parametrize("command", [["render", "--out", "documents"], ["diff", "other.json"]])
def test_what_is_no_file_needs_a_node(partnership: Partnership, command: list[str]) -> None:
    answer = hearthgate("agreement", command[0], "vale-early-help", *command[1:])
    assert answer.code == 1
    assert "vale-early-help is no file" in answer.err


def test_a_difference_is_told_by_what_it_does(partnership: Partnership) -> None:
    old = partnership.root / "old.json"
    old.write_bytes(partnership.agreement().read_bytes())
    [clause] = json.loads(old.read_text())["clauses"]
    fields = {"key-worker": ["organisation", "worker"]}
    new = partnership.agreement(version=2, clauses=[{**clause, "fields_by_role": fields}], rights="Ask any party.")
    answer = hearthgate("agreement", "diff", old, new)
    assert answer.code == 0
    told = [line for line in answer.out.splitlines() if not line.startswith(" ")]
    assert told == ["It newly permits:", "It no longer permits:", "It changes:"]
    assert "also learns: worker." in answer.out
    assert "no longer learns: duty_phone." in answer.out
    assert hearthgate("agreement", "diff", old, old).out.strip() == "Nothing changes but the version."


def test_the_register_lists_what_is_in_force(both: Partnership) -> None:
    config = ["--config", both.config("council")]
    hearthgate("agreement", "register", "--out", both.root / "before", *config)
    before = json.loads((both.root / "before" / "register.json").read_text())
    assert before["agreements"] == []
    document = both.agreement()
    signatures = [both.signature(name, document) for name in ("council", "police")]
    assert hearthgate("agreement", "add", document, *signatures, *config, "--yes", "--json").json["in_force"]
    answer = hearthgate("agreement", "register", "--out", both.root / "after", *config)
    assert answer.code == 0
    [found] = json.loads((both.root / "after" / "register.json").read_text())["agreements"]
    assert (found["id"], [party["post"] for party in found["parties"]]) == (
        "vale-early-help",
        ["Caldicott Guardian"] * 2,
    )
    assert "R. Example" not in (both.root / "after" / "index.html").read_text()
    rendered = hearthgate("agreement", "render", "vale-early-help", "--out", both.root / "held", *config)
    assert rendered.code == 0
    assert "Caldicott Guardian" in (both.root / "held" / "agreement.md").read_text()
