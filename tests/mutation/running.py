"""Trials of mutants, each in a child of one process that has loaded all but the rules themselves."""

import ast
import importlib
import importlib.abc
import importlib.util
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from time import monotonic, sleep
from types import ModuleType

import pytest

from tests.mutation.mutants import Mutant

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests" / "trust" / "agreements"
SLOW = ("test_odd_drafts.py", "test_toml_draft.py")
PACKAGE = "trust.agreements"
TIMEOUT_S = 180
_LOADED_BEFORE = (
    "hypothesis.strategies",
    "tests.trust.exchange.examples",
    "tests.trust.exchange.strategies",
    "trust.exchange.kinds",
)

ELSEWHERE = {
    "drafting_advice": ["tests/gateway/administration/test_drafting.py"],
    "ending": ["tests/gateway/agreements/test_versions.py"],
    "versions": ["tests/gateway/agreements/test_versions.py"],
}
"""Tests of modules that have none in the folder of the rules."""
_FEW = "--hypothesis-profile=mutation"
_QUIET = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
"""Hypothesis is loaded before pytest could rewrite its assertions, which it has none of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a module's mutants are tried against: first the tests close to it, then those of all modules."""

    first: tuple[str, ...]
    rest: tuple[str, ...]

    @classmethod
    def of(cls, name: str) -> "Trial":
        """Return the trial of a module: the tests of its name, of modules that import it, and those that import it."""
        module = f"{PACKAGE}.{name}"
        own = [TESTS / f"test_{name}.py"] if (TESTS / f"test_{name}.py").exists() else []
        importing = [each for each in sorted(TESTS.glob("test_*.py")) if module in imports(each)]
        users = [
            TESTS / f"test_{each.stem}.py"
            for each in sorted((ROOT / "trust" / "agreements").glob("*.py"))
            if module in imports(each) and (TESTS / f"test_{each.stem}.py").exists()
        ]
        everything = sorted(TESTS.glob("test_*.py"))
        first = dict.fromkeys(map(str, (*own, *importing, *users)))
        own_only = [str(ROOT / each) for each in ELSEWHERE.get(name, ())]
        quick = [*(each for each in first if Path(each).name not in SLOW or Path(each) in own), *own_only]
        rest = [each for each in map(str, everything) if each not in quick]
        return cls(first=tuple(quick or rest), rest=tuple(rest))


def imports(path: Path) -> set[str]:
    """Return the names of the modules that a file imports from."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}


def preload() -> None:
    """Load what every trial needs and no mutant changes, so that a child begins with it."""
    sys.dont_write_bytecode = True
    for each in _LOADED_BEFORE:
        importlib.import_module(each)
    loaded = [each for each in sys.modules if each.startswith(f"{PACKAGE}.")]
    if loaded:
        raise RuntimeError(f"rules are loaded before they are changed: {loaded}")


def passes_unchanged(name: str, trial: Trial, source: str) -> bool:
    """Say whether the tests that come first pass without any change."""
    return _pass(name, Mutant(line=0, change="none", source=source), trial.first)


def survives(name: str, trial: Trial, mutant: Mutant) -> bool:
    """Say whether no test notices a mutant. A loop that does not end is noticed."""
    return _pass(name, mutant, trial.first) and _pass(name, mutant, trial.rest)


def _pass(name: str, mutant: Mutant, arguments: Sequence[str]) -> bool:
    child = os.fork()
    if child == 0:
        _run(name, mutant, arguments)
    began = monotonic()
    while monotonic() - began < TIMEOUT_S:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status) == 0
        sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def _run(name: str, mutant: Mutant, arguments: Sequence[str]) -> None:
    """Run pytest over a mutant and leave the process with its exit code."""
    code = 3
    try:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        sys.meta_path.insert(0, _Finder(f"{PACKAGE}.{name}", mutant.source))
        code = pytest.main(["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *_QUIET, _FEW, *arguments])
    finally:
        os._exit(int(code))


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Give one module from a text in place of its file."""

    def __init__(self, name: str, source: str) -> None:
        self._name = name
        self._source = source

    def find_spec(self, fullname: str, _path: object, _target: object = None) -> ModuleSpec | None:
        return importlib.util.spec_from_loader(fullname, self) if fullname == self._name else None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._source, f"<mutant of {self._name}>", "exec"), module.__dict__)  # noqa: S102 - the mutant
