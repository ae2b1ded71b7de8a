"""Referrals on the case API."""

from flask import Blueprint
from pydantic import Field

from gateway.delivery.inbox_view import InboxItem
from gateway.referrals.request import EXAMPLE_REFERRAL, ReferralRequest
from gateway.web.capability import QueuedCapability, QueuedSide
from gateway.web.case_openapi import ApiOperation
from gateway.web.case_request import Body, Code, LongLine, Service
from gateway.web.guards import CaseGuard
from gateway.web.inbox_routes import MESSAGE_PARAMETER, DecisionBody, add_answer_route
from gateway.web.submission_routes import SubmissionResource, submission_routes
from trust.exchange.referral import REFERRAL_KIND, ReferralStatus


class AlternativeBody(Body):
    """What is offered in the place of a referral that was declined."""

    service_type: Code | None = None
    service: Service | None = None


class ReferralDecision(DecisionBody):
    """The status of a referral. ``declined`` needs ``reason`` and ``declined_by``, ``completed`` needs ``outcome``."""

    status: ReferralStatus
    reason: LongLine | None = None
    declined_by: Code | None = Field(default=None, description="A role or a service, never a name.")
    alternative: AlternativeBody | None = None
    outcome: Code | None = None
    note: LongLine | None = None


RESOURCE = SubmissionResource(kind=REFERRAL_KIND, noun="referral", body=ReferralRequest, example=EXAMPLE_REFERRAL)
STATUS = ApiOperation(
    path=RESOURCE.path + "/{id}/status",
    method="post",
    id="setReferralStatus",
    summary="State how far a referral that came has gone; its sender is told.",
    body=ReferralDecision,
    example={"status": "declined", "reason": "No room this month.", "declined_by": "duty-officer"},
    view=InboxItem,
    responses={"200": "The message as it stands."},
    parameters=(MESSAGE_PARAMETER,),
)


def blueprint(side: QueuedSide, guard: CaseGuard) -> Blueprint:
    """Return the routes of referrals (:class:`gateway.web.capability.QueuedCapability`)."""
    routes = submission_routes(RESOURCE, side, guard)
    add_answer_route(routes, STATUS, REFERRAL_KIND, side.inbox, guard)
    return routes


REFERRALS = QueuedCapability(kind=REFERRAL_KIND, operations=(*RESOURCE.operations, STATUS), case_api=blueprint)
