"""Queries about misuse on the peer face: each is signed by a member and proves itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response

from gateway.misuse.answers import QueryReused, TooManyOpen
from gateway.misuse.queries import CONTENT_TYPE, QUERIES_PATH
from gateway.ports import Clock
from gateway.web import bodies, problem
from gateway.web.guards import open_to_all
from gateway.web.problem import Problem
from trust.exchange.envelope import MAX_BYTES

_TOO_MANY = "So many of your queries wait for a name here that no more are taken in; ask about those that wait."
_IN_AN_HOUR = {"Retry-After": "3600"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MisuseFace:
    """What this part of the face stands on."""

    receive: Callable[[bytes, datetime], bytes]
    clock: Clock


def misuse_blueprint(face: MisuseFace) -> Blueprint:
    """Return the address to which holders post their queries."""
    blueprint = Blueprint("misuse", __name__)

    @blueprint.post(QUERIES_PATH)
    @open_to_all("each query is signed by the member that asks, and is good once, inside")
    def query() -> Response:
        raw = bodies.read_body(CONTENT_TYPE, max_bytes=MAX_BYTES)
        try:
            answer = face.receive(raw, face.clock.now())
        except QueryReused:
            raise Problem(problem.CONFLICT) from None
        except TooManyOpen:
            raise Problem(problem.OVER_BUDGET, _TOO_MANY, headers=_IN_AN_HOUR) from None
        return Response(answer, content_type=CONTENT_TYPE)

    return blueprint
