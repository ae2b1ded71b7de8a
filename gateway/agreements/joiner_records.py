"""Accessions, admissions and rulings out of the store, each proved by the keys kept beside it.

What proved once proves again: a document and its keys never change, so that a reading after a change verifies only what
is new. An accession whose joiner or admitting party does not prove is left out (assertion A72).
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TypeVar, cast

from gateway.ports import Transaction
from gateway.store.tables import accessions
from gateway.store.tables.accessions import StoredAccession, StoredRuling
from gateway.store.tables.agreements import StoredSignature
from trust import strict_json
from trust.agreements.accession import (
    Accession,
    JoinerAdmission,
    PartyRuling,
    verify_accession,
    verify_admission,
    verify_ruling,
)
from trust.agreements.joined import HeldAccession, JoinerRecords
from trust.errors import TrustError
from trust.exchange.envelope import AgreementRef
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse

KEYS_MAX_BYTES = 65_536
V = TypeVar("V")


class VerifiedDocuments:
    """What was verified at one reading, for the next. Not safe for several threads."""

    def __init__(self) -> None:
        self._earlier: dict[tuple[object, ...], object] = {}
        self._current: dict[tuple[object, ...], object] = {}

    def begin(self) -> None:
        """Begin a reading: what the last one did not use is forgotten."""
        self._earlier, self._current = self._current, {}

    def verified(self, key: tuple[object, ...], verify: Callable[[], V]) -> V:
        """Return what a document says, verified now or before. Raises as ``verify`` does."""
        value = self._current.get(key) or self._earlier.get(key) or verify()
        self._current[key] = value
        return cast("V", value)


def trusted_keys(signed: StoredSignature) -> KeySet:
    """Return the federation keys that were trusted when a document was stored."""
    return KeySet.from_jwks(strict_json.loads(signed.jwks, max_bytes=KEYS_MAX_BYTES), KeyUse.FEDERATION)


def load_joiners(
    tx: Transaction, refs: Iterable[AgreementRef], documents: VerifiedDocuments, now: datetime
) -> Mapping[AgreementRef, JoinerRecords]:
    """Return what proves of the joiners of these agreements; those without any are left out."""
    by_version: dict[tuple[str, int], AgreementRef] = {(ref.id, ref.version): ref for ref in refs}
    records: dict[AgreementRef, list[HeldAccession]] = {}
    rulings: dict[AgreementRef, dict[tuple[EntityId, EntityId], PartyRuling]] = {}
    for stored in accessions.load_all(tx):
        ref = by_version.get((stored.agreement_id, stored.version))
        with suppress(TrustError):
            if ref is not None:
                records.setdefault(ref, []).append(open_accession(stored, ref, documents, now))
    for ruling in accessions.load_rulings(tx):
        ref = by_version.get((ruling.agreement_id, ruling.version))
        with suppress(TrustError):
            if ref is not None:
                ruling_record = open_ruling(ruling, ref, documents, now)
                rulings.setdefault(ref, {})[ruling_record.issuer, ruling_record.joiner] = ruling_record
    return {
        ref: JoinerRecords(accessions=tuple(records.get(ref, ())), rulings=rulings.get(ref, {}))
        for ref in records.keys() | rulings.keys()
    }


def open_accession(
    stored: StoredAccession, ref: AgreementRef, documents: VerifiedDocuments, now: datetime
) -> HeldAccession:
    """Verify a stored accession, and its admission if it has one. Raises ``TrustError``."""
    accession = documents.verified(
        ("accession", ref, stored.entity, stored.accession.raw, stored.accession.jwks),
        lambda: verify_accession(
            stored.accession.raw,
            party=EntityId(stored.entity),
            keys=trusted_keys(stored.accession),
            agreement=ref,
            now=now,
        ),
    )
    if stored.admission is None:
        return HeldAccession(accession=accession)
    admission = _admission(stored, stored.admission, accession, documents, now)
    return HeldAccession(accession=accession, admission=admission, learnt_at=stored.learnt_at)


def _admission(
    stored: StoredAccession, signed: StoredSignature, accession: Accession, documents: VerifiedDocuments, now: datetime
) -> JoinerAdmission:
    return documents.verified(
        ("admission", accession.digest, accession.agreement, stored.admitted_by, signed.raw, signed.jwks),
        lambda: verify_admission(
            signed.raw,
            party=EntityId(stored.admitted_by),
            keys=trusted_keys(signed),
            accession=accession,
            now=now,
        ),
    )


def open_ruling(stored: StoredRuling, ref: AgreementRef, documents: VerifiedDocuments, now: datetime) -> PartyRuling:
    """Verify a stored ruling. Raises ``TrustError``."""
    return documents.verified(
        ("ruling", ref, stored.party, stored.signed.raw, stored.signed.jwks),
        lambda: verify_ruling(
            stored.signed.raw, party=EntityId(stored.party), keys=trusted_keys(stored.signed), agreement=ref, now=now
        ),
    )
