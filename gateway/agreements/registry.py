"""The agreements this node holds, which of them bind now, and what each lets a peer ask of it."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from threading import Lock

from gateway.agreements.joiner_records import VerifiedDocuments, load_joiners, trusted_keys
from gateway.agreements.leaving_records import load_leavings, load_suspensions
from gateway.ports import Store, Transaction
from gateway.store.tables import agreement_suspensions, agreements, restore_holds
from gateway.store.tables.agreements import StoredEnding
from gateway.store.tables.restore_holds import HoldKind
from trust.agreements.agreement import (
    Agreement,
    AgreementSignature,
    Closure,
    InForce,
    NotInForce,
    parse_agreement,
    verify_signature,
)
from trust.agreements.clause_index import ClauseIndex, index_clauses
from trust.agreements.joined import JoinerRecords, as_seen_by
from trust.agreements.leaving import leavers_of, while_parties_are_left, without_leavers
from trust.agreements.schedules import with_overarching
from trust.agreements.suspending import AgreementSuspension, deciding_notice, suspends, while_not_suspended
from trust.agreements.versions import HeldVersion, retired_through, standings, took_effect
from trust.errors import TrustError
from trust.exchange.kind import Kinds, needs_no_agreement
from trust.exchange.kinds import KINDS
from trust.exchange.message import AgreementRef
from trust.identifiers import AgreementId, EntityId, KindName, PurposeCode
from trust.oauth.authorization_details import AuthorizationDetail

_UNCONFIRMED = (
    "This node was restored from a backup, and not every party has told yet whether the agreement has ended; "
    "`hearthgate restore confirm` opens it all the same."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Snapshot:
    """Every version that can be read, and up to which version each agreement is recorded as retired.

    ``unconfirmed`` are the digests of those out of a backup that may have ended since. ``leavings`` are the parties
    that left, by the digest of the agreement.
    """

    epoch: int
    versions: tuple[HeldVersion, ...]
    retired: Mapping[AgreementId, int]
    unconfirmed: frozenset[str]
    joiners: Mapping[AgreementRef, JoinerRecords]
    leavings: Mapping[str, Mapping[EntityId, datetime]]
    suspensions: Mapping[AgreementRef, Mapping[EntityId, AgreementSuspension]]

    def leavers(self, agreement: Agreement) -> Mapping[EntityId, str]:
        """Return a sentence for each party that has left this wording."""
        return leavers_of(agreement, self.leavings.get(agreement.ref.digest, {}))


@dataclass(frozen=True, slots=True, kw_only=True)
class _DaySnapshot:
    """How every agreement of a page stands on one day; that changes with the store and at midnight (UTC) only."""

    page: _Snapshot
    day: date
    standings: tuple[InForce | NotInForce, ...]
    binding: tuple[InForce, ...]
    by_version: Mapping[tuple[AgreementId, int], InForce | NotInForce]


class AgreementRegistry:
    """Answer from memory what the store says, reading it again whenever it has changed.

    Each signature is verified again when it is read, with the federation keys of the party that were trusted when an
    administrator added it: they stand in the store beside it, so an agreement outlives the rotation of those keys and
    the silence of a party. Whether a party still stands is the directory's to say, at each exchange.

    Agreements are given out as the node ``own`` sees them, with the joiners that are open to it
    (:mod:`trust.agreements.joined`) and without the parties that left; without ``own``, as the documents state them.
    """

    def __init__(self, store: Store, kinds: Kinds = KINDS, *, own: EntityId | None = None) -> None:
        self._store = store
        self._kinds = kinds
        self._own = own
        self._documents = VerifiedDocuments()
        self._lock = Lock()
        self._page: _Snapshot | None = None
        self._day: _DaySnapshot | None = None
        self._index: tuple[_DaySnapshot, ClauseIndex] | None = None

    def find(self, ref: AgreementRef, *, now: datetime) -> InForce | NotInForce | None:
        """Return the agreement of this id and version, with any digest, or ``None``."""
        return self._on(self._read(now), now).by_version.get((ref.id, ref.version))

    def find_within(self, tx: Transaction, ref: AgreementRef, *, now: datetime) -> InForce | NotInForce | None:
        """Return what :meth:`find` does, in a transaction that reads something else as well."""
        page = self._page_of(agreements.epoch(tx), lambda: self._load(tx, now))
        return self._on(page, now).by_version.get((ref.id, ref.version))

    def in_force(self, *, now: datetime) -> tuple[InForce, ...]:
        """Return every agreement that binds now."""
        return self._on(self._read(now), now).binding

    def clause_index(self, *, now: datetime) -> ClauseIndex:
        """Return the clauses of the agreements that bind now, by who may ask."""
        day = self._on(self._read(now), now)
        cached = self._index
        if cached is None or cached[0] is not day:
            cached = self._index = (day, index_clauses(day.binding))
        return cached[1]

    def standings(self, *, now: datetime) -> tuple[InForce | NotInForce, ...]:
        """Return every agreement on record, with why it does not bind where it does not.

        The rules are those of :mod:`trust.agreements.versions`: a version that was replaced or ended binds never again.
        """
        return self._on(self._read(now), now).standings

    def took_effect(self, ref: AgreementRef, *, now: datetime) -> bool:
        """Return whether this wording has ever bound its parties here."""
        return any(took_effect(each, now) for each in self._read(now).versions if each.agreement.ref == ref)

    def settle(self, now: datetime) -> None:
        """Record which versions are retired by now, so that they stay so without the newer ones.

        Until then it follows from the documents and signatures that are held.
        """
        page = self._read(now)
        through = retired_through(page.versions, now, recorded=page.retired)
        newly = {each: version for each, version in through.items() if version > page.retired.get(each, 0)}
        if newly:
            self._store.write(lambda tx: _retire(tx, newly))

    def signatures(self, ref: AgreementRef, *, now: datetime) -> tuple[AgreementSignature, ...]:
        """Return the verified signatures under exactly this wording, in the order of its parties."""
        versions = [each for each in self._read(now).versions if each.agreement.ref == ref]
        return tuple(
            each.signatures[party.entity]
            for each in versions
            for party in each.agreement.parties
            if party.entity in each.signatures
        )

    def documents(self, *, now: datetime) -> tuple[Agreement, ...]:
        """Return every agreement on record, as its document states it."""
        return tuple(each.agreement for each in self._read(now).versions)

    def open_documents(self, *, now: datetime) -> tuple[Agreement, ...]:
        """Return the documents of the agreements that bind or may still bind."""
        standings = self.standings(now=now)
        closed = {each.agreement.ref for each in standings if isinstance(each, NotInForce) and each.closure is not None}
        return tuple(each for each in self.documents(now=now) if each.ref not in closed)

    def joiner_records(self, ref: AgreementRef, *, now: datetime) -> JoinerRecords:
        """Return what is held of the agencies that join exactly this wording, admitted or not."""
        return self._read(now).joiners.get(ref) or JoinerRecords()

    def suspension_notices(self, ref: AgreementRef, *, now: datetime) -> Mapping[EntityId, AgreementSuspension]:
        """Return the newest notice of each party that suspended or resumed exactly this wording."""
        return self._read(now).suspensions.get(ref, {})

    def left_at(self, ref: AgreementRef, party: EntityId, *, now: datetime) -> datetime | None:
        """Return when a party left exactly this wording, or none."""
        return self._read(now).leavings.get(ref.digest, {}).get(party)

    def suspension(self, ref: AgreementRef, *, now: datetime) -> AgreementSuspension | None:
        """Return the notice under which exactly this wording is suspended now."""
        standing = self.find(ref, now=now)
        if not isinstance(standing, NotInForce) or standing.closure is not None:
            return None
        notice = deciding_notice(self.suspension_notices(ref, now=now).values(), standing.agreement)
        return notice if suspends(notice) else None

    def required_marks(self, now: datetime) -> frozenset[str]:
        """Return the types of trust marks that agreements in force demand of parties, and any of joiners."""
        classes = [joining for each in self.open_documents(now=now) for joining in each.joining]
        of_joiners = frozenset(mark for joining in classes for mark in joining.marks)
        return of_joiners | {mark for each in self.in_force(now=now) for mark in each.agreement.required_marks}

    def demanded_marks(self, entity: EntityId, now: datetime) -> frozenset[str]:
        """Return the types of trust marks that agreements in force demand of an agency."""
        return frozenset(mark for each in self.in_force(now=now) for mark in each.agreement.marks_of(entity))

    def parties(self, now: datetime) -> frozenset[EntityId]:
        """Return the parties of the agreements in force, and those that they expect."""
        binding = [standing.agreement for standing in self.in_force(now=now)]
        expected = frozenset(party.entity for each in binding for party in each.expected)
        return expected | {party.entity for each in binding for party in each.parties}

    def is_party(self, entity: EntityId, now: datetime) -> bool:
        """Say whether an agency is a party of an agreement in force."""
        return any(standing.agreement.party(entity) is not None for standing in self.in_force(now=now))

    def grantable(
        self, details: Iterable[AuthorizationDetail], *, asker: EntityId, holder: EntityId, now: datetime
    ) -> tuple[AuthorizationDetail, ...]:
        """Narrow ``details`` to what agreements in force let ``asker`` ask, and what needs none."""
        versions, details_in_force = self._on(self._read(now), now).by_version, []
        for detail in details:
            ref = _ref(detail)
            standing = versions.get((ref.id, ref.version))
            binds = isinstance(standing, InForce) and standing.agreement.ref == ref
            agreement = standing.agreement if standing is not None and binds else None
            kinds = detail.kinds & _kinds_between(agreement, detail.purpose, asker, holder) if agreement else None
            if not detail.agreement_version:  # such a token is for messages that name none, and covers no other
                kinds = frozenset(kind for kind in detail.kinds if needs_no_agreement(self._kinds, kind))
            if kinds:
                details_in_force.append(replace(detail, kinds=kinds))
        return tuple(details_in_force)

    def _on(self, page: _Snapshot, now: datetime) -> _DaySnapshot:
        day, current = now.astimezone(UTC).date(), self._day
        if current is not None and current.page is page and current.day == day:
            return current
        found_standings = with_overarching(
            [
                _unless_suspended(self._without_leavers(_unless_held(each, page), page), page)
                for each in standings(page.versions, now, recorded=page.retired)
            ],
            self._own,
        )
        as_seen = tuple(while_parties_are_left(self._as_seen(each, page, day)) for each in found_standings)
        by_version = {(each.agreement.id, each.agreement.version): each for each in as_seen}
        snapshot = self._day = _DaySnapshot(
            page=page,
            day=day,
            standings=as_seen,
            binding=tuple(each for each in as_seen if isinstance(each, InForce)),
            by_version=by_version,
        )
        return snapshot

    def _as_seen(self, standing: InForce | NotInForce, page: _Snapshot, day: date) -> InForce | NotInForce:
        records = page.joiners.get(standing.agreement.ref)
        if records is None or self._own is None:
            return standing
        view = replace(standing, agreement=as_seen_by(standing.agreement, self._own, records, day))
        return self._without_leavers(view, page)

    def _without_leavers(self, standing: InForce | NotInForce, page: _Snapshot) -> InForce | NotInForce:
        if self._own is None:
            return standing
        return without_leavers(standing, page.leavers(standing.agreement), own=self._own)

    def _read(self, now: datetime) -> _Snapshot:
        epoch = self._store.read(agreements.epoch)
        return self._page_of(epoch, lambda: self._store.read(lambda tx: self._load(tx, now)))

    def _page_of(self, epoch: int, load: Callable[[], _Snapshot]) -> _Snapshot:
        page = self._page
        if page is not None and page.epoch == epoch:
            return page
        with self._lock:
            page = self._page
            if page is None or page.epoch != epoch:
                page = self._page = load()
        return page

    def _load(self, tx: Transaction, now: datetime) -> _Snapshot:
        versions, endings = [], agreements.endings(tx)
        ended_by = _ended_by(endings)
        self._documents.begin()
        for stored in agreements.load_all(tx):
            with suppress(TrustError):  # one that this version cannot read binds no party; the doctor says so
                versions.append(_open(stored, ended_by, self._kinds, self._documents, now))
        retired = {AgreementId(each): version for each, version in agreements.retirements(tx).items()}
        kept = frozenset(each.name for each in restore_holds.list(tx) if each.kind is HoldKind.AGREEMENT)
        refs = [each.agreement.ref for each in versions]
        joiners = load_joiners(tx, refs, self._documents, now)
        return _Snapshot(
            epoch=agreements.epoch(tx),
            versions=tuple(versions),
            retired=retired,
            unconfirmed=kept,
            joiners=joiners,
            leavings=load_leavings(endings, refs, self._documents, now),
            suspensions=load_suspensions(agreement_suspensions.load_all(tx), refs, self._documents, now),
        )


def detail_for(ref: AgreementRef, purpose: PurposeCode, kind: KindName) -> AuthorizationDetail:
    """Return the authorization that one kind of exchange under one agreement needs."""
    return AuthorizationDetail(
        agreement_id=ref.id,
        agreement_version=ref.version,
        agreement_digest=ref.digest,
        purpose=purpose,
        kinds=frozenset({kind}),
    )


def _unless_held(standing: InForce | NotInForce, page: _Snapshot) -> InForce | NotInForce:
    if isinstance(standing, NotInForce) or standing.agreement.ref.digest not in page.unconfirmed:
        return standing
    return NotInForce(agreement=standing.agreement, missing=(), reason=_UNCONFIRMED)


def _unless_suspended(standing: InForce | NotInForce, page: _Snapshot) -> InForce | NotInForce:
    return while_not_suspended(standing, page.suspensions.get(standing.agreement.ref, {}).values())


def _retire(tx: Transaction, through: Mapping[AgreementId, int]) -> None:
    for agreement_id, version in through.items():
        agreements.retire(tx, agreement_id=agreement_id, through=version)


def _ended_by(endings: Iterable[StoredEnding]) -> Mapping[tuple[str, int], EntityId]:
    """Return which party was the first to end each version."""
    first: dict[tuple[str, int], EntityId] = {}
    for ending in endings:
        if ending.state not in {Closure.REPLACED, Closure.LEFT}:
            first.setdefault((ending.agreement_id, ending.version), EntityId(ending.entity))
    return first


def _open(
    stored: agreements.StoredAgreement,
    ended_by: Mapping[tuple[str, int], EntityId],
    kinds: Kinds,
    documents: VerifiedDocuments,
    now: datetime,
) -> HeldVersion:
    agreement = documents.verified(("agreement", stored.raw), lambda: parse_agreement(stored.raw, kinds))
    signatures = {}
    for entity, signature in stored.signatures.items():
        party = EntityId(entity)
        with suppress(TrustError):  # what no longer proves is missing, and costs no other agreement
            signatures[party] = documents.verified(
                ("signature", agreement.ref, party, signature.raw, signature.jwks),
                partial(_verify, signature, party, agreement.ref, now),
            )
    return HeldVersion(
        agreement=agreement,
        signatures=signatures,
        ended_at=stored.ended_at,
        ended_by=ended_by.get((agreement.id, agreement.version)),
    )


def _verify(
    signature: agreements.StoredSignature, party: EntityId, ref: AgreementRef, now: datetime
) -> AgreementSignature:
    return verify_signature(signature.raw, party=party, keys=trusted_keys(signature), agreement=ref, now=now)


def _ref(detail: AuthorizationDetail) -> AgreementRef:
    return AgreementRef(id=detail.agreement_id, version=detail.agreement_version, digest=detail.agreement_digest)


def _kinds_between(
    agreement: Agreement, purpose: PurposeCode, asker: EntityId, holder: EntityId
) -> frozenset[KindName]:
    return frozenset(
        clause.kind
        for clause in agreement.clauses
        if clause.purpose == purpose
        and any(service.entity == asker for service in clause.askers)
        and any(service.entity == holder for service in clause.holders)
    )
