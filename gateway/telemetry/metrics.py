"""Logs and metrics, neither of which can carry anything about a person.

A log line is a JSON object on stderr with members from a closed list; any other member is dropped and counted, so that
a careless call cannot leak. Values are cut to a length and written in ASCII, which leaves line breaks and terminal
escapes inert. What other libraries log keeps its place and its template, and loses its arguments: those hold what a
client sent.

Metrics are kept in shared files where ``PROMETHEUS_MULTIPROC_DIR`` is set before this module is imported, so that the
operations face can answer for all workers. Every label is from a bounded set.
"""

import json
import logging
import os
import sys
import warnings
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from threading import Lock
from traceback import extract_tb
from typing import Any, TextIO

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from gateway.runtime.background import LastHandler
from gateway.telemetry.events import AnsweredRequest, HandledMessage, SentMessage
from trust.agreements.agreement import Closure
from trust.exchange.envelope import AgreementRef
from trust.identifiers import EntityId

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
"""The members a log line may have. ``at`` is where in the code, ``error`` an exception's class, never its text."""
MAX_VALUE = 300
MAX_PEERS = 200
"""Peers with a latency series of their own; the rest share ``other``."""
_MAX_FRAMES = 12
_ALARMING = frozenset({"id_reused"})
_OWN_LOGGER = "hearthgate"
_MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
_SERVER_ERROR = 500
_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_ENCODER = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))  # json.dumps would make one for each line
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

disable_created_metrics()  # type: ignore[no-untyped-call]
shared_registry = CollectorRegistry()
_requests = Counter(
    "hearthgate_requests", "Requests answered.", ("face", "route", "method", "status"), registry=shared_registry
)
_request_seconds = Histogram(
    "hearthgate_http_request_duration_seconds",
    "Seconds to answer a request.",
    ("face", "route"),
    buckets=_SECONDS,
    registry=shared_registry,
)
_handled = Counter(
    "hearthgate_messages_handled",
    "Messages of peers answered.",
    ("kind", "outcome", "replayed"),
    registry=shared_registry,
)
_sent = Counter("hearthgate_messages_sent", "Messages sent to peers.", ("outcome",), registry=shared_registry)
_peer_seconds = Histogram(
    "hearthgate_peer_seconds", "Seconds until a peer answered.", ("peer",), buckets=_SECONDS, registry=shared_registry
)
_trust = Counter("hearthgate_federation_events", "Events of the directory.", ("code",), registry=shared_registry)
_dropped = Counter("hearthgate_log_fields_dropped", "Log members outside the closed list.", registry=shared_registry)
_crashes = Counter(
    "hearthgate_internal_errors", "Faults of our own, answered with 500.", ("face",), registry=shared_registry
)


class _Lines:
    """Where what happens at every request is written, in the form of every other line and without passing structlog.

    Finding its logger, binding it and walking its processors costs more than the line itself. Where logging is not
    configured, structlog's own default holds.
    """

    def __init__(self) -> None:
        self._stream: TextIO = sys.stderr
        self._configured: object = None

    def follow(self, stream: TextIO, configured: object) -> None:
        """Write to ``stream`` for as long as structlog is configured with that factory."""
        self._stream, self._configured = stream, configured

    def write(self, level: str, event: str, **members: object) -> None:
        """Write one line, whole."""
        if structlog.get_config()["logger_factory"] is not self._configured:
            structlog.get_logger(_OWN_LOGGER).log(_LEVELS[level], event, **members)
            return
        line: dict[str, Any] = {**members, "event": event, "level": level, "ts": _now()}
        self._stream.write(_render(None, "", keep_allowed(None, "", line)) + "\n")
        self._stream.flush()


_lines = _Lines()


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def configure_logging(stream: TextIO = sys.stderr) -> None:
    """Send every log line, our own and the libraries', to ``stream`` in the one form.

    Authlib's logger is pinned at INFO: at DEBUG it writes whole tokens.
    """
    factory = structlog.WriteLoggerFactory(file=stream)
    _lines.follow(stream, factory)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            keep_allowed,
            _render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=factory,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Formatter())
    handler.setLevel(logging.INFO)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("authlib").setLevel(logging.INFO)
    warnings.showwarning = _warned


