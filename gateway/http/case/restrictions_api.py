"""Restricted places on the case API: declare, list and lift them, and release a place to one recipient.

1. A client sees and lifts what it declared itself; two people lift.
2. Tasks of releases are those of the services of the caller's positions. A person at the service decides.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time
from http import HTTPStatus
from typing import TypeVar

from flask import Blueprint, Response

from gateway.callers import CaseCaller, Practitioner
from gateway.oauth.case_server import RESOURCE_PATH
from gateway.restrictions.declaration import PlaceActor
from gateway.restrictions.registry import PlaceRegistry, ReleaseDecision, ReleaseView, RestrictionView
from gateway.restrictions.reviews import LONGEST_REVIEW
from gateway.web import bodies, problem
from gateway.web.case_openapi import EXAMPLE_QUESTION, EXAMPLE_SUBJECT, ApiOperation
from gateway.web.case_request import ID_PATTERN, MAX_BODY, Body, describe_subject, read_model
from gateway.web.guards import CaseGuard
from gateway.web.inbox_routes import services_of
from gateway.web.practitioner import practitioner_of
from gateway.web.problem import Problem
from gateway.web.restriction_request import (
    LONGEST_RELEASE,
    LiftBody,
    NewReleaseBody,
    ReleaseBody,
    RestrictionBody,
    ReviewBody,
    read_declaration,
)
from trust.exchange.errors import Fault
from trust.identifiers import ServiceSlug, parse_service_ref
from trust.strict_json import JsonObject

AnyPlaceBody = TypeVar("AnyPlaceBody", bound=Body)
RESTRICTIONS_PATH = RESOURCE_PATH + "/restrictions"
RELEASES_PATH = RESOURCE_PATH + "/place-releases"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictionList:
    """The restrictions in force that this client declared, newest first."""

    items: tuple[RestrictionView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseList:
    """Tasks of releases that wait for a person, the one that is due first first."""

    items: tuple[ReleaseView, ...]


def _id(what: str) -> JsonObject:
    schema = {"type": "string", "pattern": ID_PATTERN}
    return {
        "name": "id",
        "in": "path",
        "required": True,
        "description": f"As the list of {what} has it.",
        "schema": schema,
    }


_EXAMPLE: JsonObject = {
    "subject": EXAMPLE_SUBJECT,
    "reason": "She left with the children and fears being found.",
    "case_ref": "CF-2291",
    "practitioner": EXAMPLE_QUESTION["practitioner"],
}
DECLARE = ApiOperation(
    path=RESTRICTIONS_PATH,
    method="post",
    id="declareRestriction",
    summary="Declare that no recipient may learn where a person lives. It counts at once.",
    body=RestrictionBody,
    example={
        **_EXAMPLE,
        "linked": ["https://homes.example#tenancies"],
        "texts": ["14 Ash Lane", "Ash Lane Primary School"],
        "telephones": ["01632 960118"],
        "review_on": "2027-05-31",
    },
    view=RestrictionView,
    responses={"201": "The restriction in force."},
)
LIST = ApiOperation(
    path=RESTRICTIONS_PATH,
    method="get",
    id="listRestrictions",
    summary="List the restrictions in force that this client declared.",
    view=RestrictionList,
    responses={"200": "The restrictions, without the persons."},
)
LIFT = ApiOperation(
    path=RESTRICTIONS_PATH + "/{id}/lift",
    method="post",
    id="liftRestriction",
    summary="Ask to lift a restriction, or as a second person lift it.",
    body=LiftBody,
    example={name: _EXAMPLE[name] for name in ("reason", "practitioner")},
    view=RestrictionView,
    responses={"200": "The restriction as it stands."},
    parameters=(_id("restrictions"),),
)
REVIEW = ApiOperation(
    path=RESTRICTIONS_PATH + "/{id}/review",
    method="post",
    id="reviewRestriction",
    summary="Say that a restriction stays, and when to look at it again.",
    body=ReviewBody,
    example={**{name: _EXAMPLE[name] for name in ("reason", "practitioner")}, "review_on": "2027-11-30"},
    view=RestrictionView,
    responses={"200": "The restriction as it stands."},
    parameters=(_id("restrictions"),),
)
TASKS = ApiOperation(
    path=RELEASES_PATH,
    method="get",
    id="listPlaceReleases",
    summary="List the restricted places that wait for a person to release them to a recipient or to decline.",
    view=ReleaseList,
    responses={"200": "The tasks of the caller's services."},
)
_EXAMPLE_RELEASE: JsonObject = {
    "release": True,
    "until": "2026-12-31T12:00:00Z",
    "reason": "The recipient rehouses her and has no contact with him.",
    "practitioner": EXAMPLE_QUESTION["practitioner"],
}
DECIDE = ApiOperation(
    path=RELEASES_PATH + "/{id}",
    method="post",
    id="decidePlaceRelease",
    summary="Release a restricted place to the recipient of a task, or decline.",
    body=ReleaseBody,
    example=_EXAMPLE_RELEASE,
    view=ReleaseView,
    responses={"200": "The decision."},
    parameters=(_id("tasks"),),
)
RELEASE = ApiOperation(
    path=RELEASES_PATH,
    method="post",
    id="releasePlace",
    summary="Release the place of a person to one recipient that an agreement authorises, before it is sent.",
    body=NewReleaseBody,
    example={**_EXAMPLE_RELEASE, "subject": EXAMPLE_SUBJECT, "recipient": "https://homes.example#tenancies"},
    view=ReleaseView,
    responses={"201": "The decision."},
)
OPERATIONS = (DECLARE, LIST, LIFT, REVIEW, TASKS, RELEASE, DECIDE)


def restriction_routes(registry: PlaceRegistry, guard: CaseGuard) -> Blueprint:
    """Return the routes of restricted places."""
    routes = Blueprint("restrictions", __name__)

    @routes.post(RESTRICTIONS_PATH)
    @guard
    def declare(caller: CaseCaller, now: datetime) -> Response:
        request, client = read_declaration(bodies.read_json_body(max_bytes=MAX_BODY), now=now), caller.client.client_id
        body = request.body
        practitioner, _ = practitioner_of(caller, body.practitioner, body.from_service)
        review_at = None if body.review_on is None else datetime.combine(body.review_on, time.min, UTC)
        restriction = registry.declare(
            request.declaration(_actor(practitioner)), client_id=client, now=now, review_at=review_at
        )
        response = DECLARE.respond(registry.get(restriction, client_id=client), HTTPStatus.CREATED)
        response.headers["Location"] = f"{guard.base_url}{RESTRICTIONS_PATH}/{restriction}"
        return response

    @routes.get(RESTRICTIONS_PATH)
    @guard
    def list_restrictions(caller: CaseCaller, now: datetime) -> Response:  # noqa: ARG001 - every guarded route has it
        return LIST.respond(RestrictionList(items=registry.list(client_id=caller.client.client_id)))

    @routes.post(RESTRICTIONS_PATH + "/<restriction>/lift")
    @guard
    def lift(caller: CaseCaller, now: datetime, restriction: str) -> Response:
        client = caller.client.client_id
        if registry.get(restriction, client_id=client) is None:
            raise Problem(problem.NOT_FOUND)
        body = _read(LiftBody)
        practitioner, _ = practitioner_of(caller, body.practitioner, body.from_service)
        registry.lift(restriction, by=_actor(practitioner), reason=body.reason, now=now)
        return LIFT.respond(registry.get(restriction, client_id=client))

    _add_reviews(routes, registry, guard)
    _add_releases(routes, registry, guard)
    return routes


def _add_reviews(routes: Blueprint, registry: PlaceRegistry, guard: CaseGuard) -> None:
    @routes.post(RESTRICTIONS_PATH + "/<restriction>/review")
    @guard
    def review(caller: CaseCaller, now: datetime, restriction: str) -> Response:
        client = caller.client.client_id
        if registry.get(restriction, client_id=client) is None:
            raise Problem(problem.NOT_FOUND)
        body = _read(ReviewBody)
        if not now.date() < body.review_on <= (now + LONGEST_REVIEW).date():
            fault = Fault(path="review_on", problem="must lie ahead, by a year at most")
            raise Problem(problem.INVALID_FIELDS, faults=[fault])
        practitioner, _ = practitioner_of(caller, body.practitioner, body.from_service)
        next_at = datetime.combine(body.review_on, time.min, UTC)
        registry.review(restriction, by=_actor(practitioner), reason=body.reason, next_at=next_at, now=now)
        return REVIEW.respond(registry.get(restriction, client_id=client))


def _add_releases(routes: Blueprint, registry: PlaceRegistry, guard: CaseGuard) -> None:
    @routes.get(RELEASES_PATH)
    @guard
    def list_releases(caller: CaseCaller, now: datetime) -> Response:  # noqa: ARG001 - every guarded route has it
        return TASKS.respond(ReleaseList(items=registry.tasks(services_of(caller))))

    @routes.post(RELEASES_PATH + "/<release>")
    @guard
    def decide(caller: CaseCaller, now: datetime, release: str) -> Response:
        task = registry.find_release(release, services_of(caller))
        if task is None:
            raise Problem(problem.NOT_FOUND)
        body = _read(ReleaseBody)
        practitioner, _ = practitioner_of(caller, body.practitioner, task.service)
        return DECIDE.respond(registry.decide(release, _decision(body, practitioner, now), now=now))

    @routes.post(RELEASES_PATH)
    @guard
    def release_place(caller: CaseCaller, now: datetime) -> Response:
        document, body, faults = read_model(NewReleaseBody, bodies.read_json_body(max_bytes=MAX_BODY))
        person, about = describe_subject(document.get("subject"), today=now.date())
        if body is None or person is None or about or faults:
            raise Problem(problem.INVALID_FIELDS, faults=[*faults, *about])
        practitioner, service = practitioner_of(caller, body.practitioner, body.from_service)
        view = registry.release(
            person.subject,
            service=ServiceSlug(service),
            recipient=parse_service_ref(body.recipient),
            decision=_decision(body, practitioner, now),
            now=now,
        )
        return RELEASE.respond(view, HTTPStatus.CREATED)


def _read(model: type[AnyPlaceBody]) -> AnyPlaceBody:
    _, body, faults = read_model(model, bodies.read_json_body(max_bytes=MAX_BODY))
    if body is None:
        raise Problem(problem.INVALID_FIELDS, faults=faults)
    return body


def _decision(body: ReleaseBody, practitioner: Practitioner, now: datetime) -> ReleaseDecision:
    if body.release and (body.until is None or not now < body.until <= now + LONGEST_RELEASE):
        fault = Fault(path="until", problem="must lie in the future, at most a year ahead, where release is true")
        raise Problem(problem.INVALID_FIELDS, faults=[fault])
    until = body.until if body.release else None
    return ReleaseDecision(by=_actor(practitioner), reason=body.reason, until=until)


def _actor(practitioner: Practitioner) -> PlaceActor:
    return PlaceActor(name=f"{practitioner.client or '-'} {practitioner.id}", role=practitioner.role)
