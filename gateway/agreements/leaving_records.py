"""The leavings and suspensions of agreements out of the store: each notice is verified again when it is read."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial

from gateway.agreements.joiner_records import VerifiedDocuments, trusted_keys
from gateway.store.tables.agreement_suspensions import StoredStandstill
from gateway.store.tables.agreements import StoredEnding, StoredSignature
from trust.agreements.agreement import Closure
from trust.agreements.ending import verify_ending
from trust.agreements.suspending import AgreementSuspension, verify_suspension
from trust.claims import from_seconds
from trust.errors import TrustError
from trust.exchange.envelope import AgreementRef
from trust.identifiers import EntityId


def load_leavings(
    endings: Iterable[StoredEnding], refs: Iterable[AgreementRef], documents: VerifiedDocuments, now: datetime
) -> Mapping[str, Mapping[EntityId, datetime]]:
    """Return when each party left an agreement, by its digest; a notice that does not prove is none."""
    by_version: dict[tuple[str, int], AgreementRef] = {(ref.id, ref.version): ref for ref in refs}
    leavings: dict[str, dict[EntityId, datetime]] = {}
    for stored in endings:
        ref = by_version.get((stored.agreement_id, stored.version))
        if ref is None or stored.state != Closure.LEFT:
            continue
        party, signed = EntityId(stored.entity), StoredSignature(raw=stored.raw, jwks=stored.jwks)
        with suppress(TrustError):
            ending = documents.verified(
                ("leaving", ref, party, signed.raw, signed.jwks),
                partial(verify_ending, signed.raw, party=party, keys=trusted_keys(signed), agreement=ref, now=now),
            )
            if ending.closure is Closure.LEFT:
                leavings.setdefault(ref.digest, {})[party] = from_seconds(ending.told_at)
    return leavings


def load_suspensions(
    notices: Iterable[StoredStandstill], refs: Iterable[AgreementRef], documents: VerifiedDocuments, now: datetime
) -> Mapping[AgreementRef, Mapping[EntityId, AgreementSuspension]]:
    """Return each party's newest notice about each agreement; one that does not prove is none."""
    by_version: dict[tuple[str, int], AgreementRef] = {(ref.id, ref.version): ref for ref in refs}
    newest: dict[AgreementRef, dict[EntityId, AgreementSuspension]] = {}
    for stored in notices:
        ref = by_version.get((stored.agreement_id, stored.version))
        if ref is None:
            continue
        party, signed = EntityId(stored.entity), stored.signed
        with suppress(TrustError):
            newest.setdefault(ref, {})[party] = documents.verified(
                ("suspension", ref, party, signed.raw, signed.jwks),
                partial(verify_suspension, signed.raw, party=party, keys=trusted_keys(signed), agreement=ref, now=now),
            )
    return newest
