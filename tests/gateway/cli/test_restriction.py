"""An administrator declares a restricted place from a file, sees it without the person, and lifts it with another."""

import json
from pathlib import Path

from tests.gateway.cli.conftest import Answer, Partnership, hearthgate

DECLARATION = {
    "subject": {"family_name": "Farrow", "given_names": "Lena", "birth_date": "1990-04-02"},
    "reason": "She fears being found.",
    "case_ref": "C-1",
    "texts": ["14 Ash Lane"],
    "linked": ["https://housing.example"],
}


def run(partnership: Partnership, *words: str) -> Answer:
    return hearthgate("restriction", *words, "--config", partnership.config("council"))


def test_a_place_is_restricted_listed_and_lifted(partnership: Partnership, tmp_path: Path) -> None:
    file = tmp_path / "hidden.json"
    file.write_text(json.dumps(DECLARATION))
    declared = run(partnership, "declare", str(file), "--yes")
    assert (declared.code, "Ash" in declared.out) == (0, False)
    listed = run(partnership, "list")
    assert "1 persons, 1 links" in listed.out
    assert not any(word in listed.out for word in ("Farrow", "Ash", "fears"))
    restriction = listed.out.split()[0]
    asked = run(partnership, "lift", restriction, "--reason", "All may know.", "--yes")
    assert (asked.code, "Nothing has changed yet." in asked.out) == (0, True)
    assert restriction in run(partnership, "list").out


def test_every_fault_of_a_file_is_named_without_a_value(partnership: Partnership, tmp_path: Path) -> None:
    file = tmp_path / "hidden.json"
    file.write_text(json.dumps({**DECLARATION, "texts": ["Oak"], "linked": ["nowhere"]}))
    refused = run(partnership, "declare", str(file), "--yes")
    assert refused.code == 1
    assert "texts[0]" in refused.err + refused.out
    assert "linked[0]" in refused.err + refused.out
    assert "Oak" not in refused.err + refused.out


def test_what_is_not_in_force_is_not_lifted(partnership: Partnership) -> None:
    refused = run(partnership, "lift", "nothing", "--reason", "x", "--yes")
    assert (refused.code, "No such restriction" in refused.err + refused.out) == (1, True)
