"""Table of every field of every kind, with what it reveals of the place where a person lives.

A test compares the table with the vocabularies of the kinds, so that a new field must be classed.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from trust.exchange.alert import ALERT
from trust.exchange.disclosure import DISCLOSURE
from trust.exchange.eligibility import KIND as ELIGIBILITY
from trust.exchange.involvement import KIND as INVOLVEMENT
from trust.exchange.notice import CORRECTION_ADDRESS, NOTICE
from trust.exchange.referral import REFERRAL
from trust.identifiers import KindName


class Reveals(StrEnum):
    """What a field can tell of the place where a person lives."""

    NOTHING = "nothing"
    PLACE = "place"
    """Cut for a restricted person."""
    WORD = "word"
    """One of its words tells the place (:data:`PLAINER_WORDS`); for a restricted person another one stands for it."""
    TEXT = "text"
    """Free text: searched for the restricted values, and not sent where it has one."""


_NOTHING, _PLACE, _WORD, _TEXT = Reveals
_PERSONS: Final = {
    "persons.victim": _NOTHING,
    "persons.child": _NOTHING,
    "persons.alleged_perpetrator": _NOTHING,
    "persons.other": _NOTHING,
    "persons.views": _NOTHING,
    "persons.told": _NOTHING,
    "persons.safe_contact": _TEXT,
}
_RISK: Final = {"risk_level": _NOTHING, "dash_score": _NOTHING, "dara_grade": _NOTHING}
FIELDS: Final[Mapping[KindName, Mapping[str, Reveals]]] = MappingProxyType(
    {
        INVOLVEMENT: {
            "organisation": _PLACE,
            "service_type": _PLACE,
            "plan": _TEXT,
            "role": _PLACE,  # a job title names its team or its kind of service
            "worker": _PLACE,  # a worker's name leads to the team and its office
            "phone": _PLACE,
            "duty_phone": _PLACE,
            "since": _PLACE,  # the day of a move
            "last_contact_month": _NOTHING,
        },
        ELIGIBILITY: {"answer": _NOTHING, "as_of": _NOTHING},
        ALERT: {
            **_PERSONS,
            **_RISK,
            "incident_reference": _NOTHING,
            "occurred_at": _NOTHING,
            "location_kind": _NOTHING,  # the kind of place of an incident
            "child_present": _NOTHING,
            "perpetrator_works_at": _NOTHING,
            "home_educated": _NOTHING,
            "circumstances": _TEXT,
            "child_voice": _TEXT,
            "views": _TEXT,
            "risk": _TEXT,
            "alert_code": _NOTHING,
            "instruction": _NOTHING,
            "starts_on": _NOTHING,
            "review_on": _NOTHING,
            "resident_told": _NOTHING,
        },
        REFERRAL: {
            **_PERSONS,
            **_RISK,
            "incident_reference": _NOTHING,
            "perpetrator_works_at": _NOTHING,
            "reason": _TEXT,
            "circumstances": _TEXT,
            "views": _TEXT,
            "current_urn": _PLACE,
            "requested_urns": _PLACE,
            "move_reason": _NOTHING,
            "needed_by": _NOTHING,
            "do_not_disclose_new_school": _NOTHING,
            "adults": _NOTHING,
            "children": _NOTHING,
            "chosen_authority": _NOTHING,  # the recipient itself, or the message is refused
            "accommodation_status": _WORD,
            "areas_at_risk": _NOTHING,  # where the person cannot live
            "item": _NOTHING,
            "need_by": _NOTHING,
            "delivery_restricted": _NOTHING,
        },
        DISCLOSURE: {
            **_PERSONS,
            **_RISK,
            "incident_reference": _NOTHING,
            "occurred_at": _NOTHING,
            "location_kind": _NOTHING,  # the kind of place of an incident
            "child_present": _NOTHING,
            "perpetrator_works_at": _NOTHING,
            "circumstances": _TEXT,
            "child_voice": _TEXT,
            "views": _TEXT,
            "risk": _TEXT,
            "history": _TEXT,
        },
        NOTICE: {
            **_PERSONS,
            "involvement": _NOTHING,
            "ended_on": _NOTHING,
            "closure_reason": _WORD,
            "original": _NOTHING,
            "item": _NOTHING,
            "action": _NOTHING,
            "basis": _NOTHING,
            "correction": _TEXT,
            CORRECTION_ADDRESS: _PLACE,
            "consent": _NOTHING,
            "consent_ended_on": _NOTHING,
            "consent_ended_by": _NOTHING,
        },
    }
)
"""Every field that a clause of each kind can grant."""
SUBJECT: Final[Mapping[str, Reveals]] = MappingProxyType(
    {
        "nhs_number": _NOTHING,
        "upn": _PLACE,  # its digits name the authority and the school that gave it
        "nino": _NOTHING,
        "pnc_id": _NOTHING,
        "family_name": _NOTHING,
        "given_names": _NOTHING,
        "birth_date": _NOTHING,
        "gender": _NOTHING,
        "postcode": _PLACE,
        "uprn": _PLACE,
        "address_restricted": _NOTHING,
        "aliases": _NOTHING,
    }
)
"""Every member of a person's description."""
PRACTITIONER: Final[Mapping[str, Reveals]] = MappingProxyType(
    {
        "sub": _NOTHING,
        "role": _NOTHING,
        "org_unit": _PLACE,
        "call_back": _PLACE,
        "name": _NOTHING,
        "break_glass": _NOTHING,
    }
)
"""Every member of the practitioner in a message: the team and its number tell where the person is seen."""
ANSWERS: Final[Mapping[KindName, Mapping[str, Reveals]]] = MappingProxyType(
    {
        ALERT: {"closed": _NOTHING},
        DISCLOSURE: {"closed": _NOTHING},
        REFERRAL: {
            "status": _NOTHING,
            "reason": _TEXT,
            "declined_by": _NOTHING,
            "alternative": _TEXT,
            "outcome": _NOTHING,
            "note": _TEXT,
        },
        NOTICE: {"answer": _NOTHING, "ground": _TEXT},
    }
)
"""Every member of the answer to a message of a queued kind."""
PLAINER_WORDS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {"accommodation_status": {"refuge": "temporary"}, "closure_reason": {"moved-away": "other"}}
)
"""The words that tell a place or a move, and the true but plainer one that is sent of a restricted person."""
TELLING_SERVICES: Final = frozenset(
    {
        "refuge",
        "domestic-abuse",
        "accommodation",
        "supported-housing",
        "housing",
        "hostel",
        "school",
        "college",
        "nursery",
        "early-years",
        "general-practice",
        "hospital",
        "midwifery",
        "health-visiting",
        "school-nursing",
        "prison",
    }
)
"""Kinds of service whose identity tells where a person lives, learns or is treated."""


def revealing(table: Mapping[str, Reveals], *kinds: Reveals) -> frozenset[str]:
    """Return the fields of a table that reveal one of ``kinds``; those that reveal a place if none is named."""
    return frozenset(name for name, reveals in table.items() if reveals in (kinds or (_PLACE,)))


def tells_by_itself(service_kind: str) -> bool:
    """Say whether a service of this kind tells a person's place by saying that it knows them."""
    return service_kind.replace("_", "-") in TELLING_SERVICES
