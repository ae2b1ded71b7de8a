"""Documents say all that the agreement says, in both formats and languages, and mark what it does not say."""

import csv
import io
import re
from copy import deepcopy
from itertools import pairwise
from string import Formatter
from typing import Any

import pytest
from lxml import etree

from gateway.agreements.rendering.agreement_text import agreement_text
from gateway.agreements.rendering.assessment import impact_assessment
from gateway.agreements.rendering.briefing import briefing
from gateway.agreements.rendering.controllers import controllers
from gateway.agreements.rendering.document import Bullets, Document, Gap, Heading, Language, TextTable
from gateway.agreements.rendering.html import to_html
from gateway.agreements.rendering.markdown import escape, to_markdown
from gateway.agreements.rendering.matrix import matrix
from gateway.agreements.rendering.notices import leaflet, load_phrases, privacy_notice
from gateway.agreements.rendering.processing_record import processing_record
from gateway.agreements.rendering.public_register import RegisterEntry, register_json, register_page
from tests.trust.agreements.examples import DOCUMENT, document, parsed, signatures
from tests.trust.exchange.examples import COUNCIL, NOW, TRUST
from trust import strict_json
from trust.agreements.agreement import Agreement
from trust.agreements.reading import read_out

HOSTILE = "<script>alert(1)</script> | *x* [y](javascript:1)"
ROUTE = "Write to complaints@council.example, or ring 01632 960123."


def documents(agreement: Agreement) -> list[Document]:
    both = [make(agreement, language) for make in (privacy_notice, leaflet) for language in Language]
    single = [make(agreement) for make in (briefing, controllers, impact_assessment)]
    return [agreement_text(agreement, signatures(agreement, COUNCIL).values()), *single, *both]


def with_party(**members: Any) -> Agreement:
    whole = deepcopy(DOCUMENT)
    whole["parties"][0] |= members
    return parsed(whole)


def gaps(whole: Document) -> list[str]:
    return [block.text for block in whole.blocks if isinstance(block, Gap)]


def texts(whole: Document) -> str:
    return to_markdown(whole).decode().replace("\\", "")


def test_the_agreement_is_rendered_whole() -> None:
    agreement = parsed()
    text = texts(agreement_text(agreement, signatures(agreement, COUNCIL).values()))
    for section in read_out(agreement):
        for line in section.lines:
            assert " ".join(line.split()) in text
    assert "Vale Council: signed by R. Example, Caldicott Guardian" in text
    assert "Vale Jobcentre: has not signed." in text


def test_headings_descend_one_level_at_a_time() -> None:
    for whole in documents(parsed()):
        levels = [1, *(block.level for block in whole.blocks if isinstance(block, Heading))]
        assert all(below - above <= 1 for above, below in pairwise(levels)), whole.title


def test_both_formats_say_the_same() -> None:
    for whole in documents(parsed()):
        page = etree.fromstring(to_html(whole), etree.HTMLParser())
        said = " ".join(str(page.xpath("string(//body)")).split())
        for block in whole.blocks:
            words = (
                block.items
                if isinstance(block, Bullets)
                else (block.caption,)
                if isinstance(block, TextTable)
                else (block.text,)
            )
            assert all(" ".join(word.split()) in said for word in words)
            assert all(escape(word) in to_markdown(whole).decode() for word in words)


@pytest.mark.holds("A51")
def test_words_of_an_agreement_are_no_markup_in_any_format() -> None:
    whole = document(title=HOSTILE, benefits=HOSTILE, items=["=HYPERLINK(1)", HOSTILE])
    whole["parties"][0]["name"] = "+Vale"
    agreement = parsed(whole)
    for each in documents(agreement):
        page, text = to_html(each), to_markdown(each).decode()
        assert b"<script" not in page
        assert not re.search(r"(?<!\\)(<script|\[y|\| \*x)", text)
    rows = list(csv.reader(io.StringIO(processing_record(agreement).decode())))
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)


def _strings(value: object, path: str = "") -> dict[str, list[str]]:
    """Return the path of each phrase with the names of its braces."""
    if isinstance(value, dict):
        return {name: found for key, each in value.items() for name, found in _strings(each, f"{path}.{key}").items()}
    if isinstance(value, list):
        return {f"{path}[{number}]": _braces(each) for number, each in enumerate(value)}
    return {path: _braces(str(value))}


