"""Agreements and the signatures under them, as received; the epoch tells a cache when to look again."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from gateway.ports import Transaction
from gateway.store.engine.statement import Statement, insertion
from gateway.store.engine.timestamps import optional_from_microseconds, to_microseconds
from gateway.store.schema import (
    agreement_endings,
    agreement_endings_told,
    agreement_retirements,
    agreement_signatures,
    agreements,
    epochs,
)
from trust.exchange.envelope import AgreementRef

_ID = (agreements.c.agreement_id == bindparam("agreement_id")) & (agreements.c.version == bindparam("version"))

_SIGNED_ID = (agreement_signatures.c.agreement_id == bindparam("agreement_id")) & (
    agreement_signatures.c.version == bindparam("version")
)

_PUT = Statement(insertion(agreements).on_conflict_do_nothing(index_elements=["agreement_id", "version"]))
_DIGEST = Statement(select(agreements.c.digest).where(_ID))
_OPEN = Statement(select(agreements.c.digest).where(_ID, agreements.c.ended_at.is_(None)))
_SIGNATURE = select(
    agreements.c.agreement_id,
    agreements.c.version,
    bindparam("entity", type_=agreement_signatures.c.entity.type),
    bindparam("raw", type_=agreement_signatures.c.raw.type),
    bindparam("jwks", type_=agreement_signatures.c.jwks.type),
    bindparam("added_at", type_=agreement_signatures.c.added_at.type),
).where(_ID, agreements.c.digest == bindparam("digest"), agreements.c.ended_at.is_(None))
_INSERT_SIGNATURE = insert(agreement_signatures).from_select(
    ["agreement_id", "version", "entity", "raw", "jwks", "added_at"], _SIGNATURE
)
_PUT_SIGNATURE = Statement(
    _INSERT_SIGNATURE.on_conflict_do_update(
        index_elements=["agreement_id", "version", "entity"],
        set_={name: _INSERT_SIGNATURE.excluded[name] for name in ("raw", "jwks", "added_at")},
    )
)
_END = Statement(update(agreements).where(_ID, agreements.c.ended_at.is_(None)).values(ended_at=bindparam("at")))
_RETIREMENT = insertion(agreement_retirements)
_RETIRE = Statement(
    _RETIREMENT.on_conflict_do_update(
        index_elements=["agreement_id"],
        set_={"version": _RETIREMENT.excluded.version},
        where=agreement_retirements.c.version < _RETIREMENT.excluded.version,
    )
)
_RETIRED = Statement(select(agreement_retirements))
_ENDING = insertion(agreement_endings)
_PUT_ENDING = Statement(
    _ENDING.on_conflict_do_update(
        index_elements=["agreement_id", "version", "entity"],
        set_={name: _ENDING.excluded[name] for name in ("state", "raw", "jwks", "added_at")},
    )
)
_PUT_LEAVING = Statement(
    insertion(agreement_endings).on_conflict_do_nothing(index_elements=["agreement_id", "version", "entity"])
)
_LOAD_ENDINGS = Statement(select(agreement_endings).order_by(agreement_endings.c.added_at, agreement_endings.c.entity))
_PUT_TOLD = Statement(
    insertion(agreement_endings_told).on_conflict_do_nothing(index_elements=["agreement_id", "version", "party"])
)
_LOAD_TOLD = Statement(select(agreement_endings_told))
_LOAD = Statement(select(agreements).order_by(agreements.c.agreement_id, agreements.c.version))
_FIND = Statement(select(agreements).where(agreements.c.digest == bindparam("digest")))
_FIND_SIGNATURES = Statement(select(agreement_signatures).where(_SIGNED_ID).order_by(agreement_signatures.c.entity))
_LOAD_SIGNATURES = Statement(select(agreement_signatures).order_by(agreement_signatures.c.entity))
_BUMP = Statement(update(epochs).where(epochs.c.name == "agreements").values(value=epochs.c.value + 1))
_EPOCH = Statement(select(epochs.c.value).where(epochs.c.name == "agreements"))


class AgreementConflict(Exception):
    """Another text is already stored under the id and version, or none with the digest that a signature names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSignature:
    """A party's signature, and the JWK set (JSON) of its federation keys that were trusted when it was added.

    With them the signature can be verified again for as long as the agreement lasts, also after the keys were rotated.
    """

    raw: bytes
    jwks: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAgreement:
    """An agreement's own bytes, with the signature of each party that has signed, by its entity identifier."""

    raw: bytes
    signatures: Mapping[str, StoredSignature]
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEnding:
    """A party's notice that it closed a version, and the JWK set (JSON) of its federation keys that proved it."""

    agreement_id: str
    version: int
    entity: str
    state: str
    raw: bytes
    jwks: bytes


def put(tx: Transaction, *, agreement_id: str, version: int, digest: str, raw: bytes, added_at: datetime) -> None:
    """Store an agreement; storing it again changes nothing.

    Raises :class:`AgreementConflict` where the id and version already stand for other bytes.
    """
    identity = {"agreement_id": agreement_id, "version": version}
    content = {"digest": digest, "raw": raw, "added_at": to_microseconds(added_at), "ended_at": None}
    if tx.run(_PUT, {**identity, **content}):
        tx.run(_BUMP, {})
    elif tx.rows(_DIGEST, identity)[0].digest != digest:
        raise AgreementConflict(
            f"Agreement {agreement_id} version {version} is already stored with other content: give it a new version."
        )


