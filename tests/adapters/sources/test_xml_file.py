"""A dropped XML file is held to its schema, and one message says every fault."""

from pathlib import Path

import pytest

from adapters.contract import SourceUnavailable
from adapters.sources.xml import Schema, XmlRefused, load_schema, parse
from adapters.sources.xml_file import MAX_FAULTS_IN_TEXT, XmlInvalid, read_xml, require_valid


@pytest.fixture
def schema(tmp_path: Path) -> Schema:
    path = tmp_path / "days.xsd"
    path.write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="Days"><xs:complexType><xs:sequence>'
        '<xs:element name="Day" type="xs:date" maxOccurs="unbounded"/>'
        "</xs:sequence></xs:complexType></xs:element></xs:schema>"
    )
    return load_schema(path)


def days(*texts: str) -> bytes:
    return "\n".join(["<Days>", *(f"<Day>{text}</Day>" for text in texts), "</Days>"]).encode()


def test_a_file_is_read_within_its_cap(tmp_path: Path) -> None:
    path = tmp_path / "days.xml"
    path.write_bytes(days("2026-11-23"))
    assert read_xml(path, max_bytes=100).tag == "Days"
    with pytest.raises(XmlRefused, match="larger than the limit of 10 bytes"):
        read_xml(path, max_bytes=10)


def test_a_missing_file_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="No such file"):
        read_xml(tmp_path / "gone.xml", max_bytes=10)


def test_a_valid_document_passes(schema: Schema) -> None:
    require_valid(parse(days("2026-11-23"), max_bytes=100), schema, name="days.xml", schema_name="days.xsd")


def test_every_fault_is_in_the_message_and_no_value(schema: Schema) -> None:
    root = parse(days("2026-11-23", "Octavia", "2026-11-24", "Chislett"), max_bytes=1000)
    with pytest.raises(XmlInvalid) as refused:
        require_valid(root, schema, name="days.xml", schema_name="days.xsd")
    assert refused.value.detail.startswith("days.xml fails its schema days.xsd (2 faults): line 3: Day is not of the ")
    assert "line 5: Day" in refused.value.detail
    assert "Octavia" not in refused.value.detail


def test_a_message_stays_readable_and_the_faults_stay_complete(schema: Schema) -> None:
    count = MAX_FAULTS_IN_TEXT + 20
    with pytest.raises(XmlInvalid) as refused:
        require_valid(parse(days(*["x"] * count), max_bytes=10_000), schema, name="days.xml", schema_name="days.xsd")
    assert len(refused.value.faults) == count
    assert refused.value.detail.endswith("; and 20 more.")
