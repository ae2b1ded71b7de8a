"""Assertions and scenarios with the tests that prove them.

As a pytest plugin: checks the ids on `@pytest.mark.holds(...)` and, with `--record-holds FILE`, adds to FILE how each
marked test went. As a command (`./run holds`, and the end of `./run test`): shows what the record says.

An id is proved when at least one test that is marked with it ran and every one of them passed. One that was skipped
makes it "skipped", which is not proved. A record holds for the files it was made from and no others.
"""

import hashlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
GROUPS: Mapping[str, tuple[str, ...]] = {
    "Delivery": tuple(f"A{n}" for n in (*range(1, 16), *range(67, 71))),
    "Tokens": tuple(f"A{n}" for n in range(16, 28)),
    "Federation": tuple(f"A{n}" for n in range(28, 42)),
    "Privacy and authorisation": tuple(f"A{n}" for n in (*range(42, 54), *range(71, 75))),
    "Evidence, keys, backup": tuple(f"A{n}" for n in range(54, 61)),
    "Surface": tuple(f"A{n}" for n in range(61, 67)),
    "Scenarios": tuple(f"S{n}" for n in range(1, 25)),
}
IDS = tuple(name for names in GROUPS.values() for name in names)
STATES = ("proved", "skipped", "failed", "not yet")
_FOLDERS = ("trust", "adapters", "config", "gateway", "tests", "requirements")
_RAN = (0, 1, 5)  # pytest's exit codes when it ran what there was: all passed, some failed, there was nothing


# --- the record ---------------------------------------------------------------------------------------------


