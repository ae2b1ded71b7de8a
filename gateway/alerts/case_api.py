"""Alerts on the case API."""

from flask import Blueprint

from gateway.alerts.request import EXAMPLE_ALERT, AlertRequest
from gateway.delivery.inbox_view import InboxItem
from gateway.web.capability import QueuedCapability, QueuedSide
from gateway.web.case_openapi import ApiOperation
from gateway.web.guards import CaseGuard
from gateway.web.inbox_routes import INBOX_PATH, MESSAGE_PARAMETER, DecisionBody, add_answer_route
from gateway.web.submission_routes import SubmissionResource, submission_routes
from trust.exchange.alert import ALERT_KIND, AlertOutcome


class AlertDecision(DecisionBody):
    """How a person closes an alert. The wrong person or service opens a task for both ends."""

    closed: AlertOutcome


RESOURCE = SubmissionResource(kind=ALERT_KIND, noun="alert", body=AlertRequest, example=EXAMPLE_ALERT)
CLOSE = ApiOperation(
    path=INBOX_PATH + "/{id}/close",
    method="post",
    id="closeAlert",
    summary="Close an alert that came; its sender is told, and its clock stops.",
    body=AlertDecision,
    example={"closed": "useful"},
    view=InboxItem,
    responses={"200": "The message as it stands."},
    parameters=(MESSAGE_PARAMETER,),
)


def blueprint(side: QueuedSide, guard: CaseGuard) -> Blueprint:
    """Return the routes of alerts (:class:`gateway.web.capability.QueuedCapability`)."""
    routes = submission_routes(RESOURCE, side, guard)
    add_answer_route(routes, CLOSE, ALERT_KIND, side.inbox, guard)
    return routes


ALERTS = QueuedCapability(kind=ALERT_KIND, operations=(*RESOURCE.operations, CLOSE), case_api=blueprint)
