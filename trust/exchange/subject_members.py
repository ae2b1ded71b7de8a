"""Members of a subject that may be sent to each kind of service.

1. An identifier that belongs to one sector goes to services of that sector only; no agreement widens this.
2. An agreement's clause may list the members for one holder; then those go, within rule 1.
3. Else the default goes: names, birth date and gender, the identifiers of the holder's own sector, and the postcode
   where none of these identifiers is known. A UPRN, other names and the mark of a restricted address need a clause.

A service's kind is the one that its superior vouches for (decision 16). Decision 35 has the reasons.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from types import MappingProxyType

from trust.exchange.person_identifiers import IDENTIFIERS

__all__ = ["MEMBERS", "SECTORS", "SubjectMember", "default_members", "enough_members", "members_for"]


class SubjectMember(StrEnum):
    """A member of a subject, as an agreement's clause names it; an address counts as two."""

    NHS_NUMBER = "nhs_number"
    UPN = "upn"
    NINO = "nino"
    PNC_ID = "pnc_id"
    FAMILY_NAME = "family_name"
    GIVEN_NAMES = "given_names"
    BIRTH_DATE = "birth_date"
    GENDER = "gender"
    POSTCODE = "postcode"
    UPRN = "uprn"
    ADDRESS_RESTRICTED = "address_restricted"
    ALIASES = "aliases"


MEMBERS = frozenset(str(member) for member in SubjectMember)
_ALWAYS = frozenset({"family_name", "given_names", "birth_date", "gender"})
_CHILDREN = frozenset({"social-care", "childrens-social-care", "family-support", "early-help"})
_SOCIAL_CARE = frozenset({"social-care", "childrens-social-care", "adult-social-care"})
_HEALTH = frozenset(
    {
        "health",
        "mental-health",
        "camhs",
        "general-practice",
        "hospital",
        "ambulance",
        "midwifery",
        "health-visiting",
        "school-nursing",
        "community-health",
        "substance-misuse",
        "public-health",
    }
)
_EDUCATION = frozenset({"school", "college", "nursery", "education", "virtual-school", "admissions"})
_JUSTICE = frozenset({"police", "youth-justice", "probation"})
SECTORS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "nhs_number": _HEALTH | _SOCIAL_CARE,
        "upn": _EDUCATION | _CHILDREN,
        "nino": frozenset({"jobcentre"}),
        "pnc_id": _JUSTICE,
    }
)
"""Kinds of service that are sent each identifier by default."""
_BY_CLAUSE = frozenset({"nhs_number"})
"""Identifiers that a clause may send beyond their sector: the NHS number, the consistent identifier for children of
Children Act 2004 s.16LC."""


def default_members(service_kind: str) -> frozenset[str]:
    """Return the members that a service of this kind is sent where the clause lists none for it (rule 3)."""
    kind = service_kind.replace("_", "-")
    own = {name for name, kinds in SECTORS.items() if kind in kinds}
    return _ALWAYS | own | {str(SubjectMember.POSTCODE)}


def members_for(service_kind: str, listed: Collection[str]) -> frozenset[str]:
    """Return those of the members that a clause lists which a service of this kind may be sent (rules 1 and 2)."""
    return frozenset(listed) - (IDENTIFIERS.keys() - _BY_CLAUSE - default_members(service_kind))


def enough_members(listed: Collection[str]) -> bool:
    """Say whether these members can describe one person, as :func:`trust.exchange.person.enough_to_go_on` has it."""
    if IDENTIFIERS.keys() & set(listed):
        return True
    return {"family_name", "birth_date"} <= set(listed) and not {"given_names", "postcode", "uprn"}.isdisjoint(listed)
