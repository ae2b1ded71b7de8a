"""Lookups on the case API."""

from dataclasses import replace
from datetime import datetime
from http import HTTPStatus

from flask import Blueprint, Response
from pydantic import Field

from gateway.callers import CaseCaller
from gateway.exchange.case_question import Emergency
from gateway.exchange.consent_checks import ResolveConsent
from gateway.exchange.query_log import AskingSide
from gateway.lookups.responder import answer
from gateway.lookups.service import Lookups
from gateway.lookups.service_result import LookupState, LookupView
from gateway.oauth.case_server import RESOURCE_PATH
from gateway.web import problem
from gateway.web.capability import Capability
from gateway.web.case_openapi import EXAMPLE_QUESTION, ApiOperation
from gateway.web.case_request import DEFAULT_WAIT_S, ID_PATTERN, MAX_WAIT_S, Body, LongLine, QuestionBody
from gateway.web.guards import CaseGuard
from gateway.web.idempotency import IDEMPOTENCY_PARAMETER, read_idempotency_key
from gateway.web.practitioner import read_question
from gateway.web.problem import Problem
from trust.exchange.break_glass import BreakGlassCode
from trust.exchange.involvement import INVOLVEMENT_QUERY, InvolvementField, InvolvementQuery
from trust.strict_json import JsonObject

LOOKUPS_PATH = RESOURCE_PATH + "/lookups"
EXAMPLE_LOOKUP: JsonObject = {**EXAMPLE_QUESTION, "wait_s": 5}


class BreakGlassBody(Body):
    """Why a lookup is one of an emergency. It needs the token of a person who signed in within five minutes."""

    code: BreakGlassCode = Field(description="The emergency, which the services that are asked see.")
    reason: LongLine = Field(description="Why it cannot wait, for the second person who reviews it; it stays here.")

    def emergency(self) -> Emergency:
        """Return the reason with its code."""
        return Emergency(code=self.code, reason=self.reason)


class LookupBody(QuestionBody):
    """A question to all services that may be asked: who else works with this person, and how to reach them."""

    fields: list[InvolvementField] | None = Field(
        default=None,
        min_length=1,
        max_length=len(InvolvementField),
        description="What you want to know; all that the clause gives the role if left out.",
    )
    wait_s: float = Field(
        default=DEFAULT_WAIT_S,
        ge=0,
        le=MAX_WAIT_S,
        description=f"Seconds to wait before a 202 tells you to come back; {DEFAULT_WAIT_S:g} if left out.",
    )

    break_glass: BreakGlassBody | None = Field(
        default=None, description="In an emergency: asks past this agency's own limits, and a second person reviews it."
    )

    def query(self) -> InvolvementQuery:
        """Return the query, for these fields or for all that the clause gives."""
        return InvolvementQuery(fields=None if self.fields is None else frozenset(map(str, self.fields)))


START = ApiOperation(
    path=LOOKUPS_PATH,
    method="post",
    id="startLookup",
    summary="Ask who else is working with a person; the node picks services, agreement, clause and law.",
    body=LookupBody,
    example=EXAMPLE_LOOKUP,
    view=LookupView,
    responses={"201": "Every service that was asked has its line.", "202": "Still running after wait_s; come back."},
    parameters=(IDEMPOTENCY_PARAMETER,),
    polled=True,
)
GET = ApiOperation(
    path=LOOKUPS_PATH + "/{id}",
    method="get",
    id="getLookup",
    summary="Read a lookup that this client started.",
    view=LookupView,
    responses={"200": "The lookup as it stands."},
    parameters=(
        {
            "name": "id",
            "in": "path",
            "required": True,
            "description": "As the answer that started the lookup has it, in its body and in Location.",
            "schema": {"type": "string", "pattern": ID_PATTERN},
        },
    ),
    polled=True,
)


def blueprint(asking: AskingSide, guard: CaseGuard) -> Blueprint:
    """Return the routes of lookups (:class:`gateway.web.capability.Capability`)."""
    return lookup_routes(Lookups(asking=asking), asking.consents, guard)


def lookup_routes(lookups: Lookups, consents: ResolveConsent, guard: CaseGuard) -> Blueprint:
    """Return the routes to start a lookup and to read it."""
    routes = Blueprint("lookups", __name__)

    @routes.post(START.path)
    @guard
    def start_lookup(caller: CaseCaller, now: datetime) -> Response:
        key = read_idempotency_key()
        body, question = read_question(
            LookupBody,
            caller,
            kind=INVOLVEMENT_QUERY,
            query_of=LookupBody.query,
            consents=consents,
            now=now,
        )
        if body.break_glass is not None:
            question = replace(question, emergency=body.break_glass.emergency())
        view = lookups.start(caller, question, wait_s=body.wait_s, idempotency_key=key, now=now)
        is_running = view.state is LookupState.RUNNING
        response = _respond(view, HTTPStatus.ACCEPTED if is_running else HTTPStatus.CREATED)
        response.headers["Location"] = f"{guard.base_url}{LOOKUPS_PATH}/{view.id}"
        return response

    @routes.get(LOOKUPS_PATH + "/<lookup_id>")
    @guard
    def get_lookup(caller: CaseCaller, now: datetime, lookup_id: str) -> Response:
        view = lookups.get(lookup_id, caller, now=now)
        if view is None:
            raise Problem(problem.NOT_FOUND)
        return _respond(view, HTTPStatus.OK)

    return routes


def _respond(view: LookupView, status: HTTPStatus) -> Response:
    response = GET.respond(view, status)
    if view.state is LookupState.RUNNING:
        response.headers["Retry-After"] = "1"
    return response


LOOKUPS = Capability(kind=INVOLVEMENT_QUERY, respond=answer, operations=(START, GET), case_api=blueprint)
