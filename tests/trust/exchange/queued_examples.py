"""An invented incident: the persons that it concerns, and an alert, a referral and notices about it."""

from dataclasses import replace
from datetime import date
from typing import Any

from tests.trust.exchange.examples import COUNCIL, MESSAGE, POLICE, SUBJECT
from trust.exchange.alert import ALERT
from trust.exchange.consent import ConsentForm, ConsentRecord, ConsentRole
from trust.exchange.message import Message, Urgency
from trust.exchange.notice import NOTICE
from trust.exchange.person import Address, Subject
from trust.exchange.persons import ConcernedPerson, ContactMethod, Part, SafeContact, Told, Views, WhyNot
from trust.exchange.referral import REFERRAL
from trust.identifiers import ClauseId, KindName, PurposeCode, ServiceSlug

CONSENT = ConsentRecord(
    roles=frozenset({ConsentRole.STATUTORY_CONDITION}),
    given_on=date(2026, 8, 31),
    form=ConsentForm.WRITTEN,
    evidence="CF-2026/114",
)
VICTIM = ConcernedPerson(
    ref="p1",
    part=Part.VICTIM,
    subject=SUBJECT,
    views=Views(is_sought=True),
    told=Told(is_told=True),
    safe_contact=SafeContact(method=ContactMethod.TEXT, times="weekdays 9 to 15"),
    consent=CONSENT,
)
CHILD = ConcernedPerson(
    ref="p2",
    part=Part.CHILD,
    subject=Subject(family_name="Thistlethwaite", given_names="Wren", birth_date=date(2018, 2, 3)),
    views=Views(is_sought=False, why=WhyNot.TOO_YOUNG),
    told=Told(is_told=False, why=WhyNot.TOO_YOUNG),
)
PERPETRATOR = ConcernedPerson(
    ref="p3",
    part=Part.ALLEGED_PERPETRATOR,
    subject=Subject(family_name="Marlowe", given_names="Jory", address=Address(postcode="ZE7 1QB")),
    told=Told(is_told=False, why=WhyNot.UNSAFE),
)
PERSONS = (VICTIM, CHILD, PERPETRATOR)


def statement(field: str, *about: str, **changes: Any) -> dict[str, Any]:
    """Give a statement about these persons that no other text contains."""
    stated = {
        "field": field,
        "text": f"What was seen of {' and '.join(about)}: {field}.",
        "about": list(about),
        "standing": "fact",
        "source": "the key worker",
        "on": "2026-08-31",
    }
    return stated | changes


SAFEGUARDING: dict[str, Any] = {
    "topic": "safeguarding",
    "details": {
        "incident_reference": "CF-114",
        "occurred_at": "2026-08-31T21:30:00Z",
        "location_kind": "home",
        "child_present": True,
        "risk_level": "high",
        "dash_score": 9,
        "dara_grade": "high",
    },
    "statements": [
        statement("circumstances", "p1"),
        statement("circumstances", "p1", "p3", standing="allegation"),
        statement("child_voice", "p2"),
    ],
}
SCHOOL_NOTICE: dict[str, Any] = {
    "topic": "school-notice",
    "details": {"occurred_at": "2026-08-31T21:30:00Z", "child_present": False, "home_educated": False},
    "statements": [statement("circumstances", "p2")],
}
WORKER_RISK: dict[str, Any] = {
    "topic": "worker-risk",
    "details": {
        "alert_code": "violence",
        "instruction": "visit-in-pairs",
        "starts_on": "2026-09-01",
        "review_on": "2027-03-01",
        "resident_told": False,
    },
    "statements": [],
}


def referral(service_type: str, **details: Any) -> dict[str, Any]:
    """Give a referral to a service of this type."""
    return {
        "service_type": service_type,
        "agreement_to_engage": "yes",
        "details": details,
        "statements": [statement("reason", "p1")],
    }


ADVOCACY = referral("advocacy", risk_level="high", dash_score=14)
SCHOOL_MOVE = referral(
    "school-move",
    current_urn="900001",
    requested_urns=["900002", "900003"],
    move_reason="safety",
    needed_by="2026-09-07",
    do_not_disclose_new_school=True,
)
REHOUSING = referral(
    "rehousing",
    adults=1,
    children=2,
    chosen_authority=COUNCIL,
    accommodation_status="at-risk-of-homelessness",
    areas_at_risk=["ZE7", "ZE7 1"],
)
ESSENTIALS = referral("essentials", item="fridge", need_by="2026-09-03", delivery_restricted=True)
LEGAL_ADVICE = referral("legal-advice")
CLOSURE: dict[str, Any] = {
    "type": "case.closure",
    "details": {"involvement": "INV-88", "ended_on": "2026-08-30", "closure_reason": "completed"},
    "statements": [],
}
CONSENT_WITHDRAWN: dict[str, Any] = {
    "type": "consent.withdrawn",
    "details": {
        "consent": "consents/Ax7-kq_2mNp0Ax7-kq_2mN",
        "consent_ended_on": "2026-08-30",
        "consent_ended_by": "withdrawal",
    },
    "statements": [],
}
CORRECTION: dict[str, Any] = {
    "type": "correction",
    "details": {
        "original": "m-0001.~x",
        "item": "subject.birth_date",
        "action": "replace",
        "basis": "art-16",
    },
    "statements": [statement("correction", "p1", text="Born on 23 November 2004.")],
}
ERASURE: dict[str, Any] = {
    "type": "erasure",
    "details": {"original": "m-0001.~x", "basis": "art-17"},
    "statements": [],
}
BODIES: dict[str, tuple[KindName, dict[str, Any]]] = {
    "safeguarding": (ALERT, SAFEGUARDING),
    "school-notice": (ALERT, SCHOOL_NOTICE),
    "worker-risk": (ALERT, WORKER_RISK),
    "advocacy": (REFERRAL, ADVOCACY),
    "school-move": (REFERRAL, SCHOOL_MOVE),
    "rehousing": (REFERRAL, REHOUSING),
    "essentials": (REFERRAL, ESSENTIALS),
    "legal-advice": (REFERRAL, LEGAL_ADVICE),
    "case.closure": (NOTICE, CLOSURE),
    "consent.withdrawn": (NOTICE, CONSENT_WITHDRAWN),
    "correction": (NOTICE, CORRECTION),
    "erasure": (NOTICE, ERASURE),
}
"""A whole body of each topic, service type and notice type, as the wire has it."""


def queued(name: str = "safeguarding", **changes: Any) -> Message:
    """Give a message with the body of that name, from the council to the police, with some members changed."""
    kind, body = BODIES[name]
    message = replace(
        MESSAGE,
        aud=POLICE,
        exp=MESSAGE.iat + 15 * 86_400,
        kind=kind,
        clause=ClauseId("alerts"),
        purpose=PurposeCode("safeguarding"),
        to_service=ServiceSlug("protecting-vulnerable-people"),
        subject=Subject(),
        persons=PERSONS,
        body=body,
        urgency=Urgency.RED,
    )
    return replace(message, **changes)
