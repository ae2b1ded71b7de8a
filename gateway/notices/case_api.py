"""Notices on the case API."""

from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus
from typing import ClassVar

from flask import Blueprint, Response
from pydantic import Field

from gateway.callers import CaseCaller
from gateway.delivery.case_submission import CaseSubmission
from gateway.delivery.inbox_view import InboxItem
from gateway.notices.notification import NoPastRecipient, NotificationPreview, Notifications, NotificationView
from gateway.notices.past_recipients import PastRecipients, identified
from gateway.oauth.case_server import RESOURCE_PATH
from gateway.web import bodies, problem
from gateway.web.capability import QueuedCapability, QueuedSide
from gateway.web.case_openapi import EXAMPLE_REPORT, ApiOperation
from gateway.web.case_request import MAX_BODY, Line, Service
from gateway.web.guards import CaseGuard
from gateway.web.idempotency import IDEMPOTENCY_PARAMETER, read_idempotency_key
from gateway.web.inbox_routes import INBOX_PATH, MESSAGE_PARAMETER, DecisionBody, add_answer_route
from gateway.web.problem import Problem
from gateway.web.submission_request import SubmissionBody, read_submission
from gateway.web.submission_routes import ID_PARAMETER, SubmissionResource, submission_routes
from trust import strict_json
from trust.errors import MalformedInput
from trust.exchange.errors import Fault
from trust.exchange.notice import NOTICE_KIND, NoticeOutcome, NoticeType
from trust.exchange.person import Subject
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


class NotificationRequest(NoticeRequest):
    """A correction or an erasure to every service that this one told of the person, as far back as evidence goes."""

    recipients: list[Service] = Field(
        default_factory=list, max_length=0, description="Leave it out: all past recipients are found from the evidence."
    )


class NoticeDecision(DecisionBody):
    """What was done about a notice. A recipient that keeps the data says on which ground."""

    answer: NoticeOutcome
    ground: Line | None = None


EXAMPLE_NOTIFICATION: JsonObject = {
    **EXAMPLE_REPORT,
    "purpose": "early-help",
    "urgency": "green",
    "type": "correction",
    "details": {"item": "subject.birth_date", "action": "replace", "basis": "art-16"},
    "statements": [
        {
            "field": "correction",
            "text": "Born on 9 March 2004.",
            "about": ["p1"],
            "standing": "fact",
            "source": "birth certificate",
            "on": "2026-11-30",
        }
    ],
}
RESOURCE = SubmissionResource(kind=NOTICE_KIND, noun="notice", body=NoticeRequest, example=EXAMPLE_NOTICE)
ANSWER = ApiOperation(
    path=INBOX_PATH + "/{id}/answer",
    method="post",
    id="answerNotice",
    summary="Answer a notice that came; its sender is told, and its clock stops.",
    body=NoticeDecision,
    example={"answer": "done"},
    view=InboxItem,
    responses={"200": "The message as it stands."},
    parameters=(MESSAGE_PARAMETER,),
)
NOTIFICATIONS_PATH = RESOURCE_PATH + "/notifications"
NOTIFY = ApiOperation(
    path=NOTIFICATIONS_PATH,
    method="post",
    id="notifyPastRecipients",
    summary="Send a correction or an erasure to every service that this one told of the person.",
    body=NotificationRequest,
    example=EXAMPLE_NOTIFICATION,
    view=NotificationView,
    responses={"201": "Each past recipient has a notice of its own, or stands in not_reached."},
    parameters=(IDEMPOTENCY_PARAMETER,),
)
PREVIEW_NOTIFICATION = ApiOperation(
    path=NOTIFICATIONS_PATH + "/preview",
    method="post",
    id="previewNotification",
    summary="Show which services were told of the person, and what each would be sent. Nothing is sent or stored.",
    body=NotificationRequest,
    example=EXAMPLE_NOTIFICATION,
    view=NotificationPreview,
    responses={"200": "Each past recipient with the fields that it was told, by name."},
)
GET_NOTIFICATION = ApiOperation(
    path=NOTIFICATIONS_PATH + "/{id}",
    method="get",
    id="getNotification",
    summary="Read a notification: which past recipients have answered, and which are overdue.",
    view=NotificationView,
    responses={"200": "As it stands."},
    parameters=(ID_PARAMETER,),
)
_PLACEHOLDER = "each-recipients-own"
"""Stands for the message that a notice names while the request is checked; each recipient's own takes its place."""
_NO_IDENTIFIER = "needs an identifier, such as the NHS number: by name alone a namesake's recipients would be told"
_CORRECTING = frozenset({NoticeType.CORRECTION, NoticeType.ERASURE})


