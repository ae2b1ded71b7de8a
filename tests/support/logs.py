"""The log lines that are written while a test looks, as dictionaries."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gateway.telemetry.logging import redirect


class LogStream(io.StringIO):
    """Keep each line, parsed."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, Any]] = []

    def write(self, text: str, /) -> int:
        self.lines.extend(json.loads(line) for line in text.splitlines())
        return super().write(text)


@contextmanager
def capture_logs() -> Iterator[list[dict[str, Any]]]:
    """Yield the list to which every log line goes meanwhile."""
    stream = LogStream()
    redirect(stream)
    try:
        yield stream.lines
    finally:
        redirect(None)
