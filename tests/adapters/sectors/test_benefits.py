"""Yes, no or unknown, decided from dates alone."""

from datetime import date, timedelta

import pytest

from adapters.sectors.benefits import PAYMENT_PERIOD, judge
from adapters.sources.dci_answers import Enrolment, Payment, RegistryRecord
from trust.exchange.eligibility import Answer, EligibilityQuery, Question

DAY = date(2026, 6, 1)
BEFORE = DAY - timedelta(days=300)


def record(*enrolments: Enrolment, payments: tuple[Payment, ...] | None = ()) -> RegistryRecord:
    return RegistryRecord(
        identifiers=(("CRN", "1"),),
        names=(),
        birth_date=None,
        sex=None,
        postcode=None,
        enrolments=enrolments,
        payments=payments,
    )


def enrolment(programme: str | None = "UC", **changes: date | None) -> Enrolment:
    dates: dict[str, date | None] = {"enrolled": BEFORE, "suspended": None, "ended": None}
    dates |= changes
    return Enrolment(
        programme=programme, enrolled=dates["enrolled"], suspended=dates["suspended"], ended=dates["ended"]
    )


def paid(days_ago: int, programme: str | None = "UC") -> Payment:
    return Payment(programme=programme, credited=DAY - timedelta(days=days_ago))


def answer(question: Question, known: RegistryRecord, programme: str | None = "UC") -> Answer:
    judged = judge(known, EligibilityQuery(question=question, as_of=DAY), programme=programme)
    assert judged.as_of == DAY
    return judged.answer


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (record(), Answer.NO),
        (record(enrolment()), Answer.YES),
        (record(enrolment(enrolled=DAY)), Answer.YES),
        (record(enrolment(enrolled=DAY + timedelta(days=1))), Answer.NO),
        (record(enrolment(ended=DAY)), Answer.NO),
        (record(enrolment(ended=DAY + timedelta(days=1))), Answer.YES),
        (record(enrolment(suspended=BEFORE)), Answer.YES),
        (record(enrolment(enrolled=None)), Answer.UNKNOWN),
        (record(enrolment(enrolled=None), enrolment()), Answer.YES),
        (record(enrolment("PIP")), Answer.NO),
    ],
)
def test_entitled_means_begun_and_not_ended(known: RegistryRecord, expected: Answer) -> None:
    assert answer(Question.ENTITLED, known) is expected


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (record(enrolment(), payments=(paid(0),)), Answer.YES),
        (record(enrolment(), payments=(paid(PAYMENT_PERIOD.days - 1),)), Answer.YES),
        (record(enrolment(), payments=(paid(PAYMENT_PERIOD.days),)), Answer.NO),
        (record(enrolment(), payments=(paid(-1),)), Answer.NO),
        (record(enrolment(), payments=(paid(3, "PIP"),)), Answer.NO),
        (record(enrolment(), payments=(paid(3, None),)), Answer.UNKNOWN),
        (record(enrolment(), payments=()), Answer.NO),
        (record(enrolment(), payments=None), Answer.UNKNOWN),
        (record(enrolment(suspended=DAY), payments=(paid(3),)), Answer.NO),
        (record(enrolment(suspended=DAY + timedelta(days=1)), payments=(paid(3),)), Answer.YES),
        (record(enrolment(ended=DAY), payments=(paid(3),)), Answer.NO),
        (record(enrolment(enrolled=None), payments=(paid(3),)), Answer.UNKNOWN),
    ],
)
def test_in_payment_means_entitled_not_suspended_and_lately_paid(known: RegistryRecord, expected: Answer) -> None:
    assert answer(Question.IN_PAYMENT, known) is expected


def test_a_payment_of_an_unnamed_benefit_answers_for_any_benefit_but_for_no_particular_one() -> None:
    known = record(enrolment("UC"), enrolment("PIP"), payments=(paid(3, None),))
    assert answer(Question.IN_PAYMENT, known, None) is Answer.YES
    assert answer(Question.IN_PAYMENT, known, "PIP") is Answer.UNKNOWN
