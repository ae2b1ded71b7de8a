"""Notices on the case API."""

from typing import ClassVar

from flask import Blueprint
from pydantic import Field

from gateway.web.capability import QueuedCapability, QueuedSide
from gateway.web.case_openapi import EXAMPLE_REPORT
from gateway.web.guards import CaseGuard
from gateway.web.submission_request import SubmissionBody
from gateway.web.submission_routes import SubmissionResource, submission_routes
from trust.exchange.notice import NOTICE_KIND, NoticeType
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


RESOURCE = SubmissionResource(kind=NOTICE_KIND, noun="notice", body=NoticeRequest, example=EXAMPLE_NOTICE)


def blueprint(side: QueuedSide, guard: CaseGuard) -> Blueprint:
    """Return the routes of notices (:class:`gateway.web.capability.QueuedCapability`)."""
    return submission_routes(RESOURCE, side, guard)


NOTICES = QueuedCapability(kind=NOTICE_KIND, operations=RESOURCE.operations, case_api=blueprint)
