"""The exchange ``referral``: a queued message that asks a service to help a person, and the referral's life.

1. ``school-move`` goes to the council's admissions, never to the present school, whose record a parent can ask for.
2. ``rehousing`` needs the person's signed consent and the housing authority of their choice (Housing Act 1996 s.213B).
3. Any other service type has no typed details. A UPN is part of the child's description, where it is minimised.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar

from trust.claims import strip_ignorable
from trust.errors import ExchangeRefused
from trust.exchange import details
from trust.exchange.alert import RISK, WORKPLACES
from trust.exchange.consent import ConsentRole
from trust.exchange.details import BodyForm, Detail, TypedBody, read_content
from trust.exchange.errors import MalformedBody
from trust.exchange.kind import QUEUED_LIFE, ClauseList, ClauseWords, ExchangeKind, join_words
from trust.exchange.persons import PERSON_FIELDS, Part
from trust.exchange.reader import Reader
from trust.identifiers import EntityId, KindName, parse_code
from trust.strict_json import JsonObject

REFERRAL = KindName("referral")
VERSION = 1
SERVICE_TYPES = "service_types"
REASON = "reason"
"""The statement that every referral has."""
REHOUSING = "rehousing"
CHOSEN_AUTHORITY = "chosen_authority"
_MEMBERS = ("service_type", "service_id", "agreement_to_engage", "details", "statements")
_URN = re.compile(r"[0-9]{6}")
_AREA = re.compile(r"[A-Z]{1,2}[0-9][0-9A-Z]?(?: [0-9])?")
MAX_NOTE = 1000
"""Characters of an answer's note or reason."""
_HOME = details.whole(0, 32)
_NARRATIVES = frozenset({REASON})
_NO_CHOICE = (
    "is missing: the person chooses the authority, and the referral waits for that choice (Housing Act 1996 s.213B). "
    "Ask them and record it. They can also apply to an authority themselves. If a person is in danger, send a "
    "safeguarding alert under a clause that rests on no consent"
)


def _chosen_authority(reader: Reader, name: str) -> str:
    """Read the authority that the person chose; its absence is explained, since no one else may choose (S8)."""
    if reader.has(name):
        return details.entity(reader, name)
    reader.fault(name, _NO_CHOICE)
    return ""


OTHER = BodyForm(
    details=(WORKPLACES,), statements=frozenset({REASON, "circumstances", "views"}), narratives=_NARRATIVES
)
"""The form of every service type that has none of its own."""
FORMS: Mapping[str, BodyForm] = MappingProxyType(
    {
        "advocacy": BodyForm(
            details=(Detail(name="incident_reference", parse=details.reference), *RISK, WORKPLACES),
            statements=OTHER.statements,
            narratives=_NARRATIVES,
        ),
        "school-move": BodyForm(
            details=(
                Detail(name="current_urn", parse=details.matching(_URN), part=Part.CHILD),
                Detail(
                    name="requested_urns",
                    parse=details.several(_URN, "must be unique reference numbers: six digits"),
                    part=Part.CHILD,
                ),
                Detail(name="move_reason", parse=details.word("safety", "other"), required=True),
                Detail(name="needed_by", parse=details.day, required=True),
                Detail(name="do_not_disclose_new_school", parse=details.flag, required=True),
                WORKPLACES,
            ),
            statements=frozenset({REASON}),
            narratives=_NARRATIVES,
            recipient_kinds=frozenset({"admissions"}),
        ),
        REHOUSING: BodyForm(
            details=(
                Detail(name="adults", parse=_HOME),
                Detail(name="children", parse=_HOME),
                Detail(name=CHOSEN_AUTHORITY, parse=_chosen_authority, required=True),
                Detail(
                    name="accommodation_status",
                    parse=details.word("homeless", "at-risk-of-homelessness", "refuge", "temporary", "settled-unsafe"),
                    required=True,
                ),
                Detail(
                    name="areas_at_risk",
                    parse=details.several(_AREA, "must be the first parts of postcodes, such as ZE7"),
                ),
                WORKPLACES,
            ),
            statements=frozenset({REASON}),
            narratives=_NARRATIVES,
            recipient_kinds=frozenset({"housing"}),
            consent_roles=frozenset({ConsentRole.STATUTORY_CONDITION}),
        ),
        "essentials": BodyForm(
            details=(
                Detail(
                    name="item",
                    parse=details.word(
                        "fridge", "cooker", "washing-machine", "bed", "bedding", "furniture", "clothing", "food", "fuel"
                    ),
                    required=True,
                ),
                Detail(name="need_by", parse=details.day),
                Detail(name="delivery_restricted", parse=details.flag, required=True),
                WORKPLACES,
            ),
            statements=frozenset({REASON}),
            narratives=_NARRATIVES,
        ),
    }
)
"""The service types with typed details; any other code has the form :data:`OTHER`."""


