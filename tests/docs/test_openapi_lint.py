"""A linter that vendors use finds nothing to say about the published description."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import DOCS
from tests.support.node import Node

PUBLISHED = DOCS / "openapi.json"


def lint(node: Node, path: Path) -> list[str]:
    command = node.command("lint_openapi.mjs", str(path))
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout.splitlines()


def test_the_linter_finds_nothing(node: Node) -> None:
    assert lint(node, PUBLISHED) == []


@pytest.mark.parametrize("rule", ["operation-operationId-unique", "no-unresolved-refs", "security-defined"])
def test_the_linter_would_find_it(node: Node, tmp_path: Path, rule: str) -> None:
    document: dict[str, Any] = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    lookups, eligibility = (
        document["paths"]["/case/v1/lookups"]["post"],
        document["paths"]["/case/v1/eligibility"]["post"],
    )
    eligibility["operationId"] = lookups["operationId"]
    eligibility["security"] = [{"nothing": []}]
    lookups["responses"]["201"]["content"]["application/json"]["schema"] = {"$ref": "#/components/schemas/Nothing"}
    (tmp_path / "wrong.json").write_text(json.dumps(document))
    assert [line for line in lint(node, tmp_path / "wrong.json") if rule in line]
