"""The exchange of signatures, endings and accessions of a node, and its part of the peer API."""

from datetime import datetime
from functools import partial

from gateway.agreements.accessions import Accessions, member_facts
from gateway.agreements.endings import AgreementEndings
from gateway.agreements.registry import AgreementRegistry
from gateway.agreements.signature_exchange import SignatureExchange
from gateway.agreements.suspensions import AgreementSuspensions
from gateway.app.node_parts import NodeParts
from gateway.federation.resolver import FederationResolver
from gateway.http.peer.agreements import AgreementsFace
from gateway.ports import Transport
from gateway.telemetry import events
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse, Signer


def signature_exchange(
    parts: NodeParts, directory: FederationResolver, transport: Transport, agreements: AgreementRegistry
) -> SignatureExchange:
    """Return what exchanges the documents of this node's agreements."""

    def signer() -> Signer:
        return parts.vault.signer(KeyUse.FEDERATION)

    def keys_of(party: EntityId, now: datetime) -> KeySet:
        return directory.resolve(party, now=now).federation_keys

    return SignatureExchange(
        own=parts.own,
        store=parts.store,
        transport=transport,
        keys_of=keys_of,
        notice=events.record_agreement_signature,
        signer=signer,
        endings=AgreementEndings(
            own=parts.own, store=parts.store, book=agreements, signer=signer, notice=events.record_agreement_closure
        ),
        suspensions=AgreementSuspensions(
            own=parts.own, store=parts.store, book=agreements, signer=signer, notice=events.record_suspension
        ),
        accessions=Accessions(
            own=parts.own,
            store=parts.store,
            book=agreements,
            keys_of=keys_of,
            facts_of=partial(member_facts, directory),
            notice=events.record_accession,
        ),
    )


def agreements_face(parts: NodeParts, countersigning: SignatureExchange) -> AgreementsFace:
    """Return what the peer API of agreements stands on."""

    def receive(digest: str, raw: bytes, now: datetime) -> bytes | None:
        return countersigning.receive(digest, raw, claims=parts.claims, now=now)

    return AgreementsFace(document=countersigning.document, receive=receive, clock=parts.clock)
