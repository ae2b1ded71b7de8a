"""Take in statements that were carried here in a file, exactly as if they had been fetched, without fetching anything.

A file is no refresh: what counts is when its statements were made, and a chain that is stored here is as old as it
was when it left. In this order, since each may prove the next:

1. documents by which an anchor's recovery key replaced its keys, none older than the one held;
2. chains, those of superiors first, that end with a pinned anchor's own configuration and have not expired;
3. of these none with a statement older than one already accepted, nor older than the superior's last no;
4. a chain of somebody who is not known here only while it is younger than an alarm, as one that was fetched from
   nowhere would be: an older one could hide a suspension, and new parties are not let in while the centre is away;
5. entries of authorities' logs of suspensions, each by its issuer's own key and without a gap.

What is refused costs nothing else. Whether a mark was revoked since cannot be asked; what is known of it stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.federation.chain_store import ChainStore, VerifiedChain
from gateway.federation.storage import StatementKey, TrustStorage
from gateway.federation.suspensions import SuspensionIndex, TrustSnapshot
from gateway.store.tables.federation_records import StoredAnchorKeys, StoredSuspension
from trust import jose
from trust.errors import ChainRefused, NoChain, RolledBack, TrustError, shown
from trust.federation import anchor_keys, entity_statement, suspension
from trust.federation.bundle import Bundle
from trust.federation.entity_statement import parse_entity_configuration
from trust.federation.freshness import PROFILE_BOUNDS, Bounds
from trust.federation.suspension import parse_suspension, peek_suspension
from trust.identifiers import EntityId
from trust.keys import KeySet


class StatementType(StrEnum):
    """What can be carried."""

    ANCHOR_KEYS = "anchor_keys"
    CHAIN = "chain"
    SUSPENSION = "suspension"


class ImportResult(StrEnum):
    """What becomes of it; ``held`` is what is here already."""

    TAKEN = "taken"
    HELD = "held"
    REFUSED = "refused"


_TYPES = {
    StatementType.ANCHOR_KEYS: (anchor_keys.TYP, anchor_keys.MAX_BYTES),
    StatementType.CHAIN: (entity_statement.TYP, entity_statement.MAX_BYTES),
    StatementType.SUSPENSION: (suspension.TYP, suspension.MAX_BYTES),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportDecision:
    """What becomes of one document or chain, the ``place``-th of its kind in the file, counted from 1.

    ``about`` is empty where that cannot be said; ``detail`` is the reason of a refusal, or what an entry says. Of a
    chain, ``made_at`` is when the oldest of its superiors' statements was, and ``bounds`` are its anchor's.
    """

    kind: StatementType
    place: int
    about: str
    result: ImportResult
    detail: str = ""
    made_at: datetime | None = None
    expires_at: datetime | None = None
    bounds: Bounds = PROFILE_BOUNDS


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedChain:
    """A chain that was found good, and when its statements were made."""

    place: int
    held: VerifiedChain
    made: Mapping[StatementKey, datetime]


@dataclass(slots=True, kw_only=True)
class ImportPlan:
    """What taking a file in would change, and what would become of each part of it."""

    decisions: list[ImportDecision] = field(default_factory=list)
    anchor_keys: list[StoredAnchorKeys] = field(default_factory=list)
    chains: list[ImportedChain] = field(default_factory=list)
    suspensions: list[StoredSuspension] = field(default_factory=list)

    @property
    def changes(self) -> bool:
        """Whether there is anything to take in."""
        return bool(self.anchor_keys or self.chains or self.suspensions)

    def refused(self) -> list[ImportDecision]:
        """Return what is refused."""
        return [decision for decision in self.decisions if decision.result is ImportResult.REFUSED]


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleImporter:
    """What was verified here, to be carried elsewhere, and what was carried here."""

    chains: ChainStore
    suspensions: SuspensionIndex
    storage: TrustStorage

    def chain(self, entity: EntityId, *, now: datetime) -> tuple[bytes, ...]:
        """Return the statements of the chain that stands, or none."""
        _, held = self.chains.latest(entity, now=now)
        return () if held is None else held.statements

    def plan(self, bundle: Bundle, *, now: datetime) -> ImportPlan:
        """Hold everything in a file to the module's rules, and store nothing."""
        return _ImportPlanner(importer=self, now=now, snapshot=self.suspensions.snapshot(now)).plan_for(bundle)

    def apply(self, plan: ImportPlan, *, now: datetime) -> list[ImportDecision]:
        """Store what a plan found good; return what is refused after all, because something newer came meanwhile."""
        for document in plan.anchor_keys:
            self.storage.save_anchor_keys(document)
        if plan.suspensions:
            self.suspensions.invalidate()
            self.storage.save_suspensions(plan.suspensions, self.suspensions.snapshot(now).signing_keys)
        self.suspensions.invalidate()
        late = []
        for chain in plan.chains:
            stored = chain.held.stored
            try:
                self.refuse_older(chain.made)
                held = self.chains.verified(stored.statements, now=now, revoked_marks=stored.revoked_marks)
                self.chains.accept(held, chain.made, now=now)
            except TrustError as refused:
                late.append(_refusal(StatementType.CHAIN, chain.place, stored.entity, refused))
        return late

    def refuse_older(self, made: Mapping[StatementKey, datetime]) -> None:
        """Refuse (RolledBack) a statement older than one accepted, or from before trust in its subject ended."""
        older = self.storage.find_older(made)
        if older is not None:
            issuer, subject = older
            raise RolledBack(f"The statement of {issuer} about {subject} is older than one already accepted.")


