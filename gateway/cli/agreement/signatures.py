"""Verifying a party's signature before it is held, with keys that an anchor vouches for."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from gateway.administration.chain_trace import trace_vouching
from gateway.administration.context import node_vault
from gateway.administration.errors import OperationRefused
from gateway.administration.federation_context import FederationContext
from gateway.administration.journal import record
from gateway.agreements.endings import AgreementEndings
from gateway.agreements.registry import AgreementRegistry
from gateway.agreements.signature_exchange import SignatureExchange
from gateway.cli.agreement.exchanging import AT_ONCE, others
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
from trust.agreements.signing import Signatory, Vouched
from trust.errors import NoChain
from trust.exchange.envelope import AgreementRef
from trust.federation import node_metadata
from trust.identifiers import EntityId, ServiceSlug
from trust.keys import KeySet, KeyUse
from trust.keys import Signer as KeySigner


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A verified signature, and how it is stored: with the keys that proved it."""

    signature: AgreementSignature
    stored: StoredSignature


def verified(federation: FederationContext, agreement: Agreement, raw: bytes, *, at: datetime) -> Signed:
    """Verify one signature. Raises ``TrustError``, or :class:`OperationRefused` where nobody vouches for its party."""
    unverified_party = peek_party(raw)
    if agreement.party(unverified_party) is None:
        raise OperationRefused(f"A signature is from {unverified_party}, which is not a party to {agreement.id}.")
    keys = _vouched_keys(federation, unverified_party, at)
    signature = verify_signature(raw, party=unverified_party, keys=keys, agreement=agreement.ref, now=at)
    return Signed(signature=signature, stored=StoredSignature(raw=raw, jwks=strict_json.dumps(keys.to_jwks())))


def countersigning_of(federation: FederationContext) -> SignatureExchange:
    """Return what exchanges signatures with other parties' nodes, for one command."""

    def keys_of(party: EntityId, at: datetime) -> KeySet:
        try:
            return _vouched_keys(federation, party, at)
        except OperationRefused as refused:
            raise NoChain(str(refused)) from refused

    def received(party: EntityId, agreement: AgreementRef) -> None:
        named = {"party": party, "agreement": str(agreement.id)}
        record(federation.settings, "agreement signature received", version=agreement.version, **named)

    def closed(party: EntityId, agreement: AgreementRef, closure: Closure) -> None:
        named = {"party": party, "agreement": str(agreement.id), "closure": closure}
        record(federation.settings, "agreement ending received", version=agreement.version, **named)

    def signer() -> KeySigner:
        return node_vault(federation.settings).signer(KeyUse.FEDERATION)

    return SignatureExchange(
        own=federation.own,
        store=federation.store,
        transport=federation.transport,
        keys_of=keys_of,
        notice=received,
        signer=signer,
        endings=AgreementEndings(
            own=federation.own,
            store=federation.store,
            book=federation.agreements,
            signer=signer,
            notice=closed,
        ),
    )


def signer_of(federation: FederationContext, agreement: Agreement, at: datetime) -> Signatory:
    """Return what this node knows of itself and of the other parties before it signs."""
    node = federation.settings.node
    retired = federation.store.read(agreements.retirements)
    parties = others(federation, agreement)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        vouched = dict(zip(parties, pool.map(lambda party: _vouched(federation, party, at), parties), strict=True))
    return Signatory(
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
        f"Nobody vouches for {party}, so its signature cannot be verified; nothing was stored. "
        f"See `hearthgate trust check {party}`.",
        [f"{line.name}: {line.detail}" for line in trace.lines if not line.ok],
    )
