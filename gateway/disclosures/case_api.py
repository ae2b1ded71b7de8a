"""Disclosures without an agreement on the case API.

1. Only a person who signed in decides, in a duty role of the service where it names some: never a case system alone.
2. The ground is in force, extends to where the service is, and permits it.
3. Message, decision and the task that it decides are stored in one transaction. A second person reviews it within 72
   hours (:mod:`gateway.sharing.decisions`).
"""

from dataclasses import replace
from datetime import UTC, datetime

from flask import Blueprint

from gateway.callers import CaseCaller
from gateway.delivery.case_submission import CaseSubmission
from gateway.delivery.inbox_view import InboxItem
from gateway.disclosures.request import EXAMPLE_DISCLOSURE, DisclosureRequest
from gateway.oauth.case_server import RESOURCE_PATH
from gateway.ports import StoreBusy, Transaction
from gateway.sharing.decisions import DecidingPerson, DecisionFaults, NewDecision
from gateway.store.tables import sharing_tasks
from gateway.store.tables.sharing_tasks import TaskState
from gateway.store.tables.submissions import SubmissionRow
from gateway.web import problem
from gateway.web.capability import QueuedCapability, QueuedSide
from gateway.web.case_openapi import ApiOperation
from gateway.web.guards import CaseGuard
from gateway.web.idempotency import read_idempotency_key
from gateway.web.inbox_routes import (
    DECIDE_ON_SHARING,
    MESSAGE_PARAMETER,
    DecisionBody,
    add_answer_route,
    position_on_duty,
    services_of,
)
from gateway.web.problem import Problem
from gateway.web.submission_request import read_submission
from gateway.web.submission_routes import SubmissionResource, submission_routes
from trust.agreements.lawful_basis import lookup
from trust.agreements.statutory_ground import is_duty
from trust.exchange.alert import AlertOutcome
from trust.exchange.disclosure import DISCLOSURE_KIND, DisclosureType
from trust.exchange.errors import Fault


class DisclosureDecision(DecisionBody):
    """How a person closes a disclosure. The wrong person or service opens a task for both ends."""

    closed: AlertOutcome


RESOURCE = SubmissionResource(
    kind=DISCLOSURE_KIND, noun="disclosure", body=DisclosureRequest, example=EXAMPLE_DISCLOSURE
)
CLOSE = ApiOperation(
    path=RESOURCE_PATH + "/disclosures/{id}/close",
    method="post",
    id="closeDisclosure",
    summary="Close a disclosure that came; its sender is told, and its clock stops.",
    body=DisclosureDecision,
    example={"closed": "useful"},
    view=InboxItem,
    responses={"200": "The message as it stands."},
    parameters=(MESSAGE_PARAMETER,),
)


def blueprint(side: QueuedSide, guard: CaseGuard) -> Blueprint:
    """Return the routes of disclosures (:class:`gateway.web.capability.QueuedCapability`)."""
    routes = submission_routes(RESOURCE, side, guard, send=_send)
    add_answer_route(routes, CLOSE, DISCLOSURE_KIND, side.inbox, guard)
    return routes


def _send(_resource: SubmissionResource, side: QueuedSide, caller: CaseCaller, now: datetime) -> str:
    key = read_idempotency_key()
    body, submission = read_submission(DisclosureRequest, caller, kind=DISCLOSURE_KIND, consents=side.consents, now=now)
    decision = _decision(side, caller, body, submission)
    _check(side, body, decision, now)
    _check_task(side, caller, body)

    def also(tx: Transaction, row: SubmissionRow) -> None:
        record = replace(decision, request=f"disclosure {row.id}")
        side.sharing.put(tx, record, now=now)
        if body.task is not None and not sharing_tasks.close(tx, id=body.task, state=TaskState.DECIDED, at=now):
            raise StoreBusy("Another person decided on the task at the same time; look at it again.")

    return side.submitter.submit(caller.client.client_id, submission, idempotency_key=key, now=now, also=also)


def _decision(side: QueuedSide, caller: CaseCaller, body: DisclosureRequest, submission: CaseSubmission) -> NewDecision:
    """Return the decision of the person who signed in. Raises :class:`Problem`."""
    service = submission.from_service
    name, position = position_on_duty(caller, service, side.inbox.duty_roles.get(service, ()), DECIDE_ON_SHARING)
    first, *others = submission.persons
    return NewDecision(
        service=service,
        subject=first.subject,
        ground=body.ground,
        reason=body.reason,
        case_ref=body.case_ref,
        by=DecidingPerson(name=name, role=position.role, org_unit=position.org_unit),
        recipient=str(submission.recipients[0]),
        others=tuple(each.subject for each in others),
    )


def _check(side: QueuedSide, body: DisclosureRequest, decision: NewDecision, now: datetime) -> None:
    """Raise :class:`Problem` for a field that is not named, a ground that permits nothing, and what is not owed."""
    brought_fields = {*body.details, *(each["field"] for each in body.statements if isinstance(each, dict))}
    if unnamed := sorted(map(str, brought_fields - set(body.fields))):
        fault = Fault(path="fields", problem=f"must name every field that is sent, also {', '.join(unnamed)}")
        raise Problem(problem.INVALID_FIELDS, faults=[fault])
    try:
        side.sharing.check(decision, now=now)
    except DecisionFaults as refused:
        raise Problem(problem.INVALID_FIELDS, faults=refused.faults) from None
    if body.type is DisclosureType.OWED and not is_duty(lookup(body.ground, now.astimezone(UTC).date())):
        fault = Fault(path="type", problem="is owed only where the ground obliges the service to share")
        raise Problem(problem.INVALID_FIELDS, faults=[fault])


def _check_task(side: QueuedSide, caller: CaseCaller, body: DisclosureRequest) -> None:
    if body.task is None:
        return
    name = body.task
    task = side.sharing.store.read(lambda tx: sharing_tasks.get(tx, id=name))
    if task is None or task.service not in services_of(caller) or task.state is not TaskState.OPEN:
        fault = Fault(path="task", problem="must be an open task of your services")
        raise Problem(problem.INVALID_FIELDS, faults=[fault])


DISCLOSURES = QueuedCapability(kind=DISCLOSURE_KIND, operations=(*RESOURCE.operations, CLOSE), case_api=blueprint)
