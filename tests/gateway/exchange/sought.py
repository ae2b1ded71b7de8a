"""A fan-out request with good values."""

from typing import Any

from tests.simulator.town import COUNCIL, PURPOSE
from trust.agreements.choice import Sought
from trust.identifiers import KindName, PurposeCode, RoleCode, ServiceRef, ServiceSlug


def sought(**changes: Any) -> Sought:
    good: dict[str, Any] = {
        "asker": ServiceRef(entity=COUNCIL, service=ServiceSlug("connecting-families")),
        "kind": KindName("involvement.query"),
        "purpose": PurposeCode(PURPOSE),
        "role": RoleCode("key-worker"),
    }
    return Sought(**good | changes)
