"""Request shape of notices on the case API."""

from typing import ClassVar

from pydantic import Field

from gateway.web.case_openapi import EXAMPLE_REPORT
from gateway.web.submission_request import SubmissionBody
from trust.exchange.notice import NoticeType
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
