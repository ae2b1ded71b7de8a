"""Tables as CSV (RFC 4180) in which no spreadsheet finds a formula (assertion A51)."""

import csv
import io
from collections.abc import Iterable, Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv(rows: Iterable[Sequence[str]]) -> bytes:
    """Return the rows in UTF-8. A cell that a spreadsheet would compute begins with an apostrophe."""
    text = io.StringIO(newline="")
    table = csv.writer(text)
    for row in rows:
        table.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in row])
    return text.getvalue().encode()
