"""The exchange ``eligibility.query``: one question to a benefit registry, answered yes, no or unknown, and a date.

The reply has no member for anything else: no amount, no reason, no other benefit (scenario S19). ``unknown`` covers a
person who was not found, one who could not be told from another, and a registry that cannot say.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from trust.exchange.errors import MalformedBody
from trust.exchange.kind import ClauseList, ClauseWords, ExchangeKind, ReplyTerms, join_words
from trust.exchange.reader import Reader
from trust.identifiers import KindName, parse_code
from trust.strict_json import JsonObject

KIND = KindName("eligibility.query")
VERSION = 1
FIELDS = frozenset({"answer", "as_of"})
"""What a clause of this kind may permit: both, always."""
QUESTIONS = "questions"
BENEFITS = "benefits"


class Question(StrEnum):
    """What may be asked of a benefit registry."""

    IN_PAYMENT = "in_payment"
    ENTITLED = "entitled"
    KNOWN_TO_SERVICE = "known_to_service"
    """What every query about involvements asks, too (:data:`trust.exchange.kind.EXISTENCE`)."""


class Answer(StrEnum):
    """All that a benefit registry may say."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibilityQuery:
    """One question, about the day ``as_of``; ``benefit`` narrows it to one benefit's code.

    ``dropped`` names the body members that this version does not know.
    """

    question: Question
    as_of: date
    benefit: str | None = None
    dropped: tuple[str, ...] = ()

    @property
    def fields(self) -> None:
        """All fields: a reply always has both."""
        return

    @property
    def clause_words(self) -> ClauseWords:
        """The question, and the benefit where there is one."""
        benefits = frozenset() if self.benefit is None else frozenset({self.benefit})
        return {QUESTIONS: frozenset({str(self.question)}), BENEFITS: benefits}

    def to_body(self) -> JsonObject:
        """Return the body that asks the question."""
        body: JsonObject = {"question": str(self.question), "as_of": self.as_of.isoformat()}
        if self.benefit is not None:
            body["benefit"] = self.benefit
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibilityAnswer:
    """The whole answer, and the day it is good for."""

    answer: Answer
    as_of: date

    @property
    def fields(self) -> frozenset[str]:
        """Both fields, always."""
        return FIELDS

    @property
    def in_doubt(self) -> bool:
        """Never: ``unknown`` covers a doubt."""
        return False

    def limited_to(self, _fields: frozenset[str], _terms: ReplyTerms) -> "EligibilityAnswer":
        """Return the answer as it is; the clause binds the asker by itself."""
        return self


def parse_query_body(body: JsonObject) -> EligibilityQuery:
    """Read the body of a query. Raises :class:`MalformedBody`."""
    reader = Reader(body, path="body.")
    question = reader.choice("question", Question)
    as_of = reader.day("as_of")
    benefit = reader.parsed("benefit", parse_code) if reader.has("benefit") else None
    if reader.faults or question is None:
        raise MalformedBody(reader.faults)
    return EligibilityQuery(
        question=question, as_of=as_of, benefit=benefit, dropped=reader.unknown(("question", "as_of", "benefit"))
    )


def build_reply_body(answer: EligibilityAnswer) -> JsonObject:
    """Return the body of a reply: two members and never a third."""
    return {"answer": str(answer.answer), "as_of": answer.as_of.isoformat()}


def parse_reply_body(body: JsonObject) -> EligibilityAnswer:
    """Read the body of a reply, dropping all but the two fields. Raises :class:`MalformedBody`."""
    reader = Reader(body, path="body.")
    answer = reader.choice("answer", Answer)
    as_of = reader.day("as_of")
    if reader.faults or answer is None:
        raise MalformedBody(reader.faults)
    return EligibilityAnswer(answer=answer, as_of=as_of)


_READ_OUT = {
    Question.IN_PAYMENT: "whether it is in payment",
    Question.ENTITLED: "whether the person is entitled to it",
    Question.KNOWN_TO_SERVICE: "whether the person is known to the service",
}


def _read_questions_out(questions: Iterable[str]) -> str:
    return f"It may ask only {join_words(_READ_OUT[Question(each)] for each in sorted(questions))}."


def _read_benefits_out(benefits: Iterable[str]) -> str:
    return f"It may ask only about these benefits: {join_words(sorted(benefits))}."


def _questions(lists: ClauseWords) -> frozenset[str]:
    return lists.get(QUESTIONS, frozenset())


ELIGIBILITY_QUERY = ExchangeKind(
    name=KIND,
    description="about a person's benefit, to be answered yes, no or unknown",
    parsers={VERSION: parse_query_body},
    parse_reply=parse_reply_body,
    fields=FIELDS,
    reply_members=FIELDS,
    indivisible=True,
    clause_lists=(
        ClauseList(
            name=QUESTIONS,
            words=tuple(map(str, Question)),
            required=True,
            code="question_not_permitted",
            reason="The clause does not permit this question.",
            remedy="Ask one of the questions that the clause lists.",
            passage=_read_questions_out,
        ),
        ClauseList(
            name=BENEFITS,
            words=None,
            required=False,
            code="benefit_not_permitted",
            reason="The clause does not list this benefit.",
            remedy="Ask about one of the benefits that the clause lists.",
            passage=_read_benefits_out,
        ),
    ),
    reveals=_questions,
)
