"""Read an XML file that someone dropped, and hold it to its schema before anything else looks at it."""

from collections.abc import Collection
from pathlib import Path
from typing import Final

from lxml import etree

from adapters.contract import SourceNonsense, SourceUnavailable
from adapters.sources.xml import Schema, parse, validate

MAX_FAULTS_IN_TEXT: Final = 100
"""Faults that one message spells out; ``faults`` always has all of them."""


class XmlInvalid(SourceNonsense):
    """The document is well-formed but fails its schema; ``faults`` names every line that does."""

    def __init__(self, name: str, schema_name: str, faults: tuple[str, ...]) -> None:
        shown = "; ".join(faults[:MAX_FAULTS_IN_TEXT])
        left = len(faults) - MAX_FAULTS_IN_TEXT
        more = f"; and {left} more" if left > 0 else ""
        super().__init__(f"{name} fails its schema {schema_name} ({len(faults)} faults): {shown}{more}.")
        self.faults = faults


def read_xml(path: Path, *, max_bytes: int) -> etree._Element:
    """Return the root element of the file at ``path``, not yet validated. Raises :class:`AdapterError`."""
    try:
        with path.open("rb") as file:
            raw = file.read(max_bytes + 1)
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise SourceUnavailable(f"The file {path.name} cannot be opened: {reason}.") from None
    return parse(raw, max_bytes=max_bytes)


def require_valid(
    root: etree._Element, schema: Schema, *, name: str, schema_name: str, vocabulary: Collection[str] = ()
) -> None:
    """Refuse a document that fails ``schema`` (:class:`XmlInvalid`); the names are files, for the message."""
    faults = validate(root, schema, vocabulary=vocabulary)
    if faults:
        raise XmlInvalid(name, schema_name, tuple(str(fault) for fault in faults))
