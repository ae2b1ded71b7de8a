"""The inbox on the case API: what came for the services of a client's positions.

1. A list by the case system's own token is a poll, and is recorded: an inbox that is not polled counts as unread.
2. ``read`` is stated only with the token of a person who signed in, in a duty role of the service where it names some,
   never by a case system's own word.
3. A message of another service is the same 404 as one that does not exist (assertion A49).
"""

from datetime import datetime

from flask import Blueprint, Response

from gateway.callers import CaseCaller
from gateway.delivery.inbox import DutyReader
from gateway.delivery.inbox_view import InboxItem, InboxList, ServiceInbox
from gateway.web import paging
from gateway.web.case_openapi import ApiOperation
from gateway.web.guards import CaseGuard
from gateway.web.inbox_routes import INBOX_PATH, MESSAGE_PARAMETER, find_service, position_on_duty, services_of
from gateway.web.paging import PageMark, read_page_request
from trust.identifiers import RoleCode

LIST = ApiOperation(
    path=INBOX_PATH,
    method="get",
    id="listInbox",
    summary="List the open messages for the caller's services, oldest first. By a case system it is a poll.",
    view=InboxList,
    responses={"200": "A page of them, without their content."},
    parameters=paging.PARAMETERS,
)
GET = ApiOperation(
    path=INBOX_PATH + "/{id}",
    method="get",
    id="getInboxMessage",
    summary="Read the content of one message. That alone tells its sender nothing.",
    view=InboxItem,
    responses={"200": "The message as it stands."},
    parameters=(MESSAGE_PARAMETER,),
)
ACKNOWLEDGE = ApiOperation(
    path=INBOX_PATH + "/{id}/acknowledge",
    method="post",
    id="acknowledgeInboxMessage",
    summary="State that the case system that polls has stored the message. It stops no bell.",
    view=InboxItem,
    responses={"200": "The message as it stands."},
    parameters=(MESSAGE_PARAMETER,),
)
READ = ApiOperation(
    path=INBOX_PATH + "/{id}/read",
    method="post",
    id="readInboxMessage",
    summary="State that the person who signed in has opened the message: its bell stops and its sender is told.",
    view=InboxItem,
    responses={"200": "The message as it stands."},
    parameters=(MESSAGE_PARAMETER,),
)
OPERATIONS = (LIST, GET, ACKNOWLEDGE, READ)


def inbox_routes(inbox: ServiceInbox, guard: CaseGuard) -> Blueprint:
    """Return the routes of the inbox that every kind shares."""
    routes = Blueprint("inbox", __name__)

    @routes.get(LIST.path)
    @guard
    def list_inbox(caller: CaseCaller, now: datetime) -> Response:
        page, services = read_page_request(), services_of(caller)
        after = None if page.after is None else (page.after.at, page.after.id)
        items, last = inbox.page(services, after=after, limit=page.limit, now=now)
        if caller.vouches:
            inbox.record_poll(services, client_id=caller.client.client_id, now=now)
        return LIST.respond(
            InboxList(items=items, next=None if last is None else str(PageMark(at=last[0], id=last[1])))
        )

    @routes.get(INBOX_PATH + "/<message>")
    @guard
    def get_message(caller: CaseCaller, now: datetime, message: str) -> Response:
        return GET.respond(inbox.get(find_service(inbox, caller, message), message, now=now))

    @routes.post(INBOX_PATH + "/<message>/acknowledge")
    @guard
    def acknowledge(caller: CaseCaller, now: datetime, message: str) -> Response:
        service = find_service(inbox, caller, message)
        inbox.inbox.acknowledge(service, message, client_id=caller.client.client_id, now=now)
        return ACKNOWLEDGE.respond(inbox.get(service, message, now=now))

    @routes.post(INBOX_PATH + "/<message>/read")
    @guard
    def read(caller: CaseCaller, now: datetime, message: str) -> Response:
        service = find_service(inbox, caller, message)
        person, position = position_on_duty(caller, service, inbox.duty_roles.get(service, frozenset()))
        reader = DutyReader(id=person, role=RoleCode(position.role))
        inbox.inbox.read(service, message, reader, now=now)
        return READ.respond(inbox.get(service, message, now=now))

    return routes