def _braces(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name)


def test_every_language_has_every_phrase_with_the_same_braces() -> None:
    english, welsh = (_strings(load_phrases(language)) for language in (Language.ENGLISH, Language.WELSH))
    assert english == welsh


def test_welsh_is_marked_as_unreviewed() -> None:
    for make in (privacy_notice, leaflet):
        assert "heb ei adolygu" in make(parsed(), Language.WELSH).notes[0]
        assert make(parsed(), Language.ENGLISH).notes == ()
        assert b'<html lang="cy">' in to_html(make(parsed(), Language.WELSH))


def test_a_complaints_route_is_named_or_is_a_gap() -> None:
    stated = with_party(complaints=ROUTE, processors=["Cloud Example Ltd"])
    for whole in (privacy_notice(stated, Language.ENGLISH), controllers(stated)):
        assert ROUTE in texts(whole)
        assert not any("complains to Vale Council" in gap for gap in gaps(whole))
        assert any("complains to Vale Jobcentre" in gap for gap in gaps(whole))
    assert "Cloud Example Ltd" in texts(controllers(stated))


def test_the_leaflet_offers_a_choice_only_where_consent_is_asked() -> None:
    first, second = DOCUMENT["clauses"]
    resting = {**first, "basis": ["6-1-a"]}
    words = load_phrases(Language.ENGLISH)["leaflet"]

    def choice(*clauses: dict[str, Any]) -> list[str]:
        said = texts(leaflet(parsed(document(clauses=list(clauses))), Language.ENGLISH))
        return [name for name in ("choice_some", "choice_law", "choice_none") if words[name] in said]

    assert choice(first, second) == ["choice_none"]
    assert choice(resting, second) == ["choice_some", "choice_law"]
    assert choice(resting) == ["choice_some"]


def test_the_controllers_know_what_they_disclose_and_receive() -> None:
    [table] = [block for block in controllers(parsed()).blocks if isinstance(block, TextTable)]
    assert [row[:4] for row in table.rows] == [
        ("Vale Council", "controller", "who-else", "who-else, in-payment"),
        ("Vale Mental Health", "controller", "who-else", "nothing"),
        ("Vale Jobcentre", "controller", "in-payment", "nothing"),
    ]


def test_the_assessment_leaves_its_judgement_to_a_person() -> None:
    whole = impact_assessment(parsed())
    assert "no assessment until" in whole.notes[0]
    assert len(gaps(whole)) >= 6
    assert any("Counsel's confirmation of Welfare Reform Act 2012" in gap for gap in gaps(whole))
    [risks] = [block for block in whole.blocks if isinstance(block, TextTable) and block.caption == "Risks"]
    assert all(row[2:] == ("", "", "") for row in risks.rows)


def test_the_register_names_posts_and_no_person() -> None:
    agreement = parsed()
    entry = RegisterEntry(agreement=agreement, signatures=tuple(signatures(agreement, COUNCIL, TRUST).values()))
    page = to_html(register_page([entry], agency="Vale Council", on=NOW.date())).decode()
    raw = register_json([entry], agency="Vale Council", on=NOW.date())
    assert "Caldicott Guardian" in page
    assert "R. Example" not in page + raw.decode()
    [found] = strict_json.loads(raw, max_bytes=100_000)["agreements"]
    assert found["digest"] == agreement.ref.digest
    assert [party["post"] for party in found["parties"]] == ["Caldicott Guardian", "Caldicott Guardian", None]
    assert "No agreement is in force." in texts(register_page([], agency="Vale Council", on=NOW.date()))


def test_a_schedule_and_an_overarching_agreement_are_rendered() -> None:
    whole = document(under={"id": "vale-charter", "digest": parsed().ref.digest})
    for name in (
        "benefits",
        "individuals_informed",
        "consent_text",
        "rights",
        "retention",
        "security",
        "dpia_reference",
    ):
        del whole[name]
    charter = document(overarching=True)
    del charter["clauses"]
    for agreement in (parsed(whole), parsed(charter)):
        for each in documents(agreement):
            blocks = [block.items for block in each.blocks if isinstance(block, Bullets)]
            assert all(item for items in blocks for item in items), each.title
            assert to_html(each)
        assert processing_record(agreement)
        assert matrix(agreement)
