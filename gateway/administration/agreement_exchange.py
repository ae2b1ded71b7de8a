"""The exchange of signatures with other parties' nodes, and the verification of a signature before it is stored."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from gateway.administration.chain_trace import trace_vouching
from gateway.administration.context import node_vault
from gateway.administration.errors import OperationRefused
from gateway.administration.federation_context import FederationContext
from gateway.administration.journal import record
from gateway.agreements.accessions import Accessions, member_facts
from gateway.agreements.endings import AgreementEndings
from gateway.agreements.paper_courier import offer
from gateway.agreements.registry import AgreementRegistry
from gateway.agreements.signature_exchange import DeliveryStatus, KeysOf, OfferResult, SignatureExchange
from gateway.agreements.suspensions import AgreementSuspensions
from gateway.store.tables import agreements
from gateway.store.tables.agreements import StoredSignature
from trust import strict_json
from trust.agreements.agreement import (
    Agreement,
    AgreementSignature,
    Closure,
    InForce,
    NotInForce,
    verify_signature,
)
from trust.agreements.signature import peek_party
from trust.agreements.signing import SigningContext, Vouched
from trust.agreements.suspending import SuspendedState
from trust.errors import NoChain
from trust.exchange.envelope import AgreementRef
from trust.federation import node_metadata
from trust.identifiers import EntityId, ServiceSlug
from trust.keys import KeySet, KeyUse, Signer

_AT_ONCE = 8
"""Nodes that one use case calls at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedSignature:
    """A verified signature, and what is stored: it and the keys that proved it."""

    signature: AgreementSignature
    stored: StoredSignature


def verify(federation: FederationContext, agreement: Agreement, raw: bytes, *, at: datetime) -> VerifiedSignature:
    """Verify a signature. Raises ``TrustError``, or ``OperationRefused`` where no anchor vouches for its party."""
    unverified_party = peek_party(raw)
    if agreement.party(unverified_party) is None:
        raise OperationRefused(f"A signature is from {unverified_party}, which is not a party to {agreement.id}.")
    keys = _vouched_keys(federation, unverified_party, at)
    signature = verify_signature(raw, party=unverified_party, keys=keys, agreement=agreement.ref, now=at)
    stored = StoredSignature(raw=raw, jwks=strict_json.dumps(keys.to_jwks()))
    return VerifiedSignature(signature=signature, stored=stored)


def exchange_of(federation: FederationContext) -> SignatureExchange:
    """Return what exchanges signatures with other parties' nodes, for one command."""

    def keys_of(party: EntityId, at: datetime) -> KeySet:
        try:
            return _vouched_keys(federation, party, at)
        except OperationRefused as refused:
            raise NoChain(str(refused)) from refused

    def signer() -> Signer:
        return node_vault(federation.settings).signer(KeyUse.FEDERATION)

    return SignatureExchange(
        own=federation.own,
        store=federation.store,
        transport=federation.transport,
        keys_of=keys_of,
        notice=partial(_on_signature, federation),
        signer=signer,
        endings=AgreementEndings(
            own=federation.own,
            store=federation.store,
            book=federation.agreements,
            signer=signer,
            notice=partial(_on_closure, federation),
        ),
        suspensions=AgreementSuspensions(
            own=federation.own,
            store=federation.store,
            book=federation.agreements,
            signer=signer,
            notice=partial(_on_suspension, federation),
        ),
        accessions=_accessions(federation, keys_of),
    )


def _accessions(federation: FederationContext, keys_of: KeysOf) -> Accessions:
    return Accessions(
        own=federation.own,
        store=federation.store,
        book=federation.agreements,
        keys_of=keys_of,
        facts_of=partial(member_facts, federation.directory),
        notice=partial(_on_accession, federation),
    )


def _on_signature(federation: FederationContext, party: EntityId, agreement: AgreementRef) -> None:
    _on_document(federation, "signature", party, agreement)


def _on_closure(federation: FederationContext, party: EntityId, agreement: AgreementRef, closure: Closure) -> None:
    _on_document(federation, "ending", party, agreement, closure=closure)


def _on_suspension(
    federation: FederationContext, party: EntityId, agreement: AgreementRef, state: SuspendedState
) -> None:
    _on_document(federation, "suspension", party, agreement, state=state)


