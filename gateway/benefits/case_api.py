"""Benefit questions on the case API."""

from datetime import date, datetime

from flask import Blueprint, Response
from pydantic import Field

from gateway.benefits.responder import answer
from gateway.benefits.service import Eligibility, EligibilityView
from gateway.callers import CaseCaller
from gateway.exchange.consent_checks import ResolveConsent
from gateway.exchange.query_log import AskingSide
from gateway.oauth.case_server import RESOURCE_PATH
from gateway.web.capability import Capability
from gateway.web.case_openapi import EXAMPLE_QUESTION, ApiOperation
from gateway.web.case_request import Code, QuestionBody
from gateway.web.guards import CaseGuard
from gateway.web.practitioner import read_question
from trust.exchange.eligibility import ELIGIBILITY_QUERY, EligibilityQuery, Question
from trust.strict_json import JsonObject

ELIGIBILITY_PATH = RESOURCE_PATH + "/eligibility"
EXAMPLE_ELIGIBILITY: JsonObject = {**EXAMPLE_QUESTION, "question": "in_payment", "benefit": "housing-support"}


class EligibilityBody(QuestionBody):
    """One benefit question, answered with yes, no or unknown, and a date."""

    question: Question
    benefit: Code | None = Field(default=None, description="One benefit's code, where the question is about one.")
    as_of: date | None = Field(default=None, description="The day asked about; today if left out.")

    def query(self, today: date) -> EligibilityQuery:
        """Return the query, about today where the body names no day."""
        return EligibilityQuery(question=self.question, as_of=self.as_of or today, benefit=self.benefit)


ASK = ApiOperation(
    path=ELIGIBILITY_PATH,
    method="post",
    id="askEligibility",
    summary="Put one benefit question; the answer is yes, no or unknown, and a date.",
    body=EligibilityBody,
    example=EXAMPLE_ELIGIBILITY,
    view=EligibilityView,
    responses={"200": "A line from each service that was asked."},
)


def blueprint(asking: AskingSide, guard: CaseGuard) -> Blueprint:
    """Return the route of benefit questions (:class:`gateway.web.capability.Capability`)."""
    return eligibility_routes(Eligibility(asking=asking), asking.consents, guard)


def eligibility_routes(eligibility: Eligibility, consents: ResolveConsent, guard: CaseGuard) -> Blueprint:
    """Return the route to ask a benefit question."""
    routes = Blueprint("benefits", __name__)

    @routes.post(ASK.path)
    @guard
    def ask_eligibility(caller: CaseCaller, now: datetime) -> Response:
        body, question = read_question(
            EligibilityBody,
            caller,
            kind=ELIGIBILITY_QUERY,
            query_of=lambda body: body.query(now.date()),
            consents=consents,
            now=now,
        )
        return ASK.respond(eligibility.ask(caller, question, body.question, now=now))

    return routes


BENEFITS = Capability(kind=ELIGIBILITY_QUERY, respond=answer, operations=(ASK,), case_api=blueprint)
