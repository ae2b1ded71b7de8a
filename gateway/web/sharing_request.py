"""Request shapes of decisions on sharing, and the reading of a person in them, on the case API."""

from datetime import date
from typing import Annotated, TypeVar

from pydantic import Field, JsonValue, WithJsonSchema

from gateway.web import bodies, problem
from gateway.web.case_request import (
    MAX_BODY,
    SUBJECT_SCHEMA,
    Body,
    Code,
    Line,
    LongLine,
    Service,
    Slug,
    describe_subject,
    read_model,
)
from gateway.web.problem import Problem
from trust.exchange.person import Subject, enough_to_go_on

AnySharingBody = TypeVar("AnySharingBody", bound=Body)
_GROUND = "A code of the legal register that is in force today, as `hearthgate law list` shows them."
_REASON = "Why, in the practitioner's words. It stays at your node, sealed."
_REVIEW = "The last day on which a person looks at it again: after today, at most 90 days ahead."


class WithholdingBody(Body):
    """The decision of the person who signed in not to share something about a person."""

    subject: Annotated[dict[str, JsonValue], WithJsonSchema(SUBJECT_SCHEMA)]
    ground: Code = Field(description=_GROUND)
    reason: LongLine = Field(description=_REASON)
    review_on: date = Field(description=_REVIEW)
    case_ref: Line = Field(description="Your own reference for the case. It stays at your node.")
    recipient: Service | None = Field(default=None, description="The service that gets nothing, if it is one.")
    request: Line | None = Field(default=None, description="Your own reference for what was asked. It stays sealed.")
    from_service: Slug | None = Field(
        default=None, description="The service that decides; may be left out by a person with one position."
    )


class SharingReviewBody(Body):
    """What a review decided: not to share until the next review, or that it may be shared."""

    share: bool = Field(description="Whether it may be shared from now on. Sharing itself is another act.")
    ground: Code = Field(description=_GROUND)
    reason: LongLine = Field(description=_REASON)
    review_on: date | None = Field(default=None, description=f"Where share is false, and only then. {_REVIEW}")


class SecondReviewBody(Body):
    """What a second person says of something that was shared without an agreement."""

    upheld: bool = Field(description="Whether it was right to share it.")
    reason: LongLine = Field(description=_REASON)


class SharingTaskBody(Body):
    """What a person on duty decided on a task: that it was shared, or not to share."""

    share: bool = Field(description="Whether it was shared. A second person reviews that within 72 hours.")
    ground: Code = Field(description=_GROUND)
    reason: LongLine = Field(description=_REASON)
    case_ref: Line = Field(description="Your own reference for the case. It stays at your node.")
    review_on: date | None = Field(default=None, description=f"Where share is false, and only then. {_REVIEW}")


class SharingSearchBody(Body):
    """The person whose earlier decisions are wanted."""

    subject: Annotated[dict[str, JsonValue], WithJsonSchema(SUBJECT_SCHEMA)]


def read_about(model: type[AnySharingBody], *, today: date) -> tuple[AnySharingBody, Subject]:
    """Read a body that describes a person. Raises :class:`Problem` with every fault, and ``SubjectTooVague``."""
    document, body, faults = read_model(model, bodies.read_json_body(max_bytes=MAX_BODY))
    described, about = describe_subject(document.get("subject"), today=today)
    if body is None or described is None or about or faults:
        raise Problem(problem.INVALID_FIELDS, faults=[*faults, *about])
    enough_to_go_on(described.subject)
    return body, described.subject
