"""Consents on the case API: record one, list and read them, see what would end, withdraw, and close a task.

Another client's consent is the same 404 as one that does not exist (assertion A49).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import TypeVar

from flask import Blueprint, Response, request

from gateway.callers import CaseCaller
from gateway.consents.request import NewConsentBody, ToldBody, WithdrawalBody, read_consent, read_told, read_withdrawal
from gateway.consents.service import TELL_PERSON, TELL_SERVICE, ConsentFaults, Consents, HeldConsent, day_of
from gateway.consents.view import ConsentPage, ConsentPreview, ConsentView, show_line, show_preview, show_view
from gateway.oauth.case_server import RESOURCE_PATH
from gateway.store.engine.timestamps import from_microseconds, to_microseconds
from gateway.web import paging, problem
from gateway.web.case_openapi import EXAMPLE_QUESTION, EXAMPLE_SUBJECT, ApiOperation
from gateway.web.case_request import ID_PATTERN
from gateway.web.guards import CaseGuard
from gateway.web.idempotency import IDEMPOTENCY_PARAMETER, read_idempotency_key
from gateway.web.paging import PageMark, read_page_request
from gateway.web.problem import Problem
from trust.exchange.errors import Fault
from trust.strict_json import JsonObject

T = TypeVar("T")
PATH = RESOURCE_PATH + "/consents"
_ONE = PATH + "/{id}"
_LATEST = 10**16
"""Microseconds after which nothing is dated: the year 2286."""
_AHEAD = timedelta(days=1)
_BEYOND_EVERY_ID = "~"
_ID: JsonObject = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "As the answer that recorded the consent has it, in its body and in Location.",
    "schema": {"type": "string", "pattern": ID_PATTERN},
}
_WORKER: JsonObject = {**EXAMPLE_QUESTION["practitioner"], "name": "Nia Harding"}
EXAMPLE_CONSENT: JsonObject = {
    "subject": EXAMPLE_SUBJECT,
    "roles": ["confidentiality", "engagement"],
    "purposes": ["early-help"],
    "jurisdiction": "england-and-wales",
    "given_by": {"relation": "person"},
    "given_on": "2026-11-09",
    "form": "written",
    "evidence": "CF-2291/consent/3",
    "notice": "early-help-notice/4",
    "expires_on": "2027-11-08",
    "case_ref": "CF-2291",
    "practitioner": _WORKER,
}
_LONGEST = 366
_ENDS_WITHIN: JsonObject = {
    "name": "ends_within",
    "in": "query",
    "description": "Only consents in force whose last day is at most so many days ahead.",
    "schema": {"type": "integer", "minimum": 0, "maximum": _LONGEST},
}
_DAYS = re.compile(r"[0-9]{1,3}")
RECORD = ApiOperation(
    path=PATH,
    method="post",
    id="recordConsent",
    summary="Record one person's consent, or their refusal; questions and messages then name its id.",
    body=NewConsentBody,
    example=EXAMPLE_CONSENT,
    view=ConsentView,
    responses={"201": "It is stored durably."},
    parameters=(IDEMPOTENCY_PARAMETER,),
)
LIST = ApiOperation(
    path=PATH,
    method="get",
    id="listConsents",
    summary="List the consents that this client recorded, newest first.",
    view=ConsentPage,
    responses={"200": "A page of them."},
    parameters=(*paging.PARAMETERS, _ENDS_WITHIN),
)
GET = ApiOperation(
    path=_ONE,
    method="get",
    id="getConsent",
    summary="Read one consent with its events, the services that rely on it, and its ISO/IEC TS 27560 record.",
    view=ConsentView,
    responses={"200": "As it stands."},
    parameters=(_ID,),
)
PREVIEW = ApiOperation(
    path=_ONE + "/preview",
    method="get",
    id="previewConsent",
    summary="Show what would stop and what would go on if the consent ended, and what is safe to read out.",
    view=ConsentPreview,
    responses={"200": "What would happen today."},
    parameters=(_ID,),
)
WITHDRAW = ApiOperation(
    path=_ONE + "/withdraw",
    method="post",
    id="withdrawConsent",
    summary="Withdraw a consent; services that rely on it are told. Withdrawing again changes nothing.",
    body=WithdrawalBody,
    example={"given_by": {"relation": "person"}, "practitioner": _WORKER},
    view=ConsentView,
    responses={"200": "As it stands; nothing new is shared on it."},
    parameters=(_ID,),
)
TOLD = ApiOperation(
    path=_ONE + "/told",
    method="post",
    id="closeConsentTask",
    summary="Say whether the person was told that the consent ended; it closes the worker's task.",
    body=ToldBody,
    example={"is_told": True},
    view=ConsentView,
    responses={"200": "As it stands."},
    parameters=(_ID,),
)
SERVICES_TOLD = ApiOperation(
    path=_ONE + "/services-told",
    method="post",
    id="closeConsentServiceTasks",
    summary="Say whether services that no notice could reach were told; it closes the worker's tasks.",
    body=ToldBody,
    example={"is_told": True},
    view=ConsentView,
    responses={"200": "As it stands."},
    parameters=(_ID,),
)
OPERATIONS = (RECORD, LIST, GET, PREVIEW, WITHDRAW, TOLD, SERVICES_TOLD)
Notify = Callable[[str, datetime], None]
"""Send the notices of a consent that ended; the node's rounds do it again where this fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Face:
    """The use cases that the routes call, for the clients that they find."""

    consents: Consents
    notify: Notify
    guard: CaseGuard

    def find(self, caller: CaseCaller, consent: str) -> HeldConsent:
        entry = self.consents.find(caller, consent)
        if entry is None:
            raise Problem(problem.NOT_FOUND)
        return entry

    def show(self, caller: CaseCaller, consent: str, now: datetime) -> ConsentView:
        return show_view(self.find(caller, consent), self.consents, now=now)

    def close(self, caller: CaseCaller, now: datetime, consent: str, kind: str) -> ConsentView:
        entry, body = self.find(caller, consent), read_told()
        self.consents.finish(entry, kind, outcome="told" if body.is_told else str(body.why), now=now)
        return self.show(caller, consent, now)