def put_signature(
    tx: Transaction, *, agreement: AgreementRef, entity: str, signature: StoredSignature, added_at: datetime
) -> None:
    """Store a party's signature, which the caller verified with its keys, in place of its earlier one.

    Raises :class:`AgreementConflict` unless that very agreement, by its digest, is stored and has not ended.
    """
    identity = {"agreement_id": agreement.id, "version": agreement.version, "digest": agreement.digest}
    signed = {"entity": entity, "raw": signature.raw, "jwks": signature.jwks, "added_at": to_microseconds(added_at)}
    if not tx.run(_PUT_SIGNATURE, {**identity, **signed}):
        raise AgreementConflict(
            f"Agreement {agreement.id} version {agreement.version} with the signed digest is not stored, or "
            "has ended: add the agreement first, in a version that has not."
        )
    tx.run(_BUMP, {})


def end(tx: Transaction, *, agreement_id: str, version: int, at: datetime) -> bool:
    """Note that an agreement has ended; return false for one that is unknown or has ended before."""
    ended = tx.run(_END, {"agreement_id": agreement_id, "version": version, "at": to_microseconds(at)}) == 1
    if ended:
        tx.run(_BUMP, {})
    return ended


def retire(tx: Transaction, *, agreement_id: str, through: int) -> bool:
    """Retire every version up to ``through`` for good; return false where that is on record already."""
    retired = tx.run(_RETIRE, {"agreement_id": agreement_id, "version": through}) == 1
    if retired:
        tx.run(_BUMP, {})
    return retired


def retirements(tx: Transaction) -> Mapping[str, int]:
    """Return for each agreement, by id, the version up to which every one is retired for good."""
    return {row.agreement_id: row.version for row in tx.rows(_RETIRED, {})}


def put_ending(tx: Transaction, ending: StoredEnding, *, added_at: datetime) -> None:
    """Store a party's notice, which the caller verified with its keys, in place of its earlier one."""
    tx.run(_PUT_ENDING, {**asdict(ending), "added_at": to_microseconds(added_at)})
    tx.run(_BUMP, {})


def put_leaving(tx: Transaction, leaving: StoredEnding, *, added_at: datetime) -> bool:
    """Store a party's notice that it left; return false where a notice of that party is stored."""
    if not tx.run(_PUT_LEAVING, {**asdict(leaving), "added_at": to_microseconds(added_at)}):
        return False
    tx.run(_BUMP, {})
    return True


def endings(tx: Transaction) -> tuple[StoredEnding, ...]:
    """Return every notice of an ending, oldest first."""
    return tuple(
        StoredEnding(
            agreement_id=row.agreement_id,
            version=row.version,
            entity=row.entity,
            state=row.state,
            raw=row.raw,
            jwks=row.jwks,
        )
        for row in tx.rows(_LOAD_ENDINGS, {})
    )


def record_delivery(tx: Transaction, *, agreement_id: str, version: int, party: str, told_at: datetime) -> None:
    """Note that a party's node has this node's notice."""
    identity = {"agreement_id": agreement_id, "version": version, "party": party}
    tx.run(_PUT_TOLD, {**identity, "told_at": to_microseconds(told_at)})


def deliveries(tx: Transaction) -> frozenset[tuple[str, int, str]]:
    """Return the id, version and party of each notice of this node that a party's node has."""
    return frozenset((row.agreement_id, row.version, row.party) for row in tx.rows(_LOAD_TOLD, {}))


def find(tx: Transaction, *, digest: str) -> StoredAgreement | None:
    """Return the agreement whose bytes have this digest, unless it has ended."""
    agreement = find_with_ended(tx, digest=digest)
    return None if agreement is None or agreement.ended_at is not None else agreement


def find_with_ended(tx: Transaction, *, digest: str) -> StoredAgreement | None:
    """Return the agreement whose bytes have this digest, whether or not it has ended."""
    rows = tx.rows(_FIND, {"digest": digest})
    if not rows:
        return None
    row = rows[0]
    signed = tx.rows(_FIND_SIGNATURES, {"agreement_id": row.agreement_id, "version": row.version})
    return StoredAgreement(
        raw=row.raw,
        signatures={row.entity: StoredSignature(raw=row.raw, jwks=row.jwks) for row in signed},
        ended_at=optional_from_microseconds(row.ended_at),
    )


def load_all(tx: Transaction) -> tuple[StoredAgreement, ...]:
    """Return every agreement, in the order of ids and versions."""
    signatures: dict[tuple[str, int], dict[str, StoredSignature]] = {}
    for row in tx.rows(_LOAD_SIGNATURES, {}):
        signatures.setdefault((row.agreement_id, row.version), {})[row.entity] = StoredSignature(
            raw=row.raw, jwks=row.jwks
        )
    return tuple(
        StoredAgreement(
            raw=row.raw,
            signatures=signatures.get((row.agreement_id, row.version), {}),
            ended_at=optional_from_microseconds(row.ended_at),
        )
        for row in tx.rows(_LOAD, {})
    )


def require_open(tx: Transaction, agreement: AgreementRef) -> None:
    """Raise :class:`AgreementConflict` unless that very agreement, by its digest, is stored and has not ended."""
    rows = tx.rows(_OPEN, {"agreement_id": agreement.id, "version": agreement.version})
    if not rows or rows[0].digest != agreement.digest:
        raise AgreementConflict(
            f"Agreement {agreement.id} version {agreement.version} with this digest is not stored, or has ended."
        )


def touch(tx: Transaction) -> None:
    """Have caches of these tables read again."""
    tx.run(_BUMP, {})


def epoch(tx: Transaction) -> int:
    """Return a number that grows with every change of agreements or signatures."""
    return int(tx.rows(_EPOCH, {})[0].value)
