"""The case face: what the agency's own case systems ask of their node."""

import re
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from flask import Blueprint, Response, request

from gateway.callers import (
    CaseCaller,
    EligibilityRequest,
    EligibilityService,
    LeftOut,
    LookupRequest,
    LookupService,
    LookupState,
    LookupView,
    OptionsService,
)
from gateway.http.case import models, openapi
from gateway.http.case.models import EligibilityBody, LookupBody
from gateway.http.case.practitioner import asker_of, positions_of
from gateway.http.discovery import publish
from gateway.http.tokens import add_token_endpoints
from gateway.oauth import forms, metadata
from gateway.oauth.case_server import CaseOAuth, case_server
from gateway.oauth.protector import CaseProtector
from gateway.ports import Clock
from gateway.web import bodies, problem
from gateway.web.face import current_request_id, current_trace
from gateway.web.guards import CaseGuard
from gateway.web.problem import Problem
from trust.exchange.person import Description, enough_to_go_on

MAX_BODY = max(models.MAX_BODY, forms.MAX_BODY)
# The draft standard writes the key as a quoted string; most clients leave the quotes out.
_IDEMPOTENCY_KEY = re.compile(r'("?)([A-Za-z0-9._~-]{8,128})\1')


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFace:
    """What the case face stands on."""

    oauth: CaseOAuth
    clock: Clock
    lookups: LookupService
    eligibility: EligibilityService
    options: OptionsService


def case_blueprint(face: CaseFace) -> Blueprint:
    """Return the token endpoint, the case API and its description."""
    blueprint = Blueprint("case", __name__)
    guard = CaseGuard(CaseProtector(face.oauth), base_url=face.oauth.base_url, clock=face.clock)
    _add_discovery(blueprint, face)

    @blueprint.post(openapi.LOOKUPS_PATH)
    @guard
    def start_lookup(caller: CaseCaller, now: datetime) -> Response:
        key = _idempotency_key()
        asked = _lookup_request(caller, now)
        view = face.lookups.start(caller, asked, idempotency_key=key, now=now)
        running = view.state is LookupState.RUNNING
        response = _lookup(view, HTTPStatus.ACCEPTED if running else HTTPStatus.CREATED)
        response.headers["Location"] = f"{face.oauth.base_url}{openapi.LOOKUPS_PATH}/{view.id}"
        return response

    @blueprint.get(openapi.LOOKUPS_PATH + "/<lookup_id>")
    @guard
    def get_lookup(caller: CaseCaller, now: datetime, lookup_id: str) -> Response:
        view = face.lookups.get(lookup_id, caller, now=now)
        if view is None:
            raise Problem(problem.NOT_FOUND)
        return _lookup(view, HTTPStatus.OK)

    @blueprint.get(openapi.OPTIONS_PATH)
    @guard
    def list_options(caller: CaseCaller, now: datetime) -> Response:
        view = face.options.list(positions_of(caller), now=now)
        return Response(openapi.OPTIONS_VIEW.dump_json(view, exclude_none=True), content_type=bodies.JSON)

    @blueprint.post(openapi.ELIGIBILITY_PATH)
    @guard
    def ask_eligibility(caller: CaseCaller, now: datetime) -> Response:
        view = face.eligibility.ask(caller, _eligibility_request(caller, now), now=now)
        return Response(openapi.ELIGIBILITY_VIEW.dump_json(view, exclude_none=True), content_type=bodies.JSON)

    return blueprint


def _add_discovery(blueprint: Blueprint, face: CaseFace) -> None:
    add_token_endpoints(blueprint, case_server(face.oauth), clock=face.clock)
    publish(blueprint, metadata.AUTHORIZATION_SERVER_PATH, metadata.case_authorization_server(face.oauth))
    publish(blueprint, metadata.CASE_RESOURCE_PATH, metadata.case_resource(face.oauth))
    publish(blueprint, openapi.OPENAPI_PATH, openapi.document(face.oauth.base_url))


def _lookup_request(caller: CaseCaller, now: datetime) -> LookupRequest:
    raw = bodies.read_json_body(max_bytes=models.MAX_BODY)
    body, described = models.read(LookupBody, raw, today=now.date())
    enough_to_go_on(described.subject)
    practitioner, from_service = asker_of(caller, body.practitioner, body.from_service)
    return LookupRequest(
        subject=described.subject,
        left_out=_left_out(described),
        purpose=body.purpose,
        reason=body.reason,
        case_ref=body.case_ref,
        practitioner=practitioner,
        from_service=from_service,
        wait_s=body.wait_s,
        trace=current_trace(),
        request_id=current_request_id(),
        holders=body.services(),
        fields=None if body.fields is None else frozenset(body.fields),
        consent=body.consent_record(),
    )


def _eligibility_request(caller: CaseCaller, now: datetime) -> EligibilityRequest:
    raw = bodies.read_json_body(max_bytes=models.MAX_BODY)
    body, described = models.read(EligibilityBody, raw, today=now.date())
    enough_to_go_on(described.subject)
    practitioner, from_service = asker_of(caller, body.practitioner, body.from_service)
    return EligibilityRequest(
        subject=described.subject,
        left_out=_left_out(described),
        question=body.question,
        benefit=body.benefit,
        as_of=body.as_of or now.date(),
        purpose=body.purpose,
        reason=body.reason,
        case_ref=body.case_ref,
        practitioner=practitioner,
        from_service=from_service,
        trace=current_trace(),
        request_id=current_request_id(),
        holders=body.services(),
        consent=body.consent_record(),
    )


def _left_out(described: Description) -> tuple[LeftOut, ...]:
    return tuple(LeftOut(member=each.path, reason=each.problem) for each in described.left_out)


def _idempotency_key() -> str:
    match = _IDEMPOTENCY_KEY.fullmatch(request.headers.get("Idempotency-Key", ""))
    if match is None:
        raise Problem(problem.IDEMPOTENCY_KEY_REQUIRED)
    return match[2]


def _lookup(view: LookupView, status: HTTPStatus) -> Response:
    response = Response(openapi.LOOKUP_VIEW.dump_json(view, exclude_none=True), status=status, content_type=bodies.JSON)
    if view.state is LookupState.RUNNING:
        response.headers["Retry-After"] = "1"
    return response
