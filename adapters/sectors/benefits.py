"""Pure rules that reduce a benefit registry's record to yes, no or unknown.

- **entitled**: an award began by the day of the question and has not ended by it; a suspended award counts.
- **in_payment**: such an award is not suspended on that day, and a payment was made in the weeks before it.
- **unknown**: the registry cannot answer. The day is in the future, a date is missing, it does not report payments, or
  it does not report the benefit of a payment.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from adapters.sources.dci_answers import Enrolment, RegistryRecord
from trust.exchange.eligibility import Answer, EligibilityAnswer, EligibilityQuery, Question

PAYMENT_PERIOD: Final = timedelta(days=35)
"""Benefits are paid weekly to monthly; a monthly payment may be a few days late."""


def judge(record: RegistryRecord, query: EligibilityQuery, *, programme: str | None) -> EligibilityAnswer:
    """Answer ``entitled`` or ``in_payment`` for the day ``query.as_of``; ``programme`` narrows it to one benefit."""
    enrolments = [item for item in record.enrolments if programme in (None, item.programme)]
    answer = _entitled(enrolments, query.as_of)
    if answer is Answer.YES and query.question is Question.IN_PAYMENT:
        answer = _in_payment(record, enrolments, query.as_of, programme=programme)
    return EligibilityAnswer(answer=answer, as_of=query.as_of)


def _entitled(enrolments: Sequence[Enrolment], day: date) -> Answer:
    if any(_runs(item, day) for item in enrolments):
        return Answer.YES
    if any(item.enrolled is None for item in enrolments):
        return Answer.UNKNOWN
    return Answer.NO


def _in_payment(record: RegistryRecord, enrolments: Sequence[Enrolment], day: date, *, programme: str | None) -> Answer:
    current = [item for item in enrolments if _runs(item, day)]
    paying = {item.programme for item in current if item.suspended is None or item.suspended > day}
    if not paying:
        return Answer.NO
    if record.payments is None:
        return Answer.UNKNOWN
    recent = [
        payment
        for payment in record.payments
        if payment.credited is not None and day - PAYMENT_PERIOD < payment.credited <= day
    ]
    if any(payment.programme in paying for payment in recent if payment.programme):
        return Answer.YES
    if any(payment.programme is None for payment in recent):
        return Answer.YES if programme is None else Answer.UNKNOWN
    return Answer.NO


def _runs(item: Enrolment, day: date) -> bool:
    return item.enrolled is not None and item.enrolled <= day and (item.ended is None or item.ended > day)
