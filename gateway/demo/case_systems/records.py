"""The invented records of the case systems: residents, involvements and benefits."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class CaseService(StrEnum):
    """The services of the demo, each with its own case system."""

    CONNECTING_FAMILIES = "connecting-families"
    CHILDRENS_SOCIAL_CARE = "childrens-social-care"
    MONEY_ADVICE = "money-advice"
    YOUTH_JUSTICE = "youth-justice"
    JOBCENTRE = "jobcentre"
    POLICE = "police"
    MENTAL_HEALTH = "mental-health"
    HOUSING = "housing"
    COLLEGE = "college"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidentRecord:
    """One invented resident. ``gender`` is ``female``, ``male``, ``other`` or ``unknown``; ``given_names`` one text."""

    nhs_number: str | None
    upn: str | None
    nino: str | None
    pnc_id: str | None
    family_name: str
    given_names: str
    birth_date: date
    gender: str
    postcode: str
    uprn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvolvementRecord:
    """One service's work with one resident; ``local_id`` is the person's number in that service's case system.

    ``ended`` is the day on which the case closed: an adapter must not report such a row as current.
    """

    service: str
    resident: ResidentRecord
    role: str
    worker: str
    phone: str
    since: date
    last_contact: date | None
    local_id: str
    ended: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardRecord:
    """One resident's enrolment in one benefit, as the benefit registry records it.

    ``programme`` is the registry's own code. An award is suspended or ended from the day given; ``paid_on`` lists the
    days on which a payment was credited.
    """

    resident: ResidentRecord
    claimant_ref: str
    programme: str
    enrolled: date
    suspended: date | None = None
    ended: date | None = None
    paid_on: tuple[date, ...] = ()
