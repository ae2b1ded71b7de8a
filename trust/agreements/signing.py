"""Faults that keep an agency from signing an agreement, and questions for its signatory.

A fault is what the agency cannot mean: it would sign for services that it does not have, with parties that no anchor
vouches for, on a law that it may not rely on. A question is what people may mean, and should have noticed.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from trust.agreements.agreement import Agreement, InForce, Party
from trust.agreements.bodies import ANY, Body, bodies_offering
from trust.agreements.clause import Clause
from trust.agreements.lawful_basis import LegalPart, lookup
from trust.agreements.overlap import overlaps
from trust.agreements.reading import in_words, listed
from trust.agreements.retention import longest_days
from trust.identifiers import EntityId, ServiceSlug


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """What the anchors say of a party. ``known`` is ``None`` where none could be asked.

    ``services`` are those that a superior vouches for; ``None`` where it names none.
    """

    known: bool | None
    services: Collection[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """The agency that is about to sign. ``services`` maps each of its services to its kind.

    ``body`` is what the agency is in law, where its configuration says so. ``vouched`` is what the anchors say of the
    parties. ``in_force`` is every agreement that binds here, ``retired`` the version of this one up to which all are
    retired.
    """

    own: EntityId
    services: Mapping[ServiceSlug, str]
    body: Body | None = None
    vouched: Mapping[EntityId, Vouched] = field(default_factory=dict)
    in_force: tuple[InForce, ...] = ()
    retired: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What was found: an agreement with ``faults`` is not signed, and ``questions`` are put to the signatory."""

    faults: tuple[str, ...]
    questions: tuple[str, ...]


def advise(agreement: Agreement, signer: Signer, *, today: date) -> Advice:
    """Check an agreement before ``signer``, which is a party, signs it.

    Faults: 1 a version that can never come into force; 2 services of its own that the agency does not have; 3 parties,
    and services of theirs, that no anchor knows; 4 a clause without a lawful basis that this kind of body may rely on,
    or, where it is asked, without a power.

    Questions: 5 what could not be checked; 6 answers kept longer than the stated retention; 7 a clause of another
    agreement in force that tells what one here hides; 8 days on which neither this version nor the one in force binds.
    """
    party = agreement.party(signer.own)
    if party is None:
        raise ValueError("only a party is advised")
    faults = (
        *_never(agreement, signer.retired, today),  # 1
        *_foreign_services(party, signer),  # 2
        *_unknown_parties(agreement, signer),  # 3
        *(fault for clause in agreement.clauses for fault in _unlawful(clause, agreement, signer)),  # 4
    )
    questions = (
        *_unchecked(agreement, signer),  # 5
        *ask_about_draft(agreement),  # 6
        *_told_elsewhere(agreement, signer.in_force),  # 7
        *_gap(agreement, signer.in_force),  # 8
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


def _foreign_services(party: Party, signer: Signer) -> Iterator[str]:
    for slug in party.services:
        if slug not in signer.services:
            yield f"this node has no service {slug}; have it left out, or add it to [[services]]"


def _unknown_parties(agreement: Agreement, signer: Signer) -> Iterator[str]:
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


def _unlawful(clause: Clause, agreement: Agreement, signer: Signer) -> Iterator[str]:
    bodies = _bodies(signer)
    holds = any(service.entity == signer.own for service in clause.holders)
    if holds or any(service.entity == signer.own for service in clause.askers):
        yield from _none_for(clause, LegalPart.LAWFUL_BASIS, "lawful basis", agreement, bodies)
    if holds:
        yield from _none_for(clause, LegalPart.POWER, "power", agreement, bodies)


def _none_for(
    clause: Clause, part: LegalPart, what: str, agreement: Agreement, bodies: frozenset[Body]
) -> Iterator[str]:
    """Yield a fault where a clause names law of this part, and none of it is for a body of these kinds."""
    entries = [entry for code in clause.basis if (entry := lookup(code, agreement.valid_from)).part is part]
    if entries and not any(entry.bodies & bodies for entry in entries):
        named = "; ".join(f"{entry.code} is for {entry.relied_on_by}" for entry in entries)
        yield f"clause {clause.id} names no {what} that a {listed(sorted(bodies))} may rely on: {named}"


def _bodies(signer: Signer) -> frozenset[Body]:
    """Return what the agency may be in law, by its configuration, else by the kinds of its services."""
    if signer.body is not None:
        return frozenset({signer.body})
    common = ANY
    for kind in signer.services.values():
        common &= bodies_offering(kind)
    return common or ANY


def _unchecked(agreement: Agreement, signer: Signer) -> Iterator[str]:
    for other in agreement.parties:
        found = signer.vouched.get(other.entity)
        if found is not None and found.known is None:
            yield f"No anchor could be asked about {other.entity} ({other.name}). Is that the right agency?"
    if _bodies(signer) == ANY:
        yield (
            "The configuration does not say what kind of body this agency is ([node] body), so nothing checked whether "
            "it may rely on the laws that the clauses name. May it?"
        )


def ask_about_draft(agreement: Agreement) -> Iterator[str]:
    """Return what any signatory should ask about: answers kept longer than the stated retention."""
    stated = longest_days(agreement.retention)
    for clause in agreement.clauses:
        if stated is None and clause.keep_days:
            yield (
                f"Clause {clause.id} has an answer kept for {clause.keep_days} days, and the agreement's words on "
                "retention state no period that can be read. Do they agree?"
            )
        elif stated is not None and clause.keep_days > stated:
            yield (
                f"Clause {clause.id} has an answer kept for {clause.keep_days} days, longer than the {stated} days of "
                "the agreement's words on retention. Which is meant?"
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
