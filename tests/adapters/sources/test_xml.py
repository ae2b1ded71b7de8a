"""The one XML parser refuses what an attacker would send, and its faults never repeat a value."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.contract import SourceMisconfigured
from adapters.sources.xml import Schema, XmlRefused, load_schema, parse, validate

SCHEMA = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
<xs:element name="People"><xs:complexType><xs:sequence>
  <xs:element name="Person" maxOccurs="unbounded"><xs:complexType><xs:sequence>
    <xs:element name="Born" type="xs:date"/>
    <xs:element name="Code"><xs:simpleType><xs:restriction base="xs:string"><xs:pattern value="[A-Z]{2}"/>
    </xs:restriction></xs:simpleType></xs:element>
  </xs:sequence></xs:complexType></xs:element>
</xs:sequence></xs:complexType></xs:element>
</xs:schema>"""


@pytest.fixture
def schema_path(tmp_path: Path) -> Path:
    path = tmp_path / "people.xsd"
    path.write_text(SCHEMA)
    return path


def test_a_plain_document_is_parsed_without_comments_and_instructions() -> None:
    root = parse(b"<?xml version='1.0'?><a><!-- x --><?pi y?><b>1</b></a>", max_bytes=100)
    assert [child.tag for child in root] == ["b"]


@pytest.mark.holds("A63")
@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE a>",
        "<!DOCTYPE a SYSTEM 'http://127.0.0.1:9/x.dtd'>",
        "<!DOCTYPE a SYSTEM 'file:///etc/hostname'>",
        "<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/hostname'>]>",
        "<!DOCTYPE a [<!ENTITY % p SYSTEM 'file:///etc/hostname'> %p;]>",
        "<!DOCTYPE a [<!ATTLIST a b CDATA 'planted'>]>",
        "<!DOCTYPE a [<!ENTITY x 'aaaaaaaaaa'><!ENTITY y '&x;&x;&x;&x;&x;&x;&x;&x;'>]>",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_any_doctype_is_refused(doctype: str, encoding: str) -> None:
    with pytest.raises(XmlRefused, match=r"DOCTYPE|another document"):
        parse(f"{doctype}<a/>".encode(encoding), max_bytes=10_000)


@pytest.mark.holds("A63")
@pytest.mark.parametrize("count", [3, 12], ids=["small", "large"])
def test_an_entity_bomb_is_refused(count: int) -> None:
    """Each level is twenty of the one below it; libxml2 itself stops the large one, and lets the small one pass."""
    levels = "".join(f"<!ENTITY e{n + 1} '{f'&e{n};' * 20}'>" for n in range(count))
    bomb = f"<!DOCTYPE a [<!ENTITY e0 'aaaaaaaaaaaaaaaaaaaa'>{levels}]><a b='&e{count};'>&e{count};</a>"
    with pytest.raises(XmlRefused):
        parse(bomb.encode(), max_bytes=100_000)


def test_more_bytes_than_allowed_are_not_looked_at() -> None:
    with pytest.raises(XmlRefused, match="larger than the limit of 10 bytes"):
        parse(b"<a>" + b" " * 20 + b"</a>", max_bytes=10)


@pytest.mark.holds("A63")
def test_nesting_beyond_the_limit_of_libxml2_is_refused() -> None:
    parse(b"<a>" * 200 + b"</a>" * 200, max_bytes=10_000)
    with pytest.raises(XmlRefused):
        parse(b"<a>" * 300 + b"</a>" * 300, max_bytes=10_000)


def test_a_syntax_fault_names_the_line_and_not_the_content() -> None:
    with pytest.raises(XmlRefused) as refused:
        parse(b"<a>\n<b>Octavia</b>\n<c Octavia></c></a>", max_bytes=100)
    assert "line 3" in refused.value.detail
    assert "Octavia" not in refused.value.detail


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda raw: b"<a>" + raw + b"</a>"))
def test_any_bytes_give_an_element_or_a_refusal(raw: bytes) -> None:
    with suppress(XmlRefused):
        parse(raw, max_bytes=1000)


def test_a_valid_document_has_no_faults(schema_path: Path) -> None:
    root = parse(b"<People><Person><Born>2008-09-20</Born><Code>AB</Code></Person></People>", max_bytes=1000)
    assert validate(root, load_schema(schema_path)) == ()


def test_every_fault_is_named_with_its_line_and_without_its_value(schema_path: Path) -> None:
    raw = b"""<People>
<Person><Born>Octavia</Born><Code>Chislett' is not</Code></Person>
<Person><Chislett/></Person>
<Person><Code>AB</Code></Person>
</People>"""
    faults = validate(parse(raw, max_bytes=1000), load_schema(schema_path))
    text = "\n".join(str(fault) for fault in faults)
    assert [(fault.line, fault.element) for fault in faults] == [
        (2, "Born"),
        (2, "Code"),
        (3, "an element that the schema does not know"),
        (4, "Code"),
    ]
    assert "expected: Born" in text
    assert "Octavia" not in text
    assert "Chislett" not in text


def test_an_element_of_another_version_of_the_schema_may_be_named(schema_path: Path) -> None:
    root = parse(b"<People><Person><Died/></Person></People>", max_bytes=1000)
    (fault,) = validate(root, load_schema(schema_path), vocabulary={"Died"})
    assert str(fault).startswith("line 1: Died does not belong here")


def test_lines_beyond_65535_are_named_truly(schema_path: Path) -> None:
    raw = b"<People>" + b"\n" * 70_000 + b"<Person><Born>never</Born><Code>AB</Code></Person></People>"
    (fault,) = validate(parse(raw, max_bytes=100_000), load_schema(schema_path))
    assert fault.line == 70_001