class Engagement(StrEnum):
    """Whether the person agreed to work with the service. It is no consent to share."""

    YES = "yes"
    NO = "no"
    NOT_ASKED = "not_asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralBody(TypedBody):
    """What a referral says. ``service_id`` is the service's id in a directory (Open Referral UK)."""

    service_type: str
    agreement_to_engage: Engagement
    service_id: str | None = None

    @property
    def form(self) -> BodyForm:
        """The service type's own form."""
        return FORMS.get(self.service_type, OTHER)

    @property
    def clause_words(self) -> ClauseWords:
        """The service type."""
        return {SERVICE_TYPES: frozenset({self.service_type})}

    @property
    def chosen_recipient(self) -> EntityId | None:
        """The housing authority that the person chose."""
        authority = self.details.get(CHOSEN_AUTHORITY)
        return EntityId(authority) if isinstance(authority, str) else None

    def to_body(self) -> JsonObject:
        """Return the body that says this."""
        members: JsonObject = {
            "service_type": self.service_type,
            "agreement_to_engage": str(self.agreement_to_engage),
            **self.content_to_json(),
        }
        return members if self.service_id is None else {**members, "service_id": self.service_id}


def parse_body(body: JsonObject) -> ReferralBody:
    """Read the body of a referral. Raises :class:`MalformedBody` with every fault."""
    reader = Reader(body, path="body.")
    service_type = reader.parsed("service_type", parse_code)
    engagement = reader.choice("agreement_to_engage", Engagement)
    service_id = reader.optional_text("service_id", pattern=details.REFERENCE)
    content = read_content(reader, FORMS.get(service_type, OTHER))
    if reader.faults or engagement is None:
        raise MalformedBody(reader.faults)
    return ReferralBody(
        service_type=service_type,
        agreement_to_engage=engagement,
        service_id=service_id,
        details=content.details,
        statements=content.statements,
        dropped=(*reader.unknown(_MEMBERS), *content.dropped),
    )


class ReferralStatus(StrEnum):
    """Where a referral stands at its recipient."""

    RECEIVED = "received"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    IN_PROGRESS = "in_progress"
    INTERIM = "interim"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    REOPENED = "reopened"


_OPENING = frozenset({ReferralStatus.ACCEPTED, ReferralStatus.DECLINED, ReferralStatus.CANCELLED})
_WORK = frozenset(
    {ReferralStatus.IN_PROGRESS, ReferralStatus.INTERIM, ReferralStatus.COMPLETED, ReferralStatus.CANCELLED}
)
_ENDED = frozenset({ReferralStatus.REOPENED})
_NEXT: Mapping[ReferralStatus | None, frozenset[ReferralStatus]] = MappingProxyType(
    {
        None: _OPENING | {ReferralStatus.RECEIVED},
        ReferralStatus.RECEIVED: _OPENING,
        ReferralStatus.ACCEPTED: _WORK,
        ReferralStatus.IN_PROGRESS: _WORK - {ReferralStatus.IN_PROGRESS},
        ReferralStatus.INTERIM: _WORK,
        ReferralStatus.DECLINED: _ENDED,
        ReferralStatus.COMPLETED: _ENDED,
        ReferralStatus.CANCELLED: _ENDED,
        ReferralStatus.REOPENED: _OPENING | _WORK,
    }
)


class StatusNotPermitted(ExchangeRefused):
    """A referral cannot go from its present status to the one that was stated."""

    code: ClassVar[str] = "status_not_permitted"


