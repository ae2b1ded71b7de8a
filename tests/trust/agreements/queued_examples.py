"""An invented agreement with clauses for alerts, referrals and notices, and decisions under it."""

from dataclasses import replace
from typing import Any

from tests.trust.agreements.examples import binding, facts
from tests.trust.exchange.examples import COUNCIL, NOW, POLICE, TRUST
from tests.trust.exchange.queued_examples import BODIES, queued
from trust.agreements.agreement import InForce
from trust.agreements.decision import LocalPolicy, Permit, RequestFacts, ServiceKinds, decide_request
from trust.agreements.denial import Denial
from trust.exchange.kinds import KINDS
from trust.exchange.message import Message
from trust.identifiers import ClauseId, KindName

SENDER = f"{COUNCIL}#connecting-families"
RECIPIENT = f"{POLICE}#protecting-vulnerable-people"
LISTS: dict[str, dict[str, list[str]]] = {
    "alert": {"topics": ["safeguarding", "school-notice", "worker-risk"]},
    "referral": {"service_types": ["advocacy", "school-move", "rehousing", "essentials", "legal-advice"]},
    "notice": {"notice_types": ["case.closure", "consent.withdrawn", "correction", "erasure"]},
}


def clause_of(kind: KindName, **changes: Any) -> dict[str, Any]:
    """Give a clause that grants a key worker all of this kind, with some members changed."""
    whole = {
        "id": f"all-{kind}s",
        "kind": kind,
        "version": 1,
        "purpose": "safeguarding",
        "askers": [SENDER],
        "holders": [RECIPIENT],
        "fields_by_role": {"key-worker": sorted(KINDS[kind].fields)},
        "basis": ["6-1-e", "ca2004-s11"],
        "existence": "conditional",
        "keep_days": 90,
        "onward": "none",
        **LISTS[kind],
    }
    return whole | changes


def document(*clauses: dict[str, Any]) -> dict[str, Any]:
    """Give an agreement between the council, the police and the trust with these clauses."""
    return {
        "id": "vale-safeguarding",
        "version": 1,
        "title": "Vale safeguarding agreement",
        "purposes": [{"code": "safeguarding", "description": "To keep people safe."}],
        "parties": [
            {"entity": COUNCIL, "name": "Vale Council", "services": ["connecting-families", "housing-options"]},
            {"entity": POLICE, "name": "Vale Police", "services": ["protecting-vulnerable-people"]},
            {"entity": TRUST, "name": "Vale Mental Health", "services": ["community-team"]},
        ],
        "powers": ["ca2004-s11"],
        "items": ["What happened, and to which persons."],
        "benefits": "Help arrives at once.",
        "individuals_informed": "By the worker, where that is safe.",
        "consent_text": "Consent is not the legal basis.",
        "rights": "Each party answers for the records it holds.",
        "retention": "Messages are deleted after 90 days.",
        "security": "Signed messages between admitted nodes only.",
        "dpia_reference": "DPIA-2026-015",
        "review_date": "2027-03-31",
        "valid_from": "2026-04-01",
        "valid_until": "2028-03-31",
        "clauses": list(clauses),
    }


def decide(
    name: str,
    *,
    clause: dict[str, Any] | None = None,
    services: ServiceKinds | None = None,
    ended: frozenset[str] = frozenset(),
    **changes: Any,
) -> tuple[Message, Permit | Denial]:
    """Decide on the message with the body of that name under a clause that grants all, or under ``clause``.

    ``ended`` are the persons whose consent is known to have ended.
    """
    terms = clause_of(BODIES[name][0]) | (clause or {})
    return decide_under(binding(document(terms)), name, services=services, ended=ended, **changes)


def decide_under(
    agreement: InForce,
    name: str,
    *,
    services: ServiceKinds | None = None,
    ended: frozenset[str] = frozenset(),
    **changes: Any,
) -> tuple[Message, Permit | Denial]:
    """Decide on the message with the body of that name under the first clause of this agreement."""
    [first, *_] = agreement.agreement.clauses
    named = {"agreement": agreement.agreement.ref, "clause": ClauseId(first.id), "basis": first.basis}
    message = queued(name, **named | changes)
    known: RequestFacts = replace(facts(message), services=services or ServiceKinds(), ended_consents=ended)
    return message, decide_request(known, agreement=agreement, local=LocalPolicy(), own=message.aud, now=NOW)
