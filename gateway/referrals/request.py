"""Request shape of referrals on the case API."""

from typing import Annotated, ClassVar

from pydantic import Field

from gateway.web.case_openapi import EXAMPLE_REPORT
from gateway.web.case_request import Code
from gateway.web.submission_request import SubmissionBody
from trust.exchange.details import REFERENCE
from trust.exchange.referral import Engagement
from trust.strict_json import JsonObject

EXAMPLE_REFERRAL: JsonObject = {
    **EXAMPLE_REPORT,
    "recipients": ["https://welfare.example#local-support"],
    "purpose": "welfare-support",
    "urgency": "amber",
    "service_type": "essentials",
    "agreement_to_engage": "yes",
    "details": {"item": "fridge", "need_by": "2026-12-04", "delivery_restricted": True},
    "statements": [
        {
            "field": "reason",
            "text": "Has moved with nothing, and has a baby.",
            "about": ["p1"],
            "standing": "fact",
            "source": "home visit",
            "on": "2026-11-27",
        },
    ],
}


class ReferralRequest(SubmissionBody):
    """A referral: a service is asked to help a person, and says what becomes of it."""

    MEMBERS: ClassVar[tuple[str, ...]] = (
        "service_type",
        "service_id",
        "agreement_to_engage",
        "details",
        "statements",
    )

    service_type: Code = Field(description="Such as advocacy, school-move, rehousing or essentials.")
    service_id: Annotated[str, Field(pattern=f"^{REFERENCE.pattern}$")] | None = Field(
        default=None, description="The service's id in a directory (Open Referral UK)."
    )
    agreement_to_engage: Engagement = Field(
        description="Whether the person agreed to work with the service. It is no consent to share."
    )
