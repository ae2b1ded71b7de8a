"""The output of checks: a tick, an exclamation mark or a cross, the result, and what to do."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from adapters.contract import CheckLine


class State(StrEnum):
    """What became of a check."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


_MARKS = {State.OK: "✓", State.WARNING: "!", State.FAULT: "✗"}


def state_of(line: CheckLine) -> State:
    """Return what became of a check."""
    if not line.ok:
        return State.FAULT
    return State.WARNING if line.warning else State.OK


def format_check(line: CheckLine) -> list[str]:
    """Return a check as lines for people."""
    state = state_of(line)
    lines = [f"{_MARKS[state]} {line.name}" + (f": {line.detail}" if line.detail else "")]
    if line.remedy and state is not State.OK:
        lines.append(f"    To do: {line.remedy}")
    return lines


def to_json(lines: Iterable[CheckLine]) -> list[dict[str, Any]]:
    """Return checks for machines."""
    return [
        {
            "name": line.name,
            "ok": line.ok,
            "state": state_of(line),
            "detail": line.detail,
            "remedy": "" if state_of(line) is State.OK else line.remedy,
        }
        for line in lines
    ]
