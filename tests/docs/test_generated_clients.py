"""Clients that vendors generate from the published description type the person, and compile."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import DOCS
from tests.support.node import Node

PUBLISHED = DOCS / "openapi.json"
USE = """
import datetime
from client.models import LookupBody, Subject, SubjectAddress

home = SubjectAddress(postcode="ZE7 1QB")
person = Subject(nhs_number="969 129 2211", family_name="Reed", birth_date={born}, address=home)
asked = LookupBody(subject=person, purpose="early-help", reason="A meeting.", case_ref="CF-2291")
born: datetime.date = asked.subject.birth_date  # type: ignore[assignment]
assert asked.to_dict()["subject"]["birth_date"] == "2004-03-09"
"""
GOOD, WRONG = "datetime.date(2004, 3, 9)", '"2004-03-09"'


def types(node: Node, folder: Path, *wrong: str) -> list[str]:
    command = node.command("generate_types.mjs", str(PUBLISHED), str(folder), *wrong)
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=180, cwd=node.folder)
    return [line for line in done.stdout.splitlines() if line.startswith(("one.ts", "two.ts", "schema.ts", "types"))]


def test_two_typescript_generators_type_the_person(node: Node, tmp_path: Path) -> None:
    assert types(node, tmp_path / "right") == []
    found = types(node, tmp_path / "wrong", "wrong")
    assert {line.partition(":")[0] for line in found} == {"one.ts", "two.ts"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    words = ["generate", "--path", str(PUBLISHED), "--output-path", str(folder / "client"), "--meta", "none"]
    command = [str(Path(sys.executable).parent / "openapi-python-client"), *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120, cwd=folder)
    assert "WARNING" not in done.stdout + done.stderr
    return folder


@pytest.mark.parametrize(("born", "right"), [(GOOD, True), (WRONG, False)])
def test_the_python_generator_types_the_person(client: Path, born: str, right: bool) -> None:
    (client / "use.py").write_text(USE.format(born=born))
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-incremental", "use.py"]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=client, check=False)
    assert ("use.py" not in checked.stdout) == right, checked.stdout
    if right:
        subprocess.run([sys.executable, "use.py"], check=True, timeout=60, cwd=client)