def keep_allowed(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Return the members that a log line may have, and count the others (a structlog processor)."""
    unknown = event.keys() - ALLOWED
    if unknown:
        _dropped.inc(len(unknown))
    return {name: _plain(value) for name, value in event.items() if name in ALLOWED}


def _plain(value: object) -> object:
    if type(value) is str and len(value) <= MAX_VALUE:  # as nearly all are
        return value
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value[:_MAX_FRAMES]]
    text = str(value) if isinstance(value, str) else f"({type(value).__name__})"
    return text[:MAX_VALUE]


def _render(_logger: object, _method: str, event: Mapping[str, Any]) -> str:
    return _ENCODER.encode(event)


class _Formatter(logging.Formatter):
    """Write a record of the standard library's logging in the same form."""

    def format(self, record: logging.LogRecord) -> str:
        event: dict[str, Any] = {
            "at": [_place(record.pathname, record.lineno, record.funcName)],
            "event": _text(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "ts": _now(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            event |= _whereabouts(record.exc_info[1])
        return _render(None, "", keep_allowed(None, "", event))


def _text(record: logging.LogRecord) -> str:
    """Return our own text whole, another library's template, and nothing of what it had put together itself."""
    if record.name.partition(".")[0] == _OWN_LOGGER:
        return record.getMessage()
    return str(record.msg) if record.args else "(text withheld)"


def _warned(
    message: Warning | str,  # noqa: ARG001 - its text may hold anything
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001 - there is one stream
    line: str | None = None,  # noqa: ARG001 - the place says it
) -> None:
    """Log a warning of the interpreter by its class and place."""
    structlog.get_logger(_OWN_LOGGER).warning("warned", error=category.__name__, at=[_place(filename, lineno, "")])


def _place(filename: str, lineno: int | None, function: str) -> str:
    return f"{Path(filename).name}:{lineno} {function}".rstrip()


def _whereabouts(error: BaseException) -> dict[str, Any]:
    """Return an exception's class and the lines it came through; its text may hold anything."""
    frames = extract_tb(error.__traceback__)[-_MAX_FRAMES:]
    at = [_place(frame.filename, frame.lineno, frame.name) for frame in frames]
    return {"error": type(error).__name__, "at": at}


@cache
def _counted(face: str, route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    """Find the two series of a request once; every label is from a bounded set."""
    return _requests.labels(face, route, method, status), _request_seconds.labels(face, route)


class FaceObserver:
    """What becomes of the requests to a face: one line and one count each, and a line with its place for a crash."""

    def answered(self, exchange: AnsweredRequest) -> None:
        """Note one answered request; the operations face's are counted, and logged where they failed."""
        requests, seconds = _counted(exchange.face, exchange.route, exchange.method, exchange.status)
        requests.inc()
        seconds.observe(exchange.duration_s)
        if exchange.face == "operations" and exchange.status < _SERVER_ERROR:
            return
        _lines.write(
            "info",
            "answered",
            face=exchange.face,
            method=exchange.method,
            route=exchange.route,
            status=exchange.status,
            duration_ms=round(exchange.duration_s * 1000, 1),
            request_id=exchange.request_id,
            trace=exchange.trace,
            problem=exchange.problem,
            reason=exchange.reason,
        )

    def crashed(self, error: BaseException, *, face: str, request_id: str) -> None:
        """Note a fault of our own by its class and place."""
        _crashes.labels(face).inc()
        _lines.write("error", "crashed", face=face, request_id=request_id, **_whereabouts(error))


def message_handled(message: HandledMessage) -> None:
    """Note one message of a peer that was answered."""
    _handled.labels(message.kind, message.outcome, str(message.replayed).lower()).inc()
    _lines.write(
        "warning" if message.outcome in _ALARMING else "info",
        "message_handled",
        peer=message.peer,
        service=message.service,
        kind=message.kind,
        outcome=message.outcome,
        replayed=message.replayed,
        failure=message.failure,
    )


def message_sent(sent: SentMessage) -> None:
    """Note one message that was sent to a peer, however it went."""
    _sent.labels(sent.outcome).inc()
    _peer_seconds.labels(_peer_label(sent.peer)).observe(sent.seconds)
    _lines.write(
        "info",
        "message_sent",
        peer=sent.peer,
        outcome=sent.outcome,
        duration_ms=round(sent.seconds * 1000, 1),
        trace=sent.trace,
        peer_trace=sent.peer_trace,
    )


def notice_trust(code: str, entity: EntityId) -> None:
    """Note what the directory wants an administrator to know."""
    _trust.labels(code).inc()
    structlog.get_logger("hearthgate.trust").warning("federation_event", code=code, peer=entity)


def agreement_signed(party: EntityId, agreement: AgreementRef) -> None:
    """Note a party's signature that was accepted from another node."""
    structlog.get_logger("hearthgate.agreements").info(
        "agreement_signed", peer=party, agreement=f"{agreement.id}/{agreement.version}"
    )


def agreement_closed(party: EntityId, agreement: AgreementRef, closure: Closure) -> None:
    """Note a party's notice, accepted from its node, that a version never binds again."""
    structlog.get_logger("hearthgate.agreements").warning(
        "agreement_closed", peer=party, agreement=f"{agreement.id}/{agreement.version}", code=closure
    )


def notice_keeper(code: str) -> None:
    """Note a round of the keeper that could not be finished."""
    structlog.get_logger("hearthgate.keeper").warning("maintenance_warning", code=code)


def step_failed(error: BaseException, step: str) -> None:
    """Note a fault of our own in background work by its class and place."""
    _crashes.labels("background").inc()
    _lines.write("error", "crashed", face="background", step=step, **_whereabouts(error))


last_handler = LastHandler(crashed=step_failed, notice=notice_keeper)
"""Under which background work of this process is done."""


def exposition() -> tuple[str, bytes]:
    """Return the content type and the text of all metrics, over all workers where they share their files."""
    registry = shared_registry
    if os.environ.get(_MULTIPROCESS):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return CONTENT_TYPE_LATEST, generate_latest(registry)


_peers: set[str] = set()
_peers_lock = Lock()


def _peer_label(peer: EntityId) -> str:
    if peer in _peers:
        return peer
    with _peers_lock:
        if len(_peers) >= MAX_PEERS:
            return "other"
        _peers.add(peer)
    return peer