def blueprint(side: QueuedSide, guard: CaseGuard) -> Blueprint:
    """Return the routes of notices (:class:`gateway.web.capability.QueuedCapability`)."""
    routes = submission_routes(RESOURCE, side, guard)
    add_answer_route(routes, ANSWER, NOTICE_KIND, side.inbox, guard)
    _add_notifications(routes, side, guard)
    return routes


def _add_notifications(routes: Blueprint, side: QueuedSide, guard: CaseGuard) -> None:
    submitter = side.submitter
    notifications = Notifications(
        past=PastRecipients(store=submitter.store, vault=submitter.vault),
        submitter=submitter,
        sent_messages=side.sent_messages,
        vault=submitter.vault,
    )

    @routes.post(NOTIFY.path)
    @guard
    def notify(caller: CaseCaller, now: datetime) -> Response:
        key, notice = read_idempotency_key(), _read(side, caller, now)
        try:
            notification_id = notifications.send(caller, notice, idempotency_key=key, now=now)
        except NoPastRecipient as empty:
            fault = Fault(
                path="persons[0].subject", problem="must be a person about which this service told another service"
            )
            raise Problem(problem.INVALID_FIELDS, "Nothing was sent.", faults=[fault]) from empty
        response = NOTIFY.respond(find(caller, now, notification_id), HTTPStatus.CREATED)
        response.headers["Location"] = f"{guard.base_url}{NOTIFY.path}/{notification_id}"
        return response

    @routes.post(PREVIEW_NOTIFICATION.path)
    @guard
    def preview_notification(caller: CaseCaller, now: datetime) -> Response:
        notice = _read(side, caller, now)
        return PREVIEW_NOTIFICATION.respond(notifications.preview(caller.client.client_id, notice, now=now))

    @routes.get(NOTIFY.path + "/<notification_id>")
    @guard
    def get_notification(caller: CaseCaller, now: datetime, notification_id: str) -> Response:
        return GET_NOTIFICATION.respond(find(caller, now, notification_id))

    def find(caller: CaseCaller, now: datetime, notification_id: str) -> NotificationView:
        view = notifications.get(notification_id, caller, now=now)
        if view is None:
            raise Problem(problem.NOT_FOUND)
        return view


def _read(side: QueuedSide, caller: CaseCaller, now: datetime) -> CaseSubmission:
    """Read the request's body as a notice whose recipient and message are not known yet.

    Raises :class:`Problem` with every fault.
    """
    raw = _with_placeholder(bodies.read_json_body(max_bytes=MAX_BODY))
    _, notice = read_submission(NotificationRequest, caller, kind=NOTICE_KIND, consents=side.consents, now=now, raw=raw)
    faults = tuple(_faults(notice))
    if faults:
        raise Problem(problem.INVALID_FIELDS, faults=faults)
    return notice


def _with_placeholder(raw: bytes) -> bytes:
    """Return the body with a message named; one that is no object is left to the reader, which says so."""
    try:
        document = strict_json.loads(raw, max_bytes=MAX_BODY)
    except MalformedInput:
        return raw
    details = document.get("details")
    if not isinstance(details, dict) or document.get("type") not in _CORRECTING:
        return raw
    if "original" in details:
        fault = Fault(path="details.original", problem="must be left out: each recipient's own message is named")
        raise Problem(problem.INVALID_FIELDS, faults=[fault])
    return strict_json.dumps({**document, "details": {**details, "original": _PLACEHOLDER}})


def _faults(notice: CaseSubmission) -> Iterator[Fault]:
    if notice.topic not in _CORRECTING:
        yield Fault(path="type", problem="must be correction or erasure")
    if notice.supersedes is not None or notice.incident is not None:
        yield Fault(path="supersedes", problem="must be left out, and incident too: a notification begins its own")
    if len(notice.persons) != 1:
        yield Fault(path="persons", problem="must have one person: the one whose data is wrong")
    elif identified(notice.persons[0].subject) == Subject():
        yield Fault(path="persons[0].subject", problem=_NO_IDENTIFIER)


NOTICES = QueuedCapability(
    kind=NOTICE_KIND,
    operations=(*RESOURCE.operations, ANSWER, PREVIEW_NOTIFICATION, NOTIFY, GET_NOTIFICATION),
    case_api=blueprint,
)
