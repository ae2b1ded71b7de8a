"""Request shapes of consents on the case API, and the reading of them."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, JsonValue, WithJsonSchema

from gateway.callers import CaseCaller
from gateway.consents.service import NewConsent, Withdrawal
from gateway.consents.storage import StoredConsent, Worker
from gateway.web import bodies, problem
from gateway.web.case_request import (
    MAX_BODY,
    MAX_HOLDERS,
    SUBJECT_SCHEMA,
    Body,
    Code,
    Line,
    Service,
    Slug,
    describe_subject,
    read_model,
)
from gateway.web.persons_request import WorkerBody, first_of_each
from gateway.web.practitioner import practitioner_of
from gateway.web.problem import Problem
from trust.consents.age import Jurisdiction
from trust.consents.authority import Assessment, Finding, Giver, Relation
from trust.consents.record import Consent
from trust.exchange.consent import EVIDENCE, ConsentForm, ConsentRole
from trust.exchange.errors import Fault, SubjectTooVague
from trust.exchange.person import Subject, enough_to_go_on
from trust.exchange.persons import WhyNot
from trust.identifiers import ServiceSlug

Filed = Annotated[str, Field(pattern=f"^{EVIDENCE.pattern}$")]
MAX_PURPOSES = 16


class ConsentDecision(StrEnum):
    """What the person decided."""

    GRANTED = "granted"
    REFUSED = "refused"


class GiverBody(Body):
    """The one who decides: the person, or another with authority in law."""

    relation: Relation
    evidence: Filed | None = Field(
        default=None, description="Where the authority is filed; required of anyone but the person."
    )
    is_alleged_perpetrator: bool | None = Field(
        default=None,
        description="Whether they are alleged to have harmed the person or a child of the case. Required of anyone but "
        "the person. An alleged perpetrator decides about their own data only.",
    )


class AssessmentBody(Body):
    """An assessment of whether the person can decide this: of a child's understanding, or of capacity."""

    finding: Finding
    assessed_on: date
    assessor_role: Code
    evidence: Filed = Field(description="Where it is filed.")


class NewConsentBody(Body):
    """The consent of one person, or their refusal. Record one for each person of a family."""

    subject: Annotated[dict[str, JsonValue], WithJsonSchema(SUBJECT_SCHEMA)]
    decision: ConsentDecision = ConsentDecision.GRANTED
    roles: list[ConsentRole] = Field(
        min_length=1,
        max_length=len(ConsentRole),
        description="What the consent is in law. Consent to work with a service (engagement) is not consent to share.",
    )
    purposes: list[Code] = Field(
        min_length=1, max_length=MAX_PURPOSES, description="Purposes of agreements in force, such as early-help."
    )
    recipients: list[Service] | None = Field(
        default=None, min_length=1, max_length=MAX_HOLDERS, description="The services it is for; all if left out."
    )
    jurisdiction: Jurisdiction = Field(description="The law by which age and capacity are judged.")
    given_by: GiverBody
    assessment: AssessmentBody | None = None
    given_on: date
    form: ConsentForm
    evidence: Filed = Field(description="Where the form or note is filed, without names or numbers of the person.")
    notice: Line = Field(description="The privacy notice that the person was given: its address or reference.")
    language: Code = Field(default="en", description="The notice's language, such as en or cy.")
    expires_on: date | None = Field(default=None, description="Its last day, where it has one.")
    case_ref: Line = Field(description="Your own reference for the case. It stays at your node.")
    practitioner: WorkerBody
    from_service: Slug | None = Field(
        default=None, description="Which service records it; may be left out by a client registered for exactly one."
    )


class WithdrawalBody(Body):
    """The withdrawal of a consent. The worker is named to tell the person what stops and what goes on."""

    given_by: GiverBody
    assessment: AssessmentBody | None = None
    practitioner: WorkerBody
    from_service: Slug | None = Field(
        default=None, description="The worker's service; may be left out by a client registered for exactly one."
    )


class ToldBody(Body):
    """What came of a task: whether the person, or the services that no notice could reach, were told."""

    is_told: bool
    why: WhyNot | None = Field(default=None, description="Required with false, and only then.")


