"""The incident of scenario S2, as the key worker enters it once in her own case system."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from gateway.demo.agencies import HOUSING, AnyService, ReceivingService
from gateway.demo.agreement import FAMILY_RECOVERY, KEY_WORKER, SAFEGUARDING_FAMILY
from gateway.demo.case_client import UNIT
from gateway.demo.case_systems.records import CaseService
from gateway.demo.identifiers import landline
from gateway.demo.people.population import Group
from gateway.demo.people.truth import Person, Truth
from trust.consents.age import Jurisdiction, age_in_law
from trust.consents.authority import CAPACITY_PRESUMED

RECIPIENTS: Final[Mapping[str, AnyService]] = {
    "police": CaseService.POLICE,
    "advocacy": ReceivingService.ADVOCACY,
    "school-notice": CaseService.COLLEGE,
    "school-move": ReceivingService.SCHOOL_ADMISSIONS,
    "rehousing": CaseService.HOUSING,
    "essentials": ReceivingService.WELFARE_SUPPORT,
}
"""The recipient of each step of the play, in its order."""
KEY_WORKER_NAME: Final = "Nia Harding"
PRACTITIONER: Final = {
    "id": "key-worker-17",
    "role": KEY_WORKER,
    "org_unit": UNIT,
    "second_factor": True,
    "name": KEY_WORKER_NAME,
    "call_back": landline(40),
}
STATEMENTS: Final = {
    "what_happened": (
        "Heard shouting from the stairs and saw him push her against the wall; she has bruises on both arms.",
        ("p1", "p4"),
        "fact",
        "home visit",
    ),
    "what_the_children_say": (
        "The younger child says that this happens every weekend and that they hide in the bathroom.",
        ("p2", "p3"),
        "fact",
        "the children, spoken to alone",
    ),
    "why_an_advocate": (
        "She wants to leave and asks for a woman to talk to who knows the courts.",
        ("p1",),
        "fact",
        "the mother",
    ),
    "what_the_school_needs_to_know": (
        "Both were at home during an incident last night. They may be tired or late; please be kind.",
        ("p2", "p3"),
        "fact",
        "home visit",
    ),
    "why_another_school": (
        "The present college is on a route where they could be met. A place elsewhere before the move, please.",
        ("p2", "p3"),
        "judgement",
        "key worker",
    ),
    "why_another_home": (
        "She cannot stay in the present tenancy safely and has nowhere else to go.",
        ("p1",),
        "judgement",
        "key worker",
    ),
    "why_the_item": (
        "The new home is unfurnished, and there are insulin and food to keep cold.",
        ("p1",),
        "fact",
        "key worker",
    ),
}
"""Each statement of the incident: its text, the persons that it is about, its standing, and its source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The household of the scenario."""

    mother: Person
    children: Sequence[Person]
    partner: Person

    @property
    def given_names(self) -> Mapping[str, str]:
        """The given names of each person, which no other has, by the reference in the incident."""
        everyone = (self.mother, *self.children, self.partner)
        return {f"p{number}": person.subject["given_names"] for number, person in enumerate(everyone, start=1)}


def family(truth: Truth) -> Family:
    """Return the household of the scenario."""
    return Family(mother=truth.first(Group.MOTHER), children=truth.of(Group.CHILD), partner=truth.first(Group.PARTNER))


def incident_body(people: Family, *, consent: str | None) -> dict[str, Any]:
    """Return the incident as the case system posts it; without ``consent`` the mother has signed nothing yet.

    ``consent`` is the id of hers, as her node knows it.
    """
    today = datetime.now(UTC).date()
    return {
        "reason": "Witnessed on a visit; both children were in the flat.",
        "case_ref": f"CF-{people.mother.number}",
        "practitioner": dict(PRACTITIONER),
        "victim_agrees": "yes",
        "persons": _persons(people, consent=consent),
        "details": {
            "incident_reference": f"CF-{people.mother.number}-1",
            "occurred_at": (datetime.now(UTC) - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "location_kind": "home",
            "child_present": True,
            "risk_level": "high",
            "dash_score": 9,
            "current_urn": "999001",
            "requested_urns": ["999007", "999012"],
            "school_needed_by": (today + timedelta(days=14)).isoformat(),
            "adults": 1,
            "children": len(people.children),
            "chosen_authority": str(HOUSING.entity_id),
            "accommodation_status": "settled-unsafe",
            "areas_at_risk": [people.mother.subject["address"]["postcode"].split()[0]],
            "item": "fridge",
            "item_needed_by": (today + timedelta(days=10)).isoformat(),
            "delivery_restricted": True,
        },
        "statements": [
            {
                "field": name,
                "text": text,
                "about": list(about),
                "standing": standing,
                "source": source,
                "on": today.isoformat(),
            }
            for name, (text, about, standing, source) in STATEMENTS.items()
        ],
    }


def _persons(people: Family, *, consent: str | None) -> list[dict[str, Any]]:
    mother: dict[str, Any] = {
        "ref": "p1",
        "part": "victim",
        "subject": dict(people.mother.subject),
        "views": {"sought": True},
        "told": {"told": True},
        "safe_contact": {"method": "text", "times": "weekdays 10 to 12, when he is at work"},
    }
    if consent is not None:
        mother["consent"] = {"id": consent}
    children = [
        {
            "ref": ref,
            "part": "child",
            "subject": dict(child.subject),
            "views": {"sought": True},
            "told": {"told": False, "why": "unsafe"},
        }
        for ref, child in zip(("p2", "p3"), people.children, strict=True)
    ]
    partner = {
        "ref": "p4",
        "part": "alleged_perpetrator",
        "subject": dict(people.partner.subject),
        "told": {"told": False, "why": "unsafe"},
    }
    return [mother, *children, partner]


def consent_bodies(people: Family) -> list[dict[str, Any]]:
    """Return the family's consents as the case system posts them: one for each person, the mother's first.

    She signs for herself, and as a holder of parental responsibility for a child who is too young to. A child of 16 or
    over signs alone. Her partner is not asked.
    """
    today = datetime.now(UTC).date()
    own = {
        "roles": ["engagement", "confidentiality", "statutory_condition"],
        "purposes": [SAFEGUARDING_FAMILY, FAMILY_RECOVERY],
        "given_by": {"relation": "person"},
        "subject": dict(people.mother.subject),
    }
    for_children = [
        {
            "roles": ["engagement"],
            "purposes": [SAFEGUARDING_FAMILY],
            "given_by": _giver(people, child, today),
            "subject": dict(child.subject),
        }
        for child in people.children
    ]
    common = {
        "jurisdiction": "england-and-wales",
        "given_on": today.isoformat(),
        "form": "written",
        "evidence": f"CF-{people.mother.number}/incident/1",
        "notice": "connecting-families-notice/2",
        "case_ref": f"CF-{people.mother.number}",
        "practitioner": dict(PRACTITIONER),
    }
    return [{**common, **each} for each in (own, *for_children)]


def _giver(people: Family, child: Person, today: date) -> dict[str, Any]:
    age = age_in_law(date.fromisoformat(child.subject["birth_date"]), today, Jurisdiction.ENGLAND_AND_WALES)
    if age >= CAPACITY_PRESUMED[Jurisdiction.ENGLAND_AND_WALES]:
        return {"relation": "person"}
    return {
        "relation": "parental-responsibility",
        "evidence": f"CF-{people.mother.number}/responsibility",
        "is_alleged_perpetrator": False,
    }