def consent_routes(consents: Consents, notify: Notify, guard: CaseGuard) -> Blueprint:
    """Return the routes of consents."""
    routes, face = Blueprint("consents", __name__), _Face(consents=consents, notify=notify, guard=guard)
    _add_reading(routes, face)
    _add_recording(routes, face)
    _add_tasks(routes, face)
    return routes


def _add_reading(routes: Blueprint, face: _Face) -> None:
    @routes.get(PATH)
    @face.guard
    def list_consents(caller: CaseCaller, now: datetime) -> Response:
        page = read_page_request(others=["ends_within"])
        last_day = _read_last_day(now)
        mark = page.after or PageMark(at=to_microseconds(now + _AHEAD), id=_BEYOND_EVERY_ID)
        before = (from_microseconds(min(mark.at, _LATEST)), mark.id)
        rows = face.consents.page(caller, before=before, limit=page.limit, last=last_day)
        last = rows[-1] if len(rows) == page.limit else None
        following = None if last is None else str(PageMark(at=to_microseconds(last.created_at), id=last.id))
        return LIST.respond(ConsentPage(items=tuple(map(show_line, rows)), next=following))

    @routes.get(PATH + "/<consent>")
    @face.guard
    def get(caller: CaseCaller, now: datetime, consent: str) -> Response:
        return GET.respond(face.show(caller, consent, now))

    @routes.get(PATH + "/<consent>/preview")
    @face.guard
    def preview(caller: CaseCaller, now: datetime, consent: str) -> Response:
        return PREVIEW.respond(show_preview(face.consents.preview(face.find(caller, consent), now=now)))


def _add_recording(routes: Blueprint, face: _Face) -> None:
    @routes.post(PATH)
    @face.guard
    def record(caller: CaseCaller, now: datetime) -> Response:
        key, consents = read_idempotency_key(), face.consents
        new = read_consent(caller, now=now)
        consent = _faults_told(lambda: consents.record(caller, new, idempotency_key=key, now=now))
        response = RECORD.respond(face.show(caller, consent, now), HTTPStatus.CREATED)
        response.headers["Location"] = f"{face.guard.base_url}{PATH}/{consent}"
        return response

    @routes.post(PATH + "/<consent>/withdraw")
    @face.guard
    def withdraw(caller: CaseCaller, now: datetime, consent: str) -> Response:
        entry, withdrawal = face.find(caller, consent), read_withdrawal(caller)
        _faults_told(lambda: face.consents.withdraw(entry, withdrawal, now=now))
        face.notify(consent, now)
        return WITHDRAW.respond(face.show(caller, consent, now))


def _add_tasks(routes: Blueprint, face: _Face) -> None:
    @routes.post(PATH + "/<consent>/told")
    @face.guard
    def close_person_task(caller: CaseCaller, now: datetime, consent: str) -> Response:
        return TOLD.respond(face.close(caller, now, consent, TELL_PERSON))

    @routes.post(PATH + "/<consent>/services-told")
    @face.guard
    def close_service_tasks(caller: CaseCaller, now: datetime, consent: str) -> Response:
        return SERVICES_TOLD.respond(face.close(caller, now, consent, TELL_SERVICE))


def _read_last_day(now: datetime) -> date | None:
    """Read the last day that the request names, or none."""
    values = request.args.getlist("ends_within")
    if not values:
        return None
    if len(values) != 1 or not _DAYS.fullmatch(values[0]) or int(values[0]) > _LONGEST:
        fault = Fault(path="ends_within", problem=f"must be a whole number of days from 0 to {_LONGEST}")
        raise Problem(problem.INVALID_FIELDS, faults=[fault])
    return day_of(now) + timedelta(days=int(values[0]))


def _faults_told(call: Callable[[], T]) -> T:
    """Run a use case, and tell what it refuses as faults of the body."""
    try:
        return call()
    except ConsentFaults as refused:
        raise Problem(problem.INVALID_FIELDS, faults=refused.faults) from None
