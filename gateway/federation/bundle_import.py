"""Import statements from a file, as if they had been fetched.

A file is no refresh: only the dates of its statements count, and an imported chain is as old as it was when it was
exported. In this order, because each may prove the next:

1. documents by which an anchor's recovery key replaced its keys, none older than the stored one;
2. chains, those of superiors first, that end with a pinned anchor's own configuration and have not expired;
3. of these none with a statement older than one already accepted, nor older than the superior's last no;
4. a chain of an unknown entity only while it is younger than an alarm, as one that was fetched would be: an older one
   could hide a suspension, and no new party is accepted while the centre is away;
5. entries of authorities' logs of suspensions, each by its issuer's own key and without a gap.

A refusal affects no other part. Whether a trust mark was revoked since cannot be asked; its last known status stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.federation.chain_store import ChainStore, VerifiedChain, verify_under
from gateway.federation.storage import StatementKey, TrustStorage
from gateway.federation.suspensions import SuspensionIndex, TrustSnapshot
from gateway.store.tables.federation_records import StoredAnchorKeys, StoredSuspension
from trust import jose
from trust.errors import ChainRefused, NoChain, RolledBack, TrustError, shown
from trust.federation import anchor_keys, entity_statement, suspension
from trust.federation.bundle import Bundle
from trust.federation.chain import open_chain
from trust.federation.freshness import PROFILE_BOUNDS, Bounds
from trust.federation.suspension import parse_suspension, peek_suspension
from trust.identifiers import EntityId
from trust.keys import KeySet


class StatementType(StrEnum):
    """The parts of a bundle."""

    ANCHOR_KEYS = "anchor_keys"
    CHAIN = "chain"
    SUSPENSION = "suspension"


class ImportResult(StrEnum):
    """The result for one part; ``held`` is in the store already."""

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
    """The decision about one document or chain, the ``place``-th of its type in the file, counted from 1.

    ``about`` is empty where that cannot be read; ``detail`` is the reason of a refusal, or what an entry says. Of a
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
    """A valid chain, and when its statements were made."""

    place: int
    chain: VerifiedChain
    issued_at: Mapping[StatementKey, datetime]


@dataclass(slots=True, kw_only=True)
class ImportPlan:
    """What an import would change, and the decision about each part of the file."""

    decisions: list[ImportDecision] = field(default_factory=list)
    anchor_keys: list[StoredAnchorKeys] = field(default_factory=list)
    chains: list[ImportedChain] = field(default_factory=list)
    suspensions: list[StoredSuspension] = field(default_factory=list)

    @property
    def changes(self) -> bool:
        """Whether there is anything to import."""
        return bool(self.anchor_keys or self.chains or self.suspensions)

    def refused(self) -> list[ImportDecision]:
        """Return the refusals."""
        return [decision for decision in self.decisions if decision.result is ImportResult.REFUSED]


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleImporter:
    """Exports verified chains and imports those of a file."""

    chains: ChainStore
    suspensions: SuspensionIndex
    storage: TrustStorage

    def statements(self, entity: EntityId, *, now: datetime) -> tuple[bytes, ...]:
        """Return the statements of an entity's valid chain, none where it has none."""
        _, latest = self.chains.latest(entity, now=now)
        return () if latest is None else latest.stored.statements

    def plan(self, bundle: Bundle, *, now: datetime) -> ImportPlan:
        """Decide about every part of a file by the module's rules, and store nothing."""
        planner = _ImportPlanner(importer=self, now=now, snapshot=self.suspensions.snapshot(now))
        planner.decide(bundle)
        return planner.plan

    def apply(self, plan: ImportPlan, *, now: datetime) -> list[ImportDecision]:
        """Store the valid parts of a plan; return those that are refused because something newer came meanwhile."""
        for document in plan.anchor_keys:
            self.storage.save_anchor_keys(document)
        if plan.suspensions:
            self.suspensions.invalidate()
            self.storage.save_suspensions(plan.suspensions, self.suspensions.snapshot(now).signing_keys)
        self.suspensions.invalidate()
        refusals = []
        for part in plan.chains:
            chain = part.chain
            try:
                self.refuse_older(part.issued_at)
                checked = self.chains.verify(chain.chain, now=now, earlier=chain.resolution)
                self.chains.accept(checked.without_marks(chain.stored.revoked_marks), part.issued_at, now=now)
            except TrustError as refused:
                refusals.append(_refusal(StatementType.CHAIN, part.place, chain.entity, refused))
        return refusals

    def refuse_older(self, issued_at: Mapping[StatementKey, datetime]) -> None:
        """Refuse (RolledBack) a statement older than one accepted, or from before trust in its subject ended."""
        older = self.storage.find_older(issued_at)
        if older is not None:
            issuer, subject = older
            raise RolledBack(f"The statement of {issuer} about {subject} is older than one already accepted.")


