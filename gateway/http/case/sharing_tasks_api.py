"""Tasks of the duty role on the case API: a question was refused for want of an agreement; share, or record why not.

A task of another service is the same 404 as one that does not exist. Only a person on duty sees the person of a task.
"""

from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus

from flask import Blueprint, Response

from gateway.callers import CaseCaller
from gateway.http.case.sharing_api import SharingFace, tell_faults
from gateway.oauth.case_server import RESOURCE_PATH
from gateway.ports import Transaction
from gateway.sharing.decisions import NewDecision, SharingView
from gateway.sharing.tasks import RefusedQuestion, SharingTask, SharingTasks
from gateway.store.tables import sharing_tasks
from gateway.store.tables.sharing_decisions import SharingRow
from gateway.store.tables.sharing_tasks import TaskRow, TaskState
from gateway.web import bodies, problem
from gateway.web.case_openapi import ApiOperation
from gateway.web.case_request import ID_PATTERN, MAX_BODY, read_model
from gateway.web.inbox_routes import services_of
from gateway.web.problem import Problem
from gateway.web.sharing_request import SharingTaskBody
from trust.agreements.denial import SENTENCES, DenialCode
from trust.exchange.errors import Fault
from trust.exchange.person import subject_to_json
from trust.strict_json import JsonObject

PATH = RESOURCE_PATH + "/sharing-tasks"
_ONE = PATH + "/{id}"
_ID: JsonObject = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "As the list of tasks, or the work list, has it.",
    "schema": {"type": "string", "pattern": ID_PATTERN},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SharingTaskView:
    """One task. ``asker`` is the service that asked. ``is_summary`` says that it counts further ``questions``.

    ``subject`` and what else tells of the question are there for a person on duty who reads one task, until it is
    decided.
    """

    id: str
    service: str
    asker: str
    kind: str
    why: str
    state: str
    opened_at: datetime
    due_at: datetime
    is_summary: bool
    questions: int
    subject: JsonObject | None = field(default=None, repr=False)
    purpose: str | None = None
    role: str | None = None
    org_unit: str | None = None
    call_back: str | None = None
    decision: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SharingTaskList:
    """Tasks that wait for a person on duty, the one that is due first first."""

    items: tuple[SharingTaskView, ...]


LIST = ApiOperation(
    path=PATH,
    method="get",
    id="listSharingTasks",
    summary="List questions that were refused for want of an agreement, and wait for a decision to share or not.",
    view=SharingTaskList,
    responses={"200": "The tasks of the caller's services, without the persons."},
)
GET = ApiOperation(
    path=_ONE,
    method="get",
    id="getSharingTask",
    summary="As a person on duty, read one task with the person that it is about.",
    view=SharingTaskView,
    responses={"200": "As it stands."},
    parameters=(_ID,),
)
DECIDE = ApiOperation(
    path=_ONE,
    method="post",
    id="decideSharingTask",
    summary="As a person on duty, record that it was shared, or why not. What describes the person is erased.",
    body=SharingTaskBody,
    example={
        "share": False,
        "ground": "dpa2018-sch1-18",
        "reason": "Nothing that we know bears on what was asked; the asker was rung.",
        "case_ref": "CF-2291",
        "review_on": "2026-12-15",
    },
    view=SharingView,
    responses={"201": "The decision."},
    parameters=(_ID,),
)
CLOSE = ApiOperation(
    path=_ONE + "/close",
    method="post",
    id="closeSharingSummary",
    summary="As a person on duty, close the summary of further questions of one agency.",
    view=SharingTaskView,
    responses={"200": "As it stands."},
    parameters=(_ID,),
)
OPERATIONS = (LIST, GET, DECIDE, CLOSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """The tasks, and the use cases that decide on them."""

    tasks: SharingTasks
    face: SharingFace

    def find(self, caller: CaseCaller, task: str) -> SharingTask:
        entry = self.tasks.find(task, services_of(caller))
        if entry is None:
            raise Problem(problem.NOT_FOUND)
        return entry

    def decide(self, caller: CaseCaller, now: datetime, task: str) -> SharingView:
        entry = self.find(caller, task)
        by, service = self.face.decider(caller, entry.row.service)
        body = _read_decision()
        if entry.question is None:
            raise Problem(problem.NOT_PERMITTED, "This task describes no person, or not any more.")
        new = NewDecision(
            service=service,
            subject=entry.question.subject,
            ground=body.ground,
            reason=body.reason,
            case_ref=body.case_ref,
            by=by,
            review_on=body.review_on,
            recipient=entry.row.asker,
            request=f"task {entry.row.id}",
        )

        def close_task(tx: Transaction, row: SharingRow) -> bool:
            return sharing_tasks.close(tx, id=entry.row.id, state=TaskState.DECIDED, at=now, decision=row.id)

        return tell_faults(lambda: self.face.decisions.record(new, now=now, also=close_task))


def sharing_task_routes(tasks: SharingTasks, face: SharingFace) -> Blueprint:
    """Return the routes of these tasks."""
    routes, desk = Blueprint("sharing_tasks", __name__), _Desk(tasks=tasks, face=face)

    @routes.get(PATH)
    @face.guard
    def list_tasks(caller: CaseCaller, now: datetime) -> Response:  # noqa: ARG001 - every guarded route has it
        return LIST.respond(SharingTaskList(items=tuple(_view(row) for row in tasks.page(services_of(caller)))))

    @routes.get(PATH + "/<task>")
    @face.guard
    def get(caller: CaseCaller, now: datetime, task: str) -> Response:  # noqa: ARG001 - every guarded route has it
        entry = desk.find(caller, task)
        face.decider(caller, entry.row.service)
        return GET.respond(_view(entry.row, entry.question))

    @routes.post(PATH + "/<task>/close")
    @face.guard
    def close(caller: CaseCaller, now: datetime, task: str) -> Response:
        entry = desk.find(caller, task)
        face.decider(caller, entry.row.service)
        if not entry.row.is_summary:
            raise Problem(problem.INVALID_FIELDS, "Only a summary is closed; decide on a task.")
        tasks.close_summary(entry, now=now)
        return CLOSE.respond(_view(desk.find(caller, task).row))

    @routes.post(PATH + "/<task>")
    @face.guard
    def decide(caller: CaseCaller, now: datetime, task: str) -> Response:
        return DECIDE.respond(desk.decide(caller, now, task), HTTPStatus.CREATED)

    return routes


def _read_decision() -> SharingTaskBody:
    _, body, faults = read_model(SharingTaskBody, bodies.read_json_body(max_bytes=MAX_BODY))
    if body is not None and body.share is not (body.review_on is None):
        faults.append(Fault(path="review_on", problem="is there where share is false, and only then"))
    if body is None or faults:
        raise Problem(problem.INVALID_FIELDS, faults=faults)
    return body


def _view(row: TaskRow, question: RefusedQuestion | None = None) -> SharingTaskView:
    return SharingTaskView(
        id=row.id,
        service=row.service,
        asker=row.asker,
        kind=row.kind,
        why=SENTENCES[DenialCode(row.code)][0],
        state=str(row.state),
        opened_at=row.opened_at,
        due_at=row.due_at,
        is_summary=row.is_summary,
        questions=row.questions,
        subject=None if question is None else subject_to_json(question.subject),
        purpose=None if question is None else question.purpose,
        role=None if question is None else question.role,
        org_unit=None if question is None else question.org_unit,
        call_back=None if question is None else question.call_back,
        decision=row.decision,
    )
