"""The agencies of the demo: six nodes and nine services in an invented place."""

from dataclasses import dataclass
from typing import Final

from gateway.demo.case_systems.records import CaseService
from gateway.demo.identifiers import landline
from trust.identifiers import EntityId

ANCHOR_HOST: Final = "anchor.example"
ANCHOR_NAME: Final = "Thornmere Partnership"
REGISTRY_HOST: Final = "benefit-registry.example"
POLICE_RECORDS_HOST: Final = "police-records.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyService:
    """One service as its agency publishes it. ``worker_role`` is the job title in its case system."""

    service: CaseService
    name: str
    kind: str
    duty_phone: str
    worker_role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    """One controller and its node. ``slug`` names its folder; ``post`` is the post of its ``signatory``."""

    slug: str
    name: str
    services: tuple[AgencyService, ...]
    signatory: str
    post: str

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

AGENCIES: Final = (COUNCIL, JOBCENTRE, POLICE, MENTAL_HEALTH, HOUSING, COLLEGE)
ASKER: Final = CaseService.CONNECTING_FAMILIES
"""The service whose key worker asks in the demo."""
OTHERS: Final = tuple(service for service in CaseService if service is not ASKER)
"""The eight services it asks."""


def agency_of(service: CaseService) -> Agency:
    """Return the agency that runs a service."""
    return next(agency for agency in AGENCIES if any(each.service is service for each in agency.services))


def hosted_service(service: CaseService) -> AgencyService:
    """Return a service as its agency publishes it."""
    return next(each for agency in AGENCIES for each in agency.services if each.service is service)


def service_ref(service: CaseService) -> str:
    """Return the service's full name in the federation."""
    return f"{agency_of(service).entity_id}#{service}"
