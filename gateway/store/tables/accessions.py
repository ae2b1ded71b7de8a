"""Accessions to agreements with their admissions, parties' rulings on them, and which were delivered to which party.

An accession without an admission waits for one; :func:`admit` adds it once and keeps the instant at which both were
here. Every change moves the epoch of :mod:`gateway.store.tables.agreements`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, select, update

from gateway.ports import Transaction
from gateway.store.accession_schema import agreement_accessions, agreement_paper_deliveries, agreement_rulings
from gateway.store.engine.statement import Row, Statement, insertion
from gateway.store.engine.timestamps import optional_from_microseconds, to_microseconds
from gateway.store.tables import agreements
from gateway.store.tables.agreements import StoredSignature
from trust.exchange.envelope import AgreementRef

_OF_AGREEMENT = (agreement_accessions.c.agreement_id == bindparam("agreement_id")) & (
    agreement_accessions.c.version == bindparam("version")
)
_KEY = ["agreement_id", "version", "digest"]
_PUT = Statement(insertion(agreement_accessions).on_conflict_do_nothing(index_elements=_KEY))
_DROP_PENDING = Statement(
    delete(agreement_accessions).where(
        _OF_AGREEMENT,
        agreement_accessions.c.entity == bindparam("entity"),
        agreement_accessions.c.digest != bindparam("digest"),
        agreement_accessions.c.admission.is_(None),
    )
)
_ADMIT = Statement(
    update(agreement_accessions)
    .where(
        _OF_AGREEMENT, agreement_accessions.c.digest == bindparam("digest"), agreement_accessions.c.admission.is_(None)
    )
    .values(
        admission=bindparam("raw"),
        admission_entity=bindparam("party"),
        admission_jwks=bindparam("jwks"),
        learnt_at=bindparam("at"),
    )
)
_LOAD = Statement(select(agreement_accessions).order_by(agreement_accessions.c.added_at, agreement_accessions.c.digest))
_FIND = Statement(
    select(agreement_accessions).where(_OF_AGREEMENT, agreement_accessions.c.digest == bindparam("digest"))
)
_RULING = insertion(agreement_rulings)
_PUT_RULING = Statement(
    _RULING.on_conflict_do_update(
        index_elements=["agreement_id", "version", "party", "joiner"],
        set_={name: _RULING.excluded[name] for name in ("raw", "jwks", "added_at")},
    )
)
_LOAD_RULINGS = Statement(select(agreement_rulings))
_FIND_RULING = Statement(
    select(agreement_rulings.c.raw).where(
        agreement_rulings.c.agreement_id == bindparam("agreement_id"),
        agreement_rulings.c.version == bindparam("version"),
        agreement_rulings.c.party == bindparam("party"),
        agreement_rulings.c.joiner == bindparam("joiner"),
    )
)
_PUT_DELIVERY = Statement(insertion(agreement_paper_deliveries).on_conflict_do_nothing(index_elements=[*_KEY, "party"]))
_LOAD_DELIVERIES = Statement(
    select(agreement_paper_deliveries.c.digest, agreement_paper_deliveries.c.party).where(
        agreement_paper_deliveries.c.agreement_id == bindparam("agreement_id"),
        agreement_paper_deliveries.c.version == bindparam("version"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAccession:
    """An accession as it was received, and its admission by the party ``admitted_by``, if it has one."""

    agreement_id: str
    version: int
    digest: str
    entity: str
    accession: StoredSignature
    admission: StoredSignature | None = None
    admitted_by: str = ""
    learnt_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRuling:
    """A party's latest confirmation of a joiner, or its objection, as it was received."""

    agreement_id: str
    version: int
    party: str
    joiner: str
    signed: StoredSignature


def put(tx: Transaction, *, agreement: AgreementRef, accession: StoredAccession, added_at: datetime) -> bool:
    """Store an accession that the caller verified; return false where it is here already.

    It replaces what waits of the same joiner. Raises ``AgreementConflict`` unless that agreement is stored and open.
    """
    agreements.require_open(tx, agreement)
    identity = {"agreement_id": agreement.id, "version": agreement.version, "digest": accession.digest}
    signed = {"raw": accession.accession.raw, "jwks": accession.accession.jwks, "added_at": to_microseconds(added_at)}
    unadmitted = {"admission": None, "admission_entity": None, "admission_jwks": None, "learnt_at": None}
    tx.run(_DROP_PENDING, {**identity, "entity": accession.entity})
    stored = tx.run(_PUT, {**identity, **signed, **unadmitted, "entity": accession.entity}) == 1
    agreements.touch(tx)
    return stored