def next_status(previous: ReferralStatus | None, new: ReferralStatus) -> ReferralStatus:
    """Return ``new`` if a referral may go there from ``previous``. Raises :class:`StatusNotPermitted`."""
    permitted = _NEXT[previous]
    if new not in permitted:
        state = f"is {previous}" if previous else "has no status yet"
        raise StatusNotPermitted(f"The referral {state}. It may become: {', '.join(sorted(permitted))}.")
    return new


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """What a service that declines offers in its place: a service type, a service, or both."""

    service_type: str | None = None
    service: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralAnswer:
    """A referral's status as its recipient states it. ``declined_by`` is a role or a service, never a name."""

    status: ReferralStatus
    reason: str | None = None
    declined_by: str | None = None
    alternative: Alternative | None = None
    outcome: str | None = None
    note: str | None = None

    def to_body(self) -> JsonObject:
        """Return the body that says this."""
        other = self.alternative
        members: JsonObject = {
            "status": str(self.status),
            "reason": self.reason,
            "declined_by": self.declined_by,
            "alternative": other and _present({"service_type": other.service_type, "service": other.service}),
            "outcome": self.outcome,
            "note": self.note,
        }
        return _present(members)

    @property
    def is_final(self) -> bool:
        """Whether no one waits for another status after this one."""
        return _NEXT[self.status] == _ENDED

    @property
    def is_possible_breach(self) -> bool:
        """Whether personal data may have gone to the wrong place: no status says so."""
        return False

    def check_follows(self, previous: str | None) -> None:
        """Raise :class:`StatusNotPermitted` where the referral cannot go here from that status."""
        next_status(None if previous is None else ReferralStatus(previous), self.status)


_OF_STATUS = {
    "reason": ReferralStatus.DECLINED,
    "declined_by": ReferralStatus.DECLINED,
    "outcome": ReferralStatus.COMPLETED,
}
"""Each member that one status requires."""


def parse_answer(body: JsonObject) -> ReferralAnswer:
    """Read the status of a referral; unknown members are dropped. Raises :class:`MalformedBody`."""
    reader = Reader(body, path="answer.")
    status = reader.choice("status", ReferralStatus)
    for name, own in _OF_STATUS.items():
        if status is own and not reader.has(name):
            reader.fault(name, f"is missing: a status of {own} needs it")
    answer = ReferralAnswer(
        status=status or ReferralStatus.RECEIVED,
        reason=_optional_line(reader, "reason"),
        declined_by=reader.parsed("declined_by", parse_code) if reader.has("declined_by") else None,
        alternative=_read_alternative(reader),
        outcome=reader.parsed("outcome", parse_code) if reader.has("outcome") else None,
        note=_optional_line(reader, "note"),
    )
    if reader.faults:
        raise MalformedBody(reader.faults)
    return answer


def _read_alternative(reader: Reader) -> Alternative | None:
    nested = reader.child("alternative", required=False)
    if nested is None:
        return None
    if not nested.has("service_type") and not nested.has("service"):
        reader.fault("alternative", "must have a service_type, a service, or both")
    return Alternative(
        service_type=nested.parsed("service_type", parse_code) if nested.has("service_type") else None,
        service=nested.optional_text("service"),
    )


def _optional_line(reader: Reader, name: str) -> str | None:
    text = reader.optional_text(name, max_len=MAX_NOTE)
    visible = strip_ignorable(text) if text else None
    if visible is not None and not visible.strip():
        reader.fault(name, "must have a character that is not a space")
    return visible


def _present(members: JsonObject) -> JsonObject:
    return {name: value for name, value in members.items() if value is not None}


def _read_types_out(types: Iterable[str]) -> str:
    return f"It may be for these types of service only: {join_words(sorted(types))}."


REFERRAL_KIND = ExchangeKind(
    name=REFERRAL,
    description="a referral of a person",
    parsers={VERSION: parse_body},
    fields=PERSON_FIELDS | details.all_fields((OTHER, *FORMS.values())),
    clause_lists=(
        ClauseList(
            name=SERVICE_TYPES,
            words=None,
            required=True,
            code="service_type_not_permitted",
            reason="The clause does not permit referrals to this type of service.",
            remedy="Send it under a clause that lists the service type.",
            passage=_read_types_out,
        ),
    ),
    reveals=lambda _lists: frozenset(),
    max_life=QUEUED_LIFE,
    queued=True,
    parse_answer=parse_answer,
)
