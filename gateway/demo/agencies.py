"""The agencies of the demo: seven nodes and twelve services in an invented place.

Nine services of six agencies have records and answer questions. Three services only receive: two of the council, and
that of a charity, which has a node of its own.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.demo.case_systems.records import CaseService
from gateway.demo.identifiers import landline
from trust.identifiers import EntityId

ANCHOR_HOST: Final = "anchor.example"
ANCHOR_NAME: Final = "Thornmere Partnership"
REGISTRY_HOST: Final = "benefit-registry.example"
POLICE_RECORDS_HOST: Final = "police-records.example"


class ReceivingService(StrEnum):
    """A service without records of its own in the demo; it receives referrals."""

    SCHOOL_ADMISSIONS = "school-admissions"
    WELFARE_SUPPORT = "welfare-support"
    ADVOCACY = "advocacy"


AnyService = CaseService | ReceivingService
RECEIVING: Final[frozenset[AnyService]] = frozenset(
    {*ReceivingService, CaseService.POLICE, CaseService.HOUSING, CaseService.COLLEGE}
)
"""The services that receive alerts or referrals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedService:
    """One service as its agency publishes it. ``worker_role`` is the job title in its case system."""

    service: AnyService
    name: str
    kind: str
    duty_phone: str
    worker_role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyService(PublishedService):
    """A service that has records and answers questions."""

    service: CaseService


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    """One controller and its node. ``slug`` names its folder; ``post`` is the post of its ``signatory``.

    ``services`` have records and answer questions; ``receivers`` only receive.
    """

    slug: str
    name: str
    services: tuple[AgencyService, ...]
    signatory: str
    post: str
    receivers: tuple[PublishedService, ...] = ()

    @property
    def every_service(self) -> tuple[PublishedService, ...]:
        """Its services of both sorts."""
        return (*self.services, *self.receivers)

    @property
    def receiving_services(self) -> tuple[PublishedService, ...]:
        """Its services that receive alerts or referrals in the demo."""
        return tuple(each for each in self.every_service if each.service in RECEIVING)

    @property
    def host(self) -> str:
        """The host name of its node."""
        return f"{self.slug}.example"

    @property
    def entity_id(self) -> EntityId:
        """Its name in the federation."""
        return EntityId(f"https://{self.host}")

    @property
    def case_host(self) -> str:
        """The host name under which its own case systems reach its node."""
        return f"case.{self.host}"


def _service(service: CaseService, name: str, kind: str, duty: int, worker_role: str) -> AgencyService:
    return AgencyService(service=service, name=name, kind=kind, duty_phone=landline(duty), worker_role=worker_role)


def _receiver(service: ReceivingService, name: str, kind: str, duty: int, worker_role: str) -> PublishedService:
    return PublishedService(service=service, name=name, kind=kind, duty_phone=landline(duty), worker_role=worker_role)


COUNCIL: Final = Agency(
    slug="council",
    name="Thornmere Council",
    signatory="Ines Okafor",
    post="Senior information risk owner",
    services=(
        _service(CaseService.CONNECTING_FAMILIES, "Connecting Families", "family-support", 1, "Key worker"),
        _service(CaseService.CHILDRENS_SOCIAL_CARE, "Children's social care", "social-care", 2, "Social worker"),
        _service(CaseService.MONEY_ADVICE, "Money advice", "money-advice", 3, "Money adviser"),
        _service(CaseService.YOUTH_JUSTICE, "Youth justice", "youth-justice", 4, "Youth justice worker"),
    ),
    receivers=(
        _receiver(ReceivingService.SCHOOL_ADMISSIONS, "School admissions", "admissions", 10, "Admissions officer"),
        _receiver(ReceivingService.WELFARE_SUPPORT, "Welfare support", "welfare", 11, "Welfare officer"),
    ),
)
JOBCENTRE: Final = Agency(
    slug="jobcentre",
    name="Jobcentre Thornmere",
    signatory="Ravi Menon",
    post="Information asset owner",
    services=(_service(CaseService.JOBCENTRE, "Work coaches", "jobcentre", 5, "Work coach"),),
)
POLICE: Final = Agency(
    slug="police",
    name="Thornmere Police",
    signatory="Moira Quill",
    post="Senior information risk owner",
    services=(_service(CaseService.POLICE, "Neighbourhood policing", "police", 6, "Early help officer"),),
)
MENTAL_HEALTH: Final = Agency(
    slug="mental-health",
    name="Thornmere Mental Health Trust",
    signatory="Sunil Dutta",
    post="Caldicott guardian",
    services=(_service(CaseService.MENTAL_HEALTH, "Community mental health", "mental-health", 7, "Community nurse"),),
)
HOUSING: Final = Agency(
    slug="housing",
    name="Thornmere Homes",
    signatory="Joan Petrie",
    post="Data protection officer",
    services=(_service(CaseService.HOUSING, "Tenancy support", "housing", 8, "Tenancy officer"),),
)
COLLEGE: Final = Agency(
    slug="college",
    name="Thornmere College",
    signatory="Hugh Tansley",
    post="Designated safeguarding lead",
    services=(_service(CaseService.COLLEGE, "Student support", "college", 9, "Progress tutor"),),
)

CHARITY: Final = Agency(
    slug="advocacy",
    name="Thornmere Advocacy",
    signatory="Lena Hargate",
    post="Chief executive",
    services=(),
    receivers=(_receiver(ReceivingService.ADVOCACY, "Domestic abuse advocacy", "advocacy", 12, "Advocate"),),
)

AGENCIES: Final = (COUNCIL, JOBCENTRE, POLICE, MENTAL_HEALTH, HOUSING, COLLEGE)
"""The agencies whose services answer questions; they sign the agreement about lookups."""
RESPONDERS: Final = (COUNCIL, POLICE, HOUSING, COLLEGE, CHARITY)
"""The agencies that act on domestic abuse; they sign the agreement about alerts and referrals."""
MEMBERS: Final = (*AGENCIES, CHARITY)
"""Every agency of the federation."""
ASKER: Final = CaseService.CONNECTING_FAMILIES
"""The service whose key worker asks in the demo."""
OTHERS: Final = tuple(service for service in CaseService if service is not ASKER)
"""The eight services it asks."""


def agency_of(service: AnyService) -> Agency:
    """Return the agency that runs a service."""
    return next(agency for agency in MEMBERS if any(each.service is service for each in agency.every_service))


def hosted_service(service: AnyService) -> PublishedService:
    """Return a service as its agency publishes it."""
    return next(each for agency in MEMBERS for each in agency.every_service if each.service is service)


def service_ref(service: AnyService) -> str:
    """Return the service's full name in the federation."""
    return f"{agency_of(service).entity_id}#{service}"
