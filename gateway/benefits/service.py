"""One benefit question: yes, no or unknown and a date, from each service that an agreement lets us ask."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from secrets import token_urlsafe

from gateway.accountability.access_record import seal_account
from gateway.agreements.registry import AgreementRegistry
from gateway.callers import CaseCaller, EligibilityLine, EligibilityRequest, EligibilityStatus, EligibilityView
from gateway.exchange.fan_out import (
    TOO_LATE,
    Asked,
    FanOut,
    Planned,
    account,
    agreement_name,
    asker,
    service_name,
    summary,
)
from gateway.exchange.outbound import Outcome, Question
from gateway.exchange.query_log import Spending
from gateway.ports import KeyVault, Transaction
from gateway.store.tables import lookups
from trust import strict_json
from trust.agreements.choice import Sought
from trust.claims import digest
from trust.exchange import eligibility
from trust.exchange.eligibility import EligibilityAnswer, EligibilityQuery
from trust.identifiers import EntityId, PurposeCode, RoleCode, ServiceRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligibility:
    """Put one benefit question to the services that may be asked (``gateway.callers.EligibilityService``)."""

    own: EntityId
    vault: KeyVault
    agreements: AgreementRegistry
    spending: Spending
    fan_out: FanOut
    limit_s: float

    def ask(self, caller: CaseCaller, request: EligibilityRequest, *, now: datetime) -> EligibilityView:
        """Ask, wait for the answers within the node's own limit, and return them.

        The answers are not kept: who asked, of whom and why is, sealed.
        """
        sought = Sought(
            asker=ServiceRef(entity=self.own, service=request.from_service),
            kind=eligibility.KIND,
            purpose=PurposeCode(request.purpose),
            role=RoleCode(request.practitioner.role),
            holders=request.holders,
            consent=request.consent is not None,
            question=request.question,
            benefit=request.benefit,
        )
        self.fan_out.check_room()
        asked = self.spending.choose(self.agreements, sought, request, now=now)
        row = self._account_for(caller, request, asked, now)
        planned = [_planned(each, request, row) for each in asked]
        running = self.fan_out.start(planned, limit_s=self.limit_s, done=_nothing_more)
        outcomes = running.wait(self.limit_s)
        today = now.astimezone(UTC).date()
        lines = tuple(_line(each, outcome or TOO_LATE, today) for each, outcome in zip(asked, outcomes, strict=True))
        answered = sum(line.status is EligibilityStatus.ANSWERED for line in lines)
        return EligibilityView(
            question=request.question,
            asked=len(lines),
            answered=answered,
            summary=summary(answered, len(lines)),
            answers=lines,
            left_out=request.left_out,
        )

    def _account_for(
        self,
        caller: CaseCaller,
        request: EligibilityRequest,
        asked: tuple[Asked, ...],
        now: datetime,
    ) -> lookups.LookupRow:
        question_id = token_urlsafe(16)
        told = {**account(request), "asked": [str(each.choice.holder) for each in asked], "question": request.question}
        row = lookups.LookupRow(
            id=question_id,
            client_id=caller.client.client_id,
            idempotency_key=question_id,
            request_digest=digest(strict_json.dumps(told)),
            sealed_request=seal_account(self.vault.seal_key(), question_id, told),
            created_at=now,
            keep_until=now,
            expected=len(asked),
            state=lookups.COMPLETE,
        )
        self.spending.create(row, caller, request, asked, now)
        return row


def _planned(asked: Asked, request: EligibilityRequest, row: lookups.LookupRow) -> Planned:
    query = EligibilityQuery(question=request.question, as_of=request.as_of, benefit=request.benefit)
    question = Question(
        choice=asked.choice,
        from_service=request.from_service,
        asker=asker(request.practitioner, row.client_id),
        subject=request.subject,
        body=eligibility.build_query_body(query),
        consent=request.consent,
        correlation=row.id,
        trace=request.trace,
    )
    return Planned(question=question, agency=question.choice.holder.entity, keep=_keep_nothing)


def _keep_nothing(_tx: Transaction, _outcome: Outcome) -> None:
    """Keep nothing of the answer: it goes to the case system that asked, and is gone."""


def _nothing_more() -> None:
    """Do nothing when the last answer is in: whoever asked is waiting for it."""


def _line(asked: Asked, outcome: Outcome, today: date) -> EligibilityLine:
    """Return one service's line; an answer is kept and passed on as the clause says, counted from today."""
    choice, reading = asked.choice, outcome.reading
    answered = reading if isinstance(reading, EligibilityAnswer) else None
    return EligibilityLine(
        service=str(choice.holder),
        service_name=service_name(choice.holder, outcome),
        organisation=asked.organisation,
        status=EligibilityStatus(outcome.status),
        answer=answered.answer if answered else None,
        as_of=answered.as_of if answered else None,
        agreement=agreement_name(choice),
        clause=choice.clause.id,
        law=choice.clause.law,
        keep_until=today + timedelta(days=choice.clause.keep_days) if answered else None,
        onward=str(choice.clause.onward) if answered else None,
        reason=outcome.reason,
    )
