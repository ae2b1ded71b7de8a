"""Routes of a recipient that kinds share: the message, the person who acts on it, and the recording of an answer.

A person who acts holds a position at the service that the message came for.
"""

from collections.abc import Collection
from datetime import datetime
from typing import cast

from flask import Blueprint, Response

from gateway.callers import CaseCaller
from gateway.delivery.inbox import NoSuchMessage
from gateway.delivery.inbox_view import ServiceInbox
from gateway.oauth.case_server import RESOURCE_PATH
from gateway.web import bodies, problem
from gateway.web.case_openapi import ApiOperation
from gateway.web.case_request import MAX_BODY, Body, PractitionerBody, read_model
from gateway.web.guards import CaseGuard
from gateway.web.practitioner import positions_of, practitioner_of
from gateway.web.problem import Problem
from trust.errors import ExchangeRefused
from trust.exchange.errors import Fault, MalformedBody
from trust.exchange.kind import ExchangeKind
from trust.identifiers import RoleCode, ServiceSlug
from trust.oauth.access_token import Position
from trust.strict_json import JsonObject

INBOX_PATH = RESOURCE_PATH + "/inbox"
MESSAGE_PARAMETER: JsonObject = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "As the inbox lists it.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
}
READ_FOR_RECORD = "read a message for the record"
DECIDE_ON_SHARING = "decide whether to share"
_DUTY = {
    READ_FOR_RECORD: "Have a person on duty open the message; its bell rings until then.",
    DECIDE_ON_SHARING: "Have a person on duty decide.",
}
_SIGN_IN = "Exchange the person's own sign-in for a token at the token endpoint, and repeat the request with that."


class DecisionBody(Body):
    """What a person decided on a message."""

    practitioner: PractitionerBody | None = None

    def to_answer(self) -> JsonObject:
        """Return the body of the receipt that tells the sender."""
        return self.model_dump(mode="json", exclude={"practitioner"}, exclude_none=True)


def services_of(caller: CaseCaller) -> tuple[str, ...]:
    """Return the services of the caller's positions."""
    return tuple(sorted({each.service for each in positions_of(caller)}))


def find_service(inbox: ServiceInbox, caller: CaseCaller, message: str, *, kind: str | None = None) -> ServiceSlug:
    """Return the caller's service that a message came for. Raises :class:`Problem`."""
    try:
        return inbox.service_of(services_of(caller), message, kind=kind)
    except NoSuchMessage:
        raise Problem(problem.NOT_FOUND) from None


def position_on_duty(
    caller: CaseCaller, service: ServiceSlug, duty_roles: Collection[RoleCode], act: str = READ_FOR_RECORD
) -> tuple[str, Position]:
    """Return the person who signed in, and their position at a service, in one of its duty roles if it has some.

    ``act`` is what only they can do. Raises :class:`Problem`.
    """
    signed_in = caller.token.signed_in
    if signed_in is None:
        detail = f"Only a person who signed in can {act}."
        raise Problem(problem.OUTSIDE_REGISTRATION, detail, remedy=_SIGN_IN)
    positions = [each for each in positions_of(caller) if each.service == service]
    on_duty = [each for each in positions if not duty_roles or each.role in duty_roles]
    if not on_duty:
        roles = ", ".join(sorted(duty_roles))
        raise Problem(problem.OUTSIDE_REGISTRATION, f"Only a duty role can {act}: {roles}.", remedy=_DUTY[act])
    return signed_in.sub, on_duty[0]


def add_answer_route(
    routes: Blueprint, operation: ApiOperation, kind: ExchangeKind, inbox: ServiceInbox, guard: CaseGuard
) -> None:
    """Add the route by which a person records what was decided on a message of one kind."""
    model = cast("type[DecisionBody]", operation.body)

    @routes.post(operation.path.replace("{id}", "<message>"), endpoint=operation.id)
    @guard
    def answer(caller: CaseCaller, now: datetime, message: str) -> Response:
        service = find_service(inbox, caller, message, kind=kind.name)
        _, body, faults = read_model(model, bodies.read_json_body(max_bytes=MAX_BODY))
        if body is None:
            raise Problem(problem.INVALID_FIELDS, faults=faults)
        practitioner, _ = practitioner_of(caller, body.practitioner, service)
        try:
            inbox.inbox.answer(service, message, body.to_answer(), actor=practitioner.role, now=now)
        except MalformedBody as malformed:
            at_fault = [
                Fault(path=each.path.removeprefix("answer."), problem=each.problem) for each in malformed.faults
            ]
            raise Problem(problem.INVALID_FIELDS, faults=at_fault) from None
        except ExchangeRefused as refused:
            raise Problem(problem.INVALID_FIELDS, refused.detail) from None
        return operation.respond(inbox.get(service, message, now=now))
