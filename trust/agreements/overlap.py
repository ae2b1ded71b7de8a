"""Overlap of clauses: one of two that cover the same question tells absence, and the other hides it.

The asker chooses the clause. Where one of two such clauses tells absence, asking under it tells what the other hides.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from trust.agreements.clause import Clause
from trust.exchange.kind import Kinds
from trust.exchange.kinds import KINDS
from trust.identifiers import ServiceRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Two clauses of different existence, and a pair of services that both cover."""

    first: Clause
    second: Clause
    asker: ServiceRef
    holder: ServiceRef


def overlaps(first: Iterable[Clause], second: Iterable[Clause], kinds: Kinds = KINDS) -> Iterator[Overlap]:
    """Return each clause of ``first`` that overlaps one of ``second``, with one pair of services for each two."""
    for one, other in product(first, tuple(second)):
        same_question = one.purpose == other.purpose and _reveals(one, kinds) & _reveals(other, kinds)
        if one.existence is other.existence or not same_question:
            continue
        pair = next(_pairs(one, other), None)
        if pair is not None:
            yield Overlap(first=one, second=other, asker=pair[0], holder=pair[1])


def _reveals(clause: Clause, kinds: Kinds) -> frozenset[str]:
    """Return what answers under the clause can tell. Roles do not count: the asking agency states the role."""
    kind = kinds.get(clause.kind)
    return frozenset() if kind is None else kind.reveals(clause.lists)


def _pairs(one: Clause, other: Clause) -> Iterator[tuple[ServiceRef, ServiceRef]]:
    for asker in sorted(one.askers & other.askers, key=str):
        for holder in sorted(one.holders & other.holders, key=str):
            if asker != holder:
                yield asker, holder
