"""Follow a chain step by step, from the pinned anchor down, saying at each step what held or what did not.

The steps are those that a running node takes silently (:mod:`gateway.directory.fetching`). Here nothing is taken from
memory and nothing is stored: a check changes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlencode

from adapters.contract import CheckLine
from gateway.cli.federation import Federation
from gateway.directory.fetching import CONFIGURATION_PATH, STATEMENT_TYPE
from gateway.directory.stages import Stage, stage_of
from gateway.ports import PeerAnswer, PeerRequest, Transaction, Transport, TransportError
from gateway.store import seen
from trust.errors import ChainRefused, TrustError
from trust.federation.chain import TrustedEntity, refuse_rollback, verify_anchor, verify_chain
from trust.federation.entity_statement import (
    MAX_BYTES,
    EntityConfiguration,
    SubordinateStatement,
    parse_entity_configuration,
    parse_subordinate_statement,
)
from trust.federation.party_metadata import FEDERATION_ENTITY, parse_federation_entity
from trust.identifiers import EntityId

T = TypeVar("T")

_FETCH_S = 5.0
_OK = 200
_NOT_FOUND = 404
_PINNED = "Compare the anchor's thumbprints with its administrators by another channel, then correct [[trust.anchors]]."
_ROUTE = "Check the name, the route and the firewall, the certificate, and [trust] ca and [hosts] in the configuration."


@dataclass(slots=True, kw_only=True)
class Trace:
    """What was found. ``vouched`` is the superior's statement, ``entity`` the whole chain, where it came to that.

    ``answered`` says that an anchor could be asked, whatever it said.
    """

    lines: list[CheckLine] = field(default_factory=list)
    vouched: SubordinateStatement | None = None
    entity: TrustedEntity | None = None
    answered: bool = False

    @property
    def ok(self) -> bool:
        """Whether every step held."""
        return all(line.ok for line in self.lines)


class _Stopped(Exception):
    """A step did not hold; its line says why."""


def trace_chain(federation: Federation, entity: EntityId, *, now: datetime) -> Trace:
    """Walk the whole chain of ``entity``, under the first anchor that vouches for it, else under the last."""
    return _under_each_anchor(federation, entity, now, lambda walk: walk.whole())


def trace_vouching(federation: Federation, entity: EntityId, *, now: datetime) -> Trace:
    """Walk only to what a superior says of ``entity``, which need not be reachable itself."""
    return _under_each_anchor(federation, entity, now, lambda walk: walk.vouching())


def _under_each_anchor(
    federation: Federation, entity: EntityId, now: datetime, go: Callable[["_Walk"], object]
) -> Trace:
    trace = Trace()
    for anchor in federation.anchors:
        trace = Trace(answered=trace.answered)
        try:
            go(_Walk(federation=federation, anchor=anchor, entity=entity, now=now, trace=trace))
        except _Stopped:
            continue
        return trace
    return trace


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    federation: Federation
    anchor: EntityId
    entity: EntityId
    now: datetime
    trace: Trace

    def vouching(self) -> tuple[bytes, bytes]:
        """Return the anchor's own statement and the one about the entity, verified."""
        raw, anchor = self._step(f"{self.anchor} answers, with a key that is pinned here", self._fetch_anchor, _PINNED)
        self.trace.answered = True
        about, vouched = self._step(
            f"it vouches for {self.entity}",
            lambda: self._ask(anchor),
            "Ask the anchor's administrators whether this agency was admitted, or suspended.",
        )
        self.trace.vouched = vouched
        return raw, about

    def whole(self) -> None:
        """Go on to the entity itself, and to everything that its chain must keep."""
        raw, about = self.vouching()
        own = self._step(f"{self.entity} answers with its own statement", self._fetch_own, _ROUTE)
        found = self._step(
            "the statements form a chain",
            lambda: verify_chain((own, about, raw), anchors=self.federation.anchors, now=self.now),
            "A key that was rotated must be given to the anchor first; else ask that agency's administrators.",
        )
        self._step(
            "it is not older than what was accepted before",
            lambda: self._refuse_rollback(found),
            "Somebody may be replaying an old statement: tell the anchor's administrators.",
        )
        self._step(
            f"it is fresh, and good until {found.expires_at:%Y-%m-%d %H:%M} UTC",
            lambda: self._refuse_stale(found),
            "The anchor repeats an old statement: tell its administrators, and check this machine's clock.",
        )
        self.trace.entity = found

    def _step(self, name: str, work: Callable[[], T], remedy: str) -> T:
        try:
            found = work()
        except TransportError as failed:
            self.trace.lines.append(CheckLine(name=name, ok=False, detail=f"{failed}", remedy=_ROUTE))
        except TrustError as refused:
            self.trace.lines.append(CheckLine(name=name, ok=False, detail=refused.detail, remedy=remedy))
        else:
            self.trace.lines.append(CheckLine(name=name, ok=True, detail=""))
            return found
        raise _Stopped

    def _fetch_anchor(self) -> tuple[bytes, EntityConfiguration]:
        raw = _statement(self._get(self.anchor + CONFIGURATION_PATH))
        return raw, verify_anchor(raw, anchors=self.federation.anchors, now=self.now)

    def _ask(self, anchor: EntityConfiguration) -> tuple[bytes, SubordinateStatement]:
        member = parse_federation_entity(anchor.metadata.get(FEDERATION_ENTITY, {}), entity=self.anchor)
        if member.fetch_endpoint is None:
            raise ChainRefused("The anchor names no fetch endpoint.")
        answer = self._get(f"{member.fetch_endpoint}?{urlencode({'sub': self.entity})}")
        if answer.status == _NOT_FOUND:
            raise ChainRefused(f"{self.anchor} does not vouch for {self.entity}.")
        raw = _statement(answer)
        vouched = parse_subordinate_statement(raw, superior_keys=anchor.keys, now=self.now)
        if (vouched.issuer, vouched.subject) != (self.anchor, self.entity):
            raise ChainRefused("The anchor answered with a statement of or about somebody else.")
        return raw, vouched

    def _fetch_own(self) -> bytes:
        if self.entity == self.federation.own:
            return self.federation.own_configuration(self.now)
        raw = _statement(self._get(self.entity + CONFIGURATION_PATH))
        parse_entity_configuration(raw, now=self.now)
        return raw

    def _refuse_rollback(self, found: TrustedEntity) -> None:
        refuse_rollback(found, seen=self.federation.store.read(lambda tx: _newest_seen(tx, found)))

    def _refuse_stale(self, found: TrustedEntity) -> None:
        if stage_of(found.refreshed_at, now=self.now) is not Stage.NORMAL:
            raise ChainRefused(f"The anchor made its statement at {found.refreshed_at:%Y-%m-%d %H:%M} UTC.")

    def _get(self, url: str) -> PeerAnswer:
        return fetch_statement(self.federation.transport, url)


def _newest_seen(tx: Transaction, found: TrustedEntity) -> dict[tuple[EntityId, EntityId], datetime]:
    newest = {link: seen.newest(tx, issuer=link[0], subject=link[1]) for link in found.issued_at_by}
    return {link: made for link, made in newest.items() if made is not None}


def fetch_statement(transport: Transport, url: str) -> PeerAnswer:
    """Ask for a statement of whatever kind. Raises ``TransportError``."""
    request = PeerRequest(
        method="GET",
        url=url,
        headers={},
        body=b"",
        accept=STATEMENT_TYPE,
        max_bytes=MAX_BYTES,
        timeout_s=_FETCH_S,
    )
    return transport.send(request)


def _statement(answer: PeerAnswer) -> bytes:
    if answer.status != _OK:
        raise TransportError(f"the answer was {answer.status} and not a statement")
    return answer.body
