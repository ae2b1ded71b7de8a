"""The CPU of each part of an exchange, in the real node, one exchange after another.

The node of the measurement is put together in this process from the same configuration and store, and its peer face is
called as gunicorn calls it. A part's time does not count what it asks of another part of the list. What is left between
that and the CPU of the served node, asked over one connection, is gunicorn's, TLS's and the threads'.

The spans are read from the wall clock, since nothing else runs and no part but the commit waits: asking the kernel for
the CPU time costs more, and disturbs more, than the smallest parts take. Only around the commit is it asked, to tell
work from waiting for the disk.
"""

import gc
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from statistics import median
from time import perf_counter_ns, process_time_ns
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder
from werkzeug.wsgi import ClosingIterator

import adapters.matching.decide
import gateway.evidence.recorder
import gateway.exchange.inbound
import gateway.exchange.inbound_evidence
import gateway.lookups.responder
import trust.agreements.decision_record
import trust.jose
import trust.oauth.dpop_proof
from adapters.sources.sql import SqlSource
from gateway.app.node import Node, create_node
from gateway.exchange.inbound import Inbound
from gateway.federation.entity_configuration import MESSAGES_PATH
from gateway.federation.resolver import FederationResolver
from gateway.keys.vault import FileKeyVault
from gateway.oauth.protector import PeerProtector
from gateway.oauth.signatures import GoodSignatures
from gateway.store.engine.claims_sqlite import SqliteClaims
from gateway.store.engine.sqlite import SqliteStore
from gateway.telemetry import events
from gateway.telemetry.logging import configure_logging
from tests.bench.asking import HOLDER, Asker
from tests.bench.estate import Estate
from tests.bench.lines import Answer, drive
from tests.bench.report import Figures
from tests.simulator.settings_files import read_node
from trust.keys import LocalSigner

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

Shares = dict[str, float]
"""CPU microseconds of the median exchange, by part."""

SERVING = "gunicorn, TLS and threads"
REST = "Flask and the face: routing, headers"
WAITING = "(waiting for the disk, without CPU)"
_WARM_UP = 50
_COMMIT = "store: commit of claim, reply and two leaves"
_TRUST = "trust: chain from memory"
PARTS: Sequence[tuple[str, object, str]] = (
    ("ES256: two verifications", trust.jose, "_stands"),
    ("ES256: one signature", LocalSigner, "sign"),
    ("access token: known bytes, times", GoodSignatures, "verify"),
    ("DPoP proof: parse, key, claims", trust.oauth.dpop_proof, "verify"),
    ("DPoP proof: single use (own file)", SqliteClaims, "claim"),
    (_TRUST, FederationResolver, "resolve"),
    ("message: parse and check", gateway.exchange.inbound, "open_message"),
    ("store: reads", SqliteStore, "read"),
    ("decision before the person is in sight", trust.agreements.decision_record, "decide_request"),
    ("case system: SQL adapter", SqlSource, "find"),
    ("case system: SQL adapter", SqlSource, "involvements"),
    ("matching", adapters.matching.decide, "match"),
    ("decision with the person in sight, cutting", gateway.lookups.responder, "decide_release"),
    ("decision with the person in sight, cutting", gateway.lookups.responder, "_minimise"),
    ("reply: write and seal", gateway.exchange.inbound, "build_reply"),
    ("reply: write and seal", FileKeyVault, "seal_for_a_day"),
    ("evidence: leaves", gateway.exchange.inbound_evidence, "received_leaf"),
    ("evidence: leaves", gateway.evidence.recorder, "build_entry"),
    ("evidence: record of the decision", gateway.exchange.inbound_evidence, "decision_entry"),
    (_COMMIT, SqliteStore, "write"),
    ("what lies between these", Inbound, "handle"),
    ("what lies between these", PeerProtector, "authenticate"),
    ("log and metrics", events, "record_inbound_message"),
    ("log and metrics", events.RequestObserver, "record_request"),
)


