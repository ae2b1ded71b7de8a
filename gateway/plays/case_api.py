"""Plays on the case API: list, read, preview for an incident, run, and the page of an incident."""

from datetime import datetime
from http import HTTPStatus
from typing import TypeVar

from flask import Blueprint, Response

from config.plays import Play
from gateway.alerts.request import EXAMPLE_ALERT
from gateway.callers import CaseCaller
from gateway.oauth.case_server import RESOURCE_PATH
from gateway.plays.incident import IncidentBody, RunBody, read_incident
from gateway.plays.service import IncidentView, PlayList, Plays, PlayView, PreviewView, Report
from gateway.web import bodies, problem
from gateway.web.case_openapi import EXAMPLE_REPORT, ApiOperation
from gateway.web.case_request import ID_PATTERN, MAX_BODY, SLUG_PATTERN
from gateway.web.face import current_request_id, current_trace
from gateway.web.guards import CaseGuard
from gateway.web.idempotency import IDEMPOTENCY_PARAMETER, read_idempotency_key
from gateway.web.practitioner import positions_of, practitioner_of
from gateway.web.problem import Problem
from gateway.web.submission_request import consent_finder
from trust.strict_json import JsonObject

PLAYS_PATH = RESOURCE_PATH + "/plays"
INCIDENTS_PATH = RESOURCE_PATH + "/incidents"
EXAMPLE_INCIDENT: JsonObject = {
    **EXAMPLE_REPORT,
    "details": EXAMPLE_ALERT["details"],
    "statements": EXAMPLE_ALERT["statements"],
    "victim_agrees": "yes",
}
EXAMPLE_RUN: JsonObject = {**EXAMPLE_INCIDENT, "steps": {"police": "send", "advocacy": "send", "school": "drop"}}
_PLAY: JsonObject = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The play's id.",
    "schema": {"type": "string", "pattern": SLUG_PATTERN},
}
_INCIDENT: JsonObject = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "As the answer to the run has it, in its body and in Location.",
    "schema": {"type": "string", "pattern": ID_PATTERN},
}

LIST = ApiOperation(
    path=PLAYS_PATH,
    method="get",
    id="listPlays",
    summary="List the plays that this token's positions may run.",
    view=PlayList,
    responses={"200": "The plays, each with what the agreements in force do not permit of it."},
)
GET = ApiOperation(
    path=PLAYS_PATH + "/{id}",
    method="get",
    id="getPlay",
    summary="Read one play: its steps in order, and what the worker fills in for each.",
    view=PlayView,
    responses={"200": "The play."},
    parameters=(_PLAY,),
)
PREVIEW = ApiOperation(
    path=PLAYS_PATH + "/{id}/preview",
    method="post",
    id="previewPlay",
    summary="Show what each step would send to which service, and what is missing. Nothing is sent or stored.",
    body=IncidentBody,
    example=EXAMPLE_INCIDENT,
    view=PreviewView,
    responses={"200": "Every step with its recipient, fields and law."},
    parameters=(_PLAY,),
)
RUN = ApiOperation(
    path=PLAYS_PATH + "/{id}/runs",
    method="post",
    id="runPlay",
    summary="Send the steps that the worker confirmed: all of them, or none with every fault.",
    body=RunBody,
    example=EXAMPLE_RUN,
    view=IncidentView,
    responses={"201": "The incident; each recipient has its line."},
    parameters=(_PLAY, IDEMPOTENCY_PARAMETER),
)
INCIDENT = ApiOperation(
    path=INCIDENTS_PATH + "/{id}",
    method="get",
    id="getIncident",
    summary="Read the run of a play with every recipient's outcome.",
    view=IncidentView,
    responses={"200": "The incident as it stands."},
    parameters=(_INCIDENT,),
)
OPERATIONS = (LIST, GET, PREVIEW, RUN, INCIDENT)
AnyBody = TypeVar("AnyBody", bound=IncidentBody)


def play_routes(plays: Plays, guard: CaseGuard) -> Blueprint:
    """Return the routes of plays and incidents."""
    routes = Blueprint("plays", __name__)

    @routes.get(PLAYS_PATH)
    @guard
    def list_plays(caller: CaseCaller, now: datetime) -> Response:
        items = tuple(plays.view(each, now=now) for each in plays.plays.values() if _may_run(each, caller))
        return LIST.respond(PlayList(items=items))

    @routes.get(PLAYS_PATH + "/<play_id>")
    @guard
    def get_play(caller: CaseCaller, now: datetime, play_id: str) -> Response:
        return GET.respond(plays.view(_find(plays, play_id, caller), now=now))

    @routes.post(PLAYS_PATH + "/<play_id>/preview")
    @guard
    def preview(caller: CaseCaller, now: datetime, play_id: str) -> Response:
        play = _find(plays, play_id, caller)
        _, report = _read(IncidentBody, plays, play, caller, now)
        return PREVIEW.respond(plays.preview(play, report, now=now))

    _add_runs(routes, plays, guard)
    return routes


def _add_runs(routes: Blueprint, plays: Plays, guard: CaseGuard) -> None:
    @routes.post(PLAYS_PATH + "/<play_id>/runs")
    @guard
    def run(caller: CaseCaller, now: datetime, play_id: str) -> Response:
        play, key = _find(plays, play_id, caller), read_idempotency_key()
        body, report = _read(RunBody, plays, play, caller, now)
        incident_id = plays.run(play, report, body, idempotency_key=key, now=now)
        response = RUN.respond(_show(plays, incident_id, caller, now), HTTPStatus.CREATED)
        response.headers["Location"] = f"{guard.base_url}{INCIDENTS_PATH}/{incident_id}"
        return response

    @routes.get(INCIDENTS_PATH + "/<incident_id>")
    @guard
    def get_incident(caller: CaseCaller, now: datetime, incident_id: str) -> Response:
        return INCIDENT.respond(_show(plays, incident_id, caller, now))


def _show(plays: Plays, incident_id: str, caller: CaseCaller, now: datetime) -> IncidentView:
    view = plays.incident(incident_id, caller, now=now)
    if view is None:
        raise Problem(problem.NOT_FOUND)
    return view


def _find(plays: Plays, play_id: str, caller: CaseCaller) -> Play:
    """Return a play that one of the caller's positions may run; any other is not found."""
    play = plays.plays.get(play_id)
    if play is None or not _may_run(play, caller):
        raise Problem(problem.NOT_FOUND)
    return play


def _may_run(play: Play, caller: CaseCaller) -> bool:
    return any(each.service == play.from_service and each.role in play.roles for each in positions_of(caller))


def _read(model: type[AnyBody], plays: Plays, play: Play, caller: CaseCaller, now: datetime) -> tuple[AnyBody, Report]:
    raw, consent_of = bodies.read_json_body(max_bytes=MAX_BODY), consent_finder(plays.consents, caller, now)
    body, incident = read_incident(model, raw, play=play, now=now, consent_of=consent_of)
    practitioner, from_service = practitioner_of(caller, body.practitioner, body.from_service or play.from_service)
    if from_service != play.from_service or practitioner.role not in play.roles:
        raise Problem(
            problem.OUTSIDE_REGISTRATION,
            "The play is not for this service and role.",
            remedy="Run it in a position that the play names, or choose another play.",
        )
    report = Report(
        caller=caller,
        incident=incident,
        body=body,
        practitioner=practitioner,
        trace=current_trace(),
        request_id=current_request_id(),
    )
    return body, report
