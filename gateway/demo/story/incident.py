"""The incident of scenario S2, as the key worker enters it once in her own case system."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from gateway.demo.agencies import HOUSING, AnyService, ReceivingService
from gateway.demo.agreement import KEY_WORKER
from gateway.demo.case_client import UNIT
from gateway.demo.case_systems.records import CaseService
from gateway.demo.identifiers import landline
from gateway.demo.people.population import Group
from gateway.demo.people.truth import Person, Truth

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


def incident_body(people: Family, *, consents: bool = True) -> dict[str, Any]:
    """Return the incident as the case system posts it; without ``consents`` the mother has signed nothing yet."""
    today = datetime.now(UTC).date()
    return {
        "reason": "Witnessed on a visit; both children were in the flat.",
        "case_ref": f"CF-{people.mother.number}",
        "practitioner": dict(PRACTITIONER),
        "victim_agrees": "yes",
        "persons": _persons(people, consents=consents),
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


def _persons(people: Family, *, consents: bool) -> list[dict[str, Any]]:
    mother: dict[str, Any] = {
        "ref": "p1",
        "part": "victim",
        "subject": dict(people.mother.subject),
        "views": {"sought": True},
        "told": {"told": True},
        "safe_contact": {"method": "text", "times": "weekdays 10 to 12, when he is at work"},
    }
    if consents:
        mother["consent"] = consent_of(people.mother)
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


def consent_of(mother: Person) -> dict[str, Any]:
    """Return the record of what the mother signed: confidentiality set aside, and a referral for a home."""
    return {
        "roles": ["engagement", "confidentiality", "statutory_condition"],
        "given_on": datetime.now(UTC).date().isoformat(),
        "form": "written",
        "evidence": f"CF-{mother.number}/incident/1",
    }