@pytest.mark.holds("A63")
def test_a_schema_may_not_reach_outside_by_a_link_either(tmp_path: Path, schema_path: Path) -> None:
    folder = tmp_path / "schemas"
    folder.mkdir()
    (folder / "neighbour.xsd").symlink_to(schema_path)
    path = folder / "main.xsd"
    include = '<xs:include schemaLocation="neighbour.xsd"/>'
    path.write_text(f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">{include}</xs:schema>')
    with pytest.raises(SourceMisconfigured, match="outside its own folder"):
        load_schema(path)


@pytest.mark.holds("A63")
@pytest.mark.parametrize("location", ["../outside.xsd", "http://schemas.example/x.xsd", "/etc/outside.xsd"])
def test_a_schema_may_not_reach_outside_its_folder(tmp_path: Path, location: str) -> None:
    path = tmp_path / "main.xsd"
    path.write_text(
        f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:include schemaLocation="{location}"/></xs:schema>'
    )
    with pytest.raises(SourceMisconfigured, match="outside its own folder"):
        load_schema(path)


def test_a_schema_may_include_its_neighbour(tmp_path: Path, schema_path: Path) -> None:
    path = tmp_path / "main.xsd"
    path.write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:include schemaLocation="people.xsd"/></xs:schema>'
    )
    root = parse(b"<People><Person><Born>x</Born><Code>AB</Code></Person></People>", max_bytes=1000)
    assert [fault.element for fault in validate(root, load_schema(path))] == ["Born"]


@pytest.mark.parametrize("content", [None, "<not xml", "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><x/>"])
def test_an_unusable_schema_is_a_configuration_fault(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "broken.xsd"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SourceMisconfigured, match=r"broken\.xsd"):
        load_schema(path)


COLLAPSING = {
    "date": "2024-01-31",
    "dateTime": "2024-01-31T10:00:00",
    "time": "10:00:00",
    "gYear": "2024",
    "gYearMonth": "2024-01",
    "gMonth": "--01",
    "gDay": "---31",
    "gMonthDay": "--01-31",
    "duration": "P1D",
    "boolean": "true",
    "decimal": "1.0",
    "integer": "1",
    "nonNegativeInteger": "1",
    "float": "1",
    "double": "1",
    "token": "a",
    "NMTOKEN": "a",
    "anyURI": "https://a.example",
    "language": "en",
    "hexBinary": "0a",
    "base64Binary": "YQ==",
}
"""The built-in types whose white space XML Schema collapses before it looks at a value, each with a value."""


def schema_of(tmp_path: Path, simple_type: str, *, namespace: str = "") -> Schema:
    """Load a schema of one element ``a`` with an attribute ``b``, both of the local simple type given."""
    target = f' targetNamespace="{namespace}"' if namespace else ""
    (tmp_path / "one.xsd").write_text(
        f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="{namespace or "urn:none"}"{target}>'
        f'<xs:simpleType name="value">{simple_type}</xs:simpleType><xs:element name="a"><xs:complexType>'
        f'<xs:simpleContent><xs:extension base="{"t:" if namespace else ""}value">'
        f'<xs:attribute name="b" type="{"t:" if namespace else ""}value"/>'
        "</xs:extension></xs:simpleContent></xs:complexType></xs:element></xs:schema>"
    )
    return load_schema(tmp_path / "one.xsd")


@pytest.mark.parametrize("namespace", ["", "urn:hearthgate:example"], ids=["plain", "namespace"])
@pytest.mark.parametrize("type_name", COLLAPSING)
def test_white_space_around_a_value_of_a_collapsing_type_is_none_of_it(
    tmp_path: Path, type_name: str, namespace: str
) -> None:
    schema = schema_of(tmp_path, f'<xs:restriction base="xs:{type_name}"/>', namespace=namespace)
    value = COLLAPSING[type_name]
    for before, after in ((" ", ""), ("", " "), ("\n\t ", " \n"), ("&#13;", "&#9;")):
        document = f"<a xmlns='{namespace}' b='{before}{value}{after}'>{before}{value}{after}</a>"
        assert validate(parse(document.encode(), max_bytes=1000), schema) == ()


@pytest.mark.parametrize(
    "simple_type",
    [
        '<xs:restriction base="xs:string"><xs:pattern value="[A-Z]{2}"/></xs:restriction>',
        '<xs:restriction base="xs:string"><xs:enumeration value="AB"/></xs:restriction>',
        '<xs:restriction base="xs:string"><xs:maxLength value="2"/></xs:restriction>',
    ],
)
def test_white_space_of_a_type_that_preserves_it_stays_a_fault(tmp_path: Path, simple_type: str) -> None:
    schema = schema_of(tmp_path, simple_type)
    assert validate(parse(b"<a b='AB'>AB</a>", max_bytes=1000), schema) == ()
    root = parse(b"<a b=' AB'> AB</a>", max_bytes=1000)
    assert validate(root, schema)
    assert root.text == " AB"


def test_a_bound_on_a_date_holds_for_the_date_without_its_white_space(tmp_path: Path) -> None:
    schema = schema_of(
        tmp_path, '<xs:restriction base="xs:date"><xs:minInclusive value="2024-01-01"/></xs:restriction>'
    )
    assert validate(parse(b"<a> 2024-01-31 </a>", max_bytes=1000), schema) == ()
    assert validate(parse(b"<a> 2023-01-31 </a>", max_bytes=1000), schema)
    assert validate(parse(b"<a> Octavia </a>", max_bytes=1000), schema)
    no_break_space = "<a>\u00a02024-01-31</a>".encode()
    assert validate(parse(no_break_space, max_bytes=1000), schema)
