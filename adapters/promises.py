"""Parts of both conformance kits: the grace of a deadline, a line for a promise, and a collector of log lines."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from adapters.contract import AdapterError, CheckLine

GRACE_S: Final = 2.5
"""The most that a call may exceed its deadline: libpq waits at least 2 s for a server that does not answer."""


def promise_line(name: str, *, ok: bool, good: str, bad: str, remedy: str) -> CheckLine:
    """Return the line of one promise."""
    return CheckLine(name=name, ok=ok, detail=good if ok else bad, remedy="" if ok else remedy)


def errors_line(source: str, errors: Iterable[Exception]) -> CheckLine:
    """Promise 1 again: a call raises only :class:`AdapterError`, so that it affects only its own row."""
    foreign = sorted({type(error).__name__ for error in errors if not isinstance(error, AdapterError)})
    return promise_line(
        f"{source}: errors",
        ok=not foreign,
        good="Calls raise only AdapterError.",
        bad=f"Calls raise other errors: {', '.join(foreign)}.",
        remedy="Convert them to SourceUnavailable or SourceNonsense where they occur.",
    )


def silence_line(source: str, values: Sequence[str], places: Iterable[tuple[str, Iterable[str]]]) -> CheckLine:
    """Promise 2: no text of these places (``an error``, ``a log line``) holds one of ``values``."""
    leaks = [place for place, texts in places if any(value in text for text in texts for value in values)]
    return promise_line(
        f"{source}: silence",
        ok=not leaks,
        good="No error, log line or name holds anything about a person.",
        bad=f"Data about a person is in {' and in '.join(leaks)}.",
        remedy="Name the field and the rule in errors, never the value; log neither questions nor rows.",
    )


def error_texts(errors: Iterable[Exception]) -> list[str]:
    """Return all that an error could tell."""
    return [f"{error!s} {error!r} {error.__cause__!r}" for error in errors]


@contextmanager
def collected_log() -> Iterator[list[str]]:
    """Collect the log lines of all loggers, at every level."""
    log_lines: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            log_lines.append(record.getMessage())

    root, collector = logging.getLogger(), Collector()
    level = root.level
    root.addHandler(collector)
    root.setLevel(logging.DEBUG)
    try:
        yield log_lines
    finally:
        root.setLevel(level)
        root.removeHandler(collector)
