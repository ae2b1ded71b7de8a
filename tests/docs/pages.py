"""Read the documents: their blocks of code, tables, headings and links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_FENCE = re.compile(r"^```([a-z]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#{1,6}) (.+)$", re.MULTILINE)
_CELL_CODE = re.compile(r"`([^`]+)`")
_SEPARATOR = re.compile(r"\| *-{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block: its language, and its text."""

    language: str
    text: str


def page(name: str) -> str:
    """Return the text of one document under `docs/`, or of the README."""
    return (ROOT / name if name == "README.md" else DOCS / name).read_text(encoding="utf-8")


def profile_pages() -> list[Path]:
    """Return the pages of the exchange profile in the order of their sections, the index first."""
    folder = DOCS / "exchange-profile"
    return [folder / "README.md", *sorted(folder.glob("[0-9]*.md"))]


def profile() -> str:
    """Return the text of the whole exchange profile."""
    return "\n".join(path.read_text(encoding="utf-8") for path in profile_pages())


def documents() -> list[Path]:
    """Return the README, the changelog and everything under `docs/` that is written in Markdown."""
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks in order."""
    return [Block(language=found[1], text=found[2]) for found in _FENCE.finditer(text)]


def example(text: str, name: str) -> str:
    """Return the block that stands under the marker of an example."""
    found = re.search(rf"^<!-- example: {re.escape(name)} -->\n```[a-z]*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"there is no example {name}"
    return found[1]


def section(text: str, heading: str) -> str:
    """Return what stands under a heading, up to the next one of its level or above."""
    prose = _FENCE.sub(lambda block: "~" * len(block[0]), text)  # a comment in a block is no heading
    for found in _HEADING.finditer(prose):
        if found[2] == heading:
            end = re.compile(rf"^#{{1,{len(found[1])}}} ", re.MULTILINE).search(prose, found.end())
            return text[found.end() : end.start() if end else len(text)]
    raise AssertionError(f"there is no section {heading}")


def table(text: str) -> list[list[str]]:
    """Return the rows of the first table, without its heading."""
    return next(tables(text))


def tables(text: str) -> Iterator[list[list[str]]]:
    """Yield the rows of each table, without its heading."""
    rows: list[list[str]] = []
    within = False
    for line in [*text.splitlines(), ""]:
        if _SEPARATOR.match(line):
            within = True
        elif within and line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif within:
            yield rows
            rows, within = [], False


def codes(cell: str) -> list[str]:
    """Return what stands in backticks in a cell."""
    return _CELL_CODE.findall(cell)


def column(rows: list[list[str]], number: int = 0) -> list[str]:
    """Return the first thing in backticks of each row's cell."""
    return [codes(row[number])[0] for row in rows]


def anchors(text: str) -> frozenset[str]:
    """Return the fragments by which the headings can be linked to, as GitHub makes them."""
    prose = _FENCE.sub("", text)
    slugs: list[str] = []
    for _, heading in _HEADING.findall(prose):
        plain = re.sub(r"[^\w\- ]", "", re.sub(r"\]\([^)]*\)", "", heading).lower()).replace(" ", "-")
        slugs.append(f"{plain}-{slugs.count(plain)}" if plain in slugs else plain)
    return frozenset(slugs)


def links(text: str) -> list[tuple[str, str]]:
    """Return each relative link as its path, perhaps empty, and its fragment, perhaps empty."""
    return re.findall(r"\]\((?![a-z]+:)([^)#\s]*)#?([^)\s]*)\)", _FENCE.sub("", text))
