"""The decision of a peer about a message of this node, asked for with a question about no one.

The question is an ordinary signed message under a clause that grants this node something, with a description that fits
no person. So the peer checks the token, this node's chain, the signature and every rule of its decision, then refuses
for want of a person: before any search, and at no cost to a budget. Under a clause for alerts, referrals or notices
the body is empty, and nothing is stored. Both nodes record the message, as they record every other.
"""

from collections.abc import Iterator
from datetime import datetime
from secrets import token_urlsafe
from time import monotonic

from adapters.contract import CheckLine
from gateway.administration.context import node_vault
from gateway.administration.federation_context import FederationContext
from gateway.agreements.registry import detail_for
from gateway.evidence import recorder
from gateway.exchange.outbound import pseudonym
from gateway.exchange.outbound_evidence import QuestionRecord
from gateway.peers.client import HttpPeerClient
from gateway.peers.token_client import TokenRequester
from gateway.ports import KeyVault, PeerRefused, TransportError
from gateway.runtime.machine_clock import SystemClock
from gateway.telemetry import trace_context
from gateway.telemetry.events import OutboundMessageEvent
from trust.agreements.agreement import Agreement, InForce, NotInForce
from trust.agreements.clause import Clause
from trust.agreements.denial import DenialCode
from trust.claims import digest, to_seconds
from trust.errors import TrustError
from trust.exchange.errors import SubjectTooVague
from trust.exchange.kinds import KINDS
from trust.exchange.message import Message, PseudonymousPractitioner, RequestRef, Urgency, build_message
from trust.exchange.person import Subject
from trust.exchange.persons import ConcernedPerson, Part
from trust.exchange.receipt import open_receipt
from trust.exchange.refusal import Refusal, is_refusal, parse_refusal_body
from trust.exchange.reply import open_reply
from trust.federation.chain import TrustedEntity
from trust.identifiers import EntityId, ServiceRef
from trust.keys import KeyUse

ASK_S = 5.0
_NO_ONE = frozenset({SubjectTooVague.code, DenialCode.MALFORMED_BODY, DenialCode.CONSENT_RECORD_MISSING})
"""Refusals for want of a person, or of what would be said of one: every rule before that was kept."""
_UNIT = "administration"


def check_decision(
    federation: FederationContext, peer: TrustedEntity, standings: tuple[InForce | NotInForce, ...], now: datetime
) -> CheckLine:
    """Ask for the peer's decision about one clause, and say how long the whole way took."""
    name = f"whether {peer.entity_id} would answer"
    grants = sorted(_grants(federation.own, peer.entity_id, standings), key=lambda each: _is_last(each[1]))
    if not grants or peer.node is None:
        return CheckLine(name=name, ok=True, detail="no agreement in force lets this node ask or tell it anything")
    agreement, clause = grants[0]
    vault = node_vault(federation.settings)
    message = _message(federation.own, peer.entity_id, agreement, clause, vault, now)
    raw = build_message(message, vault.signer(KeyUse.MESSAGE))
    leaf = QuestionRecord(own=federation.own, vault=vault).sent_leaf(message, message.subject, raw, now)
    entry = recorder.build_entry(leaf)
    federation.store.write(lambda tx: recorder.record(tx, entry))
    clause_name = f"clause {clause.id} of {agreement.id} version {agreement.version}"
    began = monotonic()
    try:
        refusal = _ask(federation, peer, message, raw, vault)
    except PeerRefused as refused:
        return CheckLine(name=name, ok=False, detail=f"{refused}, under {clause_name}", remedy=_ASK_THEM)
    except (TransportError, TrustError) as failed:
        return CheckLine(name=name, ok=False, detail=f"{failed}, under {clause_name}", remedy=_ASK_THEM)
    took = f"{(monotonic() - began) * 1000:.0f} ms for token, message and signed answer"
    if refusal is None or refusal.code in _NO_ONE:
        return CheckLine(name=name, ok=True, detail=f"it would, under {clause_name} ({took})")
    detail = f"it refuses, under {clause_name}: {refusal.reason} ({took})"
    return CheckLine(name=name, ok=False, detail=detail, remedy=refusal.remedy)


_ASK_THEM = "Ask that agency's administrators to run `hearthgate doctor` there."


def _grants(
    own: EntityId, peer: EntityId, standings: tuple[InForce | NotInForce, ...]
) -> Iterator[tuple[Agreement, Clause]]:
    for standing in standings:
        if isinstance(standing, InForce):
            for clause in standing.agreement.clauses:
                if clause.kind in KINDS and _first(clause.askers, own) and _first(clause.holders, peer):
                    yield standing.agreement, clause


def _is_last(clause: Clause) -> tuple[bool, bool]:
    """Order clauses: the decision about a question goes further, and one that rests on consent less far."""
    return KINDS[clause.kind].queued, bool(clause.consent_roles)


def _first(services: frozenset[ServiceRef] | tuple[ServiceRef, ...], entity: EntityId) -> ServiceRef | None:
    return min((each for each in services if each.entity == entity), key=str, default=None)


def _message(
    own: EntityId, peer: EntityId, agreement: Agreement, clause: Clause, vault: KeyVault, now: datetime
) -> Message:
    asker, holder = _first(clause.askers, own), _first(clause.holders, peer)
    if asker is None or holder is None:
        raise ValueError("the clause grants this node nothing at this peer")
    kind, issued = KINDS[clause.kind], to_seconds(now)
    no_one = ConcernedPerson(ref="p1", part=Part.OTHER, subject=Subject())
    return Message(
        iss=own,
        aud=peer,
        iat=issued,
        exp=issued + 60,
        jti=token_urlsafe(16),
        kind=clause.kind,
        version=clause.version,
        agreement=agreement.ref,
        clause=clause.id,
        purpose=clause.purpose,
        basis=clause.basis,
        from_service=asker.service,
        to_service=holder.service,
        practitioner=PseudonymousPractitioner(
            sub=pseudonym(vault.pseudonym_key(), _UNIT, peer), role=min(clause.fields_by_role), org_unit=_UNIT
        ),
        body={},
        persons=(no_one,) if kind.queued else (),
        urgency=Urgency.GREEN if kind.queued else None,
    )


def _ask(
    federation: FederationContext, peer: TrustedEntity, message: Message, raw: bytes, vault: KeyVault
) -> Refusal | None:
    """Send the message, verify the signed answer, and return its refusal."""
    clock = SystemClock()
    requester = TokenRequester(own=federation.own, vault=vault, transport=federation.transport, clock=clock)
    client = HttpPeerClient(requester, observe=_unheard)
    detail = detail_for(message.agreement, message.purpose, message.kind)
    trace = trace_context.new_trace()
    answer = client.send_message(peer, raw, detail=detail, timeout_s=ASK_S, trace=trace)
    if peer.node is None:
        raise TransportError("it publishes no message keys")
    request, keys, now = RequestRef(jti=message.jti, digest=digest(raw)), peer.node.message_keys, clock.now()
    if message.persons:
        return open_receipt(
            answer, receiver_keys=keys, own_id=federation.own, sent=request, message=message, now=now
        ).reason
    body = open_reply(answer, holder_keys=keys, own_id=federation.own, sent=request, message=message, now=now).body
    return parse_refusal_body(body) if is_refusal(body) else None


def _unheard(_event: OutboundMessageEvent) -> None:
    """Leave what was sent out of the command's output."""
