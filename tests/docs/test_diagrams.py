"""Each diagram says what the code does, is shown on a page with a text in its place, and loads nothing."""

import re
from pathlib import Path

import pytest
from lxml import etree

from gateway.exchange import inbound, outbound
from gateway.federation.freshness import REFRESH_AFTER
from gateway.keys.schedule import HEARD_WITHIN, KEY_OVERLAPS, Stage
from tests.docs.pages import DOCS, documents
from trust.keys import KeyUse

SVG = "{http://www.w3.org/2000/svg}"
DIAGRAMS = sorted((DOCS / "diagrams").glob("*.svg"))


def drawn(name: str) -> etree._Element:
    return etree.fromstring((DOCS / "diagrams" / name).read_bytes())


def texts(element: etree._Element, css: str = "") -> list[str]:
    return [each.text or "" for each in element.iter(f"{SVG}text") if css in each.get("class", "").split() or not css]


@pytest.mark.parametrize("path", DIAGRAMS, ids=lambda path: path.stem)
def test_a_diagram_is_described_readable_in_both_schemes_and_whole(path: Path) -> None:
    svg = drawn(path.name)
    for tag, name in (("title", svg[0]), ("description", svg[1])):
        assert name.get("id") == tag
        assert len(name.text or "") > 10
    assert svg.get("role") == "img"
    assert svg.get("aria-labelledby") == "title description"
    assert next(svg.iter(f"{SVG}rect")).get("class") == "sheet"  # its own background, under either page
    style = next(svg.iter(f"{SVG}style")).text or ""
    light, dark = style.split("@media (prefers-color-scheme: dark)")
    coloured = set(re.findall(r"\.([a-z-]+) \{[^}]*(?:fill|stroke): #", light))
    assert coloured <= set(re.findall(r"\.([a-z-]+) \{", dark))
    used = {word for each in svg.iter() for word in each.get("class", "").split()}
    assert used - {"number", "stage"} <= set(re.findall(r"\.([a-z-]+) \{", light))
    loaded = [value for each in svg.iter() for name, value in each.items() if "href" in name or "url(h" in value]
    assert loaded == []


@pytest.mark.parametrize("path", DIAGRAMS, ids=lambda path: path.stem)
def test_a_diagram_is_shown_with_a_text_in_its_place(path: Path) -> None:
    shown = [
        text
        for page in documents()
        for text, target in re.findall(r"!\[([^]]+)\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
        if (page.parent / target).resolve() == path
    ]
    assert shown
    assert all(len(text) > 100 for text in shown)


@pytest.mark.parametrize(("group", "module"), [("inbound", inbound), ("outbound", outbound)])
def test_the_life_of_a_message_has_the_steps_of_the_plan(group: str, module: object) -> None:
    plan = [int(number) for number in re.findall(r"(?<![\w.])(\d+)\. ", module.__doc__ or "")]
    svg = drawn("message-life.svg")
    (steps,) = [each for each in svg.iter(f"{SVG}g") if each.get("id") == group]
    assert [int(text.split()[0]) for text in texts(steps, "number")] == plan


def test_the_life_of_a_key_has_the_ledgers_stages_and_times() -> None:
    svg = drawn("key-life.svg")
    assert texts(svg, "stage") == list(Stage)
    minutes = f"{HEARD_WITHIN.seconds // 60} minutes"
    assert {text for text in texts(svg) if "minutes" in text} == {minutes, f"{minutes} later"}
    days = f"{KEY_OVERLAPS[KeyUse.MESSAGE].after.days} days later"
    hours = f"{KEY_OVERLAPS[KeyUse.FEDERATION].after.total_seconds() / 3600:.0f} hours later"
    assert [text for text in texts(svg) if re.search("days|hours", text)] == [days, hours]


def test_the_federation_is_refreshed_as_often_as_drawn() -> None:
    words = " ".join(texts(drawn("federation.svg"), "note"))
    assert f"again every {REFRESH_AFTER.seconds // 60} minutes" in words
