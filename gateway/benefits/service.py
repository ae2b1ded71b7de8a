"""Benefit questions: yes, no or unknown and a date, from each service that an agreement lets us ask."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from secrets import token_urlsafe

from gateway.accountability.access_record import seal_account
from gateway.callers import CaseCaller
from gateway.exchange.case_question import EMERGENCY, CaseQuestion, LeftOut
from gateway.exchange.fan_out import TOO_LATE, PlannedQuery, Target, agreement_name, service_name, summary
from gateway.exchange.outbound import PeerQuery, QueryOutcome
from gateway.exchange.query_log import AskingSide
from gateway.ports import Transaction
from gateway.store.tables import lookups
from trust import strict_json
from trust.claims import digest
from trust.exchange.eligibility import Answer, EligibilityAnswer, Question


class EligibilityStatus(StrEnum):
    """Whether a service answered the question at all."""

    ANSWERED = "answered"
    REFUSED = "refused"
    NO_REPLY = "no_reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibilityLine:
    """One service's answer: yes, no or unknown, a date, and nothing else about the person."""

    service: str
    service_name: str
    organisation: str
    status: EligibilityStatus
    answer: Answer | None = None
    as_of: date | None = None
    agreement: str | None = None
    clause: str | None = None
    law: str | None = None
    keep_until: date | None = None
    onward: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibilityView:
    """The question, and a line from each service that an agreement lets us ask."""

    question: Question
    asked: int
    answered: int
    summary: str
    answers: tuple[EligibilityLine, ...]
    left_out: tuple[LeftOut, ...] = ()
    emergency: str = EMERGENCY


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligibility:
    """Put one benefit question to the services that may be asked."""

    asking: AskingSide

    def ask(
        self, caller: CaseCaller, question: CaseQuestion, benefit_question: Question, *, now: datetime
    ) -> EligibilityView:
        """Ask, wait for the answers within the node's own limit, and return them.

        The answers are not kept. The practitioner, the services and the reason are, sealed. Raises as
        :meth:`gateway.lookups.service.Lookups.start` does.
        """
        asking = self.asking
        asking.fan_out.check_room()
        targets = asking.recorder.select(question, now=now)
        row = self._row(caller, question, benefit_question, targets, now)
        asking.recorder.record(row, caller, question, targets, now)
        plan = [_plan(each, question, row.id) for each in targets]
        run = asking.fan_out.start(plan, limit_s=asking.limit_s, done=_nothing_more)
        outcomes = run.wait(asking.limit_s)
        today = now.astimezone(UTC).date()
        lines = tuple(_line(each, outcome or TOO_LATE, today) for each, outcome in zip(targets, outcomes, strict=True))
        count = sum(line.status is EligibilityStatus.ANSWERED for line in lines)
        return EligibilityView(
            question=benefit_question,
            asked=len(lines),
            answered=count,
            summary=summary(count, len(lines)),
            answers=lines,
            left_out=question.left_out,
        )

    def _row(
        self,
        caller: CaseCaller,
        question: CaseQuestion,
        benefit_question: Question,
        targets: tuple[Target, ...],
        now: datetime,
    ) -> lookups.LookupRow:
        question_id = token_urlsafe(16)
        holders = [str(each.selected.holder) for each in targets]
        record = {**question.to_record(), "asked": holders, "question": benefit_question}
        return lookups.LookupRow(
            id=question_id,
            client_id=caller.client.client_id,
            idempotency_key=question_id,
            request_digest=digest(strict_json.dumps(record)),
            sealed_request=seal_account(self.asking.vault.seal_key(), question_id, record),
            created_at=now,
            keep_until=now,
            expected=len(targets),
            state=lookups.COMPLETE,
        )


def _plan(target: Target, question: CaseQuestion, question_id: str) -> PlannedQuery:
    query = PeerQuery(selected=target.selected, question=question, query=question.query, correlation=question_id)
    return PlannedQuery(query=query, effect=_no_effect)


def _no_effect(_tx: Transaction, _outcome: QueryOutcome) -> None:
    """Keep nothing of the answer: it goes to the case system that asked, and is gone."""


def _nothing_more() -> None:
    """Do nothing when the last answer is in: the caller waits for it."""


def _line(target: Target, outcome: QueryOutcome, today: date) -> EligibilityLine:
    """Return one service's answer, to be kept and passed on as the clause says, counted from today."""
    selected, reading = target.selected, outcome.reading
    answer = reading if isinstance(reading, EligibilityAnswer) else None
    return EligibilityLine(
        service=str(selected.holder),
        service_name=service_name(selected.holder, outcome),
        organisation=target.organisation,
        status=EligibilityStatus(outcome.status),
        answer=answer.answer if answer else None,
        as_of=answer.as_of if answer else None,
        agreement=agreement_name(selected),
        clause=selected.clause.id,
        law=selected.clause.law,
        keep_until=today + timedelta(days=selected.clause.keep_days) if answer else None,
        onward=str(selected.clause.onward) if answer else None,
        reason=outcome.reason,
    )
