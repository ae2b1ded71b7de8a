"""The case API: tokens, options and description, for the agency's own case systems."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response

from gateway.callers import CaseCaller
from gateway.exchange.options import Options
from gateway.http.case import openapi
from gateway.http.discovery import publish
from gateway.http.tokens import add_token_endpoints
from gateway.oauth import forms, metadata
from gateway.oauth.case_server import CaseOAuth, case_server
from gateway.oauth.protector import CaseProtector
from gateway.ports import Clock
from gateway.web import case_request
from gateway.web.case_openapi import ApiOperation
from gateway.web.guards import CaseGuard
from gateway.web.practitioner import positions_of

MAX_BODY = max(case_request.MAX_BODY, forms.MAX_BODY)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFace:
    """The parts of the case API; ``operations`` are those of the kinds that it serves."""

    oauth: CaseOAuth
    clock: Clock
    options: Options
    operations: Sequence[ApiOperation]


def case_guard(oauth: CaseOAuth, clock: Clock) -> CaseGuard:
    """Return the guard of every route for case systems."""
    return CaseGuard(CaseProtector(oauth), base_url=oauth.base_url, clock=clock)


def case_blueprint(face: CaseFace, guard: CaseGuard) -> Blueprint:
    """Return the token endpoint, the options, and the description of the case API."""
    blueprint = Blueprint("case", __name__)
    add_token_endpoints(blueprint, case_server(face.oauth), clock=face.clock)
    publish(blueprint, metadata.AUTHORIZATION_SERVER_PATH, metadata.case_authorization_server(face.oauth))
    publish(blueprint, metadata.CASE_RESOURCE_PATH, metadata.case_resource(face.oauth))
    publish(blueprint, openapi.OPENAPI_PATH, openapi.document(face.oauth.base_url, face.operations))

    @blueprint.get(openapi.OPTIONS.path)
    @guard
    def list_options(caller: CaseCaller, now: datetime) -> Response:
        return openapi.OPTIONS.respond(face.options.list(positions_of(caller), now=now))

    return blueprint
