"""Elements of HTML and SVG; lxml escapes their text and attributes."""

from collections.abc import Mapping

from lxml import etree


def element(tag: str, *children: etree._Element | str, attributes: Mapping[str, str] | None = None) -> etree._Element:
    """Return an element with text and elements in this order."""
    whole = etree.Element(tag, dict(attributes or {}))
    last: etree._Element | None = None
    for child in children:
        if not isinstance(child, str):
            whole.append(child)
            last = child
        elif last is None:
            whole.text = (whole.text or "") + child
        else:
            last.tail = (last.tail or "") + child
    return whole
