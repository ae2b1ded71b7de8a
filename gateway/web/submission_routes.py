"""Routes that alerts, referrals and notices share: submit one, list those of this client, and read one.

A list is newest first. Another client's submission is the same 404 as one that does not exist (assertion A49).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from flask import Blueprint, Response

from gateway.callers import CaseCaller
from gateway.delivery.submission_view import (
    SubmissionPage,
    SubmissionPlace,
    SubmissionPreview,
    SubmissionView,
    preview_recipient,
    suggestion,
)
from gateway.oauth.case_server import RESOURCE_PATH
from gateway.store.engine.timestamps import from_microseconds, to_microseconds
from gateway.web import paging, problem
from gateway.web.capability import QueuedSide
from gateway.web.case_openapi import ApiOperation
from gateway.web.case_request import ID_PATTERN
from gateway.web.guards import CaseGuard
from gateway.web.idempotency import IDEMPOTENCY_PARAMETER, read_idempotency_key
from gateway.web.paging import PageMark, read_page_request
from gateway.web.problem import Problem
from gateway.web.submission_request import SubmissionBody, read_submission
from trust.exchange.kind import ExchangeKind
from trust.strict_json import JsonObject

ID_PARAMETER: JsonObject = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "As the answer to the submission has it, in its body and in Location.",
    "schema": {"type": "string", "pattern": ID_PATTERN},
}
_LATEST = 10**16
"""Microseconds after which no message is dated: the year 2286."""
_BEYOND_EVERY_ID = "~"
"""Behind every id of the same instant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionResource:
    """One queued kind on the case API. ``noun`` is its word, such as "alert"; its path is the plural."""

    kind: ExchangeKind
    noun: str
    body: type[SubmissionBody]
    example: JsonObject

    @property
    def path(self) -> str:
        """The path of the list."""
        return f"{RESOURCE_PATH}/{self.noun}s"

    @property
    def submit(self) -> ApiOperation:
        """Submit one."""
        return ApiOperation(
            path=self.path,
            method="post",
            id=f"submit{self.noun.capitalize()}",
            summary=f"Send one {self.noun} to named services: to all of them, or to none with every fault.",
            body=self.body,
            example=self.example,
            view=SubmissionView,
            responses={"201": "It is stored durably and will be delivered; each recipient has its line."},
            parameters=(IDEMPOTENCY_PARAMETER,),
        )

    @property
    def preview(self) -> ApiOperation:
        """Show what one would send."""
        return ApiOperation(
            path=f"{self.path}/preview",
            method="post",
            id=f"preview{self.noun.capitalize()}",
            summary=f"Show what each recipient of a {self.noun} would get. Nothing is sent or stored.",
            body=self.body,
            example=self.example,
            view=SubmissionPreview,
            responses={"200": "Each recipient with its fields and law, or why it may not be sent it."},
        )

    @property
    def list(self) -> ApiOperation:
        """List those of this client."""
        return ApiOperation(
            path=self.path,
            method="get",
            id=f"list{self.noun.capitalize()}s",
            summary=f"List the {self.noun}s that this client sent, newest first.",
            view=SubmissionPage,
            responses={"200": "A page of them."},
            parameters=paging.PARAMETERS,
        )

    @property
    def get(self) -> ApiOperation:
        """Read one."""
        return ApiOperation(
            path=self.path + "/{id}",
            method="get",
            id=f"get{self.noun.capitalize()}",
            summary=f"Read one {self.noun} with every recipient's state, steps and outcomes.",
            view=SubmissionView,
            responses={"200": "As it stands."},
            parameters=(ID_PARAMETER,),
        )

    @property
    def operations(self) -> tuple[ApiOperation, ...]:
        """The operations of :func:`submission_routes`."""
        return self.submit, self.preview, self.list, self.get


Send = Callable[[SubmissionResource, QueuedSide, CaseCaller, datetime], str]
"""Read the request's body, submit it, and return the id of the submission."""


def _send(resource: SubmissionResource, side: QueuedSide, caller: CaseCaller, now: datetime) -> str:
    key = read_idempotency_key()
    _, submission = read_submission(resource.body, caller, kind=resource.kind, consents=side.consents, now=now)
    return side.submitter.submit(caller.client.client_id, submission, idempotency_key=key, now=now)


def submission_routes(
    resource: SubmissionResource, side: QueuedSide, guard: CaseGuard, send: Send = _send
) -> Blueprint:
    """Return the routes of one queued kind."""
    routes = Blueprint(f"{resource.noun}s", __name__)
    submit_operation, _, list_operation, get_operation = resource.operations
    kind = resource.kind

    @routes.post(resource.path)
    @guard
    def submit(caller: CaseCaller, now: datetime) -> Response:
        submission_id = send(resource, side, caller, now)
        response = submit_operation.respond(find(caller, now, submission_id), HTTPStatus.CREATED)
        response.headers["Location"] = f"{guard.base_url}{resource.path}/{submission_id}"
        return response

    _add_preview(routes, resource, side, guard)

    @routes.get(resource.path)
    @guard
    def list_submissions(caller: CaseCaller, now: datetime) -> Response:
        page = read_page_request()
        before = _place(page.after, now)
        items, last = side.sent_messages.page(caller, kind=kind.name, before=before, limit=page.limit, now=now)
        return list_operation.respond(SubmissionPage(items=items, next=None if last is None else str(_mark(last))))

    @routes.get(resource.path + "/<submission_id>")
    @guard
    def get(caller: CaseCaller, now: datetime, submission_id: str) -> Response:
        return get_operation.respond(find(caller, now, submission_id))

    def find(caller: CaseCaller, now: datetime, submission_id: str) -> SubmissionView:
        view = side.sent_messages.get(submission_id, caller, kind=kind.name, now=now)
        if view is None:
            raise Problem(problem.NOT_FOUND)
        return view

    return routes


def _add_preview(routes: Blueprint, resource: SubmissionResource, side: QueuedSide, guard: CaseGuard) -> None:
    operation = resource.preview

    @routes.post(operation.path)
    @guard
    def preview(caller: CaseCaller, now: datetime) -> Response:
        _, submission = read_submission(resource.body, caller, kind=resource.kind, consents=side.consents, now=now)
        plans = side.submitter.plan(caller.client.client_id, submission, now=now)
        return operation.respond(
            SubmissionPreview(
                recipients=tuple(map(preview_recipient, plans)),
                left_out=submission.left_out,
                suggested=suggestion(resource.kind.name, submission.body.to_body()),
            )
        )


def _place(mark: PageMark | None, now: datetime) -> SubmissionPlace:
    """Return the place before which a page ends; the first page begins at what was just submitted."""
    if mark is None:
        return SubmissionPlace(at=now + timedelta(days=1), id=_BEYOND_EVERY_ID)
    return SubmissionPlace(at=from_microseconds(min(mark.at, _LATEST)), id=mark.id)


def _mark(place: SubmissionPlace) -> PageMark:
    return PageMark(at=to_microseconds(place.at), id=place.id)
