"""Kinds of body that hold records, as the law tells them apart, and which of them offer each kind of service."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class PublicBody(StrEnum):
    """What an agency is in law. The values stand in a node's configuration."""

    LOCAL_AUTHORITY = "local-authority"
    POLICE = "police"
    HEALTH = "health-body"
    EDUCATION = "school-or-college"
    GOVERNMENT = "government-department"
    JUSTICE = "justice-body"
    """Probation, youth justice and prisons."""
    HOUSING = "housing-provider"
    """A registered provider of social housing that is no local authority."""
    OTHER = "charity-or-company"


ANY = frozenset(PublicBody)
PUBLIC_AUTHORITIES = ANY - {PublicBody.HOUSING, PublicBody.OTHER}
_HEALTH = frozenset({PublicBody.HEALTH})
_EDUCATION = frozenset({PublicBody.EDUCATION, PublicBody.LOCAL_AUTHORITY})
_COUNCIL = frozenset({PublicBody.LOCAL_AUTHORITY})
_SERVICES: Mapping[str, frozenset[PublicBody]] = MappingProxyType(
    {
        "social-care": _COUNCIL,
        "childrens-social-care": _COUNCIL,
        "adult-social-care": _COUNCIL,
        "education": _EDUCATION,
        "virtual-school": _COUNCIL,
        "admissions": _COUNCIL,
        "school": _EDUCATION,
        "college": frozenset({PublicBody.EDUCATION}),
        "police": frozenset({PublicBody.POLICE}),
        "probation": frozenset({PublicBody.JUSTICE}),
        "youth-justice": frozenset({PublicBody.JUSTICE, PublicBody.LOCAL_AUTHORITY}),
        "jobcentre": frozenset({PublicBody.GOVERNMENT}),
        "housing": frozenset({PublicBody.HOUSING, PublicBody.LOCAL_AUTHORITY}),
        "mental-health": _HEALTH,
        "camhs": _HEALTH,
        "general-practice": _HEALTH,
        "hospital": _HEALTH,
        "ambulance": _HEALTH,
        "midwifery": _HEALTH,
        "health-visiting": _HEALTH,
        "school-nursing": _HEALTH,
        "community-health": _HEALTH,
        "public-health": _HEALTH | _COUNCIL,
        "charity": frozenset({PublicBody.OTHER}),
        "voluntary": frozenset({PublicBody.OTHER}),
        "advocacy": frozenset({PublicBody.OTHER}),
    }
)


def bodies_offering(service_kind: str) -> frozenset[PublicBody]:
    """Return the kinds of body that may offer a kind of service; all of them where it does not tell."""
    return _SERVICES.get(service_kind.replace("_", "-"), ANY)
