"""An agreement as one node sees it: its parties and clauses, with the agencies that joined.

A decision at a node always involves one of its own services, so that only the pairs with this node count.

1. An accession counts once it is admitted, by a party that may (assertion A72). Of several of one joiner, the newest
   whose pair is open counts, else the newest.
2. A party of the document decides on a joiner. Of two joiners each decides on the other: who was first follows from
   dates that an admitting party writes, and opens nothing.
3. A pair is open as :mod:`trust.agreements.joining` says. The view has nothing of a closed pair, and of a pair that is
   open unopposed nothing under a clause that needs confirmation (:mod:`trust.agreements.confirmation`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from trust.agreements.accession import Accession, JoinerAdmission, PartyRuling, Ruling, may_admit
from trust.agreements.agreement import Agreement
from trust.agreements.clause import Clause
from trust.agreements.confirmation import why_confirmed
from trust.agreements.joining import JoinedParty, Pair, Pairs, PairState
from trust.identifiers import EntityId, ServiceRef, service_set

_WIDTH = (PairState.OBJECTED, PairState.WAITING, PairState.UNOPPOSED, PairState.CONFIRMED)
"""The states of a pair, from what opens nothing to what opens everything."""
_LAST = date.max


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldAccession:
    """A verified accession, with its verified admission where it has one.

    ``learnt_at`` is the instant at which this node first had both: the days of objection begin then.
    """

    accession: Accession
    admission: JoinerAdmission | None = None
    learnt_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinerRecords:
    """What a node holds of the joiners of one agreement. ``rulings`` are by the party that ruled, then by joiner."""

    accessions: tuple[HeldAccession, ...] = ()
    rulings: Mapping[tuple[EntityId, EntityId], PartyRuling] = field(default_factory=dict)

    def ruling(self, party: EntityId, joiner: EntityId) -> PartyRuling | None:
        """Return what a party last said of a joiner."""
        return self.rulings.get((party, joiner))


def as_seen_by(agreement: Agreement, own: EntityId, records: JoinerRecords, today: date) -> Agreement:
    """Return the agreement with the joiners that are open to ``own``; itself where there are none."""
    view = _View(agreement=agreement, own=own, records=records, today=today)
    several = view.by_joiner() if records.accessions else {}
    if not several or (agreement.party(own) is None and own not in several):
        return agreement
    current = {joiner: view.choose(own, each) if joiner != own else each[0] for joiner, each in several.items()}
    joiners = [
        JoinedParty(party=each.accession.party, class_id=each.accession.class_id, accession=each.accession.digest)
        for each in sorted(current.values(), key=lambda record: record.accession.issuer)
    ]
    return with_joined(agreement, joiners, view.pairs(current, several.get(own, [])))


def counts(agreement: Agreement, record: HeldAccession) -> bool:
    """Say whether an accession binds: it joins exactly this agreement, and a party that may admit it has."""
    accession, admission = record.accession, record.admission
    return (
        admission is not None
        and record.learnt_at is not None
        and accession.agreement == admission.agreement == agreement.ref
        and admission.accession == accession.digest
        and may_admit(agreement, accession.class_id, admission.issuer)
        and (accession.issuer in agreement.joiners or agreement.party(accession.issuer) is None)
    )


def may_rule(agreement: Agreement, records: JoinerRecords, own: EntityId, joiner: EntityId) -> bool:
    """Say whether ``own`` may confirm a joiner or object to it: each other party of the document, and each joiner."""
    admitted = {each.accession.issuer for each in records.accessions if counts(agreement, each)}
    return own != joiner and joiner in admitted and (agreement.party(own) is not None or own in admitted)


def with_joined(agreement: Agreement, joiners: Sequence[JoinedParty], pairs: Pairs) -> Agreement:
    """Return the agreement with these joiners and pairs: what is not open is not in it (rule 3).

    A pure function of what it is given, so that a recorded decision rebuilds what it was made on.
    """
    parties = {party.entity: party for party in agreement.parties} | {each.party.entity: each.party for each in joiners}
    open_parties = tuple(party for entity, party in parties.items() if entity not in pairs or pairs[entity].is_open)
    unconfirmed = frozenset(entity for entity, pair in pairs.items() if pair.state is not PairState.CONFIRMED)
    closed = frozenset(entity for entity, pair in pairs.items() if not pair.is_open)
    by_class: dict[str, set[ServiceRef]] = {}
    for each in joiners:
        by_class.setdefault(each.class_id, set()).update(each.party.service_refs)
    return replace(
        agreement,
        parties=open_parties,
        services=service_set(frozenset().union(*(party.service_refs for party in open_parties))),
        clauses=tuple(
            _extended(clause, by_class, unconfirmed if clause.lets_join and why_confirmed(clause) else closed)
            for clause in agreement.clauses
        ),
        joiners={each.party.entity: each for each in joiners},
        pairs=pairs,
    )


def _extended(clause: Clause, by_class: Mapping[str, set[ServiceRef]], shut: frozenset[EntityId]) -> Clause:
    def extend(services: frozenset[ServiceRef], classes: Iterable[str]) -> frozenset[ServiceRef]:
        joining = (by_class.get(each, set()) for each in classes)
        return service_set(frozenset(each for each in services.union(*joining) if each.entity not in shut))

    return replace(
        clause,
        askers=extend(clause.askers, clause.joining_askers),
        holders=extend(clause.holders, clause.joining_holders),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What the pairs of one node follow from."""

    agreement: Agreement
    own: EntityId
    records: JoinerRecords
    today: date

    def by_joiner(self) -> dict[EntityId, list[HeldAccession]]:
        """Return the accessions that count, by joiner, newest first."""
        several: dict[EntityId, list[HeldAccession]] = {}
        for record in sorted(self.records.accessions, key=_age, reverse=True):
            if counts(self.agreement, record):
                several.setdefault(record.accession.issuer, []).append(record)
        return several

    def choose(self, decider: EntityId, several: Sequence[HeldAccession]) -> HeldAccession:
        """Return the newest accession of a joiner whose pair is open, else the newest (rule 1)."""
        return next((each for each in several if self.pair(decider, each).is_open), several[0])

    def pairs(self, current: Mapping[EntityId, HeldAccession], of_own: Sequence[HeldAccession]) -> Pairs:
        """Return the pairs with the joiners, and those of a joiner with every other party (rule 2)."""
        pairs: dict[EntityId, Pair] = {}
        if of_own:
            for party in self.agreement.parties:
                pairs[party.entity] = self.pair(party.entity, self.choose(party.entity, of_own))
        for joiner, record in current.items():
            if joiner != self.own:
                sides = [self.pair(self.own, record)]
                sides += [self.pair(joiner, self.choose(joiner, of_own))] if of_own else []
                pairs[joiner] = _narrowest(sides)
        return pairs

    def pair(self, decider: EntityId, record: HeldAccession) -> Pair:
        """Return the pair of a joiner with the agency that decides on it."""
        joiner = record.accession.issuer
        state, opens_on = PairState.WAITING, opening_day(self.agreement, record)
        ruling = self.records.ruling(decider, joiner)
        if ruling is not None and ruling.ruling is Ruling.OBJECTED:
            state = PairState.OBJECTED
        elif ruling is not None and ruling.accession == record.accession.digest:
            state = PairState.CONFIRMED
        elif opens_on is not None and opens_on <= self.today:
            state = PairState.UNOPPOSED
        waits_until = opens_on if state is PairState.WAITING else None  # equal at both ends once it is open
        return Pair(state=state, joiner=joiner, decided_by=decider, opens_on=waits_until)


def _narrowest(sides: Sequence[Pair]) -> Pair:
    """Return the side that opens least; of two alike the one that opens last, and the same at both ends."""
    return min(sides, key=lambda side: (_WIDTH.index(side.state), _LAST - (side.opens_on or date.min), side.decided_by))


def _age(record: HeldAccession) -> tuple[int, str]:
    return record.accession.signed_at, record.accession.digest


def opening_day(agreement: Agreement, record: HeldAccession) -> date | None:
    """Return the day (UTC) on which the pairs of a joiner open unopposed: the first after the clear days."""
    joining = agreement.joining_class(record.accession.class_id)
    if joining is None or record.learnt_at is None:
        return None
    return record.learnt_at.astimezone(UTC).date() + timedelta(days=joining.objection_days + 1)
