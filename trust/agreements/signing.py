"""Faults that keep an agency from signing an agreement, and questions for its signatory.

A fault is what the agency cannot mean: it would sign for services that it does not have, with parties that no anchor
vouches for, on a law that it may not rely on. A question is what people may mean, and should have noticed.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from trust.agreements.agreement import Agreement, InForce, Party
from trust.agreements.bodies import ANY, PublicBody, bodies_offering
from trust.agreements.clause import Clause, Existence
from trust.agreements.lawful_basis import LegalEntry, LegalPart, lookup, not_in_force
from trust.agreements.overlap import overlaps
from trust.agreements.reading import in_words
from trust.agreements.retention import read_retention
from trust.agreements.schedules import why_not_under
from trust.exchange.kind import is_queued, join_words
from trust.exchange.kinds import KINDS
from trust.exchange.location_fields import tells_by_itself
from trust.identifiers import EntityId, ServiceSlug

_IN_WORDS = {LegalPart.LAWFUL_BASIS: "lawful basis", LegalPart.POWER: "power"}
_FORBIDDEN = {LegalPart.LAWFUL_BASIS: "neither ask nor answer", LegalPart.POWER: "not disclose"}
_LAID_DOWN_IN_LAW = frozenset({"6-1-c", "6-1-e", "dpa2018-part3"})
"""Lawful bases that are none without a law behind them."""
_CONSENT_AS_BASIS = "6-1-a"
_UNKNOWN_BODY = "The configuration does not say what kind of body this agency is ([node] body)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """What the anchors say of a party. ``known`` is ``None`` where none could be asked.

    ``services`` are those that a superior vouches for; ``None`` where it names none.
    """

    known: bool | None
    services: Collection[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningContext:
    """The agency that is about to sign. ``services`` maps each of its services to its kind.

    ``body`` is what the agency is in law, where its configuration says so. ``vouched`` is what the anchors say of the
    parties. ``in_force`` is every agreement that binds here, ``retired`` the version of this one up to which all are
    retired.
    """

    own: EntityId
    services: Mapping[ServiceSlug, str]
    body: PublicBody | None = None
    vouched: Mapping[EntityId, Vouched] = field(default_factory=dict)
    in_force: tuple[InForce, ...] = ()
    retired: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What was found: an agreement with ``faults`` is not signed, and ``questions`` are put to the signatory."""

    faults: tuple[str, ...]
    questions: tuple[str, ...]


def advise(agreement: Agreement, signer: SigningContext, *, today: date) -> Advice:
    """Check an agreement before ``signer``, which is a party, signs it.

    Faults: 1 a version that can never come into force; 2 services of its own that the agency does not have; 3 parties,
    and services of theirs, that no anchor knows; 4 a clause whose lawful bases, or where the agency is asked whose
    powers, are all for other kinds of body; 10 an overarching agreement that does not bind the parties of its schedule.

    Questions: 5 what could not be checked; 6 a clause that rests on a task or duty in law and names no power for it;
    7 answers that may be kept longer than the words on retention say; 8 a clause of another agreement in force that
    tells what one here hides; 9 days on which neither this version nor the one in force binds; 10 a service
    whose kind tells where a person is, and that must say whether it knows one.
    """
    party = agreement.party(signer.own)
    if party is None:
        raise ValueError("only a party is advised")
    faults = (
        *_never(agreement, signer.retired, today),  # 1
        *_foreign_services(party, signer),  # 2
        *_unknown_parties(agreement, signer),  # 3
        *(fault for clause in agreement.clauses for fault in _unlawful(clause, agreement, signer)),  # 4
        *_not_under(agreement, signer.in_force),  # 10
    )
    questions = (
        *_unchecked(agreement, signer),  # 5
        *(question for clause in agreement.clauses for question in _unnamed_law(clause, agreement, signer)),  # 6
        *_kept_too_long(agreement),  # 7
        *_told_elsewhere(agreement, signer.in_force),  # 8
        *_gap(agreement, signer.in_force),  # 9
        *(question for clause in agreement.clauses for question in _tells_place(clause, signer)),  # 10
    )
    return Advice(faults=faults, questions=questions)


def _never(agreement: Agreement, retired: int, today: date) -> Iterator[str]:
    if agreement.version <= retired:
        yield (
            f"version {agreement.version} of {agreement.id} was replaced or ended, and never comes into force again; "
            f"give the new wording version {retired + 1} or higher"
        )
    if agreement.valid_until < today:
        yield f"its last day was {in_words(agreement.valid_until)}; agree on new days, in a new version"


