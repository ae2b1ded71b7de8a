"""The demo's town for tests: its agencies and services, two residents, and the agreement that every agency signs."""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from gateway.demo import agencies
from gateway.demo.agencies import AGENCIES, ANCHOR_HOST, OTHERS, Agency, service_ref
from gateway.demo.case_systems.records import CaseService, InvolvementRecord
from tests.support.people import DANIEL, GRACE, involvement
from trust.exchange.person import parse_subject
from trust.identifiers import EntityId

ANCHOR = EntityId(f"https://{ANCHOR_HOST}")
COUNTY = EntityId("https://county.example")
"""An intermediate between the anchor and some agencies, where a network has one."""
COUNCIL = agencies.COUNCIL.entity_id
JOBCENTRE = agencies.JOBCENTRE.entity_id
POLICE = agencies.POLICE.entity_id
TRUST = agencies.MENTAL_HEALTH.entity_id
HOUSING = agencies.HOUSING.entity_id
COLLEGE = agencies.COLLEGE.entity_id
PURPOSE = "early-help"
BENEFIT_PURPOSE = "benefit-check"
AGREEMENT = "town-early-help"
BY_ENTITY = {agency.entity_id: agency for agency in AGENCIES}
ASKER = service_ref(agencies.ASKER)
HOLDERS = tuple(service_ref(service) for service in OTHERS)
CONDITIONAL = (f"{COUNCIL}#money-advice", f"{TRUST}#mental-health")
WORKERS = {
    CaseService.CHILDRENS_SOCIAL_CARE: "Ada Fellbrook",
    CaseService.MONEY_ADVICE: "Bram Otterley",
    CaseService.YOUTH_JUSTICE: "Cleo Wharram",
    CaseService.JOBCENTRE: "Dev Quarles",
    CaseService.POLICE: "Esme Thirlwell",
    CaseService.MENTAL_HEALTH: "Farouk Linton",
    CaseService.HOUSING: "Gwen Ashby",
    CaseService.COLLEGE: "Hugo Merrow",
}
"""Who works with the young man, by service."""
SUBJECT: dict[str, Any] = {
    "nhs_number": DANIEL.nhs_number,
    "upn": DANIEL.upn,
    "nino": DANIEL.nino,
    "pnc_id": DANIEL.pnc_id,
    "family_name": DANIEL.family_name,
    "given_names": DANIEL.given_names,
    "birth_date": DANIEL.birth_date.isoformat(),
    "address": {"uprn": DANIEL.uprn, "postcode": DANIEL.postcode},
}
"""The young man as Connecting Families knows him."""
STRANGER: dict[str, Any] = {
    "family_name": "Nobbs",
    "given_names": "Wilfred",
    "birth_date": "1951-07-30",
    "address": {"postcode": "YO7 9ZZ"},
}
"""A resident without a record at any service."""


def records() -> list[InvolvementRecord]:
    """Return the truth that the case systems are filled with: the young man everywhere, his neighbour at two."""
    everywhere = [
        involvement(case, local_id=f"D-{number}", worker=worker, role="Key worker", phone=f"01632 96010{number}")
        for number, (case, worker) in enumerate(WORKERS.items())
    ]
    neighbour = [
        involvement(case, GRACE, local_id=f"G-{case}", worker="Ines Corley", since=date(2024, 5, 6))
        for case in (CaseService.HOUSING, CaseService.COLLEGE)
    ]
    return everywhere + neighbour


def agreement(now: datetime, among: Iterable[Agency] = AGENCIES, **changes: Any) -> dict[str, Any]:
    """Return the agreement between some agencies as its document, begun a month ago, with some members changed."""
    today = now.date()
    parties = tuple(among)
    document: dict[str, Any] = {
        "id": AGREEMENT,
        "version": 1,
        "title": "Thornmere early help information-sharing agreement",
        "purposes": [
            {"code": PURPOSE, "description": "To bring the people who already work with someone together."},
            {"code": BENEFIT_PURPOSE, "description": "To know whether a benefit is in payment before advising."},
        ],
        "parties": [
            {"entity": agency.entity_id, "name": agency.name, "services": [each.service for each in agency.services]}
            for agency in parties
        ],
        "powers": ["ca2004-s10"],
        "items": ["That a service works with the person, since when, and whom to ring."],
        "benefits": "People tell their story once.",
        "individuals_informed": "By each party's privacy notice and by the worker at the first meeting.",
        "consent_text": "Engagement is voluntary; consent is not the legal basis.",
        "rights": "Each party answers for the records it holds.",
        "retention": "Answers are deleted after 90 days.",
        "security": "Signed messages between admitted nodes only.",
        "dpia_reference": "DPIA-2026-020",
        "review_date": (today + timedelta(days=300)).isoformat(),
        "valid_from": (today - timedelta(days=30)).isoformat(),
        "valid_until": (today + timedelta(days=600)).isoformat(),
        "clauses": _clauses_between(parties),
    }
    return document | changes


def _clauses_between(parties: tuple[Agency, ...]) -> list[dict[str, Any]]:
    there = {service_ref(each.service) for agency in parties for each in agency.services}
    clauses = [
        {**deepcopy(clause), "holders": [holder for holder in clause["holders"] if holder in there]}
        for clause in CLAUSES
    ]
    return [clause for clause in clauses if clause["holders"]]


_ROLES = {
    "key-worker": ["organisation", "service_type", "role", "worker", "phone", "since", "last_contact_month"],
    "duty-officer": ["organisation", "duty_phone"],
}
_WHO_ELSE = {
    "kind": "involvement.query",
    "version": 1,
    "purpose": PURPOSE,
    "askers": [ASKER],
    "fields_by_role": _ROLES,
    "basis": ["6-1-e", "ca2004-s10"],
    "keep_days": 90,
    "onward": "none",
}
CLAUSES: list[dict[str, Any]] = [
    {
        **_WHO_ELSE,
        "id": "who-else",
        "holders": [holder for holder in HOLDERS if holder not in CONDITIONAL],
        "existence": "unconditional",
    },
    {**_WHO_ELSE, "id": "who-else-sensitive", "holders": list(CONDITIONAL), "existence": "conditional"},
    {
        "id": "benefit",
        "kind": "eligibility.query",
        "version": 1,
        "purpose": BENEFIT_PURPOSE,
        "askers": [ASKER],
        "holders": [f"{JOBCENTRE}#jobcentre"],
        "fields_by_role": {"key-worker": ["answer", "as_of"]},
        "basis": ["6-1-e", "wra2012-s130-131"],
        "existence": "unconditional",
        "keep_days": 30,
        "onward": "none",
        "questions": ["in_payment", "entitled"],
    },
]


KNOWN = parse_subject(dict(SUBJECT), this_year=2026)


NOBODY = parse_subject(dict(STRANGER), this_year=2026)


IN_DOUBT = replace(KNOWN, birth_date=date(1999, 1, 1))
"""The young man's NHS number with another birth date: a human must decide."""


RELEASED = ["last_contact_month", "organisation", "phone", "role", "service_type", "since", "worker"]
"""What the clause lets a key worker be told, and what there is of it."""
