"""Inputs and results of the two decisions.

Each thing that a rule reads is a field here, so that a decision depends on nothing else and can be replayed.
"""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from trust.agreements.clause import Clause
from trust.agreements.location import NO_PLACE, LocationRestriction, LocationRuling, RestrictedPlace
from trust.agreements.queued import ServiceKinds
from trust.exchange.consent import ConsentRole
from trust.exchange.kind import Query, ReplyTerms
from trust.exchange.message import AgreementRef, Message
from trust.identifiers import EntityId, RoleCode, ServiceRef
from trust.oauth.authorization_details import AuthorizationDetail


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFacts:
    """What is known of a request before anyone is looked up.

    ``sender`` signed the message; ``caller`` was authenticated by the access token, which carried ``token_details``.
    ``sender_marks`` are the types of the sender's trust marks that are valid now. ``services`` are the kinds of both
    services; only queued kinds need them. ``location`` is what the sender of a queued message knows of the place of its
    persons, for the recipient; a recipient knows none. ``ended_consents`` are the persons whose record of consent, as
    the message shows it, is known to have ended: ``subject``, or their references.
    """

    sender: EntityId
    caller: EntityId
    message: Message
    token_details: tuple[AuthorizationDetail, ...]
    sender_marks: frozenset[str] = frozenset()
    services: ServiceKinds = field(default_factory=ServiceKinds)
    location: LocationRestriction | None = None
    ended_consents: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """A clause that this agency has withdrawn: for one role, or for every role where ``role`` is ``None``."""

    agreement: str
    clause: str
    role: RoleCode | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPolicy:
    """What this agency has withdrawn from one of its services. It can only narrow: nothing in it permits anything."""

    restrictions: tuple[Restriction, ...] = ()

    def about(self, message: Message) -> tuple[Restriction, ...]:
        """Return what is withdrawn of the clause that the message names, for its role or for every role."""
        clause, roles = (message.agreement.id, message.clause), (None, message.practitioner.role)
        return tuple(
            each for each in self.restrictions if (each.agreement, each.clause) == clause and each.role in roles
        )

    def withdraws(self, message: Message) -> bool:
        """Say whether the clause that the message names is withdrawn for its role."""
        return bool(self.about(message))


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """Leave to look the person up, with everything that binds the answer.

    ``fields`` is the most that may be sent; ``query`` is the parsed body, of a queued kind already cut to them; ``law``
    is the legal footing in a sentence. ``asker`` is the service that is told; ``place`` is the ruling on the restricted
    place of the persons of a queued message.
    """

    agreement: AgreementRef
    clause: Clause
    fields: frozenset[str]
    role: RoleCode
    query: Query
    law: str
    answered_on: date
    keep_until: date
    onward: str
    asker: ServiceRef | None = None
    place: LocationRuling | None = None

    @property
    def terms(self) -> ReplyTerms:
        """What the reply tells the asker about keeping the answer and passing it on."""
        return ReplyTerms(answered_on=self.answered_on, keep_until=self.keep_until, onward=self.onward)


class MatchOutcome(StrEnum):
    """Whether the person was found: one record beyond doubt, a record that may be the person's, or none.

    ``NOT_CURRENT`` is one record beyond doubt without any current involvement.
    """

    UNIQUE = "unique"
    NOT_CURRENT = "not_current"
    REVIEW = "review"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRestrictions:
    """What the person's own record says against releasing it: consent withdrawn, an objection, a restriction.

    ``withdrawn`` are the roles in which the consent that the message shows counts no longer: it withholds only what
    rests on them. ``reasons`` are codes for this agency's evidence; they never leave it. ``location`` decides whether
    the service that asks may learn where the person lives; ``place`` is what is hidden otherwise.
    """

    withheld: bool = False
    withdrawn: frozenset[ConsentRole] = frozenset()
    reasons: tuple[str, ...] = ()
    location: LocationRestriction | None = None
    place: RestrictedPlace = NO_PLACE

    def withhold(self, clause: Clause) -> bool:
        """Say whether nothing may be released under a clause."""
        return self.withheld or not clause.consent_roles.isdisjoint(self.withdrawn)


class ReleaseStatus(StrEnum):
    """What an answer may tell; each kind has its own words for it."""

    KNOWN = "known"
    NOT_KNOWN = "not_known"
    NOT_CURRENT = "not_current"
    REVIEW = "review"
    NOTHING_TO_SHARE = "nothing_to_share"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What to answer. ``fields`` is empty unless the status is ``known``.

    ``place`` is what to hide of where the person lives, if that may not be released. ``reasons`` explain the decision
    to this agency's own officers; they never leave it.
    """

    status: ReleaseStatus
    fields: frozenset[str]
    reasons: tuple[str, ...]
    place: RestrictedPlace | None = None

    @property
    def discloses(self) -> bool:
        """Whether anything from the record may leave."""
        return self.status is ReleaseStatus.KNOWN