def admit(
    tx: Transaction, *, agreement: AgreementRef, digest: str, party: str, signed: StoredSignature, at: datetime
) -> bool:
    """Store the admission of an accession; return false where the accession has one, or is not here."""
    agreements.require_open(tx, agreement)
    identity = {"agreement_id": agreement.id, "version": agreement.version, "digest": digest}
    admission = {"party": party, "raw": signed.raw, "jwks": signed.jwks, "at": to_microseconds(at)}
    changed = tx.run(_ADMIT, {**identity, **admission}) == 1
    if changed:
        agreements.touch(tx)
    return changed


def put_ruling(tx: Transaction, *, agreement: AgreementRef, ruling: StoredRuling, added_at: datetime) -> None:
    """Store a party's ruling, which the caller verified and found newer, in place of its earlier one."""
    agreements.require_open(tx, agreement)
    identity = {"agreement_id": agreement.id, "version": agreement.version}
    signed = {"raw": ruling.signed.raw, "jwks": ruling.signed.jwks, "added_at": to_microseconds(added_at)}
    tx.run(_PUT_RULING, {**identity, **signed, "party": ruling.party, "joiner": ruling.joiner})
    agreements.touch(tx)


def load_all(tx: Transaction) -> tuple[StoredAccession, ...]:
    """Return every accession, in the order in which they came."""
    return tuple(_accession(row) for row in tx.rows(_LOAD, {}))


def find(tx: Transaction, *, agreement: AgreementRef, digest: str) -> StoredAccession | None:
    """Return the accession of this digest."""
    identity = {"agreement_id": agreement.id, "version": agreement.version, "digest": digest}
    return next((_accession(row) for row in tx.rows(_FIND, identity)), None)


def find_ruling(tx: Transaction, *, agreement: AgreementRef, party: str, joiner: str) -> bytes | None:
    """Return a party's latest ruling on a joiner, as it was signed."""
    identity = {"agreement_id": agreement.id, "version": agreement.version, "party": party, "joiner": joiner}
    return next((row.raw for row in tx.rows(_FIND_RULING, identity)), None)


def load_rulings(tx: Transaction) -> tuple[StoredRuling, ...]:
    """Return the latest ruling of every party on every joiner."""
    return tuple(
        StoredRuling(
            agreement_id=row.agreement_id,
            version=row.version,
            party=row.party,
            joiner=row.joiner,
            signed=StoredSignature(raw=row.raw, jwks=row.jwks),
        )
        for row in tx.rows(_LOAD_RULINGS, {})
    )


def record_deliveries(
    tx: Transaction, *, agreement: AgreementRef, digests: Iterable[str], party: str, told_at: datetime
) -> None:
    """Record that a party's node has these documents."""
    identity = {"agreement_id": agreement.id, "version": agreement.version, "party": party}
    for each in digests:
        tx.run(_PUT_DELIVERY, {**identity, "digest": each, "told_at": to_microseconds(told_at)})


def deliveries(tx: Transaction, agreement: AgreementRef) -> frozenset[tuple[str, str]]:
    """Return the digest of each document and the party that has it."""
    identity = {"agreement_id": agreement.id, "version": agreement.version}
    return frozenset((row.digest, row.party) for row in tx.rows(_LOAD_DELIVERIES, identity))


def _accession(row: Row) -> StoredAccession:
    admission = None if row.admission is None else StoredSignature(raw=row.admission, jwks=row.admission_jwks)
    return StoredAccession(
        agreement_id=row.agreement_id,
        version=row.version,
        digest=row.digest,
        entity=row.entity,
        accession=StoredSignature(raw=row.raw, jwks=row.jwks),
        admission=admission,
        admitted_by=row.admission_entity or "",
        learnt_at=optional_from_microseconds(row.learnt_at),
    )
