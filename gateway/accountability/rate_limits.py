"""Limits on how often a caller may ask: refused and flagged where one is used up.

Three budgets are charged for each question: the practitioner's, by role, the asking agency's, and that of one person
being asked about by one agency, in any words (:mod:`gateway.accountability.subject_buckets`). They are checked before
the search, and charged in the transaction that records the answer; of two workers that find room for one
question, one finds out there that it came second. A clause marked urgent is answered however much was asked before, and
flagged (assertion A43).

What is kept are keyed digests and pseudonyms. A flag names an agency, or a practitioner by pseudonym, and never the
person they asked about. No budget depends on the record that was found.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from config.settings import Allowance, Allowances
from gateway.ports import Transaction
from gateway.store.tables import budgets, flags
from trust.agreements.budget import Budget, Exceeded, Spent, spend
from trust.agreements.enumeration import Feature
from trust.identifiers import RoleCode

OVER_BUDGET, UNJUSTIFIED = "over_budget", "unjustified"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryBudgets:
    """The three budgets; ``roles`` are practitioners' budgets that differ from ``practitioner``."""

    practitioner: Budget
    agency: Budget
    subject: Budget
    roles: Mapping[RoleCode, Budget]


class AddressUse(StrEnum):
    """What becomes of the address in a question."""

    COUNTED = "counted"
    LEFT_OUT = "left_out"
    UNLIMITED = "unlimited"
    """Our own practitioners' questions are searched elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryCharge:
    """One question as the budgets see it: ``subject`` is a keyed digest, ``practitioner`` a pseudonym.

    ``agency`` is the asking agency, or the case system of our own agency. ``persons`` are what the description shares
    with others of the same person (:mod:`gateway.accountability.subject_buckets`); ``features`` what it shares with
    attempts to guess (:mod:`gateway.accountability.enumeration`). ``urgent`` says that its clause is, ``absent`` that
    the search found no record.
    """

    agency: str
    practitioner: str
    role: RoleCode
    subject: str
    persons: tuple[str, ...]
    features: tuple[Feature, ...] = ()
    address: AddressUse = AddressUse.UNLIMITED
    urgent: bool = False
    absent: bool = False

    @property
    def asker(self) -> str:
        """The practitioner, named together with the agency whose pseudonym it is."""
        return name_asker(self.agency, self.practitioner)


def name_asker(agency: str, practitioner: str) -> str:
    """Name a practitioner together with the agency whose pseudonym it is."""
    return f"{agency} {practitioner}"


def budgets_from_settings(settings: Allowances) -> QueryBudgets:
    """Return the budgets that the configuration gives."""
    return QueryBudgets(
        practitioner=budget_of(settings.practitioner),
        agency=budget_of(settings.agency),
        subject=budget_of(settings.subject),
        roles={RoleCode(role): budget_of(allowance) for role, allowance in settings.roles.items()},
    )


def budget_of(allowance: Allowance) -> Budget:
    """Return the budget that an allowance of the configuration gives."""
    return Budget(per_hour=allowance.per_hour, burst=allowance.burst)


class BudgetExceeded(Exception):
    """A budget was used up between looking and charging; nothing was recorded."""

    def __init__(self, exceeded: Exceeded) -> None:
        super().__init__("a budget is used up")
        self.exceeded = exceeded


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """Look at the budgets and charge them, each within a transaction of the caller's."""

    limits: QueryBudgets

    def check(self, tx: Transaction, query: QueryCharge, *, now: datetime) -> Exceeded | None:
        """Return the longest wait where a budget is used up, in a transaction that need not write."""
        exceeded = [outcome for _, outcome in self._spend(tx, query, now) if isinstance(outcome, Exceeded)]
        return max(exceeded, key=lambda outcome: outcome.retry_after, default=None)

    def charge(self, tx: Transaction, query: QueryCharge, *, now: datetime) -> None:
        """Charge every budget.

        Raises :class:`BudgetExceeded` where one has no room for this question; an urgent one goes through.
        """
        moments = {}
        for key, outcome in self._spend(tx, query, now):
            if not isinstance(outcome, Exceeded):
                moments[key] = outcome.due
            elif query.urgent:
                self.flag_excess(tx, query, now=now)
            else:
                raise BudgetExceeded(outcome)
        budgets.save(tx, moments)

    def flag_excess(self, tx: Transaction, query: QueryCharge, *, now: datetime) -> None:
        """Flag a question that came over budget, whether it was answered or not."""
        flags.raise_flag(tx, code=OVER_BUDGET, asker=query.asker, at=now)

    def _spend(self, tx: Transaction, query: QueryCharge, now: datetime) -> list[tuple[str, Spent | Exceeded]]:
        charged = self._budgets_of(query)
        due = budgets.due(tx, keys=[key for key, _ in charged])
        return [(key, spend(budget, due=due.get(key), now=now)) for key, budget in charged]

    def _budgets_of(self, query: QueryCharge) -> tuple[tuple[str, Budget], ...]:
        return (
            (f"practitioner {query.asker}", self.limits.roles.get(query.role, self.limits.practitioner)),
            (f"agency {query.agency}", self.limits.agency),
            *((f"subject {query.agency} {person}", self.limits.subject) for person in query.persons),
        )
