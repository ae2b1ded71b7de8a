"""Routes that the law leaves to a worker whose message is refused for want of consent (scenario S8).

1. A route leads to a service under a clause that rests on no consent and that this role may use. The caller says what
   would be sent: a safeguarding alert.
2. It is the clause that :func:`trust.agreements.clause_selection.select_clauses` selects for it, so that what is
   offered can be sent.

Not checked here: whether a person is in danger, which the worker judges, and whether the service is open now.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from trust.agreements.agreement import InForce
from trust.agreements.clause_selection import QuerySpec, SelectedClause, select_clauses
from trust.agreements.denial import DenialCode
from trust.identifiers import PurposeCode, ServiceRef

CONSENT_DENIALS: Final = frozenset(
    map(
        str,
        (
            DenialCode.CONSENT_RECORD_MISSING,
            DenialCode.CONSENT_NOT_VALID,
            DenialCode.CONSENT_WITHDRAWN,
            DenialCode.RECIPIENT_NOT_CHOSEN,
        ),
    )
)
"""Refusals for want of the person's consent or choice."""


def remaining_routes(agreements: Iterable[InForce], spec: QuerySpec) -> tuple[SelectedClause, ...]:
    """Return the clauses under which what ``spec`` says may be sent without any consent, for any purpose, by service.

    A service that several purposes reach is named once, under the first purpose in order.
    """
    binding = tuple(agreements)
    routes: dict[ServiceRef, SelectedClause] = {}
    for purpose in sorted(set(_purposes(binding, spec))):
        for selected in select_clauses(binding, replace(spec, purpose=purpose)):
            if not selected.clause.consent_roles:
                routes.setdefault(selected.holder, selected)
    return tuple(routes[service] for service in sorted(routes, key=str))


def _purposes(agreements: Iterable[InForce], spec: QuerySpec) -> Iterator[PurposeCode]:
    for standing in agreements:
        for clause in standing.agreement.clauses:
            if clause.kind == spec.kind.name and spec.asker in clause.askers:
                yield clause.purpose
