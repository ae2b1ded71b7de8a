"""The exchange ``alert``: a queued message that a person must act on, by its topic.

1. ``safeguarding`` tells that a person may be at risk. A low or missing score blocks nothing.
2. ``school-notice`` tells a school of an incident that a child saw, heard or felt. Of a child who is educated at home
   it tells the council's education service.
3. ``worker-risk`` warns workers who visit. The instruction is enough; a narrative may be left out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from trust.exchange import details
from trust.exchange.details import WORKS_AT, BodyForm, Detail, TypedBody, read_content
from trust.exchange.errors import MalformedBody
from trust.exchange.kind import QUEUED_LIFE, ClauseList, ClauseWords, ExchangeKind, join_words
from trust.exchange.persons import PERSON_FIELDS, Part
from trust.exchange.reader import Reader
from trust.identifiers import KindName
from trust.strict_json import JsonObject

ALERT = KindName("alert")
VERSION = 1
TOPICS = "topics"
_MEMBERS = ("topic", "details", "statements")
_HOME_EDUCATED = "home_educated"
_SCHOOLS = frozenset({"school", "college", "nursery"})
_EDUCATION_SERVICE = frozenset({"education"})
MOST_TICKS = 27
"""The questions of the DASH form."""


class Topic(StrEnum):
    """What an alert is about."""

    SAFEGUARDING = "safeguarding"
    SCHOOL_NOTICE = "school-notice"
    WORKER_RISK = "worker-risk"


WORKPLACES = Detail(name=WORKS_AT, parse=details.service_refs, part=Part.ALLEGED_PERPETRATOR)
INCIDENT = (
    Detail(name="incident_reference", parse=details.reference),
    Detail(name="occurred_at", parse=details.moment),
    Detail(name="location_kind", parse=details.word("home", "public-place", "school", "workplace", "online", "other")),
    Detail(name="child_present", parse=details.flag),
    WORKPLACES,
)
RISK = (
    Detail(name="risk_level", parse=details.word("standard", "medium", "high")),
    Detail(name="dash_score", parse=details.whole(0, MOST_TICKS)),
    Detail(name="dara_grade", parse=details.word("standard", "medium", "high")),
)
FORMS: Mapping[Topic, BodyForm] = MappingProxyType(
    {
        Topic.SAFEGUARDING: BodyForm(
            details=(*INCIDENT, *RISK),
            statements=frozenset({"circumstances", "child_voice", "views", "risk"}),
            narratives=frozenset({"circumstances"}),
        ),
        Topic.SCHOOL_NOTICE: BodyForm(
            details=(*INCIDENT, Detail(name=_HOME_EDUCATED, parse=details.flag, required=True, part=Part.CHILD)),
            statements=frozenset({"circumstances", "child_voice"}),
            narratives=frozenset({"circumstances"}),
            recipient_kinds=_SCHOOLS,
        ),
        Topic.WORKER_RISK: BodyForm(
            details=(
                Detail(name="alert_code", parse=details.code, required=True),
                Detail(
                    name="instruction",
                    parse=details.word(
                        "visit-in-pairs", "no-visits", "visit-with-police", "office-only", "telephone-only", "other"
                    ),
                    required=True,
                ),
                Detail(name="starts_on", parse=details.day, required=True),
                Detail(name="review_on", parse=details.day, required=True),
                Detail(name="resident_told", parse=details.flag, required=True),
            ),
            statements=frozenset({"circumstances"}),
        ),
    }
)
"""Every topic; the recipients of a school notice depend on the child's school, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertBody(TypedBody):
    """What an alert says."""

    topic: Topic

    @property
    def form(self) -> BodyForm:
        """The topic's own form."""
        return FORMS[self.topic]

    @property
    def clause_words(self) -> ClauseWords:
        """The topic."""
        return {TOPICS: frozenset({str(self.topic)})}

    @property
    def recipient_kinds(self) -> frozenset[str] | None:
        """A school's own, or the council's education service for a child who is educated at home."""
        if self.topic is Topic.SCHOOL_NOTICE and self.details.get(_HOME_EDUCATED) is True:
            return _EDUCATION_SERVICE
        return self.form.recipient_kinds

    def to_body(self) -> JsonObject:
        """Return the body that says this."""
        return {"topic": str(self.topic), **self.content_to_json()}


def parse_body(body: JsonObject) -> AlertBody:
    """Read the body of an alert. Raises :class:`MalformedBody` with every fault."""
    reader = Reader(body, path="body.")
    topic = reader.choice("topic", Topic)
    if topic is None:
        raise MalformedBody(reader.faults)
    content = read_content(reader, FORMS[topic])
    starts_on, review_on = (content.details.get(name) for name in ("starts_on", "review_on"))
    if isinstance(starts_on, str) and isinstance(review_on, str) and review_on < starts_on:
        reader.fault("details.review_on", "lies before starts_on")
    if reader.faults:
        raise MalformedBody(reader.faults)
    return AlertBody(
        topic=topic,
        details=content.details,
        statements=content.statements,
        dropped=(*reader.unknown(_MEMBERS), *content.dropped),
    )


class AlertOutcome(StrEnum):
    """How a recipient closes an alert. The last two open a possible-breach task at both ends."""

    ALREADY_KNOWN = "already-known"
    USEFUL = "useful"
    NO_ACTION = "no-action"
    WRONG_PERSON = "wrong-person"
    WRONG_SERVICE = "wrong-service"

    @property
    def is_possible_breach(self) -> bool:
        """Whether personal data may have gone to the wrong place."""
        return self in {AlertOutcome.WRONG_PERSON, AlertOutcome.WRONG_SERVICE}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertAnswer:
    """What came of an alert."""

    outcome: AlertOutcome

    def to_body(self) -> JsonObject:
        """Return the body that says this."""
        return {"closed": str(self.outcome)}

    @property
    def is_final(self) -> bool:
        """Whether no one waits for another answer after this one: always."""
        return True

    @property
    def is_possible_breach(self) -> bool:
        """Whether the alert went to the wrong place, or is about the wrong person."""
        return self.outcome.is_possible_breach

    def check_follows(self, previous: str | None) -> None:
        """Let a later answer correct an earlier one, such as a person who proves to be the wrong one."""


def parse_answer(body: JsonObject) -> AlertAnswer:
    """Read the answer to an alert; unknown members are dropped. Raises :class:`MalformedBody`."""
    reader = Reader(body, path="answer.")
    outcome = reader.choice("closed", AlertOutcome)
    if reader.faults or outcome is None:
        raise MalformedBody(reader.faults)
    return AlertAnswer(outcome=outcome)


def _read_topics_out(topics: Iterable[str]) -> str:
    return f"It may be about these topics only: {join_words(sorted(topics))}."


ALERT_KIND = ExchangeKind(
    name=ALERT,
    description="an alert about a person",
    parsers={VERSION: parse_body},
    fields=PERSON_FIELDS | details.all_fields(FORMS.values()),
    clause_lists=(
        ClauseList(
            name=TOPICS,
            words=tuple(map(str, Topic)),
            required=True,
            code="topic_not_permitted",
            reason="The clause does not permit alerts about this topic.",
            remedy="Send it under a clause that lists the topic.",
            passage=_read_topics_out,
        ),
    ),
    reveals=lambda _lists: frozenset(),
    max_life=QUEUED_LIFE,
    queued=True,
    has_rating=True,
    parse_answer=parse_answer,
)
