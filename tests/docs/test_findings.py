"""Each finding has its headings, pins the packages that it installs and has its row in the folder's README."""

import os
import re
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

FOLDER = ROOT / "findings"
SCRIPTS = sorted(path for path in FOLDER.glob("*.sh") if path.name != "setup.sh")
HEADER = ("Expected", "Actual", "Versions", "Date", "Consequence")
PINNED = {
    "python_packages": re.compile(r"[A-Za-z0-9][\w.-]*==\d[\w.]*"),
    "node_packages": re.compile(r"(?:@[\w-]+/)?[a-z][\w.-]*@\d[\w.]*"),
}


def installs(text: str) -> list[tuple[str, str]]:
    lines = re.findall(r"^(python_packages|node_packages) (.+)$", text, re.MULTILINE)
    return [(kind, package) for kind, packages in lines for package in packages.split()]


def versions(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:\.\d+)+", text))


def row(script: Path) -> str:
    lines = (FOLDER / "README.md").read_text().splitlines()
    rows = [line for line in lines if line.startswith(f"| [{script.stem}]({script.name}) |")]
    assert len(rows) == 1, f"{script.name} has {len(rows)} rows in findings/README.md"
    return rows[0]


def test_there_are_findings() -> None:
    assert SCRIPTS
    assert {path.name for path in FOLDER.iterdir()} == {path.name for path in SCRIPTS} | {"README.md", "setup.sh"}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
class TestScript:
    def test_runs_as_a_program(self, script: Path) -> None:
        text = script.read_text()
        assert os.access(script, os.X_OK)
        assert text.startswith("#!/bin/sh\n# Expected: ")
        assert '\n. "$(dirname "$0")/setup.sh"\nexpected <<' in text

    def test_header_has_each_heading_once_in_order(self, script: Path) -> None:
        header = script.read_text().split("\n. ")[0]
        assert re.findall(r"^# ([A-Z][\w ]*): ", header, re.MULTILINE) == list(HEADER)
        assert re.search(r"^# Date: \d{4}-\d\d-\d\d", header, re.MULTILINE)

    def test_installs_exact_versions_alone(self, script: Path) -> None:
        packages = installs(script.read_text())
        assert packages
        loose = [package for kind, package in packages if not PINNED[kind].fullmatch(package)]
        assert not loose

    def test_header_and_readme_name_versions_that_are_installed(self, script: Path) -> None:
        text = script.read_text()
        stated = re.search(r"^# Versions: (.*)$", text, re.MULTILINE)
        assert stated
        installed = {re.split("==|(?<=.)@", package)[1] for _kind, package in installs(text)}
        assert installed & versions(stated.group(1))
        table = versions(row(script).split("|")[2])
        assert table
        assert table <= installed

    def test_starts_nothing_of_ours(self, script: Path) -> None:
        text = script.read_text().lower()
        assert "hearthgate" not in text
        assert "gateway" not in text
