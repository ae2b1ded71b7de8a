"""Clauses that let one service ask another the same thing, with and without being told that the person is not known.

The asker chooses the clause. Where one of two such clauses tells absence, asking under it tells what the other hides.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from trust.agreements.clause import Clause
from trust.exchange import eligibility
from trust.exchange.eligibility import Question
from trust.identifiers import ServiceRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Two clauses of different existence, and a pair of services that both cover."""

    first: Clause
    second: Clause
    asker: ServiceRef
    holder: ServiceRef


def overlaps(first: Iterable[Clause], second: Iterable[Clause]) -> Iterator[Overlap]:
    """Return each clause of ``first`` that overlaps one of ``second``, with one pair of services for each two."""
    for one, other in product(first, tuple(second)):
        if one.existence is other.existence or one.purpose != other.purpose or not _same_question(one, other):
            continue
        pair = next(_pairs(one, other), None)
        if pair is not None:
            yield Overlap(first=one, second=other, asker=pair[0], holder=pair[1])


def _same_question(one: Clause, other: Clause) -> bool:
    """Say whether an answer under one clause can tell what an answer under the other does.

    Roles do not count: the asking agency states the role. Which benefit questions are asked does where both are
    benefit clauses; ``known_to_service`` asks what a query about involvements asks.
    """
    if one.kind == other.kind:
        return one.kind != eligibility.KIND or bool(one.questions & other.questions)
    return Question.KNOWN_TO_SERVICE in one.questions | other.questions


def _pairs(one: Clause, other: Clause) -> Iterator[tuple[ServiceRef, ServiceRef]]:
    for asker in sorted(one.askers & other.askers, key=str):
        for holder in sorted(one.holders & other.holders, key=str):
            if asker != holder:
                yield asker, holder
