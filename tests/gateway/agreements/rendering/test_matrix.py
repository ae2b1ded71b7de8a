"""The matrix shows each pair of services that a clause lets ask, and no other."""

from copy import deepcopy

from lxml import etree

from gateway.agreements.rendering.matrix import MOST_SINGLE, matrix
from tests.trust.agreements.examples import DOCUMENT, parsed
from tests.trust.exchange.examples import COUNCIL
from trust.agreements.agreement import Agreement

_SVG = {"svg": "http://www.w3.org/2000/svg"}


def picture(agreement: Agreement) -> etree._Element:
    return etree.fromstring(matrix(agreement))


def cells(agreement: Agreement) -> list[str]:
    """Return the letters in the cells, row by row."""
    return [each.text or "" for each in picture(agreement).iterfind("svg:text", _SVG) if len(each.text or "") <= 2]


def test_each_clause_stands_where_its_services_meet() -> None:
    assert cells(parsed()) == ["A", "A", "B"]
    filled = [each for each in picture(parsed()).iterfind("svg:rect", _SVG) if each.get("fill") == "#d9e8f6"]
    assert len(filled) == len(cells(parsed()))


def test_the_legend_names_fields_and_law() -> None:
    found = picture(parsed())
    description = found.findtext("svg:desc", namespaces=_SVG)
    for words in ("clause who-else", "key-worker: organisation, phone", "UK GDPR Article 6(1)(e)", "clause in-payment"):
        assert words in " ".join((description or "").split())
    assert found.get("role") == "img"


def test_no_service_asks_itself() -> None:
    whole = deepcopy(DOCUMENT)
    whole["clauses"][0]["askers"] = whole["clauses"][0]["holders"] = [f"{COUNCIL}#connecting-families"]
    assert cells(parsed(whole)) == ["B"]


def test_many_alike_services_share_a_row() -> None:
    whole = deepcopy(DOCUMENT)
    schools = [f"https://school-{number}.example" for number in range(MOST_SINGLE + 10)]
    whole["parties"] += [
        {"entity": each, "name": f"School {n}", "services": ["desk"]} for n, each in enumerate(schools)
    ]
    whole["clauses"][0]["holders"] += [f"{each}#desk" for each in schools]
    labels = [each.text or "" for each in picture(parsed(whole)).iterfind("svg:text", _SVG)]
    assert any(label.startswith("36 services, such as") for label in labels)
    assert cells(parsed(whole)) == ["A", "B"]
