"""Make the examples of alerts, referrals, notices and receipts with the code that nodes run.

Each run makes new keys, signs every example and discards the private keys.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, cast

from tests.docs.example_keys import COUNCIL, NOW
from tests.docs.showing import pretty
from trust.agreements.agreement import parse_agreement
from trust.agreements.minimise import cut_message
from trust.claims import digest
from trust.exchange.alert import AlertAnswer, AlertOutcome
from trust.exchange.kind import QUEUED_LIFE, QueuedBody, parse_query
from trust.exchange.kinds import KINDS
from trust.exchange.message import Message, OpenedMessage, PseudonymousPractitioner, Urgency, build_message
from trust.exchange.person import Subject
from trust.exchange.persons import ConcernedPerson, ContactMethod, Part, SafeContact, Told, Views, WhyNot
from trust.exchange.receipt import ArrivalProof, Receipt, ReceiptState, build_receipt
from trust.exchange.refusal import Refusal
from trust.identifiers import EntityId, PurposeCode, RoleCode, ServiceSlug
from trust.keys import KeySet, KeyUse, LocalSigner
from trust.strict_json import JsonObject

POLICE = EntityId("https://police.example")
ADVOCACY = EntityId("https://advocacy.example")
_PERSONS = ["persons.victim", "persons.views", "persons.told", "persons.safe_contact"]
_BASIS = ["6-1-e", "9-2-g", "dpa2018-sch1-18", "ca2004-s11"]


def _clause(name: str, kind: str, holder: str, fields: list[str], **lists: list[str]) -> dict[str, Any]:
    return {
        "id": name,
        "kind": kind,
        "version": 1,
        "purpose": "safeguarding",
        "askers": [f"{COUNCIL}#connecting-families"],
        "holders": [holder],
        "fields_by_role": {"key-worker": fields},
        "basis": _BASIS,
        "existence": "conditional",
        "keep_days": 90,
        "onward": "none",
        **lists,
    }


_ALERT_FIELDS = [
    *_PERSONS,
    "persons.child",
    "persons.alleged_perpetrator",
    "incident_reference",
    "occurred_at",
    "location_kind",
    "child_present",
    "dash_score",
    "circumstances",
    "child_voice",
]
_AGREEMENT: dict[str, Any] = {
    "id": "vale-safeguarding",
    "version": 1,
    "title": "Vale agreement on alerts and referrals",
    "purposes": [{"code": "safeguarding", "description": "To keep a family safe that is at risk of violence."}],
    "parties": [
        {"entity": COUNCIL, "name": "Vale Council", "services": ["connecting-families"]},
        {"entity": POLICE, "name": "Vale Police", "services": ["protecting-vulnerable-people"]},
        {"entity": ADVOCACY, "name": "Vale Advocates", "services": ["advocates"]},
    ],
    "powers": ["ca2004-s11"],
    "items": ["What happened, to which persons, and what they need."],
    "benefits": "Help arrives at once, and its outcome comes back.",
    "individuals_informed": "By the worker, where that is safe.",
    "consent_text": "Alerts do not rest on consent.",
    "rights": "Each party answers for the records that it holds.",
    "retention": "Messages are deleted after 90 days.",
    "security": "Signed messages between admitted nodes only.",
    "dpia_reference": "DPIA-2026-015",
    "review_date": "2027-06-30",
    "valid_from": "2026-10-01",
    "valid_until": "2028-09-30",
    "clauses": [
        _clause(
            "incident.police",
            "alert",
            f"{POLICE}#protecting-vulnerable-people",
            _ALERT_FIELDS,
            topics=["safeguarding"],
        ),
        _clause(
            "incident.advocacy",
            "referral",
            f"{ADVOCACY}#advocates",
            [*_PERSONS, "dash_score", "reason"],
            service_types=["advocacy"],
        ),
        _clause(
            "incident.corrections",
            "notice",
            f"{POLICE}#protecting-vulnerable-people",
            ["persons.victim", "original", "item", "action", "basis", "correction"],
            notice_types=["correction"],
        ),
    ],
}
_MOTHER = ConcernedPerson(
    ref="p1",
    part=Part.VICTIM,
    subject=Subject(family_name="Thistlethwaite", given_names="Maud", birth_date=date(1991, 4, 17)),
    views=Views(is_sought=True),
    told=Told(is_told=True),
    safe_contact=SafeContact(method=ContactMethod.TEXT, times="weekdays 9 to 15"),
)
_CHILD = ConcernedPerson(
    ref="p2",
    part=Part.CHILD,
    subject=Subject(family_name="Thistlethwaite", given_names="Wren", birth_date=date(2018, 2, 3)),
    views=Views(is_sought=False, why=WhyNot.NO_TIME),
    told=Told(is_told=False, why=WhyNot.TOO_YOUNG),
)
_PERPETRATOR = ConcernedPerson(
    ref="p3",
    part=Part.ALLEGED_PERPETRATOR,
    subject=Subject(family_name="Marlowe", given_names="Jory"),
    told=Told(is_told=False, why=WhyNot.UNSAFE),
)


def _statement(field: str, text: str, about: list[str], standing: str, source: str) -> JsonObject:
    return {"field": field, "text": text, "about": about, "standing": standing, "source": source, "on": "2026-11-23"}


_BODIES: Mapping[str, JsonObject] = {
    "alert": {
        "topic": "safeguarding",
        "details": {
            "incident_reference": "CF-114",
            "occurred_at": "2026-11-23T09:40:00Z",
            "location_kind": "home",
            "child_present": True,
            "dash_score": 9,
        },
        "statements": [
            _statement("circumstances", "She had a fresh bruise on her arm.", ["p1"], "fact", "the key worker"),
            _statement("circumstances", "He hit her in the kitchen.", ["p1", "p3"], "allegation", "the mother"),
            _statement("child_voice", "I want to stay with Nan.", ["p2"], "fact", "the child"),
        ],
    },
    "referral": {
        "service_type": "advocacy",
        "agreement_to_engage": "yes",
        "details": {"dash_score": 9},
        "statements": [_statement("reason", "She asks for an advocate.", ["p1"], "fact", "the mother")],
    },
    "notice": {
        "type": "correction",
        "details": {"original": "m-a11e2f", "item": "persons.birth_date", "action": "replace", "basis": "art-16"},
        "statements": [_statement("correction", "Born on 17 April 1991.", ["p1"], "fact", "the mother")],
    },
}
_TO = {
    "alert": (POLICE, "protecting-vulnerable-people", Urgency.RED, "m-a11e2f"),
    "referral": (ADVOCACY, "advocates", Urgency.AMBER, "m-9ef3c1"),
    "notice": (POLICE, "protecting-vulnerable-people", Urgency.GREEN, "m-5d0b77"),
}


def make_queued() -> JsonObject:
    """Make the file of queued examples: keys, agreement, and every signed example by its name."""
    signers = {entity: LocalSigner.generate(KeyUse.MESSAGE) for entity in (COUNCIL, POLICE)}
    agreement = pretty(_AGREEMENT).encode()
    raw = {kind: build_message(message(kind, agreement), signers[COUNCIL]) for kind in _BODIES}
    alert = OpenedMessage(message=message("alert", agreement), digest=digest(raw["alert"]), raw=raw["alert"])
    made = raw | {name: build_receipt(receipt, signers[POLICE]) for name, receipt in receipts(alert).items()}
    return {
        "about": "Alerts, referrals, notices and receipts of docs/exchange-profile as exact bytes, good at `now`.",
        "now": NOW.isoformat().replace("+00:00", "Z"),
        "keys": {
            entity: {str(KeyUse.MESSAGE): KeySet.of(KeyUse.MESSAGE, [signer.public]).to_jwks()}
            for entity, signer in signers.items()
        },
        "agreement": agreement.decode(),
        "signed": {name: compact.decode("ascii") for name, compact in made.items()},
    }


def message(kind: str, agreement: bytes) -> Message:
    """Return the council's message of this kind, cut to what the agreement's clause grants."""
    parsed = parse_agreement(agreement)
    [clause] = [each for each in parsed.clauses if each.kind == kind]
    aud, service, urgency, jti = _TO[kind]
    issued = int(NOW.timestamp())
    whole = Message(
        iss=COUNCIL,
        aud=aud,
        iat=issued,
        exp=issued + int(QUEUED_LIFE.total_seconds()),
        jti=jti,
        kind=clause.kind,
        version=clause.version,
        agreement=parsed.ref,
        clause=clause.id,
        purpose=PurposeCode("safeguarding"),
        basis=clause.basis,
        from_service=ServiceSlug("connecting-families"),
        to_service=ServiceSlug(service),
        practitioner=PseudonymousPractitioner(
            sub="pYb3Zk0n8wqkq0e5wB4mX1lT5x7m0l1u6H2r9dS3cVo",
            role=RoleCode("key-worker"),
            org_unit="Family Hub East",
            call_back="01632 960002",
            name="Imogen Farrow",
        ),
        persons=(_MOTHER, _CHILD, _PERPETRATOR),
        urgency=urgency,
        body=_BODIES[kind],
    )
    body = cast("QueuedBody", parse_query(KINDS, kind, clause.version, whole.body))
    persons, cut = cut_message(whole, body, clause.fields_by_role[RoleCode("key-worker")])
    return replace(whole, persons=persons, body=cut.to_body())


def receipts(alert: OpenedMessage) -> dict[str, Receipt]:
    """Return the receipts that the police can give for the alert."""
    sent, first = alert.message, int((NOW + timedelta(seconds=1)).timestamp())
    stored = Receipt(
        iss=sent.aud,
        aud=sent.iss,
        iat=first,
        exp=sent.exp,
        jti="c-1",
        from_service=sent.from_service,
        to_service=sent.to_service,
        request=alert.ref,
        state=ReceiptState.STORED,
        at=first,
        seq=1,
    )
    failure = Refusal(
        code="malformed_body", reason="The case system refused the message.", remedy="Ring the service's duty number."
    )
    answer = AlertAnswer(outcome=AlertOutcome.USEFUL).to_body()
    return {
        "receipt: stored": stored,
        "receipt: in case system": replace(
            stored, jti="c-2", seq=2, state=ReceiptState.IN_CASE_SYSTEM, proof=ArrivalProof.HELD
        ),
        "receipt: read": replace(stored, jti="c-3", seq=3, state=ReceiptState.READ, read_by=RoleCode("duty-officer")),
        "receipt: failed": replace(stored, jti="c-4", seq=4, state=ReceiptState.FAILED, reason=failure),
        "receipt: answered": replace(stored, jti="c-5", seq=5, state=ReceiptState.ANSWERED, answer=answer),
    }
