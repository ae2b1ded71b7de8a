"""Structured logs, which can carry no field about a person.

1. A line is a JSON object on stderr with fields of :data:`ALLOWED`; any other field is dropped and counted.
2. Values are cut to a length and written in ASCII: line breaks and terminal escapes are inert.
3. A library's record keeps its place and its template. It loses its arguments, which hold what a client sent.
"""

import json
import logging
import sys
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from traceback import extract_tb
from typing import Any, TextIO

from gateway.telemetry.metrics import log_fields_dropped

ALLOWED = frozenset(
    {
        "agreement",
        "at",
        "code",
        "duration_ms",
        "error",
        "event",
        "face",
        "failure",
        "kind",
        "level",
        "logger",
        "method",
        "outcome",
        "peer",
        "peer_trace",
        "problem",
        "reason",
        "replayed",
        "request_id",
        "route",
        "service",
        "status",
        "step",
        "trace",
        "ts",
    }
)
"""The fields a log line may have. ``at`` is where in the code, ``error`` an exception's class, never its text."""
MAX_VALUE = 300
_MAX_FRAMES = 12
_OWN_LOGGER = "hearthgate"
_ENCODER = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))  # json.dumps would make one for each line
_streams: list[TextIO] = []


def log(level: str, event: str, **fields: object) -> None:
    """Write one line."""
    _write({**fields, "event": event, "level": level})


def configure_logging(stream: TextIO = sys.stderr) -> None:
    """Send every log line, our own and the libraries', to ``stream`` in one form.

    Authlib's logger is pinned at INFO: at DEBUG it writes whole tokens.
    """
    redirect(stream)
    handler = _LibraryRecords(logging.INFO)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("authlib").setLevel(logging.INFO)
    warnings.showwarning = _log_warning


def redirect(stream: TextIO | None) -> None:
    """Write to ``stream`` from now on; with ``None``, to the process's current stderr."""
    _streams[:] = [] if stream is None else [stream]


def error_fields(error: BaseException) -> dict[str, Any]:
    """Return an exception's class and the lines it came through; its text may hold anything."""
    frames = extract_tb(error.__traceback__)[-_MAX_FRAMES:]
    at = [_place(frame.filename, frame.lineno, frame.name) for frame in frames]
    return {"error": type(error).__name__, "at": at}


def _write(fields: Mapping[str, object]) -> None:
    stream = _streams[0] if _streams else sys.stderr
    stream.write(_render({**fields, "ts": datetime.now(UTC).isoformat().replace("+00:00", "Z")}) + "\n")
    stream.flush()


def _render(fields: Mapping[str, object]) -> str:
    """Return the line of the allowed fields, and count the others."""
    unknown = fields.keys() - ALLOWED
    if unknown:
        log_fields_dropped.inc(len(unknown))
    return _ENCODER.encode({name: _plain(value) for name, value in fields.items() if name in ALLOWED})


def _plain(value: object) -> object:
    if type(value) is str and len(value) <= MAX_VALUE:  # as nearly all are
        return value
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value[:_MAX_FRAMES]]
    text = str(value) if isinstance(value, str) else f"({type(value).__name__})"
    return text[:MAX_VALUE]


class _LibraryRecords(logging.Handler):
    """Write a record of the standard library's logging through :func:`_write`."""

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {
            "at": [_place(record.pathname, record.lineno, record.funcName)],
            "event": _text(record),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if record.exc_info and record.exc_info[1] is not None:
            fields |= error_fields(record.exc_info[1])
        _write(fields)


def _text(record: logging.LogRecord) -> str:
    """Return our own text whole, another library's template, and nothing of a text that a library formatted itself."""
    if record.name.partition(".")[0] == _OWN_LOGGER:
        return record.getMessage()
    return str(record.msg) if record.args else "(text withheld)"


def _log_warning(
    message: Warning | str,  # noqa: ARG001 - its text may hold anything
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001 - there is one stream
    line: str | None = None,  # noqa: ARG001 - the place says it
) -> None:
    """Log a warning of the interpreter by its class and place."""
    log("warning", "warned", error=category.__name__, at=[_place(filename, lineno, "")])


def _place(filename: str, lineno: int | None, function: str) -> str:
    return f"{Path(filename).name}:{lineno} {function}".rstrip()
