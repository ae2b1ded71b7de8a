"""Calls on the other parties' nodes, a few at once, and the lines that say how each answered."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from gateway.administration.federation_context import FederationContext
from gateway.agreements.signature_exchange import DeliveryStatus, OfferResult, SignatureExchange
from trust.agreements.agreement import Agreement
from trust.identifiers import EntityId

AT_ONCE = 8
"""Nodes that a command calls at the same time."""


def others(federation: FederationContext, agreement: Agreement) -> list[EntityId]:
    """Return the parties but this agency."""
    return [party.entity for party in agreement.parties if party.entity != federation.own]


def exchanged(
    countersigning: SignatureExchange, agreement: Agreement, parties: Sequence[EntityId], at: datetime
) -> list[OfferResult]:
    """Call on each of these parties."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda party: countersigning.offer(agreement, party, now=at), parties))


def exchanged_lines(
    agreement: Agreement, offered: Sequence[OfferResult], words: Mapping[DeliveryStatus, str]
) -> list[str]:
    """Return how each party answered, for people."""
    lines = []
    for each in offered:
        party = agreement.party(each.party)
        name = party.name if party else each.party
        lines.append(f"  {name} {words[each.status]}" + (f" ({each.detail})" if each.detail else ""))
        lines += [f"    and gave that of {received}" for received in each.received]
        if each.closed:
            lines.append("    and says that this version is closed there; it is closed here too now")
    return lines


def exchanged_json(offered: OfferResult) -> dict[str, Any]:
    """Return the same for machines."""
    return {
        "entity_id": offered.party,
        "told": offered.status,
        "detail": offered.detail,
        "received": list(offered.received),
        "closed": offered.closed,
    }