def _on_accession(federation: FederationContext, issuer: EntityId, agreement: AgreementRef, document: str) -> None:
    if issuer != federation.own:  # the command itself records what this agency signs
        _on_document(federation, document, issuer, agreement)


def _on_document(
    federation: FederationContext, document: str, party: EntityId, agreement: AgreementRef, **more: str
) -> None:
    facts = {"party": party, "agreement": str(agreement.id), **more}
    record(federation.settings, f"agreement {document} received", version=agreement.version, **facts)


def journal_facts(agreement: AgreementRef) -> dict[str, Any]:
    """Return what the journal says of an agreement."""
    return {"agreement": str(agreement.id), "version": agreement.version, "digest": agreement.digest}


def signer_of(federation: FederationContext, agreement: Agreement, at: datetime) -> SigningContext:
    """Return what this node knows of itself and of the other parties before it signs."""
    node = federation.settings.node
    retired = federation.store.read(agreements.retirements)
    parties = other_parties(federation, agreement)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        vouched = dict(zip(parties, pool.map(lambda party: _vouched(federation, party, at), parties), strict=True))
    return SigningContext(
        own=federation.own,
        services={ServiceSlug(each.slug): each.kind for each in federation.settings.services},
        body=node.body,
        vouched=vouched,
        in_force=federation.agreements.in_force(now=at),
        retired=retired.get(agreement.id, 0),
    )


def _vouched(federation: FederationContext, party: EntityId, at: datetime) -> Vouched:
    trace = trace_vouching(federation, party, now=at)
    if trace.vouched is not None:
        kinds = trace.vouched.metadata.get(node_metadata.ENTITY_TYPE, {}).get("service_kinds")
        return Vouched(known=True, services=frozenset(kinds) if isinstance(kinds, dict) else None)
    return Vouched(known=False if trace.answered else None)


def standing_of(book: AgreementRegistry, agreement: Agreement, *, at: datetime) -> InForce | NotInForce:
    """Return whether an agreement that is held binds now."""
    standing = book.find(agreement.ref, now=at)
    if standing is None:
        raise LookupError("the agreement was just stored")
    return standing


def _vouched_keys(federation: FederationContext, party: EntityId, at: datetime) -> KeySet:
    """Return the party's federation keys as the anchor states them now, else as last confirmed and still good."""
    trace = trace_vouching(federation, party, now=at)
    if trace.vouched is not None:
        return trace.vouched.keys
    for standing in federation.directory.statuses(now=at):
        if standing.entity == party and standing.trusted is not None and not trace.answered:
            return standing.trusted.federation_keys
    raise OperationRefused(
        f"No authority vouches for {party}, so its signature cannot be verified; nothing was stored. "
        f"See `hearthgate trust check {party}`.",
        [f"{line.name}: {line.detail}" for line in trace.lines if not line.ok],
    )


def other_parties(federation: FederationContext, agreement: Agreement) -> list[EntityId]:
    """Return the parties but this agency."""
    return [party.entity for party in agreement.parties if party.entity != federation.own]


def offer_to_all(
    exchange: SignatureExchange, agreement: Agreement, parties: Sequence[EntityId], at: datetime
) -> list[OfferResult]:
    """Call on each of these parties."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda party: offer(exchange, agreement, party, now=at), parties))


def offer_lines(agreement: Agreement, offers: Sequence[OfferResult], words: Mapping[DeliveryStatus, str]) -> list[str]:
    """Return how each party answered, for people."""
    lines = []
    for each in offers:
        party = agreement.party(each.party)
        name = party.name if party else each.party
        lines.append(f"  {name} {words[each.status]}" + (f" ({each.detail})" if each.detail else ""))
        lines += [f"    and gave that of {received}" for received in each.received]
        if each.closed:
            lines.append("    and says that this version is closed there; it is closed here too now")
    return lines


def offer_json(offer: OfferResult) -> dict[str, Any]:
    """Return the same for machines."""
    return {
        "entity_id": offer.party,
        "told": offer.status,
        "detail": offer.detail,
        "received": list(offer.received),
        "closed": offer.closed,
    }
