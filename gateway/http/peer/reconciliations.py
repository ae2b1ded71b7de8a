"""Comparisons of messages on the peer API: each query is signed by a member and proves itself."""

from collections.abc import Callable
from datetime import datetime

from flask import Blueprint, Response

from gateway.delivery.reconciliation import CONTENT_TYPE, PATH, ReconciliationReused
from gateway.ports import Clock
from gateway.web import bodies, problem
from gateway.web.guards import open_to_all
from gateway.web.problem import Problem
from trust.exchange.envelope import MAX_BYTES


def reconciliations_blueprint(receive: Callable[[bytes, datetime], bytes], *, clock: Clock) -> Blueprint:
    """Return the address to which senders post what they believe delivered; ``receive`` answers a query."""
    blueprint = Blueprint("reconciliations", __name__)

    @blueprint.post(PATH)
    @open_to_all("each query is signed by the sender of the messages, and is good once")
    def reconcile() -> Response:
        raw = bodies.read_body(CONTENT_TYPE, max_bytes=MAX_BYTES)
        try:
            answer = receive(raw, clock.now())
        except ReconciliationReused:
            raise Problem(problem.CONFLICT) from None
        return Response(answer, content_type=CONTENT_TYPE)

    return blueprint
