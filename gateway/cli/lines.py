"""How checks are shown: a tick or a cross, what was found, and what to do."""

from collections.abc import Iterable
from typing import Any

from adapters.contract import CheckLine


def written(line: CheckLine) -> list[str]:
    """Return a check as lines for people."""
    mark = "✓" if line.ok else "✗"
    shown = [f"{mark} {line.name}" + (f": {line.detail}" if line.detail else "")]
    if line.remedy and not line.ok:
        shown.append(f"    To do: {line.remedy}")
    return shown


def to_json(lines: Iterable[CheckLine]) -> list[dict[str, Any]]:
    """Return checks for machines."""
    return [{"name": line.name, "ok": line.ok, "detail": line.detail, "remedy": line.remedy} for line in lines]
