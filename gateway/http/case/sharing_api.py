"""Decisions not to share on the case API: record one, list and read them, find those about a person, review one.

1. Only a person who signed in decides, in a duty role of the service where it names some.
2. A decision of another service is the same 404 as one that does not exist (assertion A49).
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from flask import Blueprint, Response

from gateway.callers import CaseCaller
from gateway.oauth.case_server import RESOURCE_PATH
from gateway.sharing.decisions import (
    DecidingPerson,
    DecisionFaults,
    NewDecision,
    SecondReview,
    SharingDecisions,
    SharingReview,
    SharingView,
)
from gateway.store.engine.timestamps import from_microseconds, to_microseconds
from gateway.store.tables.sharing_decisions import SharingRow
from gateway.web import bodies, paging, problem
from gateway.web.case_openapi import EXAMPLE_SUBJECT, ApiOperation
from gateway.web.case_request import ID_PATTERN, MAX_BODY, read_model
from gateway.web.guards import CaseGuard
from gateway.web.inbox_routes import DECIDE_ON_SHARING, position_on_duty, services_of
from gateway.web.paging import PageMark, read_page_request
from gateway.web.problem import Problem
from gateway.web.sharing_request import (
    SecondReviewBody,
    SharingReviewBody,
    SharingSearchBody,
    WithholdingBody,
    read_about,
)
from trust.exchange.errors import Fault
from trust.identifiers import RoleCode, ServiceSlug
from trust.strict_json import JsonObject

PATH = RESOURCE_PATH + "/sharing-decisions"
_ONE = PATH + "/{id}"
_AHEAD = timedelta(days=1)
_LATEST = 10**16
"""Microseconds after which nothing is dated: the year 2286."""
_BEYOND_EVERY_ID = "~"
_ID: JsonObject = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "As the answer that recorded the decision has it.",
    "schema": {"type": "string", "pattern": ID_PATTERN},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SharingPage:
    """A page of decisions; ``next`` continues the list as the parameter ``after``."""

    items: tuple[SharingView, ...]
    next: str | None = None


_EXAMPLE_DECISION: JsonObject = {
    "ground": "ca2004-s11",
    "reason": "The mother fears his family reads the letters of that service; no risk to the child would be lessened.",
    "review_on": "2026-12-15",
}
RECORD = ApiOperation(
    path=PATH,
    method="post",
    id="recordDecisionNotToShare",
    summary="Record that the person who signed in decided not to share, with the ground and a day of review.",
    body=WithholdingBody,
    example={
        "subject": EXAMPLE_SUBJECT,
        **_EXAMPLE_DECISION,
        "case_ref": "CF-2291",
        "recipient": "https://homes.example#tenancies",
        "request": "telephone call of 30 November",
    },
    view=SharingView,
    responses={"201": "It is stored durably."},
)
LIST = ApiOperation(
    path=PATH,
    method="get",
    id="listSharingDecisions",
    summary="List the decisions of the caller's services, newest first.",
    view=SharingPage,
    responses={"200": "A page of them."},
    parameters=paging.PARAMETERS,
)
SEARCH = ApiOperation(
    path=PATH + "/search",
    method="post",
    id="findSharingDecisions",
    summary="Find what the caller's services decided about a person, newest first.",
    body=SharingSearchBody,
    example={"subject": EXAMPLE_SUBJECT},
    view=SharingPage,
    responses={"200": "The newest hundred at most."},
)
GET = ApiOperation(
    path=_ONE,
    method="get",
    id="getSharingDecision",
    summary="Read one decision.",
    view=SharingView,
    responses={"200": "As it stands."},
    parameters=(_ID,),
)
REVIEW = ApiOperation(
    path=_ONE + "/review",
    method="post",
    id="reviewSharingDecision",
    summary="Record what a review decided, as a new decision; the old one stays.",
    body=SharingReviewBody,
    example={"share": False, **_EXAMPLE_DECISION},
    view=SharingView,
    responses={"201": "The new decision."},
    parameters=(_ID,),
)
SECOND_REVIEW = ApiOperation(
    path=_ONE + "/second-review",
    method="post",
    id="reviewSharing",
    summary="As a second person, review something that was shared without an agreement, within 72 hours.",
    body=SecondReviewBody,
    example={"upheld": True, "reason": "The child was in danger that night, and only the fields named were sent."},
    view=SharingView,
    responses={"201": "The review, as a decision of its own."},
    parameters=(_ID,),
)
OPERATIONS = (RECORD, LIST, SEARCH, GET, REVIEW, SECOND_REVIEW)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharingFace:
    """The use cases that the routes call. ``duty_roles`` are those of each service that names some."""

    decisions: SharingDecisions
    duty_roles: Mapping[ServiceSlug, Collection[RoleCode]]
    guard: CaseGuard

    def find(self, caller: CaseCaller, decision: str) -> SharingRow:
        """Return a decision of the caller's services. Raises :class:`Problem`."""
        row = self.decisions.find(decision, services_of(caller))
        if row is None:
            raise Problem(problem.NOT_FOUND)
        return row

    def decider(self, caller: CaseCaller, service: str | None) -> tuple[DecidingPerson, ServiceSlug]:
        """Return the person on duty who signed in, and the service for which they decide. Raises :class:`Problem`."""
        services = services_of(caller)
        if service is None and len(services) != 1:
            detail = f"There are several services; name from_service: {', '.join(services) or 'none'}."
            raise Problem(problem.OUTSIDE_REGISTRATION, detail)
        slug = ServiceSlug(service or services[0])
        name, position = position_on_duty(caller, slug, self.duty_roles.get(slug, ()), DECIDE_ON_SHARING)
        return DecidingPerson(name=name, role=position.role, org_unit=position.org_unit), slug


