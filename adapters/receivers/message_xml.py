"""A delivered message as XML, for drop folders and SOAP.

A field of the JSON form is an element of its name, or ``<field name="...">`` where the name is no plain XML name. A
list has one ``<item>`` for each value. An absent value has no element. Elements are in no namespace.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from lxml import etree

_PLAIN: Final = re.compile(r"(?!xml)[a-z][a-z0-9_]{0,63}")


def add_fields(parent: etree._Element, fields: Mapping[str, Any]) -> None:
    """Add an element for each field to ``parent``; texts must be inert, as ``message_to_json`` makes them."""
    for name, value in fields.items():
        if value is None:
            continue
        if _PLAIN.fullmatch(name):
            element = etree.SubElement(parent, name)
        else:
            element = etree.SubElement(parent, "field", name=_xml_text(name))
        _fill(element, value)


def _fill(element: etree._Element, value: object) -> None:
    if isinstance(value, Mapping):
        add_fields(element, value)
    elif isinstance(value, list):
        for item in value:
            _fill(etree.SubElement(element, "item"), item)
    elif isinstance(value, bool):
        element.text = "true" if value else "false"
    elif value is not None:
        element.text = _xml_text(str(value))


def _xml_text(text: str) -> str:
    """Leave out the two non-characters that XML 1.0 forbids besides controls (section 2.2)."""
    return text.replace("\ufffe", "").replace("\uffff", "")
