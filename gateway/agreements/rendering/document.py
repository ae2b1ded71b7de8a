"""A document as blocks: headings, paragraphs, lists and tables, without a format.

A gap is a place that a person must complete. Notes stand at the top of the document.
"""

from dataclasses import dataclass
from enum import StrEnum


class Language(StrEnum):
    """The languages of the documents, by their code in BCP 47."""

    ENGLISH = "en"
    WELSH = "cy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading below the title; ``level`` is 2 or 3."""

    text: str
    level: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What a person must write before the document is used."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bullets:
    """A list without an order."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTable:
    """Rows of text, each with as many cells as there are columns."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Block = Heading | Paragraph | Gap | Bullets | TextTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole document in one language."""

    title: str
    blocks: tuple[Block, ...]
    notes: tuple[str, ...] = ()
    language: Language = Language.ENGLISH
    gap_label: str = "To complete:"