def _not_under(agreement: Agreement, in_force: Iterable[InForce]) -> Iterator[str]:
    reason = why_not_under(agreement, in_force)
    if reason:
        yield f"{reason[0].lower()}{reason[1:-1]}; exchange that agreement's signatures first, and name its wording"


def _foreign_services(party: Party, signer: SigningContext) -> Iterator[str]:
    for slug in party.services:
        if slug not in signer.services:
            yield f"this node has no service {slug}; have it left out, or add it to [[services]]"


def _unknown_parties(agreement: Agreement, signer: SigningContext) -> Iterator[str]:
    for party in agreement.parties:
        found = signer.vouched.get(party.entity)
        if found is None or found.known is None:
            continue
        if not found.known:
            yield f"no anchor knows {party.entity} ({party.name}); correct it, or have that agency admitted first"
        elif found.services is not None:
            for slug in party.services:
                if slug not in found.services:
                    yield f"no anchor knows the service {slug} of {party.entity}; correct it, or have it admitted first"


def _unlawful(clause: Clause, agreement: Agreement, signer: SigningContext) -> Iterator[str]:
    """Yield a fault where a clause names law of a part, and none of it is for a body of these kinds."""
    bodies = _bodies(signer)
    for part in _parts_needed(clause, signer):
        entries = _entries(clause, part, agreement)
        if entries and not any(_open_to(entry, bodies, agreement) for entry in entries):
            yield (
                f"clause {clause.id} names no {_IN_WORDS[part]} that a {join_words(sorted(bodies))} may rely on: "
                f"{_bodies_for(entries)}"
            )


def _unnamed_law(clause: Clause, agreement: Agreement, signer: SigningContext) -> Iterator[str]:
    """Ask for the law behind a task or duty: UK GDPR Article 6(3), Data Protection Act 2018 section 35(2)."""
    bodies, needed = _bodies(signer), _parts_needed(clause, signer)
    bases = _entries(clause, LegalPart.LAWFUL_BASIS, agreement) if needed else ()
    resting = [entry.code for entry in bases if entry.code in _LAID_DOWN_IN_LAW and _open_to(entry, bodies, agreement)]
    powers = _entries(clause, LegalPart.POWER, agreement)
    fitting = any(_open_to(entry, bodies, agreement) for entry in powers)
    if resting and not fitting and not (powers and LegalPart.POWER in needed):  # that is a fault
        whose = f" for a {join_words(sorted(bodies))}" if powers else ""
        yield _ask_which_law(clause, resting, whose)


def _ask_which_law(clause: Clause, resting: Iterable[str], whose: str = "") -> str:
    return (
        f"Clause {clause.id} rests on {join_words(resting)}, which holds only where a law lays down the task or duty, "
        f"and names no power{whose}. Which law is it?"
    )


def _parts_needed(clause: Clause, signer: SigningContext) -> tuple[LegalPart, ...]:
    """Return the parts of law that the agency needs in a clause: a lawful basis, and a power where it discloses.

    Who is asked discloses, and of a queued kind who sends.
    """
    ends = (clause.holders, clause.askers)
    disclosing, receiving = reversed(ends) if is_queued(KINDS, clause.kind) else ends
    if any(service.entity == signer.own for service in disclosing):
        return (LegalPart.LAWFUL_BASIS, LegalPart.POWER)
    return (LegalPart.LAWFUL_BASIS,) if any(service.entity == signer.own for service in receiving) else ()


def _entries(clause: Clause, part: LegalPart, agreement: Agreement) -> tuple[LegalEntry, ...]:
    return tuple(entry for code in clause.basis if (entry := lookup(code, agreement.valid_from)).part is part)


def _open_to(entry: LegalEntry, bodies: frozenset[PublicBody], agreement: Agreement) -> bool:
    """Say whether one of these bodies may rely on the entry: it is for them, and in force for them."""
    return bool(entry.bodies & bodies) and not not_in_force(entry, agreement.valid_from, bodies)


def _bodies_for(entries: Iterable[LegalEntry]) -> str:
    return "; ".join(f"{entry.code} is for {entry.relied_on_by}" for entry in entries)


def _bodies(signer: SigningContext) -> frozenset[PublicBody]:
    """Return what the agency may be in law, by its configuration, else by the kinds of its services."""
    if signer.body is not None:
        return frozenset({signer.body})
    common = ANY
    for kind in signer.services.values():
        common &= bodies_offering(kind)
    return common or ANY


