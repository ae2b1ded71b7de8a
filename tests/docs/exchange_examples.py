"""Make the examples of the exchange profile with the code that nodes run.

Each run makes new keys, signs every example and discards the private keys.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from tests.docs.example_keys import ANCHOR, COUNCIL, NOW, TRUST, Keys
from tests.docs.misuse_examples import misuse
from tests.docs.showing import pretty
from tests.docs.standing_examples import standing
from trust.agreements.agreement import Signatory, build_signature, parse_agreement
from trust.agreements.denial import DenialCode, deny
from trust.claims import digest
from trust.evidence.leaf import Leaf, LeafKind
from trust.exchange import eligibility, involvement
from trust.exchange.involvement import InvolvementStatus
from trust.exchange.kind import ReplyTerms, supported
from trust.exchange.kinds import KINDS
from trust.exchange.message import Message, OpenedMessage, PseudonymousPractitioner, build_message
from trust.exchange.person import Address, Subject
from trust.exchange.refusal import build_refusal_body
from trust.exchange.reply import answer, build_reply
from trust.federation import node_metadata, party_metadata
from trust.federation.enrolment import build_enrolment_request
from trust.federation.entity_statement import StatementDraft, build_entity_configuration, build_subordinate_statement
from trust.federation.node_metadata import NodeMetadata, ServiceEntry
from trust.federation.party_metadata import AuthorizationServer, FederationEntity
from trust.identifiers import ClauseId, EntityId, PurposeCode, RoleCode, ServiceSlug
from trust.keys import KeyUse
from trust.oauth import access_token, client_assertion, dpop_proof
from trust.oauth.access_token import AccessTokenClaims
from trust.oauth.authorization_details import AuthorizationDetail

TOKEN_ENDPOINT = TRUST + "/oauth/v1/token"
MESSAGES = TRUST + "/exchange/v1/messages"
_LIFE = timedelta(hours=120)
_QUERY = timedelta(minutes=5)

_AGREEMENT: dict[str, Any] = {
    "id": "vale-early-help",
    "version": 1,
    "title": "Vale early help information-sharing agreement",
    "purposes": [{"code": "early-help", "description": "To let those who support one person find each other."}],
    "parties": [
        {"entity": COUNCIL, "name": "Vale Council", "services": ["connecting-families"]},
        {"entity": TRUST, "name": "Vale Mental Health Trust", "services": ["community-team"]},
    ],
    "powers": ["ca2004-s10"],
    "items": ["That a service works with the person, since when, and whom to ring."],
    "benefits": "People tell their story once.",
    "individuals_informed": "By each party's privacy notice, and by the worker at the first meeting.",
    "consent_text": "Working with Connecting Families is voluntary; consent is not the legal basis of sharing.",
    "rights": "Each party answers for the records that it holds.",
    "retention": "Answers are deleted after seven days.",
    "security": "Signed messages between admitted nodes only.",
    "dpia_reference": "DPIA-2026-014",
    "review_date": "2027-06-30",
    "valid_from": "2026-10-01",
    "valid_until": "2028-09-30",
    "clauses": [
        {
            "id": "early-help.involvement",
            "kind": "involvement.query",
            "version": 1,
            "purpose": "early-help",
            "askers": [f"{COUNCIL}#connecting-families"],
            "holders": [f"{TRUST}#community-team"],
            "fields_by_role": {
                "key-worker": ["organisation", "role", "worker", "phone", "duty_phone", "since"],
                "business-support": ["organisation", "duty_phone"],
            },
            "basis": ["6-1-e", "9-2-h", "ca2004-s10"],
            "existence": "conditional",
            "keep_days": 7,
            "onward": "none",
        }
    ],
}


def metadata(keys: Keys, entity: EntityId, name: str, services: tuple[ServiceEntry, ...]) -> dict[str, Any]:
    """Return what a node says of itself, by entity type."""
    oauth = keys.public(entity, KeyUse.OAUTH)
    node = NodeMetadata(
        name=name,
        message_keys=keys.public(entity, KeyUse.MESSAGE),
        evidence_key=keys.signer(entity, KeyUse.EVIDENCE).public,
        message_endpoint=entity + "/exchange/v1/messages",
        receipt_endpoint=entity + "/exchange/v1/receipts",
        services=services,
        kinds_supported=supported(KINDS),
    )
    server = AuthorizationServer(issuer=entity, token_endpoint=entity + "/oauth/v1/token", keys=oauth)
    return {
        party_metadata.FEDERATION_ENTITY: party_metadata.build_federation_entity(FederationEntity(name=name)),
        party_metadata.AUTHORIZATION_SERVER: party_metadata.build_authorization_server(server),
        party_metadata.CLIENT: party_metadata.build_client(oauth),
        party_metadata.RESOURCE: party_metadata.build_resource(entity),
        node_metadata.ENTITY_TYPE: node_metadata.build_node_metadata(node),
    }


def statements(keys: Keys) -> dict[str, bytes]:
    """Make the three statements of the council's chain, and its enrolment request."""
    services = (
        ServiceEntry(
            slug=ServiceSlug("connecting-families"),
            name="Connecting Families",
            kind="family-support",
            duty_phone="01632 960001",
        ),
    )
    draft = StatementDraft(
        subject=COUNCIL,
        keys=keys.public(COUNCIL, KeyUse.FEDERATION),
        issued_at=NOW,
        expires_at=NOW + _LIFE,
        metadata=metadata(keys, COUNCIL, "Vale Council", services),
    )
    member = FederationEntity(name="Vale Partnership", fetch_endpoint=ANCHOR + "/federation/v1/fetch")
    about_anchor = party_metadata.build_federation_entity(member)
    about_anchor["federation_list_endpoint"] = ANCHOR + "/federation/v1/list"
    anchor = replace(
        draft,
        subject=ANCHOR,
        keys=keys.public(ANCHOR, KeyUse.FEDERATION),
        metadata={party_metadata.FEDERATION_ENTITY: about_anchor},
    )
    own, top = keys.signer(COUNCIL, KeyUse.FEDERATION), keys.signer(ANCHOR, KeyUse.FEDERATION)
    return {
        "entity configuration": build_entity_configuration(draft, own, authority_hints=(ANCHOR,)),
        "subordinate statement": build_subordinate_statement(replace(draft, metadata={}), top, issuer=ANCHOR),
        "anchor configuration": build_entity_configuration(anchor, top),
        "enrolment request": build_enrolment_request(replace(draft, expires_at=NOW + timedelta(days=14)), own),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Every example: signed ones by name, and the agreement's and the leaf's bytes."""

    signed: Mapping[str, bytes]
    agreement: bytes
    leaf: bytes
    keys: Keys


def make() -> Made:
    """Make every example."""
    keys = Keys()
    agreement = pretty(_AGREEMENT).encode()
    ref = parse_agreement(agreement).ref
    detail = AuthorizationDetail(
        agreement_id=ref.id,
        agreement_version=ref.version,
        agreement_digest=ref.digest,
        purpose=PurposeCode("early-help"),
        kinds=frozenset({involvement.KIND}),
    )
    signed = statements(keys) | standing(keys)
    signed["agreement signature"] = build_signature(
        ref,
        party=COUNCIL,
        signatory=Signatory(name="R. Example", post="Senior information risk owner"),
        signer=keys.signer(COUNCIL, KeyUse.FEDERATION),
        now=NOW,
    )
    signed |= tokens(keys, detail)
    question = build_message(message(agreement), keys.signer(COUNCIL, KeyUse.MESSAGE))
    leaf = leaf_of(message(agreement), question)
    signed["message"] = question
    signed |= replies(keys, message(agreement), question, leaf)
    asked = OpenedMessage(message=message(agreement), digest=digest(question), raw=question)
    signed |= misuse(keys, asked)
    return Made(signed=signed, agreement=agreement, leaf=leaf.to_bytes(), keys=keys)


def tokens(keys: Keys, detail: AuthorizationDetail) -> dict[str, bytes]:
    """Make what gets the council a token from the trust, the token, and the proof that goes with it."""
    oauth, dpop = keys.signer(COUNCIL, KeyUse.OAUTH), keys.signer(COUNCIL, KeyUse.DPOP)
    token = access_token.build(
        AccessTokenClaims(
            iss=TRUST,
            sub=COUNCIL,
            client_id=COUNCIL,
            aud=TRUST + "/exchange/v1",
            jti="t-5f0c2a",
            iat=NOW,
            exp=NOW + access_token.PEER_MAX_LIFE,
            jkt=dpop.kid,
            details=(detail,),
        ),
        keys.signer(TRUST, KeyUse.OAUTH),
    )
    return {
        "client assertion": client_assertion.build(
            client_id=COUNCIL, issuer=TRUST, signer=oauth, now=NOW, jti="a-81d3e0"
        ),
        "token request proof": dpop_proof.build(
            signer=dpop, method="POST", url=TOKEN_ENDPOINT, now=NOW, jti="p-0b6a11", access_token=None
        ),
        "access token": token,
        "message proof": dpop_proof.build(
            signer=dpop, method="POST", url=MESSAGES, now=NOW, jti="p-0b6a12", access_token=token
        ),
    }


def message(agreement: bytes) -> Message:
    """Return the council's question to the trust."""
    parsed = parse_agreement(agreement)
    issued = int(NOW.timestamp())
    return Message(
        iss=COUNCIL,
        aud=TRUST,
        iat=issued,
        exp=issued + int(_QUERY.total_seconds()),
        jti="m-3c9e77f1",
        kind=involvement.KIND,
        version=involvement.VERSION,
        agreement=parsed.ref,
        clause=ClauseId("early-help.involvement"),
        purpose=PurposeCode("early-help"),
        basis=parsed.clauses[0].basis,
        from_service=ServiceSlug("connecting-families"),
        to_service=ServiceSlug("community-team"),
        practitioner=PseudonymousPractitioner(
            sub="pYb3Zk0n8wqkq0e5wB4mX1lT5x7m0l1u6H2r9dS3cVo",
            role=RoleCode("key-worker"),
            org_unit="Family Hub East",
            call_back="01632 960002",
        ),
        subject=Subject(
            nhs_number="9434765919",
            family_name="Thistlethwaite",
            given_names="Corvin Asher",
            birth_date=date(2004, 11, 23),
            address=Address(postcode="ZX4 1QB"),
        ),
        body={},
        correlation="l-7d21b0",
    )


def replies(keys: Keys, sent: Message, raw: bytes, leaf: Leaf) -> dict[str, bytes]:
    """Make the trust's possible answers to the same question."""
    opened = OpenedMessage(message=sent, digest=digest(raw), raw=raw)
    terms = ReplyTerms(answered_on=NOW.date(), keep_until=NOW.date() + timedelta(days=7), onward="none")
    known = {
        "organisation": "Vale Mental Health Trust",
        "role": "Community nurse",
        "worker": "Imogen Farrow",
        "phone": "01632 960177",
        "duty_phone": "01632 960107",
        "since": "2026-02-14",
    }
    duty = known["duty_phone"]
    bodies = {
        "reply: known": involvement.build_reply_body(
            InvolvementStatus.KNOWN, terms=terms, duty_phone=duty, involvements=[known]
        ),
        "reply: nothing to share": involvement.build_reply_body(
            InvolvementStatus.NOTHING_TO_SHARE, terms=terms, duty_phone=duty
        ),
        "reply: refused": build_refusal_body(deny(DenialCode.ROLE_NOT_PERMITTED).refusal),
    }
    signer = keys.signer(TRUST, KeyUse.MESSAGE)
    beside: dict[str, Any] = {"evidence": {"leaf": digest(leaf.to_bytes())}, "suspensions": {ANCHOR: 1}}
    return {
        name: build_reply(answer(opened, body=body, jti=f"r-{number}", now=NOW, **beside), signer)
        for number, (name, body) in enumerate(bodies.items(), 1)
    }


def leaf_of(sent: Message, raw: bytes) -> Leaf:
    """Return what the trust records of having received the question."""
    return Leaf(
        kind=LeafKind.RECEIVED,
        at=NOW,
        peer=COUNCIL,
        message_iss=sent.iss,
        message_id=digest(b"a keyed digest; the key is the trust's own"),
        message_digest=digest(raw),
        outcome_code="known",
        reason_codes=("match:unique",),
        agreement=sent.agreement,
        clause=sent.clause,
        purpose=sent.purpose,
        subject_hmac=digest(b"a keyed pseudonym; the key is the trust's own"),
        from_service=sent.from_service,
        to_service=sent.to_service,
        practitioner=sent.practitioner.sub,
        role=sent.practitioner.role,
        fields=("phone", "role", "worker"),
    )


BODIES: Mapping[str, Any] = {
    "eligibility query body": eligibility.EligibilityQuery(
        question=eligibility.Question.IN_PAYMENT, as_of=NOW.date(), benefit="universal-credit"
    ).to_body(),
    "eligibility reply body": eligibility.build_reply_body(
        eligibility.EligibilityAnswer(answer=eligibility.Answer.YES, as_of=NOW.date())
    ),
}
"""Bodies of the other kind of exchange. Their envelopes are the same."""
