"""Find the trust anchors above an authority, before any of them is pinned.

Each statement here is signed by its own maker, a stranger, and proves nothing else. It is shown to an
administrator, who compares thumbprints by another channel before any of it counts.
"""

from collections import deque
from dataclasses import dataclass
from datetime import datetime

from gateway.administration.errors import OperationRefused
from gateway.federation.fetch import CONFIGURATION_PATH, STATEMENT_TYPE
from gateway.ports import PeerRequest, PeerResponse, Transport, TransportError
from trust.errors import TrustError
from trust.federation.anchor_keys import Pin, parse_pin
from trust.federation.entity_statement import MAX_BYTES, EntityConfiguration, parse_entity_configuration
from trust.identifiers import EntityId

PIN_PATH = "/federation/v1/pin"
PIN_TYPE = "application/json"
_FETCH_S = 5.0
_MOST_FETCHES = 12
_DEEPEST = 5
_OK, _NOT_FOUND = 200, 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An authority and those above it, up to a trust anchor, which is the last. Unverified."""

    members: tuple[EntityConfiguration, ...]

    @property
    def authority(self) -> EntityConfiguration:
        """The authority that was named."""
        return self.members[0]

    @property
    def anchor(self) -> EntityConfiguration:
        """The authority that names no superior."""
        return self.members[-1]


def fetch(transport: Transport, url: str, *, accept: str = STATEMENT_TYPE) -> PeerResponse:
    """Fetch a document of any kind. Raises ``TransportError``."""
    request = PeerRequest(
        method="GET", url=url, headers={}, body=b"", accept=accept, max_bytes=MAX_BYTES, timeout_s=_FETCH_S
    )
    return transport.send(request)


def statement_of(transport: Transport, entity: EntityId, *, now: datetime) -> EntityConfiguration:
    """Return what an entity says of itself. Raises ``TransportError`` and ``TrustError``."""
    answer = fetch(transport, entity + CONFIGURATION_PATH)
    if answer.status != _OK:
        raise TransportError(f"{entity} answered {answer.status} and not with its statement")
    found = parse_entity_configuration(answer.body, now=now)
    if found.entity_id != entity:
        raise OperationRefused(
            f"{entity} answers with the statement of {found.entity_id}; join that one, or ask who runs it."
        )
    return found


def lines_above(transport: Transport, authority: EntityId, *, now: datetime) -> tuple[Line, ...]:
    """Return the shortest line to each anchor that can be reached, the nearest first.

    Raises what asking ``authority`` itself raises; others above it that do not answer are passed over.
    """
    waiting: deque[tuple[EntityConfiguration, ...]] = deque([(statement_of(transport, authority, now=now),)])
    met, found, fetches = {authority}, [], 1
    while waiting:
        members = waiting.popleft()
        hints = members[-1].authority_hints
        if not hints:
            found.append(Line(members=members))
        if len(members) == _DEEPEST:
            continue
        for hint in hints:
            if hint in met or fetches == _MOST_FETCHES:
                continue
            met.add(hint)
            fetches += 1
            try:
                waiting.append((*members, statement_of(transport, hint, now=now)))
            except (TransportError, TrustError, OperationRefused):
                continue
    return tuple(found)


def pin_of(transport: Transport, anchor: EntityConfiguration) -> Pin:
    """Return what an anchor would have pinned: its federation keys, and its recovery keys where it has any.

    Raises ``TransportError`` and ``TrustError``, and ``OperationRefused`` if the two documents contradict each other.
    """
    answer = fetch(transport, anchor.entity_id + PIN_PATH, accept=PIN_TYPE)
    if answer.status == _NOT_FOUND:
        return Pin(entity=anchor.entity_id, keys=anchor.keys)
    if answer.status != _OK:
        raise TransportError(f"{anchor.entity_id} answered {answer.status} and not with its keys")
    pin = parse_pin(answer.body, anchor.entity_id)
    if anchor.signed_with not in pin.keys.kids:
        raise OperationRefused(
            f"{anchor.entity_id} offers other keys to pin than the one it signs with; tell its administrators."
        )
    return pin
