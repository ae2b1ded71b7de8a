"""Request shape of disclosures without an agreement on the case API."""

from typing import Annotated, ClassVar

from pydantic import Field

from gateway.web.case_openapi import EXAMPLE_REPORT
from gateway.web.case_request import ID_PATTERN, Code, Line, Service
from gateway.web.submission_request import SubmissionBody
from trust.exchange.disclosure import DisclosureType
from trust.strict_json import JsonObject

EXAMPLE_DISCLOSURE: JsonObject = {
    **EXAMPLE_REPORT,
    "recipients": ["https://police.example#protecting-vulnerable-people"],
    "purpose": "safeguarding",
    "urgency": "red",
    "type": "urgent",
    "ground": "cda1998-s115",
    "fields": ["circumstances", "occurred_at"],
    "details": {"occurred_at": "2026-11-27T21:30:00Z"},
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


class DisclosureRequest(SubmissionBody):
    """A disclosure to one service of another member, without an agreement. The person who signed in decides on it."""

    MEMBERS: ClassVar[tuple[str, ...]] = ("type", "fields", "details", "statements")

    recipients: list[Service] = Field(min_length=1, max_length=1, description="The one service to tell.")
    type: DisclosureType = Field(description="Urgent, or owed: a statute obliges your service to share it.")
    ground: Code = Field(description="A code of the legal register that is in force and permits it.")
    fields: list[Line] = Field(min_length=1, description="Every field of details and statements, by its name.")
    task: Annotated[str, Field(pattern=ID_PATTERN)] | None = Field(
        default=None, description="The task that this decides, of a question that was refused for want of an agreement."
    )

    @property
    def stated_ground(self) -> str | None:
        """The ground."""
        return self.ground
