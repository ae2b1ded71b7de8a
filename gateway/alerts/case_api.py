"""Alerts on the case API."""

from flask import Blueprint

from gateway.alerts.request import EXAMPLE_ALERT, AlertRequest
from gateway.web.capability import QueuedCapability, QueuedSide
from gateway.web.guards import CaseGuard
from gateway.web.submission_routes import SubmissionResource, submission_routes
from trust.exchange.alert import ALERT_KIND

RESOURCE = SubmissionResource(kind=ALERT_KIND, noun="alert", body=AlertRequest, example=EXAMPLE_ALERT)


def blueprint(side: QueuedSide, guard: CaseGuard) -> Blueprint:
    """Return the routes of alerts (:class:`gateway.web.capability.QueuedCapability`)."""
    return submission_routes(RESOURCE, side, guard)


ALERTS = QueuedCapability(kind=ALERT_KIND, operations=RESOURCE.operations, case_api=blueprint)