@dataclass(slots=True, kw_only=True)
class _ImportPlanner:
    """The planning of one file; ``snapshot`` is what would hold once the parts accepted so far are stored."""

    importer: BundleImporter
    now: datetime
    snapshot: TrustSnapshot
    plan: ImportPlan = field(default_factory=ImportPlan)
    keys: dict[EntityId, KeySet] = field(default_factory=dict)
    seqs: dict[EntityId, int] = field(default_factory=dict)

    def decide(self, bundle: Bundle) -> None:
        for place, raw in enumerate(bundle.anchor_keys, start=1):
            self._decide(StatementType.ANCHOR_KEYS, place, (raw,))
        chains = sorted(enumerate(bundle.chains, start=1), key=lambda numbered: len(numbered[1]))
        for place, statements in chains:
            self._decide(StatementType.CHAIN, place, statements)
        self.seqs = dict(self.snapshot.seqs)
        for place, raw in enumerate(bundle.suspensions, start=1):
            self._decide(StatementType.SUSPENSION, place, (raw,))

    def _decide(self, kind: StatementType, place: int, raw: Sequence[bytes]) -> None:
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
        issuer_claim = jose.peek(raw, typ=anchor_keys.TYP, max_bytes=anchor_keys.MAX_BYTES).claims.get("iss")
        pin = self.importer.suspensions.pins.get(EntityId(str(issuer_claim)))
        if pin is None:
            raise NoChain(f"{shown(issuer_claim)} is not one of this node's trust anchors.")
        if pin.recovery is None:
            raise NoChain(f"No recovery key is pinned for {pin.entity}, so its keys are replaced by hand only.")
        document = anchor_keys.parse_anchor_keys(raw, recovery_keys=pin.recovery, now=self.now)
        stored = self.snapshot.replaced.get(pin.entity)
        anchor_keys.refuse_older(document, held=stored)
        is_stored = stored is not None and stored.seq == document.seq
        if not is_stored:
            self.plan.anchor_keys.append(
                StoredAnchorKeys(anchor=pin.entity, seq=document.seq, raw=raw, accepted_at=self.now)
            )
            anchors, replaced = dict(self.snapshot.anchors), dict(self.snapshot.replaced)
            anchors[pin.entity], replaced[pin.entity] = document.keys, document
            seqs = {**self.snapshot.seqs, pin.entity: self.importer.suspensions.proven(pin.entity, document.keys)}
            self.snapshot = replace(self.snapshot, anchors=anchors, replaced=replaced, seqs=seqs)
        return ImportDecision(
            kind=StatementType.ANCHOR_KEYS,
            place=place,
            about=pin.entity,
            result=ImportResult.HELD if is_stored else ImportResult.TAKEN,
            detail=f"number {document.seq}",
        )

    def _chain(self, place: int, statements: Sequence[bytes]) -> ImportDecision:
        part = self._verify(place, statements)  # 2
        entity, trusted = part.chain.entity, part.chain.trusted
        stored = self.importer.storage.chain(entity)
        is_known = stored is not None and bool(stored.statements)
        is_stored = stored is not None and stored.statements == part.chain.stored.statements
        if not is_stored:
            self._refuse_old(part, is_known=is_known)  # 3, 4
            self.plan.chains.append(part)
        self.keys[entity] = trusted.federation_keys
        return ImportDecision(
            kind=StatementType.CHAIN,
            place=place,
            about=entity,
            result=ImportResult.HELD if is_stored else ImportResult.TAKEN,
            detail="" if is_known else "new here",
            made_at=trusted.refreshed_at,
            expires_at=trusted.expires_at,
            bounds=trusted.bounds,
        )

    def _verify(self, place: int, statements: Sequence[bytes]) -> ImportedChain:
        chain_statements = open_chain(statements, anchors=self.snapshot.anchors, now=self.now)
        chain = verify_under(chain_statements, self.snapshot, self.now, keys_of=self._keys_of)
        entity, anchor = chain.entity, chain_statements.anchor
        if entity in self.snapshot.anchors:
            raise ChainRefused(f"{entity} is a trust anchor of this node, and no other authority vouches for it.")
        if anchor is None:
            raise ChainRefused("It does not end with the anchor's own configuration; export it again.")
        issued_at = {
            **chain.trusted.issued_at_by,
            (entity, entity): chain_statements.subject.issued_at,
            (anchor.entity_id, anchor.entity_id): anchor.issued_at,
        }
        stored = self.importer.storage.chain(entity)
        if stored is not None and stored.revoked_marks:
            chain = chain.without_marks(stored.revoked_marks)
        return ImportedChain(place=place, chain=chain, issued_at=issued_at)

    def _refuse_old(self, part: ImportedChain, *, is_known: bool) -> None:
        self.importer.refuse_older(part.issued_at)
        chain, entity = part.chain, part.chain.entity
        stored = self.importer.storage.chain(entity)
        if stored is not None and chain.stored.superior_iat < stored.superior_iat:
            raise RolledBack(f"What is known here of {entity} is newer than this chain.")
        age = self.now - min(part.issued_at[entity, entity], chain.trusted.refreshed_at)
        bound = chain.trusted.bounds.alarm_after
        if not is_known and age >= bound:
            raise ChainRefused(
                f"{entity} is not known here, and this chain is {age // timedelta(minutes=1)} minutes old: a new "
                f"party is taken in within {bound // timedelta(minutes=1)} minutes only. Carry a fresh one."
            )

    def _suspension(self, place: int, raws: Sequence[bytes]) -> ImportDecision:  # 5
        (raw,) = raws
        issuer, _ = peek_suspension(raw)
        keys = self._keys_of(issuer)
        if keys is None:
            raise NoChain(f"No known authority vouches for {issuer}, so its entry cannot be verified.")
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
        keys = self.snapshot.anchors.get(entity) or self.keys.get(entity)
        return keys if keys is not None else self.importer.chains.keys_of(self.now)(entity)


def _refusal(kind: StatementType, place: int, about: str, refused: TrustError) -> ImportDecision:
    return ImportDecision(kind=kind, place=place, about=about, result=ImportResult.REFUSED, detail=refused.detail)


def _about(kind: StatementType, raw: Sequence[bytes]) -> str:
    """Return the subject that a refused part names, unverified, as far as it can be quoted."""
    if not raw:
        return ""
    typ, max_bytes = _TYPES[kind]
    try:
        return shown(jose.peek(raw[0], typ=typ, max_bytes=max_bytes).claims.get("sub")).strip("'")
    except TrustError:
        return ""
