"""The table of what is proved says no more than the tests showed."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests import holds

PASSING = """
    import pytest

    @pytest.mark.holds("A1", "S1")
    def test_one():
        pass
"""


def record_of(*tests: tuple[str, str, str]) -> dict[str, Any]:
    return {
        "tests": {node: {"holds": [name], "outcome": outcome} for node, name, outcome in tests},
        "counts": {"passed": 0, "failed": 0, "skipped": 0},
    }


def test_all_ids_are_there_once() -> None:
    assert len(holds.IDS) == len(set(holds.IDS)) == 74 + 24


def test_an_id_without_a_marked_test_is_not_yet_proved() -> None:
    assert holds.prove(record_of())["A1"] == ("not yet", [])


def test_an_id_is_proved_by_every_marked_test_that_passed() -> None:
    record = record_of(("t.py::b", "A1", "passed"), ("t.py::a", "A1", "passed"))
    assert holds.prove(record)["A1"] == ("proved", ["t.py::a", "t.py::b"])


@pytest.mark.parametrize("outcome", ["skipped", "failed"])
def test_one_marked_test_that_did_not_pass_is_enough_to_prove_nothing(outcome: str) -> None:
    record = record_of(("t.py::a", "A1", "passed"), ("t.py::b", "A1", outcome))
    assert holds.prove(record)["A1"] == (outcome, [])


def test_the_json_names_every_id_and_the_tests_that_prove_it() -> None:
    proofs = json.loads(holds.as_json(record_of(("t.py::a", "S22", "passed"))))
    assert set(proofs["holds"]) == set(holds.IDS)
    assert proofs["holds"]["S22"] == ["t.py::a"]
    assert proofs["holds"]["A1"] == []


def test_the_table_counts_each_group() -> None:
    lines = list(holds.table(record_of(("t.py::a", "A16", "passed"), ("t.py::b", "A17", "skipped"))))
    assert "Tokens: 1 of 12 proved" in lines
    assert any("skipped (not proved)" in line and "A17" in line for line in lines)
    assert lines[-1] == "1 of 98 proved"


@pytest.mark.parametrize("ids", [(), ("A75",), ("a1",), ("A1", "S0")])
def test_a_mark_with_an_unknown_id_or_none_is_refused(ids: tuple[str, ...]) -> None:
    with pytest.raises(pytest.UsageError, match=r"t\.py::a"):
        holds.marked_ids("t.py::a", [pytest.mark.holds(*ids).mark])


def test_a_changed_file_makes_the_record_void(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]")
    record = tmp_path / "holds.json"
    record.write_text(json.dumps(holds.empty_record(tmp_path)))
    assert holds.read_record(record, tmp_path) is not None
    (tmp_path / "trust").mkdir()
    (tmp_path / "trust" / "new.py").write_text("")
    assert holds.read_record(record, tmp_path) is None


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_a_session_records_its_marked_tests(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: list[str]
) -> None:
    pytester.makeconftest('pytest_plugins = ["tests.holds"]')
    monkeypatch.setenv("PYTHONPATH", str(holds.ROOT))
    pytester.makeini("[pytest]\nmarkers = holds(*ids): x")
    pytester.makepyfile(
        PASSING
        + """
    @pytest.mark.holds("A2")
    def test_two():
        pytest.skip("not here")

    @pytest.mark.holds("A3")
    def test_three():
        assert False

    def test_four():
        pass
"""
    )
    record = pytester.path / "build" / "holds.json"
    pytester.runpytest_subprocess("-p", "no:cacheprovider", f"--record-holds={record}", *workers)
    written = json.loads(record.read_text())
    states = {name: state for name, (state, _) in holds.prove(written).items() if state != "not yet"}
    assert states == {"A1": "proved", "S1": "proved", "A2": "skipped", "A3": "failed"}
    assert written["counts"] == {"passed": 2, "failed": 1, "skipped": 1}
    assert written["skips"] == {"not here": 1}


def test_the_closing_line_counts_checks_as_tests(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    record = holds.empty_record(holds.ROOT)
    record |= {"counts": {"passed": 10, "failed": 0, "skipped": 2}, "skips": {"no nginx": 1, "no curl": 1}}
    path = tmp_path / "holds.json"
    path.write_text(json.dumps(record))
    assert holds.close(path, 4, 0) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == "14 passed, 0 failed, 2 skipped"
    assert "Skipped: no curl (1); no nginx (1)" in said
    assert holds.close(path, 3, 1) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "13 passed, 1 failed, 2 skipped"


def test_a_run_without_a_record_fails(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert holds.close(tmp_path / "absent.json", 5, 0) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "5 passed, 1 failed, 0 skipped"
