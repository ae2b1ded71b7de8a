"""Notices on the case API."""

from typing import ClassVar

from flask import Blueprint
from pydantic import Field

from gateway.delivery.inbox_view import InboxItem
from gateway.web.capability import QueuedCapability, QueuedSide
from gateway.web.case_openapi import EXAMPLE_REPORT, ApiOperation
from gateway.web.case_request import Line
from gateway.web.guards import CaseGuard
from gateway.web.inbox_routes import INBOX_PATH, MESSAGE_PARAMETER, DecisionBody, add_answer_route
from gateway.web.submission_request import SubmissionBody
from gateway.web.submission_routes import SubmissionResource, submission_routes
from trust.exchange.notice import NOTICE_KIND, NoticeOutcome, NoticeType
from trust.strict_json import JsonObject

EXAMPLE_NOTICE: JsonObject = {
    **EXAMPLE_REPORT,
    "recipients": ["https://homes.example#tenancies"],
    "purpose": "early-help",
    "urgency": "green",
    "type": "case.closure",
    "details": {"involvement": "CF-2291", "ended_on": "2026-11-30", "closure_reason": "completed"},
}


class NoticeRequest(SubmissionBody):
    """A notice to other controllers: a case was closed, or something that was sent is wrong or must be erased."""

    MEMBERS: ClassVar[tuple[str, ...]] = ("type", "details", "statements")
    ASKS_VIEWS: ClassVar[bool] = False

    type: NoticeType = Field(description="It decides which details and statements there are.")


class NoticeDecision(DecisionBody):
    """What was done about a notice. A recipient that keeps the data says on which ground."""

    answer: NoticeOutcome
    ground: Line | None = None


RESOURCE = SubmissionResource(kind=NOTICE_KIND, noun="notice", body=NoticeRequest, example=EXAMPLE_NOTICE)
ANSWER = ApiOperation(
    path=INBOX_PATH + "/{id}/answer",
    method="post",
    id="answerNotice",
    summary="Answer a notice that came; its sender is told, and its clock stops.",
    body=NoticeDecision,
    example={"answer": "done"},
    view=InboxItem,
    responses={"200": "The message as it stands."},
    parameters=(MESSAGE_PARAMETER,),
)


def blueprint(side: QueuedSide, guard: CaseGuard) -> Blueprint:
    """Return the routes of notices (:class:`gateway.web.capability.QueuedCapability`)."""
    routes = submission_routes(RESOURCE, side, guard)
    add_answer_route(routes, ANSWER, NOTICE_KIND, side.inbox, guard)
    return routes


NOTICES = QueuedCapability(kind=NOTICE_KIND, operations=(*RESOURCE.operations, ANSWER), case_api=blueprint)
