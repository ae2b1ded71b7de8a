"""An invented agreement between a council, a mental health trust and the Jobcentre, and a message under it."""

import json
from copy import deepcopy
from dataclasses import replace
from typing import Any

from tests.trust.exchange.examples import COUNCIL, MESSAGE, NOW, TRUST, keys, signer
from trust.agreements.agreement import (
    Agreement,
    AgreementSignature,
    InForce,
    Signatory,
    build_signature,
    in_force,
    parse_agreement,
    verify_signature,
)
from trust.agreements.decision import RequestFacts
from trust.exchange.message import Message
from trust.identifiers import EntityId
from trust.keys import KeyUse
from trust.oauth.authorization_details import AuthorizationDetail

JOBCENTRE = EntityId("https://jobcentre.example")

DOCUMENT: dict[str, Any] = {
    "id": "vale-early-help",
    "version": 3,
    "title": "Vale early help information-sharing agreement",
    "purposes": [
        {"code": "early-help", "description": "To bring the people who already work with someone together."},
        {"code": "benefit-check", "description": "To know whether a benefit is in payment before advising."},
    ],
    "parties": [
        {"entity": COUNCIL, "name": "Vale Council", "services": ["connecting-families", "money-advice"]},
        {"entity": TRUST, "name": "Vale Mental Health", "services": ["community-team"]},
        {"entity": JOBCENTRE, "name": "Vale Jobcentre", "services": ["work-coaches"]},
    ],
    "powers": ["ca2004-s10"],
    "items": ["That a service works with the person, since when, and whom to ring."],
    "benefits": "People tell their story once.",
    "individuals_informed": "By each party's privacy notice and by the worker at the first meeting.",
    "consent_text": "Engagement is voluntary; consent is not the legal basis.",
    "rights": "Each party answers for the records it holds.",
    "retention": "Answers are deleted after 90 days.",
    "security": "Signed messages between admitted nodes only.",
    "dpia_reference": "DPIA-2026-014",
    "review_date": "2027-03-31",
    "valid_from": "2026-04-01",
    "valid_until": "2028-03-31",
    "clauses": [
        {
            "id": "who-else",
            "kind": "involvement.query",
            "version": 1,
            "purpose": "early-help",
            "askers": [f"{COUNCIL}#connecting-families"],
            "holders": [f"{TRUST}#community-team", f"{COUNCIL}#money-advice"],
            "fields_by_role": {
                "key-worker": ["organisation", "service_type", "worker", "phone", "since"],
                "duty-officer": ["organisation", "duty_phone"],
            },
            "basis": ["6-1-e", "ca2004-s10"],
            "existence": "conditional",
            "keep_days": 90,
            "onward": "none",
        },
        {
            "id": "in-payment",
            "kind": "eligibility.query",
            "version": 1,
            "purpose": "benefit-check",
            "askers": [f"{COUNCIL}#money-advice"],
            "holders": [f"{JOBCENTRE}#work-coaches"],
            "fields_by_role": {"money-adviser": ["answer", "as_of"]},
            "basis": ["6-1-e", "wra2012-s130-131"],
            "existence": "unconditional",
            "keep_days": 30,
            "onward": "none",
            "questions": ["in_payment"],
        },
    ],
}


def document(**changes: Any) -> dict[str, Any]:
    """Give a copy of the document with some members changed."""
    return deepcopy(DOCUMENT) | changes


def clauses(index: int, **changes: Any) -> dict[str, Any]:
    """Give a copy of the document with some members of one clause changed."""
    whole = document()
    whole["clauses"][index] |= changes
    return whole


def parsed(whole: dict[str, Any] | None = None) -> Agreement:
    """Parse a document as it would arrive."""
    return parse_agreement(json.dumps(whole or DOCUMENT, indent=1).encode())


def signatures(agreement: Agreement, *parties: EntityId) -> dict[EntityId, AgreementSignature]:
    """Have each of these parties sign, and verify what they signed."""
    signed = {}
    for party in parties:
        raw = build_signature(
            agreement.ref,
            party=party,
            signatory=Signatory(name="R. Example", post="Caldicott Guardian"),
            signer=signer(party, KeyUse.FEDERATION),
            now=NOW,
        )
        signed[party] = verify_signature(
            raw, party=party, keys=keys(party, KeyUse.FEDERATION), agreement=agreement.ref, now=NOW
        )
    return signed


def binding(whole: dict[str, Any] | None = None) -> InForce:
    """Give the agreement signed by all and in force."""
    agreement = parsed(whole)
    held = in_force(agreement, signatures(agreement, *(party.entity for party in agreement.parties)), NOW)
    assert isinstance(held, InForce)
    return held


BINDING = binding()


def request(**changes: Any) -> Message:
    """Give a message that the first clause permits, with some members changed."""
    return replace(MESSAGE, **{"agreement": BINDING.agreement.ref, **changes})


def facts(message: Message, **changes: Any) -> RequestFacts:
    """Give what a node knows of a message whose token covers exactly it."""
    detail = AuthorizationDetail(
        agreement_id=message.agreement.id,
        agreement_version=message.agreement.version,
        agreement_digest=message.agreement.digest,
        purpose=message.purpose,
        kinds=frozenset({message.kind}),
    )
    known = RequestFacts(sender=message.iss, caller=message.iss, message=message, token_details=(detail,))
    return replace(known, **changes)