class _Spans:
    """Nanoseconds by part, of each exchange; at any moment they belong to the innermost part that is at work."""

    def __init__(self) -> None:
        self.exchanges: list[dict[str, int]] = []
        self._within = [REST]
        self._since = 0

    def start(self) -> None:
        """Begin an exchange."""
        self.exchanges.append(defaultdict(int))
        self._since = perf_counter_ns()

    def stop(self) -> None:
        """End an exchange."""
        self._charge()

    def around(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its time charged to its part."""

        @wraps(function)
        def timed(*arguments: object, **named: object) -> object:
            self._charge()
            self._within.append(part)
            try:
                return function(*arguments, **named)
            finally:
                self._charge()
                self._within.pop()

        return timed

    def around_commit(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, which has no part within it, with its work and its waiting charged apart."""

        @wraps(function)
        def timed(*arguments: object, **named: object) -> object:
            self._charge()
            worked = process_time_ns()
            try:
                return function(*arguments, **named)
            finally:
                worked = process_time_ns() - worked
                spent = perf_counter_ns() - self._since
                self._since += spent
                self.exchanges[-1][_COMMIT] += min(worked, spent)
                self.exchanges[-1][WAITING] += max(0, spent - worked)

        return timed

    def _charge(self) -> None:
        now = perf_counter_ns()
        self.exchanges[-1][self._within[-1]] += now - self._since
        self._since = now


def measure(estate: Estate, *, count: int) -> Shares:
    """Return the CPU of each part; the holder's node must be running, and keeps running."""
    asker = Asker(estate)
    lines = [estate.peer_door(HOLDER).connect()]
    token = _token(drive(asker.token_requests(1), lines).answers[0])
    served_us = _served_us(estate, asker, token, count)
    spans = _Spans()
    environs = list(_environs(asker, token, count + _WARM_UP))
    with (
        _logged_to(estate.configuration(HOLDER).with_name("components.log")),
        _timed_parts(spans),
        _node(estate) as node,
    ):
        for environ in environs:
            spans.start()
            status = _status(node.peer_app, environ)
            spans.stop()
            if not status.startswith("200"):
                raise RuntimeError(f"an exchange was refused: {status}")
    measured = spans.exchanges[_WARM_UP:]
    parts = {part: median(each[part] for each in measured) / 1_000 for part in measured[0]}
    inside_us = sum(parts.values()) - parts[WAITING]
    return {**parts, SERVING: max(0.0, served_us - inside_us)}


def figures(shares: Mapping[str, float]) -> Figures:
    """Return what of it has a target."""
    total = sum(time_us for part, time_us in shares.items() if part != WAITING)
    return {"trust_share": shares[_TRUST] / total * 100}


def table(shares: Mapping[str, float]) -> str:
    """Write the parts with their shares, the largest first."""
    used = {part: time_us for part, time_us in shares.items() if part != WAITING}
    total = sum(used.values())
    width = max(map(len, shares))
    rows = [
        f"{part:<{width}}  {time_us:>6.0f} us  {time_us / total:>4.0%}"
        for part, time_us in sorted(used.items(), key=lambda row: -row[1])
    ]
    rows.append(f"{'all of one exchange, one after another':<{width}}  {total:>6.0f} us  100%")
    rows.append(f"{WAITING:<{width}}  {shares[WAITING]:>6.0f} us")
    return "\n".join(rows)


def _token(answer: Answer) -> bytes:
    token: str = answer.json()["access_token"]
    return token.encode()


def _served_us(estate: Estate, asker: Asker, token: bytes, count: int) -> float:
    lines = [estate.peer_door(HOLDER).connect()]
    drive(asker.batch([token], _WARM_UP).requests, lines)
    batch, node = asker.batch([token], count), estate.running(HOLDER)
    before = node.cpu()
    driven = drive(batch.requests, lines)
    used = node.cpu().since(before)
    asker.check(batch, driven.answers)
    for line in lines:
        line.close()
    return used.all_s / count * 1e6


def _status(app: "WSGIApplication", environ: dict[str, Any]) -> str:
    """Call the application as a server does, and return the status it answered with."""
    statuses: list[str] = []

    def start(status: str, *_rest: object) -> Callable[[bytes], object]:
        statuses.append(status)
        return len

    answered = app(environ, start)
    for _ in answered:
        pass
    if isinstance(answered, ClosingIterator):
        answered.close()
    return statuses[0]


@contextmanager
def _logged_to(path: Path) -> Iterator[None]:
    with path.open("w", encoding="utf-8", buffering=1) as log:
        configure_logging(log)
        yield


@contextmanager
def _node(estate: Estate) -> Iterator[Node]:
    node = create_node(read_node(estate.configuration(HOLDER)))
    gc.collect()
    gc.freeze()  # as gateway.server.supervisor does
    try:
        yield node
    finally:
        node.store.close()
        node.claims.close()
        gc.unfreeze()


@contextmanager
def _timed_parts(spans: _Spans) -> Iterator[None]:
    with ExitStack() as undo:
        for part, owner, name in PARTS:
            original = getattr(owner, name)
            timed = spans.around_commit(original) if part == _COMMIT else spans.around(part, original)
            setattr(owner, name, timed)
            undo.callback(setattr, owner, name, original)
        yield


def _environs(asker: Asker, token: bytes, count: int) -> Iterator[dict[str, Any]]:
    for request in asker.batch([token], count).requests:
        head, _, body = request.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode("ascii").split("\r\n")[1:])
        yield EnvironBuilder(path=MESSAGES_PATH, method="POST", headers=Headers(headers), data=body).get_environ()
