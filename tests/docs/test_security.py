"""The claims of the page on security: a test that is there, an assertion that is marked, the code's own number."""

import importlib
import inspect
import re
from itertools import chain

import pytest

from config.settings import LimitsSettings
from tests.docs.pages import ROOT, codes, page, section, table

PAGE = page("security.md")
THREATS = {
    name: table(section(PAGE, name))
    for name in (
        "The FAPI 2.0 attacker model",
        "OWASP API Security Top 10, 2023",
        "OWASP ASVS 5.0",
        "Threats of the exchange itself",
    )
}
LIMITS = table(section(PAGE, "Limits"))
CLAIMED = sorted({code for row in chain(*THREATS.values(), LIMITS) for code in codes(row[3])})
# Each section of the standard's chapters that concern a service without a browser, its own accounts or a file upload.
_NUMBERS = {
    "V2": "34",
    "V4": "1234",
    "V8": "1234",
    "V9": "12",
    "V10": "345",
    "V11": "1234567",
    "V13": "1234",
    "V14": "123",
}
_NUMBERS |= {"V15": "34", "V16": "12345"}
ASVS = {f"{chapter}.{number}" for chapter, numbers in _NUMBERS.items() for number in numbers}
_ASSERTION = re.compile(r"A[1-9][0-9]?")
_TEST = re.compile(r"(tests/[a-z0-9_/]+\.py)::(test_[a-z0-9_]+)")


def marked() -> set[str]:
    """Return every assertion that some test is marked with."""
    return {
        found
        for path in (ROOT / "tests").rglob("test_*.py")
        for mark in re.findall(r"^@pytest\.mark\.holds\(([^)]*)\)", path.read_text(encoding="utf-8"), re.MULTILINE)
        for found in re.findall(r"A[1-9][0-9]?", mark)
    }


def is_there(claim: str) -> bool:
    found = _TEST.fullmatch(claim)
    if found is None or not (ROOT / found[1]).is_file():
        return False
    return re.search(rf"^def {found[2]}\(", (ROOT / found[1]).read_text(encoding="utf-8"), re.MULTILINE) is not None


def test_every_test_that_is_named_is_there() -> None:
    tests = [claim for claim in CLAIMED if not _ASSERTION.fullmatch(claim)]
    assert len(tests) > 50
    assert [claim for claim in tests if not is_there(claim)] == []


def test_a_test_that_is_not_there_would_be_found_out() -> None:
    assert not is_there("tests/docs/test_security.py::test_of_nothing")
    assert not is_there("tests/docs/test_nothing.py::test_a")
    assert not is_there("A22")


def test_every_assertion_that_is_named_is_marked_on_a_test() -> None:
    named = {claim for claim in CLAIMED if _ASSERTION.fullmatch(claim)}
    assert len(named) > 20
    assert named - marked() == set()


@pytest.mark.parametrize("name", THREATS)
def test_every_line_has_a_control_a_default_or_a_rest_and_a_test(name: str) -> None:
    for row in THREATS[name]:
        assert len(row) == 4
        assert all(row)
        assert codes(row[3])


def test_the_lists_are_whole() -> None:
    fapi, owasp, asvs, own = THREATS.values()
    assert [row[0].partition(",")[0] for row in fapi] == ["A1", "A1a", "A2", "A3a", "A5", "A7"]
    assert [row[0].partition(":")[0] for row in owasp] == [f"API{number}" for number in range(1, 11)]
    sections = [row[0].partition(" ")[0] for row in asvs]
    assert sections == sorted(sections, key=lambda name: [int(part) for part in name[1:].split(".")])
    assert not set(sections) & without_a_line()
    assert set(sections) | without_a_line() == ASVS
    assert len(own) == len({row[0].partition(":")[0] for row in own}) == 10


def without_a_line() -> set[str]:
    """Return the sections of which the page says why the table does not have them."""
    told = section(PAGE, "OWASP ASVS 5.0").partition("have no row:")[2]
    return set(re.findall(r"V[0-9]+\.[0-9]", "".join(line for line in told.splitlines() if line.startswith("- V"))))


@pytest.mark.parametrize("row", LIMITS, ids=lambda row: str(row[0])[:40])
def test_every_limit_is_the_codes_and_is_tested(row: list[str]) -> None:
    stated = re.match(r"[0-9]+(?:\.[0-9]+)?", row[1])
    assert stated is not None
    assert float(stated[0]) == set_by(codes(row[2])[0])
    assert [claim for claim in codes(row[3]) if not is_there(claim)] == []


def set_by(place: str) -> float:
    """Return the number that stands at a setting, a constant, a parameter's default or a setting of gunicorn."""
    where, _, name = place.partition(" ")
    if where == "[limits]":
        return float(LimitsSettings.model_fields[name].default)
    if where.endswith(".py"):
        found = re.search(rf'"{name}": ([0-9_]+)', (ROOT / where).read_text(encoding="utf-8"))
        assert found is not None, place
        return float(found[1])
    module, _, last = where.rpartition(".")
    value = getattr(importlib.import_module(module), last)
    return float(inspect.signature(value).parameters[name].default if name else value)


def test_what_is_not_defended_and_how_to_report_are_said() -> None:
    assert "security@hearthgate.example" in section(PAGE, "Reporting a vulnerability")
    assert "placeholder" in section(PAGE, "Reporting a vulnerability")
    assert section(PAGE, "What is not defended").count("\n- **") >= 10
    assert "outside its formal analysis" in section(PAGE, "The FAPI 2.0 attacker model")
