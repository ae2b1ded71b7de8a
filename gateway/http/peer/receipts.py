"""Receipts on the peer API: each is signed by the recipient of a message and proves itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from flask import Blueprint, Response

from gateway.delivery.receipts import UnknownMessage
from gateway.federation.entity_configuration import RECEIPTS_PATH
from gateway.ports import Clock
from gateway.web import bodies, problem
from gateway.web.guards import open_to_all
from gateway.web.problem import Problem
from trust.exchange.envelope import MAX_BYTES

RECEIPT_TYPE = "application/jwt"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptsFace:
    """The parts of this address."""

    receive: Callable[[bytes, datetime], None]
    clock: Clock


def receipts_blueprint(face: ReceiptsFace) -> Blueprint:
    """Return the address to which recipients post later states of messages."""
    blueprint = Blueprint("receipts", __name__)

    @blueprint.post(RECEIPTS_PATH)
    @open_to_all("each receipt is signed by the recipient of a message of ours, and repeats change nothing")
    def receipts() -> Response:
        raw = bodies.read_body(RECEIPT_TYPE, max_bytes=MAX_BYTES)
        try:
            face.receive(raw, face.clock.now())
        except UnknownMessage:
            raise Problem(problem.NOT_FOUND) from None
        return Response(status=HTTPStatus.NO_CONTENT)

    return blueprint
