"""Who asks: the practitioner whose own token it is, or the one for whom a registered case system vouches.

A practitioner's own token says who signed in and what they may be; the request may only choose among that. A case
system that vouches states it all, second factor included, and an administrator has registered it for that; it cannot
pass its users off as those who signed in, whose names, budgets and pseudonyms are their own. Either way nothing is
asked for a service, role or unit outside the client's registration.
"""

from gateway.case_types import CaseCaller, Practitioner
from gateway.http import problem
from gateway.http.models import PractitionerBody
from gateway.http.problem import Problem
from gateway.ports import LocalClient
from trust.exchange.errors import Fault
from trust.identifiers import ServiceSlug
from trust.oauth.access_token import SignedIn, names_who_signed_in

_NOBODY = PractitionerBody()
_REQUIRED = ("id", "role", "org_unit", "second_factor")
_EXCHANGE = "Exchange the practitioner's own sign-in for a token at the token endpoint, and ask with that."
_AGREE = "Leave out what the sign-in says, or ask with a token that was exchanged for the sign-in of whoever asks."


def practitioner_of(caller: CaseCaller, stated: PractitionerBody | None) -> Practitioner:
    """Return the practitioner of a request. Raises :class:`Problem`."""
    signed_in = caller.token.signed_in
    if signed_in is None:
        return _vouched_for(caller.client, stated or _NOBODY)
    return _signed_in(signed_in, stated or _NOBODY)


def service_of(client: LocalClient, from_service: str | None, practitioner: Practitioner) -> ServiceSlug:
    """Return the asking service once the client's registration covers service, role and unit."""
    service = from_service or (client.services[0] if len(client.services) == 1 else None)
    if service is None:
        raise Problem(
            problem.NOT_VOUCHED_FOR, "The client is registered for several services; name one in from_service."
        )
    outside = [
        member
        for member, value, allowed in (
            ("from_service", service, client.services),
            ("practitioner.role", practitioner.role, client.roles),
            ("practitioner.org_unit", practitioner.org_unit, client.units),
        )
        if value not in allowed
    ]
    if outside:
        raise Problem(problem.NOT_VOUCHED_FOR, f"Outside the client's registration: {', '.join(outside)}.")
    return ServiceSlug(service)


def _vouched_for(client: LocalClient, stated: PractitionerBody) -> Practitioner:
    if not client.vouches:
        raise Problem(
            problem.NOT_VOUCHED_FOR,
            "The client is not registered to vouch for its users.",
            remedy=_EXCHANGE,
        )
    missing = [name for name in _REQUIRED if getattr(stated, name) is None]
    if missing:
        faults = [Fault(path=f"practitioner.{name}", problem="is missing") for name in missing]
        raise Problem(problem.MEMBERS_AT_FAULT, faults=faults)
    if names_who_signed_in(str(stated.id)):
        detail = (
            "practitioner.id is the name of somebody who signed in at a sign-in service; only their token gives it."
        )
        raise Problem(problem.NOT_VOUCHED_FOR, detail, remedy=_EXCHANGE)
    if not stated.second_factor:
        raise Problem(problem.SECOND_FACTOR_REQUIRED)
    return Practitioner(
        id=str(stated.id), role=str(stated.role), org_unit=str(stated.org_unit), call_back=stated.call_back
    )


def _signed_in(signed_in: SignedIn, stated: PractitionerBody) -> Practitioner:
    if stated.id not in {None, signed_in.name} or stated.second_factor is False:
        detail = "The practitioner of the request is not the one who signed in."
        raise Problem(problem.NOT_VOUCHED_FOR, detail, remedy=_AGREE)
    return Practitioner(
        id=signed_in.sub,
        role=_one_of("role", stated.role, signed_in.roles),
        org_unit=_one_of("org_unit", stated.org_unit, signed_in.org_units),
        call_back=stated.call_back,
    )


def _one_of(member: str, stated: str | None, held: tuple[str, ...]) -> str:
    """Return what the practitioner asks as: the only one they have, or the one that the request names of several."""
    chosen = stated or (held[0] if len(held) == 1 else None)
    if chosen is None:
        detail = f"Whoever signed in has several; name one in practitioner.{member}."
        raise Problem(problem.NOT_VOUCHED_FOR, detail)
    if chosen not in held:
        detail = f"Whoever signed in does not have that practitioner.{member}."
        raise Problem(problem.NOT_VOUCHED_FOR, detail, remedy=_AGREE)
    return chosen