def _unchecked(agreement: Agreement, signer: SigningContext) -> Iterator[str]:
    for other in agreement.parties:
        found = signer.vouched.get(other.entity)
        if found is not None and found.known is None:
            yield f"No anchor could be asked about {other.entity} ({other.name}). Is that the right agency?"
    yield from _unknown_body(agreement, signer)


def _unknown_body(agreement: Agreement, signer: SigningContext) -> Iterator[str]:
    """Ask what the agency is, where some of the kinds that it may be have no law of a part in a clause."""
    bodies = _bodies(signer)
    lacking: dict[tuple[LegalPart, str, str], list[str]] = {}
    for clause in agreement.clauses:
        for part in _parts_needed(clause, signer):
            entries = _entries(clause, part, agreement)
            without = bodies.difference(*(entry.bodies for entry in entries))
            if entries and without and without != bodies:  # of all kinds, it is a fault
                about = (part, ", ".join(sorted(without)), _bodies_for(entries))
                lacking.setdefault(about, []).append(clause.id)
    for (part, kinds, whose), clauses in lacking.items():
        yield (
            f"{_UNKNOWN_BODY}. If it is one of these ({kinds}), it has no {_IN_WORDS[part]} in {join_words(clauses)}, "
            f"and may {_FORBIDDEN[part]} there: {whose}. Is it none of them?"
        )
    if bodies == ANY and not lacking:
        yield f"{_UNKNOWN_BODY}, so nothing checked whether it may rely on the laws that the clauses name. May it?"


def ask_about_draft(agreement: Agreement) -> Iterator[str]:
    """Return what any signatory should ask about: a task in law without its law, consent, how long answers are kept."""
    for clause in agreement.clauses:
        resting = [code for code in clause.basis if code in _LAID_DOWN_IN_LAW]
        if resting and not _entries(clause, LegalPart.POWER, agreement):
            yield _ask_which_law(clause, resting)
        if _CONSENT_AS_BASIS in clause.basis:
            yield (
                f"Clause {clause.id} rests on {_CONSENT_AS_BASIS}. A public authority can seldom rely on consent: a "
                "person who depends on it is not free to refuse (UK GDPR recital 43). Is there a task in law?"
            )
    yield from _kept_too_long(agreement)


def _tells_place(clause: Clause, signer: SigningContext) -> Iterator[str]:
    if is_queued(KINDS, clause.kind) or clause.existence is not Existence.UNCONDITIONAL:
        return
    for holder in sorted(clause.holders, key=str):
        kind = signer.services.get(holder.service, "") if holder.entity == signer.own else ""
        if tells_by_itself(kind):
            yield (
                f"Clause {clause.id} lets {holder.service} say whether it knows a person, and a {kind} tells where "
                "someone is. Of a person in hiding it says that someone must decide; is conditional existence meant?"
            )


def _kept_too_long(agreement: Agreement) -> Iterator[str]:
    if agreement.under is not None and not agreement.retention:
        return  # the overarching agreement says it
    stated = read_retention(agreement.retention)
    for clause in agreement.clauses:
        if stated.shortest is not None and clause.keep_days > stated.shortest:
            yield (
                f"Clause {clause.id} has an answer kept for {clause.keep_days} days, longer than the {stated.shortest} "
                "days in the agreement's words on retention. Which is meant?"
            )
        elif clause.keep_days and not stated.clear:
            yield (
                f"Clause {clause.id} has an answer kept for {clause.keep_days} days, and the agreement's words on "
                "retention do not say clearly that it may be kept so long. Do they agree?"
            )


def _told_elsewhere(agreement: Agreement, in_force: Iterable[InForce]) -> Iterator[str]:
    for standing in in_force:
        other = standing.agreement
        if other.id == agreement.id:
            continue
        for found in overlaps(agreement.clauses, other.clauses):
            yield (
                f"Clause {found.first.id} is {found.first.existence}, and clause {found.second.id} of {other.id} is "
                f"{found.second.existence}. Under both {found.asker} may ask {found.holder} the same: what one hides "
                "the other tells. Is that meant?"
            )


def _gap(agreement: Agreement, in_force: Iterable[InForce]) -> Iterator[str]:
    for standing in in_force:
        other = standing.agreement
        if other.id == agreement.id and (agreement.valid_from - other.valid_until).days > 1:
            yield (
                f"Version {other.version} ends on {in_words(other.valid_until)}, and this one begins on "
                f"{in_words(agreement.valid_from)}. Nothing flows in between. Is that meant?"
            )
