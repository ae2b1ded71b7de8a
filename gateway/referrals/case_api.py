"""Referrals on the case API."""

from flask import Blueprint

from gateway.referrals.request import EXAMPLE_REFERRAL, ReferralRequest
from gateway.web.capability import QueuedCapability, QueuedSide
from gateway.web.guards import CaseGuard
from gateway.web.submission_routes import SubmissionResource, submission_routes
from trust.exchange.referral import REFERRAL_KIND

RESOURCE = SubmissionResource(kind=REFERRAL_KIND, noun="referral", body=ReferralRequest, example=EXAMPLE_REFERRAL)


def blueprint(side: QueuedSide, guard: CaseGuard) -> Blueprint:
    """Return the routes of referrals (:class:`gateway.web.capability.QueuedCapability`)."""
    return submission_routes(RESOURCE, side, guard)


REFERRALS = QueuedCapability(kind=REFERRAL_KIND, operations=RESOURCE.operations, case_api=blueprint)
