"""Find the trust anchors above an authority, before any of them is pinned.

Each statement here is signed by its own maker, a stranger, and proves nothing else. It is shown to an
administrator, who compares thumbprints by another channel before any of it counts.
"""

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from gateway.administration.errors import OperationRefused
from gateway.federation.fetch import CONFIGURATION_PATH, fetch_document
from gateway.ports import Transport, TransportError
from trust.errors import TrustError
from trust.federation.anchor_keys import Pin, parse_pin
from trust.federation.chain import Superior
from trust.federation.entity_statement import EntityConfiguration, parse_entity_configuration
from trust.identifiers import EntityId

PIN_PATH = "/federation/v1/pin"
PIN_TYPE = "application/json"
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


def statement_of(transport: Transport, entity: EntityId, *, now: datetime) -> EntityConfiguration:
    """Return what an entity says of itself. Raises ``TransportError`` and ``TrustError``."""
    answer = fetch_document(transport, entity + CONFIGURATION_PATH)
    if answer.status != _OK:
        raise TransportError(f"{entity} answered {answer.status} and not with its statement")
    configuration = parse_entity_configuration(answer.body, now=now)
    if configuration.entity_id != entity:
        raise OperationRefused(
            f"{entity} answers with the statement of {configuration.entity_id}; join that one, or ask who runs it."
        )
    return configuration


def lines_above(transport: Transport, authority: EntityId, *, now: datetime) -> tuple[Line, ...]:
    """Return the shortest line to each anchor that can be reached, the nearest first.

    Raises what asking ``authority`` itself raises; others above it that do not answer are passed over.
    """
    queue: deque[tuple[EntityConfiguration, ...]] = deque([(statement_of(transport, authority, now=now),)])
    visited, lines, fetches = {authority}, [], 1
    while queue:
        members = queue.popleft()
        hints = members[-1].authority_hints
        if not hints:
            lines.append(Line(members=members))
        if len(members) == _DEEPEST:
            continue
        for hint in hints:
            if hint in visited or fetches == _MOST_FETCHES:
                continue
            visited.add(hint)
            fetches += 1
            try:
                queue.append((*members, statement_of(transport, hint, now=now)))
            except (TransportError, TrustError, OperationRefused):
                continue
    return tuple(lines)


def pin_of(transport: Transport, anchor: EntityConfiguration) -> Pin:
    """Return what an anchor would have pinned: its federation keys, and its recovery keys where it has any.

    Raises ``TransportError`` and ``TrustError``, and ``OperationRefused`` if the two documents contradict each other.
    """
    answer = fetch_document(transport, anchor.entity_id + PIN_PATH, accept=PIN_TYPE)
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


def is_vouched_for(transport: Transport, authority: EntityConfiguration, subject: EntityId, *, now: datetime) -> bool:
    """Return whether an authority vouches for an entity, by the keys of its own, unverified configuration."""
    superior = Superior.from_anchor(authority)
    try:
        answer = fetch_document(transport, f"{superior.fetch_endpoint()}?{urlencode({'sub': subject})}")
        if answer.status != _OK:
            return False
        superior.open_statement(answer.body, about=subject, now=now)
    except (TransportError, TrustError):
        return False
    return True
