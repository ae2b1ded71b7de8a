"""The exchange ``eligibility.query``: one question to a benefit registry, answered yes, no or unknown, and a date.

The reply has no member for anything else: no amount, no reason, no other benefit (scenario S19). ``unknown`` covers a
person who was not found, one who could not be told from another, and a registry that cannot say.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from trust.exchange.errors import MalformedBody
from trust.exchange.reader import Reader
from trust.identifiers import KindName, parse_code
from trust.strict_json import JsonObject

KIND = KindName("eligibility.query")
VERSION = 1
FIELDS = frozenset({"answer", "as_of"})
"""What a clause of this kind may permit: both, always."""


class Question(StrEnum):
    """What may be asked of a benefit registry."""

    IN_PAYMENT = "in_payment"
    ENTITLED = "entitled"
    KNOWN_TO_SERVICE = "known_to_service"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibilityAnswer:
    """The whole answer, and the day it is good for."""

    answer: Answer
    as_of: date


def build_query_body(query: EligibilityQuery) -> JsonObject:
    """Return the body that asks the question."""
    body: JsonObject = {"question": str(query.question), "as_of": query.as_of.isoformat()}
    if query.benefit is not None:
        body["benefit"] = query.benefit
    return body


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
