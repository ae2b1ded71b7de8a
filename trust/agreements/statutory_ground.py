"""The statutory ground of one decision by a named person: to share without an agreement, or not to share.

1. The ground is in the legal register, and in force for such a service on the day of the decision.
2. It applies in the nation of the service.
3. A ground for setting confidentiality aside is none for keeping something back.
4. What is shared rests on a power or duty, a condition of domestic law, or vital interests, and not on consent alone.
"""

from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from trust.agreements.bodies import bodies_offering
from trust.agreements.lawful_basis import cannot_cite, extends_to, lookup, not_in_force
from trust.agreements.legal_entry import LegalEntry, LegalPart, UkNation
from trust.agreements.reading import NATIONS
from trust.errors import ExchangeRefused

_SHARING = frozenset({LegalPart.POWER, LegalPart.CONDITION})
_VITAL_INTERESTS = frozenset({"6-1-d", "9-2-c"})


class GroundRefused(ExchangeRefused):
    """The ground cannot carry this decision."""

    code: ClassVar[str] = "ground_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundContext:
    """The service that decides, by its kind and the nations where it is, and the day."""

    service_kind: str
    nations: frozenset[UkNation]
    on: date


def check_ground(code: str, context: GroundContext) -> LegalEntry:
    """Return the entry of a ground that the service may cite on the day.

    Raises :class:`GroundRefused` with the reason, and :class:`trust.agreements.lawful_basis.UnknownBasis`.
    """
    entry = lookup(code, context.on)
    if cannot_cite(entry, context.service_kind):
        raise GroundRefused(f"{code} is for {entry.relied_on_by}, and not for this service.")
    if reason := not_in_force(entry, context.on, bodies_offering(context.service_kind) & entry.bodies):
        raise GroundRefused(f"{code} is not in force on {context.on.isoformat()}: {reason}.")
    if not extends_to(entry, context.nations):
        extent = ", ".join(NATIONS[nation] for nation in UkNation if nation in entry.extent)
        raise GroundRefused(f"{code} applies in {extent}, and not where this service is.")
    return entry


def check_withholding(code: str, context: GroundContext) -> LegalEntry:
    """Return the entry of a ground for a decision not to share. Raises as :func:`check_ground` does."""
    entry = check_ground(code, context)
    if entry.part is LegalPart.CONFIDENTIALITY:
        raise GroundRefused(f"{code} is a ground for setting confidentiality aside, and none for not sharing.")
    return entry


def check_sharing(code: str, context: GroundContext) -> LegalEntry:
    """Return the entry of a ground for sharing without an agreement. Raises as :func:`check_ground` does."""
    entry = check_ground(code, context)
    if entry.consent_needed or (entry.part not in _SHARING and code not in _VITAL_INTERESTS):
        raise GroundRefused(f"{code} does not by itself permit sharing without an agreement.")
    return entry


def is_duty(entry: LegalEntry) -> bool:
    """Say whether an entry obliges those that it is for to share."""
    return entry.power.startswith("the duty ")