def read_consent(caller: CaseCaller, *, now: datetime) -> NewConsent:
    """Read a request's body. Raises :class:`Problem` with every fault."""
    document, body, faults = read_model(NewConsentBody, bodies.read_json_body(max_bytes=MAX_BODY))
    described, about_subject = describe_subject(document.get("subject"), today=now.date())
    faults.extend(about_subject)
    if described is not None:
        faults.extend(_faults_of_person(described.subject))
    if body is not None:
        faults.extend(_faults_of_giver(body.given_by))
    if body is None or described is None or faults:
        raise Problem(problem.INVALID_FIELDS, faults=first_of_each(faults))
    worker, service = _worker(caller, body.practitioner, body.from_service)
    consent = _consent(body, described.subject)
    stored = StoredConsent(consent=consent, worker=worker, case_ref=body.case_ref)
    return NewConsent(stored=stored, service=service, is_refused=body.decision is ConsentDecision.REFUSED)


def read_withdrawal(caller: CaseCaller) -> Withdrawal:
    """Read a request's body. Raises :class:`Problem` with every fault."""
    _, body, faults = read_model(WithdrawalBody, bodies.read_json_body(max_bytes=MAX_BODY))
    if body is not None:
        faults.extend(_faults_of_giver(body.given_by))
    if body is None or faults:
        raise Problem(problem.INVALID_FIELDS, faults=faults)
    worker, _ = _worker(caller, body.practitioner, body.from_service)
    return Withdrawal(giver=_giver(body.given_by), assessment=_assessment(body.assessment), worker=worker)


def read_told() -> ToldBody:
    """Read a request's body. Raises :class:`Problem` with every fault."""
    _, body, faults = read_model(ToldBody, bodies.read_json_body(max_bytes=MAX_BODY))
    if body is not None and body.is_told is (body.why is not None):
        faults.append(Fault(path="why", problem="is required where is_told is false, and only there"))
    if body is None or faults:
        raise Problem(problem.INVALID_FIELDS, faults=faults)
    return body


def _consent(body: NewConsentBody, subject: Subject) -> Consent:
    return Consent(
        id="",
        subject=subject,
        roles=frozenset(body.roles),
        purposes=frozenset(body.purposes),
        recipients=frozenset(body.recipients or ()),
        jurisdiction=body.jurisdiction,
        giver=_giver(body.given_by),
        assessment=_assessment(body.assessment),
        given_on=body.given_on,
        form=body.form,
        evidence=body.evidence,
        notice=body.notice,
        language=body.language,
        expires_on=body.expires_on,
    )


def _giver(body: GiverBody) -> Giver:
    return Giver(
        relation=body.relation,
        evidence=body.evidence,
        is_alleged_perpetrator=bool(body.is_alleged_perpetrator),
    )


def _assessment(body: AssessmentBody | None) -> Assessment | None:
    if body is None:
        return None
    return Assessment(
        finding=body.finding,
        assessed_on=body.assessed_on,
        assessor_role=body.assessor_role,
        evidence=body.evidence,
    )


def _worker(caller: CaseCaller, body: WorkerBody, from_service: str | None) -> tuple[Worker, ServiceSlug]:
    practitioner, service = practitioner_of(caller, body, from_service)
    worker = Worker(
        id=practitioner.id,
        client=practitioner.client,
        role=practitioner.role,
        org_unit=practitioner.org_unit,
        call_back=body.call_back,
        name=body.name,
    )
    return worker, service


def _faults_of_giver(giver: GiverBody) -> list[Fault]:
    if giver.relation is not Relation.PERSON and giver.is_alleged_perpetrator is None:
        return [Fault(path="given_by.is_alleged_perpetrator", problem="is missing: say yes or no of anyone else")]
    return []


def _faults_of_person(subject: Subject) -> list[Fault]:
    try:
        enough_to_go_on(subject)
    except SubjectTooVague as vague:
        return [Fault(path="subject", problem=f"is too vague: {vague.detail}")]
    return []
