"""The one XML parser of the project, for untrusted bytes from case systems.

It refuses any DOCTYPE (and with it every entity, external file and default attribute), more bytes than the caller
allows, and trees beyond libxml2's own limits (``huge_tree`` stays off). It fetches nothing.

No message repeats a value of the document: a fault names a line, an element and a rule, because the values are a
person's record.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final, NoReturn

from lxml import etree

from adapters.contract import SourceMisconfigured, SourceNonsense

MAX_SCHEMA_BYTES: Final = 4 * 1024 * 1024
"""The largest schema file that is read; the biggest one the Department for Education publishes is 32 kB."""

_XSD: Final = "{http://www.w3.org/2001/XMLSchema}"
_EXPECTATION: Final = re.compile(r"Expected is (?:one of )?\( ([^()]*) \)\.$")
_ELEMENT: Final = re.compile(r"^Element '(?:\{[^{}']*\})?([\w.-]+)'")
_PLACE: Final = re.compile(r"^Element '([^']+)'(?:, attribute '([^']+)')?:")
_SPACE: Final = re.compile(r"[ \t\r\n]+")
_NOT_OF_TYPE: Final = "SCHEMAV_CVC_DATATYPE_VALID_1_2_1"

_RULES: Final = {
    "SCHEMAV_ELEMENT_CONTENT": "does not belong here, or something before it is missing",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_3": "holds text where only elements belong",
    "SCHEMAV_CVC_COMPLEX_TYPE_3_2_1": "has an attribute that the schema does not know",
    "SCHEMAV_CVC_COMPLEX_TYPE_3_2_2": "has an attribute that the schema does not know",
    "SCHEMAV_CVC_COMPLEX_TYPE_4": "lacks an attribute that the schema requires",
    "SCHEMAV_CVC_DATATYPE_VALID_1_2_1": "is not of the type that the schema names (a date, a number, a code)",
    "SCHEMAV_CVC_DATATYPE_VALID_1_2_2": "is not of the type that the schema names (a date, a number, a code)",
    "SCHEMAV_CVC_DATATYPE_VALID_1_2_3": "is not of the type that the schema names (a date, a number, a code)",
    "SCHEMAV_CVC_ELT_1": "is not the document that this schema describes",
    "SCHEMAV_CVC_ENUMERATION_VALID": "is not one of the codes that the schema lists",
    "SCHEMAV_CVC_LENGTH_VALID": "has the wrong length",
    "SCHEMAV_CVC_MAXLENGTH_VALID": "is longer than the schema allows",
    "SCHEMAV_CVC_MINLENGTH_VALID": "is shorter than the schema allows",
    "SCHEMAV_CVC_PATTERN_VALID": "does not have the form that the schema requires",
}


class XmlRefused(SourceNonsense):
    """The bytes are not an XML document that this project reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class XmlFault:
    """One way in which a document fails its schema: where it is and which rule it breaks, never what it holds."""

    line: int
    element: str
    rule: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.element} {self.rule}"


class _NothingElse(etree.Resolver):
    """A resolver that refuses every further document."""

    def resolve(self, *_request: object) -> NoReturn:
        """Refuse the document."""
        raise XmlRefused("The document refers to another document, which is never fetched.")


def parse(raw: bytes, *, max_bytes: int) -> etree._Element:
    """Parse ``raw`` into its root element, without comments and processing instructions.

    Not checked: any schema (see :func:`validate`). Raises :class:`XmlRefused`.
    """
    if len(raw) > max_bytes:
        raise XmlRefused(f"The XML document is larger than the limit of {max_bytes} bytes.")
    parser = _parser()
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError, LookupError):
        raise XmlRefused(f"The XML document is not well-formed: {_syntax_fault(parser)}.") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise XmlRefused("The XML document has a DOCTYPE; a case system's message needs none, so it is refused.")
    return root


def _parser() -> etree.XMLParser:
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        no_network=True,
        huge_tree=False,
        recover=False,
        remove_comments=True,
        remove_pis=True,
        strip_cdata=True,
        collect_ids=False,
    )
    parser.resolvers.add(_NothingElse())
    return parser


def _syntax_fault(parser: etree.XMLParser) -> str:
    """Name the parser's own code: its message can repeat what the document holds."""
    entry = parser.error_log.last_error
    if entry is None:
        return "it cannot be read as XML"
    name = entry.type_name.removeprefix("ERR_").replace("_", " ").lower()
    return f"line {entry.line}, {name}"


class Schema:
    """A compiled XSD that may be used by several threads at once."""

    __slots__ = ("_lock", "_names", "_schema")

    def __init__(self, schema: etree.XMLSchema, names: frozenset[str]) -> None:
        self._schema = schema
        self._names = names
        self._lock = Lock()

    def faults(self, root: etree._Element, *, vocabulary: Collection[str] = ()) -> tuple[XmlFault, ...]:
        """Return every fault of ``root`` in document order; libxml2 names one misplaced child of each parent.

        An element is named where the schema or ``vocabulary`` has its name: any other could be a person's. White space
        that its type collapses is collapsed in ``root`` where libxml2 does not do so itself.
        """
        names = self._names.union(vocabulary)
        with self._lock:  # lxml keeps the log of the last validation on the schema object
            entries = self._entries(root)
            if entries and _collapse_space(root, entries):
                entries = self._entries(root)
        return tuple(dict.fromkeys(_fault(entry, names) for entry in entries))

    def _entries(self, root: etree._Element) -> list[etree._LogEntry]:
        if self._schema.validate(root):
            return []
        entries: list[etree._LogEntry] = list(self._schema.error_log)  # type: ignore[call-overload]  # a silent stub
        return entries


