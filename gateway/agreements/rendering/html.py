"""A document as one HTML page that needs no other file and runs no script."""

from collections.abc import Iterator

from lxml import etree

from gateway.agreements.rendering.document import Block, Bullets, Document, Gap, Heading, Paragraph, TextTable
from gateway.agreements.rendering.markup import element

_STYLE = """
body { font-family: sans-serif; line-height: 1.5; max-width: 48rem; margin: 2rem auto; padding: 0 1rem; }
body { color: #0b0c0c; background: #ffffff; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
caption { text-align: left; font-weight: bold; padding: 0.25rem 0; }
th, td { border: 1px solid #6f777b; padding: 0.4rem; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
.note { border-left: 0.5rem solid #505a5f; padding-left: 1rem; }
.gap { border: 2px dashed #912b18; padding: 0.5rem; }
@media print { body { max-width: none; margin: 0; } }
"""


def to_html(document: Document) -> bytes:
    """Return the page in UTF-8."""
    blocks = (each for block in document.blocks for each in _elements(block, document))
    notes = (element("p", note, attributes={"class": "note"}) for note in document.notes)
    page = element(
        "html",
        element(
            "head",
            element("meta", attributes={"charset": "utf-8"}),
            element("meta", attributes={"name": "viewport", "content": "width=device-width, initial-scale=1"}),
            element("title", document.title),
            element("style", _STYLE),
        ),
        element("body", element("main", element("h1", document.title), *notes, *blocks)),
        attributes={"lang": document.language},
    )
    return etree.tostring(page, method="html", encoding="utf-8", doctype="<!DOCTYPE html>", pretty_print=True)


def _elements(block: Block, document: Document) -> Iterator[etree._Element]:
    match block:
        case Heading():
            yield element(f"h{block.level}", block.text)
        case Paragraph():
            yield element("p", block.text)
        case Gap():
            label = element("strong", document.gap_label)
            yield element("p", label, f" {block.text}", attributes={"class": "gap"})
        case Bullets():
            yield element("ul", *(element("li", item) for item in block.items))
        case TextTable():
            yield _table(block)


def _table(table: TextTable) -> etree._Element:
    head = element("tr", *(element("th", column, attributes={"scope": "col"}) for column in table.columns))
    rows = (
        element("tr", element("th", row[0], attributes={"scope": "row"}), *(element("td", cell) for cell in row[1:]))
        for row in table.rows
    )
    return element("table", element("caption", table.caption), element("thead", head), element("tbody", *rows))
