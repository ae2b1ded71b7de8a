"""What a case system may ask of its own node, and what it is told: the values and services of the case API.

They stand below both sides that meet over them: the capabilities, which answer, and the HTTP face, which only reads and
writes JSON. Nothing here is checked again once made; :mod:`gateway.http.case.models` checks what comes from outside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from gateway.ports import LocalClient
from trust.exchange.consent import ConsentRecord
from trust.exchange.eligibility import Answer, Question
from trust.exchange.involvement import InvolvementStatus
from trust.exchange.person import Subject
from trust.identifiers import ServiceRef, ServiceSlug
from trust.oauth.access_token import AccessToken, Position

EMERGENCY = "In immediate danger, ring 999."
"""Every answer to a practitioner ends with this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseCaller:
    """An authenticated case system, and the token it came with."""

    client: LocalClient
    token: AccessToken

    @property
    def vouches(self) -> bool:
        """Whether the case system speaks for its users itself, since the token is not one of theirs."""
        return self.token.signed_in is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Practitioner:
    """The person who asks, as their own agency knows them.

    ``id`` is the agency's own name for them and never leaves the node: a pairwise pseudonym goes on the wire. It is
    what the case system states, or the provider and the name there of whoever signed in. ``role`` and ``org_unit`` are
    within what the client is registered for.
    """

    id: str
    role: str
    org_unit: str
    call_back: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A member of the description that tells no one apart, so that the person was asked about without it, and why."""

    member: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupRequest:
    """Who else is working with this person? ``reason`` and ``case_ref`` stay at the asking node.

    ``holders`` and ``fields`` are ``None`` for all that an agreement permits. ``consent`` is the record of the person's
    consent, where there is one. ``wait_s`` is how long the caller is ready to wait for the answer before it is told to
    come back. ``trace`` is the request's own, for the log, and ``request_id`` its ``X-Request-Id``: they are no part of
    what was asked.
    """

    subject: Subject
    purpose: str
    reason: str
    case_ref: str
    practitioner: Practitioner
    from_service: ServiceSlug
    wait_s: float
    trace: str
    request_id: str
    holders: frozenset[ServiceRef] | None = None
    fields: frozenset[str] | None = None
    consent: ConsentRecord | None = None
    left_out: tuple[LeftOut, ...] = ()


class LookupState(StrEnum):
    """Whether every service that was asked has its line yet."""

    RUNNING = "running"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupAnswer:
    """One service's line. ``service`` is ``entity#slug``; what is not known is left out or empty.

    ``involvements`` hold the fields that the clause permits, of organisation, service_type, plan, role, worker, phone,
    duty_phone, since and last_contact_month. ``reason`` says why there is no
    answer, ``note`` what the service tells the practitioner. ``settle`` names, where the status is ``review``, the
    members of the subject that you left out and may send it: with one of them, ask again.
    """

    service: str
    service_name: str
    organisation: str
    status: InvolvementStatus
    involvements: tuple[Mapping[str, str], ...] = ()
    agreement: str | None = None
    clause: str | None = None
    law: str | None = None
    as_of: date | None = None
    keep_until: date | None = None
    onward: str | None = None
    note: str | None = None
    settle: tuple[str, ...] = ()
    reason: str | None = None
    duty_phone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupView:
    """A lookup as it stands: ``answered`` of ``asked`` services have answered; one that refused has not.

    ``keep_until`` is when the node itself forgets the answers.
    """

    id: str
    state: LookupState
    asked: int
    answered: int
    summary: str
    answers: tuple[LookupAnswer, ...]
    keep_until: datetime
    left_out: tuple[LeftOut, ...] = ()
    emergency: str = EMERGENCY


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibilityRequest:
    """A benefit question about a person, for the day ``as_of``; the rest as in :class:`LookupRequest`."""

    subject: Subject
    question: Question
    benefit: str | None
    as_of: date
    purpose: str
    reason: str
    case_ref: str
    practitioner: Practitioner
    from_service: ServiceSlug
    trace: str
    request_id: str
    holders: frozenset[ServiceRef] | None = None
    consent: ConsentRecord | None = None
    left_out: tuple[LeftOut, ...] = ()


class EligibilityStatus(StrEnum):
    """Whether a service answered the question at all."""

    ANSWERED = "answered"
    REFUSED = "refused"
    NO_REPLY = "no_reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibilityLine:
    """One service's answer: yes, no or unknown, a date, and nothing else about the person."""

    service: str
    service_name: str
    organisation: str
    status: EligibilityStatus
    answer: Answer | None = None
    as_of: date | None = None
    agreement: str | None = None
    clause: str | None = None
    law: str | None = None
    keep_until: date | None = None
    onward: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibilityView:
    """The question, and a line from each service that an agreement lets us ask."""

    question: Question
    asked: int
    answered: int
    summary: str
    answers: tuple[EligibilityLine, ...]
    left_out: tuple[LeftOut, ...] = ()
    emergency: str = EMERGENCY


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One service that may be asked: as what, for which purpose, and for what.

    ``kind`` is ``involvement.query`` for a lookup and ``eligibility.query`` for a benefit question. ``consent_roles``
    are those that a record of consent must have, none where the clause rests on no consent. ``benefits`` is empty where
    the agreement lists none.
    """

    from_service: str
    role: str
    kind: str
    purpose: str
    holder: str
    organisation: str
    agreement: str
    fields: tuple[str, ...]
    questions: tuple[str, ...] = ()
    benefits: tuple[str, ...] = ()
    consent_roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionsView:
    """What may be asked with this token today; ``options`` has what goes together."""

    positions: tuple[Position, ...]
    purposes: tuple[str, ...]
    roles: tuple[str, ...]
    services: tuple[str, ...]
    benefits: tuple[str, ...]
    options: tuple[Option, ...]


class CaseRefusal(StrEnum):
    """Why a case system's request was not carried out."""

    NOT_PERMITTED = "not_permitted"
    """No agreement lets this service ask for this purpose, in this role."""
    KEY_REUSED = "idempotency_key_reused"
    """The idempotency key already stands for another request."""
    OVER_BUDGET = "over_budget"
    """More was asked lately than the node allows."""


