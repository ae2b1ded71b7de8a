"""Request shape of alerts on the case API."""

from typing import ClassVar

from pydantic import Field

from gateway.web.case_openapi import EXAMPLE_REPORT
from gateway.web.submission_request import SubmissionBody
from trust.exchange.alert import Topic
from trust.strict_json import JsonObject

EXAMPLE_ALERT: JsonObject = {
    **EXAMPLE_REPORT,
    "recipients": ["https://police.example#protecting-vulnerable-people"],
    "purpose": "safeguarding",
    "urgency": "red",
    "topic": "safeguarding",
    "details": {
        "incident_reference": "CF-2291-7",
        "occurred_at": "2026-11-27T21:30:00Z",
        "location_kind": "home",
        "child_present": True,
        "risk_level": "high",
    },
    "statements": [
        {
            "field": "circumstances",
            "text": "Saw bruises on both arms; the door was broken from outside.",
            "about": ["p1"],
            "standing": "fact",
            "source": "home visit",
            "on": "2026-11-27",
        },
    ],
}


class AlertRequest(SubmissionBody):
    """An alert: a person may be at risk, and a person at each recipient must act."""

    MEMBERS: ClassVar[tuple[str, ...]] = ("topic", "details", "statements")

    topic: Topic = Field(description="It decides which details and statements there are.")
