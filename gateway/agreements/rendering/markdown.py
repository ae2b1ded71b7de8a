"""A document as Markdown (CommonMark, with the tables of GitHub Flavored Markdown)."""

import re
from collections.abc import Iterator

from gateway.agreements.rendering.document import Block, Bullets, Document, Gap, Heading, Paragraph, TextTable

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&!])")
_LIST_MARK = re.compile(r"^(\s*)([-+=]|\d+[.)])")


def to_markdown(document: Document) -> bytes:
    """Return the text in UTF-8. Characters that Markdown would read as markup are escaped."""
    parts = [f"# {escape(document.title)}"]
    parts += [f"> {escape(note)}" for note in document.notes]
    parts += [part for block in document.blocks for part in _parts(block, document)]
    return ("\n\n".join(parts) + "\n").encode()


def escape(text: str) -> str:
    """Return one line of plain text as Markdown that shows exactly it."""
    line = " ".join(text.split())
    return _LIST_MARK.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", line))


def _parts(block: Block, document: Document) -> Iterator[str]:
    match block:
        case Heading():
            yield f"{'#' * block.level} {escape(block.text)}"
        case Paragraph():
            yield escape(block.text)
        case Gap():
            yield f"**{escape(document.gap_label)}** {escape(block.text)}"
        case Bullets():
            yield "\n".join(f"- {escape(item)}" for item in block.items)
        case TextTable():
            yield _table(block)


def _table(table: TextTable) -> str:
    def row(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(escape(cell) for cell in cells) + " |"

    rules = "| " + " | ".join("---" for _ in table.columns) + " |"
    return "\n".join([f"{escape(table.caption)}:", "", row(table.columns), rules, *map(row, table.rows)])
