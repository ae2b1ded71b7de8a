"""The operations face: health and metrics, for the machine itself only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address

from flask import Blueprint, Response, request

from gateway.web import problem
from gateway.web.guards import open_to_all
from gateway.web.problem import Problem
from trust import strict_json

MAX_BODY = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyCheck:
    """One thing the node needs before it can work. ``fault`` returns a sentence, or ``None`` where all is well."""

    name: str
    fault: Callable[[], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationsFace:
    """What the operations face stands on. ``metrics`` returns the content type and the exposition."""

    checks: Sequence[ReadyCheck]
    metrics: Callable[[], tuple[str, bytes]]


def operations_blueprint(face: OperationsFace) -> Blueprint:
    """Return the health and metrics addresses."""
    blueprint = Blueprint("operations", __name__)
    on_loopback = open_to_all("listens on loopback only, and says nothing of any person")

    @blueprint.get("/health/live")
    @on_loopback
    def live() -> Response:
        return _json(HTTPStatus.OK, {"state": "live"})

    @blueprint.get("/health/ready")
    @on_loopback
    def ready() -> Response:
        faults = [(check.name, check.fault()) for check in face.checks]
        well = all(fault is None for _, fault in faults)
        lines = [{"name": name, "ok": fault is None, "detail": fault or ""} for name, fault in faults]
        status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
        return _json(status, {"state": "ready" if well else "not_ready", "checks": lines})

    @blueprint.get("/metrics")
    @on_loopback
    def metrics() -> Response:
        content_type, exposition = face.metrics()
        return Response(exposition, content_type=content_type)

    blueprint.before_request(_only_loopback)
    return blueprint


def _only_loopback() -> None:
    try:
        local = ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        local = False
    if not local:
        raise Problem(problem.NOT_FOUND)


def _json(status: HTTPStatus, document: strict_json.JsonObject) -> Response:
    return Response(strict_json.dumps(document), status=status, content_type="application/json")