class CaseRefused(Exception):
    """A capability would not do what was asked; both sentences are for the caller and name no person.

    ``detail`` says why, ``remedy`` what would change it; ``retry_after_s`` is there where waiting does. ``code`` is
    what the evidence says of it.
    """

    def __init__(
        self,
        refusal: CaseRefusal,
        *,
        detail: str,
        remedy: str,
        retry_after_s: int | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.refusal = refusal
        self.code = code or str(refusal)
        self.detail = detail
        self.remedy = remedy
        self.retry_after_s = retry_after_s


class LookupService(Protocol):
    """Start lookups and show them to the client that started them."""

    def start(self, caller: CaseCaller, request: LookupRequest, *, idempotency_key: str, now: datetime) -> LookupView:
        """Ask every service that an agreement lets us ask and wait up to ``request.wait_s``.

        The same key with the same request returns the lookup that it started first. Raises :class:`CaseRefused`,
        :class:`trust.exchange.errors.SubjectTooVague`, and the store's :class:`gateway.ports.StoreFull` and
        :class:`gateway.ports.StoreBusy`.
        """
        ...

    def get(self, lookup_id: str, caller: CaseCaller, *, now: datetime) -> LookupView | None:
        """Return the lookup, or ``None`` where this client has none by that id, whoever else may have."""
        ...


class EligibilityService(Protocol):
    """Put one benefit question to the services that may be asked."""

    def ask(self, caller: CaseCaller, request: EligibilityRequest, *, now: datetime) -> EligibilityView:
        """Ask, wait for the answers within the node's own limit, and return them.

        Raises as :meth:`LookupService.start` does.
        """
        ...


class OptionsService(Protocol):
    """Say what may be asked."""

    def list(self, positions: Sequence[Position], *, now: datetime) -> OptionsView:
        """Return what each of these positions may ask under the agreements in force."""
        ...
