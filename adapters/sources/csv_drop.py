"""Reader of CSV tables from another system: a header row, then one record a line.

The file is UTF-8 (a byte-order mark is allowed), with commas as separators and quotes by RFC 4180. Another kind of file
is refused whole; a record with too many or too few fields becomes a :class:`BadLine`.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from adapters.contract import SourceNonsense, SourceUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvRecord:
    """One record: its first line in the file, and its non-blank fields by column."""

    number: int
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """A record that does not fit the header."""

    number: int
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The records of the file."""

    lines: Sequence[CsvRecord]
    bad_lines: Sequence[BadLine]


def read_csv(path: Path, *, required: Sequence[str], max_bytes: int) -> Table:
    """Read the table at ``path``, also columns that are not ``required``. Raises ``AdapterError``."""
    reader = csv.reader(StringIO(_text(path, max_bytes), newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(path, header, required)
        lines, bad_lines = [], []
        start = reader.line_num + 1
        for fields in reader:
            if len(fields) == len(header):
                fields_by_name = {name: text.strip() for name, text in zip(header, fields, strict=True) if text.strip()}
                lines.append(CsvRecord(number=start, fields=fields_by_name))
            elif fields:
                what = f"has {len(fields)} fields where the header has {len(header)}"
                bad_lines.append(BadLine(number=start, what=what))
            start = reader.line_num + 1
    except csv.Error:
        raise SourceNonsense(f"{path.name} is not CSV from line {reader.line_num} on: check its quotes.") from None
    return Table(lines=lines, bad_lines=bad_lines)


def _text(path: Path, max_bytes: int) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(max_bytes + 1)
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise SourceUnavailable(f"The file {path.name} cannot be opened: {reason}.") from None
    if len(raw) > max_bytes:
        raise SourceNonsense(f"{path.name} is larger than the limit of {max_bytes} bytes.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SourceNonsense(f"{path.name} is not UTF-8 text at line {line}: save it as CSV UTF-8.") from None


def _check_header(path: Path, header: Sequence[str], required: Sequence[str]) -> None:
    absent = [name for name in required if name not in header]
    twice = sorted({name for name in required if header.count(name) > 1})
    faults = [f"lacks the columns {', '.join(absent)}"] if absent else []
    faults += [f"has the columns {', '.join(twice)} more than once"] if twice else []
    if faults:
        raise SourceNonsense(f"{path.name} {' and '.join(faults)}: correct its first line.")