def sharing_routes(face: SharingFace) -> Blueprint:
    """Return the routes of decisions not to share."""
    routes = Blueprint("sharing", __name__)
    _add_reading(routes, face)
    _add_deciding(routes, face)
    _add_reviewing(routes, face)
    return routes


def _add_reading(routes: Blueprint, face: SharingFace) -> None:
    decisions = face.decisions

    @routes.get(PATH)
    @face.guard
    def list_decisions(caller: CaseCaller, now: datetime) -> Response:
        page = read_page_request()
        mark = page.after or PageMark(at=to_microseconds(now + _AHEAD), id=_BEYOND_EVERY_ID)
        before = (from_microseconds(min(mark.at, _LATEST)), mark.id)
        items = decisions.page(services_of(caller), before=before, limit=page.limit, now=now)
        last = items[-1] if len(items) == page.limit else None
        following = None if last is None else str(PageMark(at=to_microseconds(last.decided_at), id=last.id))
        return LIST.respond(SharingPage(items=items, next=following))

    @routes.post(PATH + "/search")
    @face.guard
    def search(caller: CaseCaller, now: datetime) -> Response:
        _, person = read_about(SharingSearchBody, today=now.date())
        return SEARCH.respond(SharingPage(items=decisions.about(person, services_of(caller), now=now)))

    @routes.get(PATH + "/<decision>")
    @face.guard
    def get(caller: CaseCaller, now: datetime, decision: str) -> Response:
        return GET.respond(decisions.show(face.find(caller, decision), now=now))


def _add_deciding(routes: Blueprint, face: SharingFace) -> None:
    decisions = face.decisions

    @routes.post(PATH)
    @face.guard
    def record(caller: CaseCaller, now: datetime) -> Response:
        body, person = read_about(WithholdingBody, today=now.date())
        by, service = face.decider(caller, body.from_service)
        new = NewDecision(
            service=service,
            subject=person,
            ground=body.ground,
            reason=body.reason,
            review_on=body.review_on,
            case_ref=body.case_ref,
            by=by,
            recipient=body.recipient,
            request=body.request,
        )
        view = tell_faults(lambda: decisions.record(new, now=now))
        response = RECORD.respond(view, HTTPStatus.CREATED)
        response.headers["Location"] = f"{face.guard.base_url}{PATH}/{view.id}"
        return response


def _add_reviewing(routes: Blueprint, face: SharingFace) -> None:
    decisions = face.decisions

    @routes.post(PATH + "/<decision>/review")
    @face.guard
    def review(caller: CaseCaller, now: datetime, decision: str) -> Response:
        row = face.find(caller, decision)
        by, _ = face.decider(caller, row.service)
        _, body, faults = read_model(SharingReviewBody, bodies.read_json_body(max_bytes=MAX_BODY))
        if body is not None and body.share is not (body.review_on is None):
            faults.append(Fault(path="review_on", problem="is there where share is false, and only then"))
        if body is None or faults:
            raise Problem(problem.INVALID_FIELDS, faults=faults)
        finding = SharingReview(ground=body.ground, reason=body.reason, by=by, review_on=body.review_on)
        return REVIEW.respond(tell_faults(lambda: decisions.review(row, finding, now=now)), HTTPStatus.CREATED)

    @routes.post(PATH + "/<decision>/second-review")
    @face.guard
    def second_review(caller: CaseCaller, now: datetime, decision: str) -> Response:
        row = face.find(caller, decision)
        by, _ = face.decider(caller, row.service)
        _, body, faults = read_model(SecondReviewBody, bodies.read_json_body(max_bytes=MAX_BODY))
        if body is None:
            raise Problem(problem.INVALID_FIELDS, faults=faults)
        finding = SecondReview(is_upheld=body.upheld, reason=body.reason, by=by)
        return SECOND_REVIEW.respond(decisions.second_review(row, finding, now=now), HTTPStatus.CREATED)


def tell_faults(call: Callable[[], SharingView]) -> SharingView:
    """Run a use case, and tell what it refuses as faults of the body."""
    try:
        return call()
    except DecisionFaults as refused:
        raise Problem(problem.INVALID_FIELDS, faults=refused.faults) from None
