"""Events that are counted and logged. No field of theirs concerns a person."""

from dataclasses import dataclass
from functools import cache

from prometheus_client import Counter, Histogram

from gateway.runtime.background import LastHandler
from gateway.telemetry import metrics
from gateway.telemetry.logging import error_fields, log
from trust.agreements.agreement import Closure
from trust.agreements.due_dates import DueDate
from trust.agreements.suspending import SuspendedState
from trust.exchange.envelope import AgreementRef
from trust.identifiers import EntityId

_ALARMING = frozenset({"id_reused"})
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequestEvent:
    """One request that was answered. ``route`` is the template, never the path.

    ``problem`` is the problem's code or the OAuth error, ``reason`` the rule behind a refused token, proof or client.
    """

    face: str
    method: str
    route: str
    status: int
    duration_s: float
    request_id: str
    trace: str
    problem: str | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMessageEvent:
    """One message of a peer that was answered. ``failure`` says why the case system gave no answer."""

    peer: EntityId
    service: str
    kind: str
    outcome: str
    replayed: bool = False
    failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundMessageEvent:
    """One message that was sent to a peer; ``outcome`` is ``answered``, ``refused`` or ``failed``.

    ``trace`` is that of the request behind it, ``peer_trace`` the one that was sent to the peer.
    """

    peer: EntityId
    outcome: str
    seconds: float
    trace: str
    peer_trace: str


@cache
def _series(face: str, route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    """Find the two series of a request once; every label is from a bounded set."""
    return metrics.requests.labels(face, route, method, status), metrics.request_seconds.labels(face, route)


class RequestObserver:
    """Record the requests to an API: one line and one count each, and a line with its place for an internal error."""

    def record_request(self, event: HttpRequestEvent) -> None:
        """Record one answered request; those of the operations API are logged only where they failed."""
        requests, seconds = _series(event.face, event.route, event.method, event.status)
        requests.inc()
        seconds.observe(event.duration_s)
        if event.face == "operations" and event.status < _SERVER_ERROR:
            return
        log(
            "info",
            "answered",
            face=event.face,
            method=event.method,
            route=event.route,
            status=event.status,
            duration_ms=round(event.duration_s * 1000, 1),
            request_id=event.request_id,
            trace=event.trace,
            problem=event.problem,
            reason=event.reason,
        )

    def record_error(self, error: BaseException, *, face: str, request_id: str) -> None:
        """Record an internal error by its class and place."""
        metrics.internal_errors.labels(face).inc()
        log("error", "crashed", face=face, request_id=request_id, **error_fields(error))


def record_inbound_message(event: InboundMessageEvent) -> None:
    """Record one message of a peer that was answered."""
    metrics.messages_handled.labels(event.kind, event.outcome, str(event.replayed).lower()).inc()
    log(
        "warning" if event.outcome in _ALARMING else "info",
        "message_handled",
        peer=event.peer,
        service=event.service,
        kind=event.kind,
        outcome=event.outcome,
        replayed=event.replayed,
        failure=event.failure,
    )


def record_outbound_message(event: OutboundMessageEvent) -> None:
    """Record one message that was sent to a peer."""
    metrics.messages_sent.labels(event.outcome).inc()
    metrics.peer_seconds.labels(metrics.peer_label(event.peer)).observe(event.seconds)
    log(
        "info",
        "message_sent",
        peer=event.peer,
        outcome=event.outcome,
        duration_ms=round(event.seconds * 1000, 1),
        trace=event.trace,
        peer_trace=event.peer_trace,
    )


def record_federation_event(code: str, entity: EntityId) -> None:
    """Record an event of the federation for the administrator."""
    metrics.federation_events.labels(code).inc()
    log("warning", "federation_event", code=code, peer=entity)


def record_agreement_signature(party: EntityId, agreement: AgreementRef) -> None:
    """Record a party's signature that was accepted from another node."""
    log("info", "agreement_signed", peer=party, agreement=f"{agreement.id}/{agreement.version}")


def record_accession(issuer: EntityId, agreement: AgreementRef, document: str) -> None:
    """Record a document on an agency that joins, accepted from another node."""
    log("info", "agreement_accession", peer=issuer, agreement=f"{agreement.id}/{agreement.version}", code=document)


def record_agreement_closure(party: EntityId, agreement: AgreementRef, closure: Closure) -> None:
    """Record a party's notice, accepted from its node, that a version never binds again."""
    log("warning", "agreement_closed", peer=party, agreement=f"{agreement.id}/{agreement.version}", code=closure)


def record_suspension(party: EntityId, agreement: AgreementRef, state: SuspendedState) -> None:
    """Record a party's notice, accepted from another node, that an agreement is suspended or resumed."""
    log("warning", "agreement_suspension", peer=party, agreement=f"{agreement.id}/{agreement.version}", code=state)


def record_maintenance_warning(code: str) -> None:
    """Record a maintenance round that could not be finished."""
    log("warning", "maintenance_warning", code=code)


def record_agreement_date(due: DueDate) -> None:
    """Record that the review or the end of an agreement is due; called once for each stage."""
    version = f"{due.agreement.id}/{due.agreement.version}"
    log("warning", "maintenance_warning", code=f"agreement_{due.kind}_{due.stage}", agreement=version)


def record_step_failure(error: BaseException, step: str) -> None:
    """Record an internal error in background work by its class and place."""
    metrics.internal_errors.labels("background").inc()
    log("error", "crashed", face="background", step=step, **error_fields(error))


last_handler = LastHandler(crashed=record_step_failure, notice=record_maintenance_warning)
"""The handler under which this process does its background work."""