@dataclass(slots=True, kw_only=True)
class _ImportPlanner:
    """One file's; ``snapshot`` is what would be ruled once what was found good so far is taken in."""

    importer: BundleImporter
    now: datetime
    snapshot: TrustSnapshot
    plan: ImportPlan = field(default_factory=ImportPlan)
    keys: dict[EntityId, KeySet] = field(default_factory=dict)
    seqs: dict[EntityId, int] = field(default_factory=dict)

    def plan_for(self, bundle: Bundle) -> ImportPlan:
        for place, raw in enumerate(bundle.anchor_keys, start=1):
            self._judge(StatementType.ANCHOR_KEYS, place, (raw,))
        chains = sorted(enumerate(bundle.chains, start=1), key=lambda numbered: len(numbered[1]))
        for place, statements in chains:
            self._judge(StatementType.CHAIN, place, statements)
        self.seqs = dict(self.snapshot.seqs)
        for place, raw in enumerate(bundle.suspensions, start=1):
            self._judge(StatementType.SUSPENSION, place, (raw,))
        return self.plan

    def _judge(self, kind: StatementType, place: int, raw: Sequence[bytes]) -> None:
        by_kind = {
            StatementType.ANCHOR_KEYS: self._anchor_keys,
            StatementType.CHAIN: self._chain,
            StatementType.SUSPENSION: self._suspension,
        }
        try:
            decision = by_kind[kind](place, raw)
        except TrustError as refused:
            decision = _refusal(kind, place, _about(kind, raw), refused)
        self.plan.decisions.append(decision)

    def _anchor_keys(self, place: int, raws: Sequence[bytes]) -> ImportDecision:  # 1
        (raw,) = raws
        named = jose.peek(raw, typ=anchor_keys.TYP, max_bytes=anchor_keys.MAX_BYTES).claims.get("iss")
        pin = self.importer.suspensions.pins.get(EntityId(str(named)))
        if pin is None:
            raise NoChain(f"{shown(named)} is not one of this node's trust anchors.")
        if pin.recovery is None:
            raise NoChain(f"No recovery key is pinned for {pin.entity}, so its keys are replaced by hand only.")
        offered = anchor_keys.parse_anchor_keys(raw, recovery_keys=pin.recovery, now=self.now)
        held = self.snapshot.replaced.get(pin.entity)
        anchor_keys.refuse_older(offered, held=held)
        result = ImportResult.HELD if held is not None and held.seq == offered.seq else ImportResult.TAKEN
        if result is ImportResult.TAKEN:
            self.plan.anchor_keys.append(
                StoredAnchorKeys(anchor=pin.entity, seq=offered.seq, raw=raw, accepted_at=self.now)
            )
            anchors, replaced = dict(self.snapshot.anchors), dict(self.snapshot.replaced)
            anchors[pin.entity], replaced[pin.entity] = offered.keys, offered
            seqs = {**self.snapshot.seqs, pin.entity: self.importer.suspensions.proven(pin.entity, offered.keys)}
            self.snapshot = replace(self.snapshot, anchors=anchors, replaced=replaced, seqs=seqs)
        return ImportDecision(
            kind=StatementType.ANCHOR_KEYS, place=place, about=pin.entity, result=result, detail=f"number {offered.seq}"
        )

    def _chain(self, place: int, statements: Sequence[bytes]) -> ImportDecision:
        held, made = self._verified(statements)  # 2
        entity, trusted = held.entity, held.trusted
        stored = self.importer.storage.chain(entity)
        known = stored is not None and bool(stored.statements)
        same = stored is not None and stored.statements == held.statements
        if not same:
            self._refuse_old(held, made, known=known)  # 3, 4
            self.plan.chains.append(ImportedChain(place=place, held=held, made=made))
        self.keys[entity] = trusted.federation_keys
        return ImportDecision(
            kind=StatementType.CHAIN,
            place=place,
            about=entity,
            result=ImportResult.HELD if same else ImportResult.TAKEN,
            detail="" if known else "new here",
            made_at=trusted.refreshed_at,
            expires_at=trusted.expires_at,
            bounds=trusted.bounds,
        )

    def _verified(self, statements: Sequence[bytes]) -> tuple[VerifiedChain, dict[StatementKey, datetime]]:
        held = ChainStore.verified_under(statements, self.snapshot, self.now, (), self._keys_of)
        entity = held.entity
        if entity in self.snapshot.anchors:
            raise ChainRefused(f"{entity} is a trust anchor of this node, and nobody else vouches for it.")
        anchor = parse_entity_configuration(statements[-1], now=self.now)
        own = parse_entity_configuration(statements[0], now=self.now)
        made = {
            **held.trusted.issued_at_by,
            (entity, entity): own.issued_at,
            (anchor.entity_id, anchor.entity_id): anchor.issued_at,
        }
        earlier = self.importer.storage.chain(entity)
        if earlier is not None and earlier.revoked_marks:
            held = ChainStore.verified_under(statements, self.snapshot, self.now, earlier.revoked_marks, self._keys_of)
        return held, made

    def _refuse_old(self, held: VerifiedChain, made: Mapping[StatementKey, datetime], *, known: bool) -> None:
        self.importer.refuse_older(made)
        stored = self.importer.storage.chain(held.entity)
        if stored is not None and held.stored.superior_iat < stored.superior_iat:
            raise RolledBack(f"What is known here of {held.entity} is newer than this chain.")
        age = self.now - min(made[held.entity, held.entity], held.trusted.refreshed_at)
        bound = held.trusted.bounds.alarm_after
        if not known and age >= bound:
            raise ChainRefused(
                f"{held.entity} is not known here, and this chain is {age // timedelta(minutes=1)} minutes old: a new "
                f"party is taken in within {bound // timedelta(minutes=1)} minutes only. Carry a fresh one."
            )

    def _suspension(self, place: int, raws: Sequence[bytes]) -> ImportDecision:  # 5
        (raw,) = raws
        issuer, _ = peek_suspension(raw)
        keys = self._keys_of(issuer)
        if keys is None:
            raise NoChain(f"Nobody known here vouches for {issuer}, so what it says cannot be verified.")
        entry = parse_suspension(raw, issuer_keys=keys, now=self.now)
        due = self.seqs.get(issuer, 0) + 1
        if entry.seq > due:
            raise ChainRefused(f"Entry {due} of the suspensions of {issuer} is missing before it.")
        if entry.seq == due:
            self.seqs[issuer] = due
            self.plan.suspensions.append(StoredSuspension.from_suspension(entry, raw))
        return ImportDecision(
            kind=StatementType.SUSPENSION,
            place=place,
            about=entry.subject,
            result=ImportResult.TAKEN if entry.seq == due else ImportResult.HELD,
            detail=f"{entry.state} by {issuer}, number {entry.seq}",
            made_at=entry.issued_at,
        )

    def _keys_of(self, entity: EntityId) -> KeySet | None:
        found = self.snapshot.anchors.get(entity) or self.keys.get(entity)
        return found if found is not None else self.importer.chains.keys_of(self.now)(entity)


def _refusal(kind: StatementType, place: int, about: str, refused: TrustError) -> ImportDecision:
    return ImportDecision(kind=kind, place=place, about=about, result=ImportResult.REFUSED, detail=refused.detail)


def _about(kind: StatementType, raw: Sequence[bytes]) -> str:
    """Return whom a refused part *says* it is about, if it says so in a way that can be repeated."""
    if not raw:
        return ""
    typ, max_bytes = _TYPES[kind]
    try:
        return shown(jose.peek(raw[0], typ=typ, max_bytes=max_bytes).claims.get("sub")).strip("'")
    except TrustError:
        return ""
