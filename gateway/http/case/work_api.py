"""The work list on the case API, and what recipients said of this client's alerts."""

from datetime import datetime

from flask import Blueprint, Response

from gateway.callers import CaseCaller
from gateway.delivery.work_list import Usefulness, WorkList, WorkPage
from gateway.oauth.case_server import RESOURCE_PATH
from gateway.web import paging
from gateway.web.case_openapi import ApiOperation
from gateway.web.guards import CaseGuard
from gateway.web.inbox_routes import services_of
from gateway.web.paging import PageMark, read_page_request

LIST = ApiOperation(
    path=RESOURCE_PATH + "/work-list",
    method="get",
    id="listWork",
    summary="List what waits for a decision, sent and received, the earliest deadline first.",
    view=WorkPage,
    responses={"200": "A page of it."},
    parameters=paging.PARAMETERS,
)
USEFULNESS = ApiOperation(
    path=RESOURCE_PATH + "/usefulness",
    method="get",
    id="getUsefulness",
    summary="Count what recipients said of this client's alerts in the past year, by clause.",
    view=Usefulness,
    responses={"200": "The counts."},
)
OPERATIONS = (LIST, USEFULNESS)
_FIRST = (-1, "")


def work_routes(work: WorkList, guard: CaseGuard) -> Blueprint:
    """Return the routes of the work list."""
    routes = Blueprint("work", __name__)

    @routes.get(LIST.path)
    @guard
    def list_work(caller: CaseCaller, now: datetime) -> Response:
        page = read_page_request()
        after = _FIRST if page.after is None else (page.after.at, page.after.id)
        items, last = work.page(caller, services_of(caller), after=after, limit=page.limit, now=now)
        return LIST.respond(WorkPage(items=items, next=None if last is None else str(PageMark(at=last[0], id=last[1]))))

    @routes.get(USEFULNESS.path)
    @guard
    def usefulness(caller: CaseCaller, now: datetime) -> Response:
        return USEFULNESS.respond(work.usefulness(caller, now=now))

    return routes
