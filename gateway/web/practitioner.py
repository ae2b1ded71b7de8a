"""Practitioner and question of a request on the case API.

1. A practitioner's own token says who signed in and the positions (service, role, unit) that they hold. The request may
   only choose among these.
2. A case system that vouches states practitioner, role, unit and second factor. It cannot give its users the names of
   those who signed in.
3. Either way the position is one row of the client's registration.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from gateway.callers import CaseCaller, Practitioner
from gateway.exchange.case_question import CaseQuestion, LeftOut
from gateway.exchange.consent_checks import ResolveConsent
from gateway.web import bodies, case_request, problem
from gateway.web.case_request import AnyBody, PractitionerBody, QuestionBody
from gateway.web.face import current_request_id, current_trace
from gateway.web.problem import Problem
from trust.exchange.consent import ConsentRecord
from trust.exchange.errors import Fault
from trust.exchange.kind import ExchangeKind, Query
from trust.exchange.person import Subject, enough_to_go_on
from trust.identifiers import PurposeCode, RoleCode, ServiceSlug
from trust.oauth.access_token import Position, SignedIn, names_who_signed_in

_UNSTATED = PractitionerBody()
_REQUIRED = ("id", "role", "org_unit", "second_factor")
_MEMBERS = {"service": "from_service", "role": "practitioner.role", "org_unit": "practitioner.org_unit"}
_EXCHANGE = "Exchange the practitioner's own sign-in for a token at the token endpoint, and ask with that."
_AGREE = "Leave out what the sign-in says, or ask with a token exchanged for the sign-in of the person who asks."


def read_question(
    model: type[AnyBody],
    caller: CaseCaller,
    *,
    kind: ExchangeKind,
    query_of: Callable[[AnyBody], Query],
    consents: ResolveConsent,
    now: datetime,
) -> tuple[AnyBody, CaseQuestion]:
    """Read the request's body and return it with the question that it asks.

    Raises :class:`Problem` with every fault, :class:`trust.exchange.errors.SubjectTooVague`, and ``CaseRefused`` for a
    consent that supports nothing.
    """
    raw = bodies.read_json_body(max_bytes=case_request.MAX_BODY)
    body, described = case_request.read(model, raw, today=now.date())
    enough_to_go_on(described.subject)
    practitioner, from_service = practitioner_of(caller, body.practitioner, body.from_service)
    question = CaseQuestion(
        kind=kind,
        query=query_of(body),
        subject=described.subject,
        purpose=PurposeCode(body.purpose),
        reason=body.reason,
        case_ref=body.case_ref,
        practitioner=practitioner,
        from_service=from_service,
        trace=current_trace(),
        request_id=current_request_id(),
        holders=body.services(),
        consent=_consent(body, caller, described.subject, consents, now),
        left_out=tuple(LeftOut(member=each.path, reason=each.problem) for each in described.left_out),
    )
    return body, question


def _consent(
    body: QuestionBody, caller: CaseCaller, subject: Subject, consents: ResolveConsent, now: datetime
) -> ConsentRecord | None:
    consent = body.consent
    if consent is None or consent.id is None:
        return None if consent is None else consent.record()
    return consents(caller, consent.id, subject, body.purpose, now)


def practitioner_of(
    caller: CaseCaller, body: PractitionerBody | None, from_service: str | None
) -> tuple[Practitioner, ServiceSlug]:
    """Return the practitioner of a request and the service that asks. Raises :class:`Problem`."""
    statement, signed_in = body or _UNSTATED, caller.token.signed_in
    name = _vouched_for(caller, statement) if signed_in is None else _signed_in(signed_in, statement)
    criteria = {"service": from_service, "role": statement.role, "org_unit": statement.org_unit}
    position = _select_position(positions_of(caller), criteria, remedy=_AGREE if signed_in else None)
    practitioner = Practitioner(
        id=name,
        client=caller.client.client_id if signed_in is None else None,
        role=RoleCode(position.role),
        org_unit=position.org_unit,
        call_back=statement.call_back,
    )
    return practitioner, ServiceSlug(position.service)


def positions_of(caller: CaseCaller) -> tuple[Position, ...]:
    """Return what may be asked as with this token: rows of the registration, and of the sign-in where there is one."""
    registered, signed_in = caller.client.positions, caller.token.signed_in
    return registered if signed_in is None else tuple(each for each in registered if each in signed_in.positions)


def _select_position(
    positions: tuple[Position, ...], criteria: Mapping[str, str | None], *, remedy: str | None
) -> Position:
    """Return the one position that the request names, or the only one that there is."""
    constraints = {name: value for name, value in criteria.items() if value is not None}
    candidates = [
        each for each in positions if all(getattr(each, name) == value for name, value in constraints.items())
    ]
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        several = [_MEMBERS[name] for name in criteria if len({getattr(each, name) for each in candidates}) > 1]
        detail = f"There are several positions; name {' and '.join(several)}."
        raise Problem(problem.OUTSIDE_REGISTRATION, detail, remedy="Name one of the positions in GET /case/v1/options.")
    nowhere = [name for name, value in constraints.items() if value not in {getattr(each, name) for each in positions}]
    outside = ", ".join(f"{_MEMBERS[name]} (known: {_list_values(positions, name)})" for name in nowhere or criteria)
    what = "Outside the registration or the sign-in" if nowhere else "Not together in the registration or the sign-in"
    raise Problem(problem.OUTSIDE_REGISTRATION, f"{what}: {outside}.", remedy=remedy)


def _list_values(positions: tuple[Position, ...], name: str) -> str:
    return ", ".join(sorted({getattr(position, name) for position in positions})) or "none"


def _vouched_for(caller: CaseCaller, body: PractitionerBody) -> str:
    if not caller.client.vouches:
        raise Problem(
            problem.OUTSIDE_REGISTRATION,
            "The client is not registered to vouch for its users.",
            remedy=_EXCHANGE,
        )
    missing = [name for name in _REQUIRED if getattr(body, name) is None]
    if missing:
        faults = [Fault(path=f"practitioner.{name}", problem="is missing") for name in missing]
        raise Problem(problem.INVALID_FIELDS, faults=faults)
    if names_who_signed_in(str(body.id)):
        detail = (
            "practitioner.id is the name of a person who signed in at a sign-in service; only their token gives it."
        )
        raise Problem(problem.OUTSIDE_REGISTRATION, detail, remedy=_EXCHANGE)
    if not body.second_factor:
        raise Problem(problem.SECOND_FACTOR_REQUIRED)
    return str(body.id)


def _signed_in(signed_in: SignedIn, body: PractitionerBody) -> str:
    if body.id not in {None, signed_in.name} or body.second_factor is False:
        detail = "The practitioner of the request is not the one who signed in."
        raise Problem(problem.OUTSIDE_REGISTRATION, detail, remedy=_AGREE)
    return signed_in.sub
