"""A specification of a query with good values."""

from typing import Any

from tests.simulator.town import COUNCIL, PURPOSE
from trust.agreements.clause_selection import QuerySpec
from trust.exchange.involvement import INVOLVEMENT_QUERY
from trust.identifiers import PurposeCode, RoleCode, ServiceRef, ServiceSlug


def spec(**changes: Any) -> QuerySpec:
    good: dict[str, Any] = {
        "asker": ServiceRef(entity=COUNCIL, service=ServiceSlug("connecting-families")),
        "kind": INVOLVEMENT_QUERY,
        "purpose": PurposeCode(PURPOSE),
        "role": RoleCode("key-worker"),
    }
    return QuerySpec(**good | changes)
