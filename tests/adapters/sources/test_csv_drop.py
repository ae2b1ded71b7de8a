"""A dropped CSV table is read strictly, and every line that does not fit is named by its number."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.contract import AdapterError, SourceNonsense, SourceUnavailable
from adapters.sources.csv_drop import Table, read_csv


def read(path: Path, content: bytes, *, max_bytes: int = 10_000) -> Table:
    path.write_bytes(content)
    return read_csv(path, required=("id", "name"), max_bytes=max_bytes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "drop.csv"


def test_records_keep_the_line_they_start_on(path: Path) -> None:
    table = read(path, b'\xef\xbb\xbfid,name,more\r\n1," Ann\nLee ",x\r\n\r\n2,Bo,\r\n')
    assert [(line.number, dict(line.fields)) for line in table.lines] == [
        (2, {"id": "1", "name": "Ann\nLee", "more": "x"}),
        (5, {"id": "2", "name": "Bo"}),
    ]


def test_a_record_of_another_length_is_handed_back_with_its_line(path: Path) -> None:
    table = read(path, b"id,name\n1,Ann\n2,Bo,extra\n3\n")
    assert [line.number for line in table.lines] == [2]
    assert [(bad.number, bad.what) for bad in table.bad_lines] == [
        (3, "has 3 fields where the header has 2"),
        (4, "has 1 fields where the header has 2"),
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "lacks the columns id, name"),
        (b"id;name\n1;2\n", "lacks the columns id, name"),
        (b"id,id\n1,2\n", "lacks the columns name and has the columns id more than once"),
        (b'id,name\n1,"unclosed\n', "is not CSV from line"),
        (b"id,name\n1,\xe9\n", "is not UTF-8 text at line 2"),
    ],
)
def test_a_file_that_is_not_the_table_is_refused_whole(path: Path, content: bytes, words: str) -> None:
    with pytest.raises(SourceNonsense, match=words):
        read(path, content)


def test_a_giant_is_refused(path: Path) -> None:
    with pytest.raises(SourceNonsense, match="larger than the limit of 10 bytes"):
        read(path, b"id,name\n1,2\n", max_bytes=10)


def test_a_missing_file_is_unavailable(path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="No such file"):
        read_csv(path, required=(), max_bytes=10)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_table_or_a_refusal(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.mktemp("csv") / "drop.csv"
    path.write_bytes(b"id,name\n" + raw)
    try:
        read_csv(path, required=("id",), max_bytes=1000)
    except AdapterError as refusal:
        said = refusal.detail
    else:
        said = ""
    assert "\n" not in said