def fingerprint(root: Path) -> str:
    """Return a digest of every file that decides whether the tests pass."""
    total = hashlib.sha256()
    files = [root / "pyproject.toml", root / "run"]
    files += [path for folder in _FOLDERS for path in (root / folder).rglob("*")]
    for path in sorted(path for path in files if path.suffix != ".pyc" and path.is_file()):
        total.update(str(path.relative_to(root)).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def empty_record(root: Path) -> dict[str, Any]:
    """Return the record of a run in which nothing has happened yet."""
    return {
        "source": fingerprint(root),
        "tests": {},
        "counts": {"passed": 0, "failed": 0, "skipped": 0},
        "skips": {},
    }


def read_record(path: Path, root: Path) -> dict[str, Any] | None:
    """Return what is recorded for exactly these files, or None."""
    try:
        record: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return record if record["source"] == fingerprint(root) else None


def prove(record: Mapping[str, Any]) -> dict[str, tuple[str, list[str]]]:
    """Return for each id its state (see STATES) and the tests that prove it: none unless it is proved."""
    outcomes: dict[str, dict[str, str]] = {name: {} for name in IDS}
    for node_id, test in record["tests"].items():
        for name in test["holds"]:
            outcomes[name][node_id] = test["outcome"]
    return {name: _judge(tests) for name, tests in outcomes.items()}


def _judge(tests: Mapping[str, str]) -> tuple[str, list[str]]:
    if not tests:
        return "not yet", []
    for outcome in ("failed", "skipped"):
        if outcome in tests.values():
            return outcome, []
    return "proved", sorted(tests)


# --- the pytest plugin --------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer --record-holds."""
    parser.addoption(
        "--record-holds", type=Path, metavar="FILE", help="add to FILE how each test marked with holds(...) went"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Start recording in the process that hears of every test (not in its xdist workers)."""
    path = config.getoption("--record-holds")
    if path is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(path), "holds-recorder")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a mark with an unknown id, and attach the ids to the reports."""
    for item in items:
        ids = marked_ids(item.nodeid, item.iter_markers("holds"))
        if ids:
            item.user_properties.append(("holds", ids))


def marked_ids(node_id: str, marks: Iterable[pytest.Mark]) -> list[str]:
    """Return the ids on a test's marks. Raises pytest.UsageError for a mark without an id or with an unknown one."""
    ids: list[str] = []
    for mark in marks:
        unknown = [name for name in mark.args if name not in IDS]
        if unknown or not mark.args or mark.kwargs:
            raise pytest.UsageError(
                f"{node_id}: holds(...) takes ids from A1-A74 and S1-S24, not {unknown or 'nothing'}"
            )
        ids.extend(mark.args)
    return ids


class Recorder:
    """Collects how the tests of one session went and merges that into the record at its end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._outcomes: dict[str, str] = {}
        self._holds: dict[str, list[str]] = {}
        self._skips: Counter[str] = Counter()
        self._broken_files = 0
        self._start = empty_record(ROOT)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take one phase of one test; the worst phase decides."""
        rank = ("passed", "skipped", "failed")
        before = self._outcomes.get(report.nodeid, "passed")
        self._outcomes[report.nodeid] = max(before, report.outcome, key=rank.index)
        if report.skipped and isinstance(report.longrepr, tuple):
            self._skips[report.longrepr[2].removeprefix("Skipped: ")] += 1
        for name, value in report.user_properties:
            if name == "holds":
                self._holds[report.nodeid] = value  # type: ignore[assignment]  # what we attached above

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Count a file that could not be read as a failure."""
        self._broken_files += report.failed

    def pytest_sessionfinish(self) -> None:
        """Write the record, together with what earlier sessions recorded of the same files."""
        record = read_record(self._path, ROOT) or self._start
        if record["source"] != self._start["source"]:
            return  # a file changed while the tests ran: what they showed holds for neither state
        for node_id, ids in self._holds.items():
            record["tests"][node_id] = {"holds": ids, "outcome": self._outcomes[node_id]}
        for outcome in self._outcomes.values():
            record["counts"][outcome] += 1
        record["counts"]["failed"] += self._broken_files
        record["skips"] = dict(self._skips + Counter(record["skips"]))
        self._path.parent.mkdir(exist_ok=True)
        self._path.write_text(json.dumps(record, indent=1, sort_keys=True))


# --- the command --------------------------------------------------------------------------------------------


def as_json(record: Mapping[str, Any]) -> str:
    """Return every id with the tests that prove it."""
    return json.dumps({"holds": {name: tests for name, (_, tests) in prove(record).items()}}, indent=2)


def table(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield, group by group, what is proved, skipped (which is not proved), failed and not yet."""
    proofs = prove(record)
    total = sum(state == "proved" for state, _ in proofs.values())
    for group, names in GROUPS.items():
        states = {state: [name for name in names if proofs[name][0] == state] for state in STATES}
        yield f"{group}: {len(states['proved'])} of {len(names)} proved"
        for state in STATES:
            if states[state]:
                yield f"  {state + (' (not proved)' if state == 'skipped' else ''):<21} {' '.join(states[state])}"
    yield f"{total} of {len(IDS)} proved"


def run_marked(path: Path) -> int:
    """Run the marked tests for the record; what they print goes to standard error. Return pytest's exit code."""
    sys.stderr.write("No complete ./run test of these files is recorded: running the tests that are marked.\n")
    path.unlink(missing_ok=True)
    arguments = ["-q", "-m", "holds", "--continue-on-collection-errors", f"--record-holds={path}"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments], cwd=ROOT, stdout=sys.stderr, check=False
    ).returncode


def show(path: Path, options: list[str]) -> int:
    """Print the table, or with --json the machine's form of it. Return 1 where the tests could not be run."""
    if options not in ([], ["--json"]):
        sys.stderr.write(f"./run holds takes --json or nothing, not: {' '.join(options)}\n")
        return 2
    status = 0
    record = read_record(path, ROOT)
    if record is None:
        status = run_marked(path)
        record = read_record(path, ROOT) or empty_record(ROOT)
    print(as_json(record) if options else "\n".join(table(record)))
    return int(status not in _RAN)


def close(path: Path, checks_passed: int, checks_failed: int) -> int:
    """Print the table and the closing line of ./run test, in which each check counts as one test."""
    record = read_record(path, ROOT)
    if record is None:
        print("No tests were recorded: they could not be run, or files changed meanwhile.")
        record, checks_failed = empty_record(ROOT), checks_failed + 1
    print("\n".join(table(record)))
    counts = record["counts"]
    failed = counts["failed"] + checks_failed
    if record["skips"]:
        print("\nSkipped: " + "; ".join(f"{why} ({count})" for why, count in sorted(record["skips"].items())))
    print(f"\n{counts['passed'] + checks_passed} passed, {failed} failed, {counts['skipped']} skipped")
    return int(failed > 0 or counts["passed"] == 0)


def main(arguments: list[str]) -> int:
    """Do what `run` asks: show RECORD [--json], or close RECORD PASSED FAILED."""
    verb, path, *rest = arguments
    if verb == "close":
        passed, failed = rest
        return close(Path(path), int(passed), int(failed))
    return show(Path(path), rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