def _collapse_space(root: etree._Element, entries: Sequence[etree._LogEntry]) -> bool:
    """Collapse the white space of values that fail their primitive type; say whether any value changed.

    XML Schema part 2, section 4.3.6: every primitive type but ``string`` collapses white space before it looks at a
    value. libxml2 2.14 does not for dates and times. No text fails ``string`` itself, only a facet, so a value that
    fails its primitive type is of a type that collapses.
    """
    faulty = {(place, entry.line) for entry in entries if entry.type_name == _NOT_OF_TYPE and (place := _place(entry))}
    # Some versions of libxml2 add the same code to a facet's fault: a pattern on a string does not collapse.
    faulty -= {(place, entry.line) for entry in entries if entry.type_name != _NOT_OF_TYPE and (place := _place(entry))}
    changed = False
    for element in root.iter():
        own = (element.tag, None), element.sourceline
        if own in faulty and len(element) == 0 and (text := _collapse(element.text)) != element.text:
            element.text, changed = text, True
        for name, value in element.attrib.items():
            if ((element.tag, name), element.sourceline) in faulty and (text := _collapse(str(value))) != value:
                element.set(name, text or "")
                changed = True
    return changed


def _place(entry: etree._LogEntry) -> tuple[str, str | None] | None:
    """Return the element of a fault, and the attribute if there is one."""
    match = _PLACE.match(entry.message)
    return (match.group(1), match.group(2)) if match else None


def _collapse(text: str | None) -> str | None:
    return None if text is None else _SPACE.sub(" ", text).strip(" ")


def load_schema(path: Path) -> Schema:
    """Compile the XSD at ``path``, with imports and includes only from below its own folder.

    Raises :class:`SourceMisconfigured`.
    """
    main = path.resolve()
    names: set[str] = set()
    _survey(main, main.parent, visited=set(), names=names)
    try:
        return Schema(etree.XMLSchema(etree.parse(str(main), _schema_parser())), frozenset(names))
    except (etree.XMLSchemaParseError, etree.XMLSyntaxError, OSError) as error:
        raise SourceMisconfigured(f"{path.name} is not a usable XML schema: {error}.") from error


def validate(root: etree._Element, schema: Schema, *, vocabulary: Collection[str] = ()) -> tuple[XmlFault, ...]:
    """Return all faults of ``root`` by ``schema``, line by line; an empty tuple means that it is valid.

    ``vocabulary`` has element names outside the schema that a fault may name, such as those of another version.
    """
    return schema.faults(root, vocabulary=vocabulary)


def _schema_parser() -> etree.XMLParser:
    """Return a parser that follows imports, after :func:`_survey` has checked that they stay in the folder."""
    return etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)


def _survey(path: Path, folder: Path, *, visited: set[Path], names: set[str]) -> None:
    """Collect the names in a schema; refuse it before libxml2 follows an import out of ``folder``."""
    visited.add(path)
    for node in _read_schema(path).iter(f"{_XSD}element", f"{_XSD}import", f"{_XSD}include", f"{_XSD}redefine"):
        location = node.get("schemaLocation")
        if location is None:
            names.add(node.get("name", ""))
            continue
        target = (path.parent / location).resolve()
        if "://" in location or not target.is_relative_to(folder):
            raise SourceMisconfigured(f"{path.name} imports a schema from outside its own folder: copy it there.")
        if target not in visited:
            _survey(target, folder, visited=visited, names=names)


def _read_schema(path: Path) -> etree._Element:
    try:
        return parse(path.read_bytes(), max_bytes=MAX_SCHEMA_BYTES)
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise SourceMisconfigured(f"The schema file {path.name} cannot be opened: {reason}.") from error
    except XmlRefused as error:
        raise SourceMisconfigured(f"{path.name} is not a usable XML schema: {error.detail}") from error


def _fault(entry: etree._LogEntry, names: frozenset[str]) -> XmlFault:
    """Return libxml2's fault without the value that it quotes."""
    rule = _RULES.get(entry.type_name, "breaks a rule of the schema")
    expectation = _EXPECTATION.search(entry.message) if entry.type_name == "SCHEMAV_ELEMENT_CONTENT" else None
    if expectation is not None:
        rule = f"{rule} (expected: {expectation.group(1)})"
    element_name = _ELEMENT.match(entry.message)
    is_known = element_name is not None and element_name.group(1) in names
    element = (
        element_name.group(1) if element_name is not None and is_known else "an element that the schema does not know"
    )
    return XmlFault(line=entry.line, element=element, rule=rule)
