"""The capability of the toy kind, as a folder of the gateway has it: responder, asking side and route."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from secrets import token_urlsafe

from flask import Blueprint, Response

from adapters.contract import Deadline
from adapters.matching.decide import Match
from gateway.callers import CaseCaller
from gateway.exchange.answer import RecordRestrictions, Search, ServiceAnswer, refuse_not_offered
from gateway.exchange.case_question import CaseQuestion
from gateway.exchange.fan_out import TOO_LATE, PlannedQuery
from gateway.exchange.outbound import PeerQuery, QueryOutcome
from gateway.exchange.query_log import AskingSide
from gateway.exchange.services import HostedService
from gateway.store.tables import lookups
from gateway.web.capability import Capability
from gateway.web.case_openapi import EXAMPLE_QUESTION, ApiOperation
from gateway.web.case_request import Code, QuestionBody
from gateway.web.guards import CaseGuard
from gateway.web.practitioner import read_question
from tests.gateway.exchange.toy.waiting import WAITING_QUERY, WaitingQuery, WaitingReply
from trust.agreements.decision import MatchOutcome, Permit, PersonRestrictions, decide_release
from trust.agreements.minimise import minimise
from trust.exchange.person import Subject

PATH = "/case/v1/waiting"
HELD = {"place": "7", "months": "11", "reason": "medical"}
"""The service's data about each person that it knows; the kind has no field for the reason."""


def answer(
    permit: Permit,
    service: HostedService,
    subject: Subject,
    *,
    restrictions_of: RecordRestrictions,
    deadline: Deadline,
) -> ServiceAnswer:
    """Answer a permitted query."""
    source = service.adapter.involvement
    if source is None:
        return refuse_not_offered(permit, service)
    search = Search(
        permit=permit,
        service=service,
        source=source,
        subject=subject,
        restrictions_of=restrictions_of,
        deadline=deadline,
    )
    return search.answer(partial(_read, permit))


def _read(permit: Permit, found: Match, restrictions: PersonRestrictions) -> ServiceAnswer:
    release = decide_release(permit, match=MatchOutcome(found.outcome), restrictions=restrictions)
    row = minimise(permit.fields, HELD).sent if release.discloses else {}
    return ServiceAnswer(
        body=dict(row), outcome="answered", reasons=release.reasons, fields=tuple(sorted(row)), undisclosed=not row
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingView:
    """The fields that each service gave, or why it gave none."""

    answers: dict[str, dict[str, str]]


class WaitingBody(QuestionBody):
    """A question about a waiting list."""

    waiting_list: Code


ASK = ApiOperation(
    path=PATH,
    method="post",
    id="askWaiting",
    summary="Ask for a place on a waiting list.",
    body=WaitingBody,
    example={**EXAMPLE_QUESTION, "waiting_list": "flats"},
    view=WaitingView,
    responses={"200": "What each service says."},
)


def blueprint(asking: AskingSide, guard: CaseGuard) -> Blueprint:
    """Return the route of the toy kind."""
    routes = Blueprint("waiting", __name__)

    @routes.post(PATH)
    @guard
    def ask_waiting(caller: CaseCaller, now: datetime) -> Response:
        _, question = read_question(
            WaitingBody, caller, kind=WAITING_QUERY, query_of=_query_of, consents=asking.consents, now=now
        )
        return ASK.respond(ask(asking, caller, question, now))

    return routes


def ask(asking: AskingSide, caller: CaseCaller, question: CaseQuestion, now: datetime) -> WaitingView:
    """Ask every service that may be asked."""
    targets = asking.recorder.select(question, now=now)
    row = _row(caller, len(targets), now)
    asking.recorder.record(row, caller, question, targets, now)
    queries = [
        PeerQuery(selected=each.selected, question=question, query=question.query, correlation=row.id)
        for each in targets
    ]
    plan = [PlannedQuery(query=each, effect=lambda _tx, _outcome: None) for each in queries]
    outcomes = asking.fan_out.start(plan, limit_s=asking.limit_s, done=lambda: None).wait(asking.limit_s)
    answers = {
        str(target.selected.holder): _fields(outcome or TOO_LATE)
        for target, outcome in zip(targets, outcomes, strict=True)
    }
    return WaitingView(answers=answers)


def _query_of(body: WaitingBody) -> WaitingQuery:
    return WaitingQuery(waiting_list=body.waiting_list)


def _row(caller: CaseCaller, expected: int, now: datetime) -> lookups.LookupRow:
    return lookups.LookupRow(
        id=token_urlsafe(16),
        client_id=caller.client.client_id,
        idempotency_key=token_urlsafe(16),
        request_digest="-",
        sealed_request=None,
        created_at=now,
        keep_until=now,
        expected=expected,
        state=lookups.COMPLETE,
    )


def _fields(outcome: QueryOutcome) -> dict[str, str]:
    return dict(outcome.reading.row) if isinstance(outcome.reading, WaitingReply) else {"code": outcome.code}


WAITING = Capability(kind=WAITING_QUERY, respond=answer, operations=(ASK,), case_api=blueprint)
