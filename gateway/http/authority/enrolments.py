"""The endpoint for enrolment requests; :mod:`gateway.authority.enrolment` has the rules."""

from http import HTTPStatus

from flask import Blueprint, Response, request

from gateway.authority.enrolment import EnrolmentQueue
from gateway.authority.errors import EnrolmentQueueFull, EnrolmentRateExceeded, EnrolmentRefused
from gateway.authority.statements import ENROLMENTS_PATH
from gateway.ports import Clock
from gateway.web import problem
from gateway.web.bodies import read_body
from gateway.web.guards import open_to_all
from gateway.web.problem import Problem
from trust import strict_json
from trust.federation.enrolment import EnrolmentRequest
from trust.federation.entity_statement import MAX_BYTES
from trust.spoken_digits import digits_of_keys, spoken

ENROLMENT_TYPE = "application/enrolment-request+jwt"
JWT_TYPE = "application/jwt"
_AGAIN_S = "60"


def enrolments_blueprint(queue: EnrolmentQueue, *, clock: Clock) -> Blueprint:
    """Return the queue's endpoint."""
    blueprint = Blueprint("enrolments", __name__)

    @blueprint.post(ENROLMENTS_PATH)
    @open_to_all("an applicant is a stranger yet; its request proves nothing but that it holds its keys")
    def enrol() -> Response:
        # A client need not know our own media type; the request's own typ says what it is.
        own_type = (request.content_type or "").strip().lower() == ENROLMENT_TYPE
        raw = read_body(ENROLMENT_TYPE if own_type else JWT_TYPE, max_bytes=MAX_BYTES)
        try:
            return _accepted(queue.receive(raw, now=clock.now()))
        except EnrolmentRateExceeded as refused:
            raise Problem(problem.BUSY, headers={"Retry-After": _AGAIN_S}) from refused
        except EnrolmentQueueFull as refused:
            raise Problem(problem.ENROLMENT_QUEUE_FULL) from refused
        except EnrolmentRefused as refused:
            raise Problem(problem.ENROLMENT_REFUSED, str(refused)) from refused

    return blueprint


def _accepted(enrolment: EnrolmentRequest) -> Response:
    number, listed = spoken(digits_of_keys(enrolment.thumbprints)), ", ".join(enrolment.thumbprints)
    document: strict_json.JsonObject = {
        "state": "waiting",
        "entity_id": enrolment.entity_id,
        "thumbprints": list(enrolment.thumbprints),
        "message": f"The request waits. Ring the administrators and read out {number} (key id {listed}).",
    }
    return Response(strict_json.dumps(document), status=HTTPStatus.ACCEPTED, content_type="application/json")
