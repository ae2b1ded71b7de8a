"""Keys are opaque, the same whichever type and padding they have, and found in SQLite however they are written."""

from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pysqlite3.dbapi2 as sqlite
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adapters.sources.database import SqliteFile
from adapters.sources.keys import PADDING, KeyPart, key_part, read_ref, same_part, write_ref
from adapters.sources.terms import ColumnKind, Placeholders, SqliteTerms
from adapters.sources.text import Unreadable

GUID = UUID("6f9619ff-8b86-d011-b42d-00c04fc964ff")
PADDINGS = st.text(PADDING, max_size=50)


@pytest.mark.parametrize(
    ("key", "same"),
    [
        (17, "17"),
        ("T7", "T7      "),
        ("T7", "\u00a0T7"),
        ("T7", "T7 \r\n"),
        ("T7", "T7\u00a0\u00a0"),
        ("T7", b"T7  \n"),
        (7, 7.0),
        (7, Decimal("7.00")),
        (Decimal("7.00"), "7"),
        (7, "7.00"),
        (10**39, Decimal(10**39)),
        ("é", "é".encode("cp1252")),
        (GUID, str(GUID)),
        (GUID, GUID.hex.upper()),
        (GUID, f"{{{GUID}}} ".encode()),
        (GUID, GUID.bytes),
        (bytes([1, 65]), memoryview(bytes([1, 65]))),
        (date(2001, 2, 3), "2001-02-03"),
        (date(2001, 2, 3), datetime(2001, 2, 3)),  # noqa: DTZ001 - a column without a zone
        (datetime(2001, 2, 3, tzinfo=UTC), "2001-02-03 00:00:00+00:00"),
    ],
)
def test_a_key_is_the_same_whichever_type_it_has(key: object, same: object) -> None:
    assert same_part(key_part(key), key_part(same))
    assert same_part(read_ref(write_ref([key]))[0], key_part(same))
    assert same_part(read_ref(write_ref(["a", key]))[1], key_part(same))


@pytest.mark.parametrize(
    ("key", "other"),
    [
        (7, "07"),
        ("7", "7.00"),
        ("T7", "t7"),
        (17, b"\x17"),
        ("17", b"\x17"),
        (b"\0\0\0A", "A"),
        (b"\x01A", b"\x02A"),
        (b"A \0\0", b"A\t\0\1"),
        (GUID, UUID(int=GUID.int + 1)),
    ],
)
def test_another_key_is_another(key: object, other: object) -> None:
    try:
        parts = key_part(key), key_part(other)
    except Unreadable:
        return
    assert not same_part(*parts)


@pytest.mark.parametrize(
    "key", [None, "", "  ", "\0", b"", b"  ", True, 7.5, Decimal("NaN"), float("inf"), 10**40, ["x"], b"T7\0\0"]
)
def test_what_is_no_key_is_unreadable(key: object) -> None:
    with pytest.raises(Unreadable):
        write_ref([key])
    with pytest.raises(Unreadable):
        write_ref([1, key])


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])) | st.integers(), min_size=1, max_size=4))
def test_a_key_of_several_parts_comes_back_as_it_was(parts: list[str | int]) -> None:
    try:
        written = write_ref(parts)
    except Unreadable:
        return
    assert read_ref(written) == tuple(map(key_part, parts))
    assert write_ref(read_ref(written)) == written


@pytest.mark.parametrize(
    "ref", ["", "x", "number:", "number:x", "number:9" + "9" * 5000, "text:", "parts:[1", "parts:[]"]
)
def test_a_key_that_was_never_given_out_is_harmless(ref: str) -> None:
    assert read_ref(ref) is not None


def found(key: KeyPart, held: object, affinity: str) -> bool:
    """Say whether SQLite finds a value in a column by a key."""
    places = Placeholders(SqliteFile.place)
    term = SqliteTerms().key("held", ColumnKind.ANY, key, places)
    with closing(sqlite.connect(":memory:")) as connection:
        connection.execute(f"CREATE TABLE work (held {affinity})")
        connection.execute("INSERT INTO work VALUES (?)", [held])
        statement = f"SELECT count(*) FROM work WHERE {term}"  # noqa: S608 - our own term
        (count,) = connection.execute(statement, places.values).fetchone()
    return bool(count)


def is_key(held: object, part: KeyPart) -> bool:
    """Say whether a value is read as a key."""
    try:
        return same_part(key_part(held), part)
    except Unreadable:
        return False


KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=6)


@given(KEYS | st.integers(-(2**63), 2**63 - 1).map(str), PADDINGS, PADDINGS, st.booleans())
def test_a_text_is_found_with_any_padding(key: str, before: str, after: str, as_bytes: bool) -> None:
    assume(key.strip(PADDING))
    part, held = key_part(key), before + key + after
    assert found(part, held, "TEXT")
    assert found(part, held, "")
    raw = held.encode()
    if as_bytes and is_key(raw, part):
        assert found(part, raw, "")


@given(st.uuids(), st.sampled_from(["{}", "{{{}}}"]), st.booleans(), PADDINGS)
def test_a_guid_is_found_in_every_form(guid: UUID, form: str, hyphens: bool, after: str) -> None:
    text = form.format(guid if hyphens else guid.hex)
    mixed = "".join(char.upper() if place % 3 else char for place, char in enumerate(text))
    for held in (text, text.upper(), mixed, mixed + after, after + text, text.encode(), guid.bytes):
        assert found(str(guid), held, "")


@given(st.integers(-(10**18), 10**18), st.sampled_from(["", ".0", ".00", ".0000000"]), PADDINGS)
def test_a_number_is_found_as_a_text(number: int, decimals: str, after: str) -> None:
    assert found(number, f"{number}{decimals}{after}", "TEXT")
    assert found(str(number), number, "")
    assert found(f"{number}.00", number, "")
