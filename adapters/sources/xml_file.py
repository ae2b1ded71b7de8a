"""Reader of an XML file, with validation by its schema."""

from collections.abc import Collection
from pathlib import Path
from typing import Final

from lxml import etree

from adapters.contract import SourceNonsense, SourceUnavailable
from adapters.sources.xml import Schema, parse, validate

MAX_FAULTS_IN_TEXT: Final = 100
"""The most faults in one message; ``faults`` has all of them."""


class XmlInvalid(SourceNonsense):
    """The document is well-formed but fails its schema; ``faults`` names every wrong line."""

    def __init__(self, name: str, schema_name: str, faults: tuple[str, ...]) -> None:
        listed_faults = "; ".join(faults[:MAX_FAULTS_IN_TEXT])
        remaining = len(faults) - MAX_FAULTS_IN_TEXT
        more = f"; and {remaining} more" if remaining > 0 else ""
        super().__init__(f"{name} fails its schema {schema_name} ({len(faults)} faults): {listed_faults}{more}.")
        self.faults = faults


def read_xml(path: Path, *, max_bytes: int) -> etree._Element:
    """Return the root element of the file at ``path``, not validated. Raises :class:`AdapterError`."""
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
    """Raise :class:`XmlInvalid` if a document fails ``schema``; the names of files are for the message."""
    faults = validate(root, schema, vocabulary=vocabulary)
    if faults:
        raise XmlInvalid(name, schema_name, tuple(str(fault) for fault in faults))
