"""Follow a chain step by step, from the pinned anchor down, saying at each step what held or what did not.

The paths are those of a running node (:mod:`gateway.federation.discovery`): each pinned anchor is asked, and where none
vouches for the entity, the superiors that the entity names, each by its own chain. A check uses no cache and stores
nothing. Of several failed paths, the longest is reported.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlencode

from adapters.contract import CheckLine
from gateway.administration.federation_context import FederationContext
from gateway.federation.fetch import CONFIGURATION_PATH, STATEMENT_TYPE
from gateway.federation.freshness import Freshness, freshness_of
from gateway.ports import PeerRequest, PeerResponse, Transaction, Transport, TransportError
from gateway.store.tables import latest_statements
from trust.error_context import about_statement, section
from trust.errors import ChainRefused, NoChain, TrustError
from trust.federation.chain import MAX_INTERMEDIATES, TrustedEntity, refuse_rollback, verify_anchor, verify_chain
from trust.federation.entity_statement import (
    MAX_BYTES,
    SubordinateStatement,
    parse_entity_configuration,
    parse_subordinate_statement,
)
from trust.federation.party_metadata import FEDERATION_ENTITY, parse_federation_entity
from trust.identifiers import EntityId
from trust.keys import KeySet
from trust.strict_json import JsonObject

T = TypeVar("T")

MAX_WAYS = 16
MAX_FETCHES = 32
"""Addresses that one check asks at; twelve are enough for one way of any depth."""
_FETCH_S = 5.0
_OK = 200
_NOT_FOUND = 404
_PINNED = "Compare the anchor's thumbprints with its administrators by another channel, then correct [[trust.anchors]]."
_ROUTE = "Check the name, the route and the firewall, the certificate, and [trust] ca and [hosts] in the configuration."


@dataclass(slots=True, kw_only=True)
class Trace:
    """What was found. ``vouched`` is the superior's statement, ``entity`` the whole chain, where it came to that.

    ``answered`` says that an anchor could be asked, whatever it said; ``refusal`` is why the last step did not hold.
    """

    lines: list[CheckLine] = field(default_factory=list)
    vouched: SubordinateStatement | None = None
    entity: TrustedEntity | None = None
    statements: tuple[bytes, ...] = ()
    answered: bool = False
    refusal: TrustError | TransportError | None = None

    @property
    def ok(self) -> bool:
        """Whether every step held."""
        return all(line.ok for line in self.lines)


class _Stopped(Exception):
    """A step did not hold; its line says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Superior:
    """Somebody whose own chain stands. ``upper`` is what follows a statement by it."""

    entity: EntityId
    keys: KeySet
    metadata: JsonObject = field(repr=False)
    upper: tuple[bytes, ...] = field(repr=False)


def trace_chain(federation: FederationContext, entity: EntityId, *, now: datetime) -> Trace:
    """Walk the whole chain of ``entity``, on the first way that stands, else on the one that led furthest."""
    return _on_each_way(federation, entity, now, lambda walk: walk.whole())


def trace_vouching(federation: FederationContext, entity: EntityId, *, now: datetime) -> Trace:
    """Walk only to what a superior says of ``entity``, which need not be reachable where a chain of it is held."""
    return _on_each_way(federation, entity, now, lambda walk: walk.vouching())


def _on_each_way(
    federation: FederationContext, entity: EntityId, now: datetime, go: Callable[["_Walk"], object]
) -> Trace:
    if not federation.anchors:
        remedy = "Pin one: hearthgate trust join URL, with the address of the authority that is to vouch for this node."
        unpinned = CheckLine(name="a trust anchor is pinned here", ok=False, detail="none is", remedy=remedy)
        return Trace(lines=[unpinned])
    best, answered = Trace(), False
    fetch = _Fetch(federation=federation, now=now)
    for way in _ways(fetch, entity):
        trace = Trace(answered=answered)
        try:
            go(_Walk(fetch=fetch, way=way, trace=trace))
        except _Stopped:
            answered = trace.answered
            if sum(line.ok for line in trace.lines) >= sum(line.ok for line in best.lines):
                best = trace
            continue
        return trace
    best.answered = answered
    return best


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fetch:
    """What is asked for in one check, each once."""

    federation: FederationContext
    now: datetime
    answers: dict[str, PeerResponse | TransportError] = field(default_factory=dict)

    def configuration(self, entity: EntityId) -> bytes:
        """Return what an entity says of itself."""
        if entity == self.federation.own:
            return self.federation.own_configuration(self.now)
        return _statement(self.get(entity + CONFIGURATION_PATH))

    def get(self, url: str) -> PeerResponse:
        """Ask at an address, once."""
        if url not in self.answers:
            if len(self.answers) >= MAX_FETCHES:
                raise TransportError(f"one check asks at no more than {MAX_FETCHES} addresses")
            try:
                self.answers[url] = fetch_statement(self.federation.transport, url)
            except TransportError as failed:
                self.answers[url] = failed
        answer = self.answers[url]
        if isinstance(answer, TransportError):
            raise answer
        return answer

    def hints(self, entity: EntityId) -> Sequence[EntityId]:
        """Return whom an entity names as its superiors, as it says now or, where it is away, as it was held to say."""
        try:
            return parse_entity_configuration(self.configuration(entity), now=self.now).authority_hints
        except (TransportError, TrustError):
            known = self.federation.directory.statuses(now=self.now)
            return next((each.trusted.hints for each in known if each.entity == entity and each.trusted), ())


def _ways(fetch: _Fetch, entity: EntityId) -> Iterator[tuple[EntityId, ...]]:
    """Yield the lines that may lead from an entity up to a pinned anchor: the anchors' own first, then the shortest."""
    anchors = tuple(fetch.federation.anchors)
    yield from ((entity, anchor) for anchor in anchors)
    ways: list[tuple[EntityId, ...]] = [(entity,)]
    for _ in range(MAX_INTERMEDIATES):
        longer = [(*way, hint) for way in ways for hint in fetch.hints(way[-1]) if hint not in (*way, *anchors)]
        ways = longer[:MAX_WAYS]
        yield from ((*way, hint) for way in ways for hint in fetch.hints(way[-1]) if hint in anchors)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    """One way; ``way`` begins with the entity and ends with the anchor."""

    fetch: _Fetch
    way: tuple[EntityId, ...]
    trace: Trace

    def vouching(self) -> tuple[_Superior, bytes]:
        """Return the entity's direct superior and what it says of the entity, verified, level by level."""
        anchor = self.way[-1]
        superior = self._step(
            f"{anchor} answers, with a key that is pinned here", lambda: self._anchor(anchor), _PINNED
        )
        self.trace.answered = True
        for place in range(len(self.way) - 2, 0, -1):
            about, _ = self._vouched(superior, self.way[place])
            superior = self._below(superior, self.way[place], about)
        about, self.trace.vouched = self._vouched(superior, self.way[0])
        return superior, about

    def whole(self) -> None:
        """Go on to the entity itself, and to everything that its chain must keep."""
        superior, about = self.vouching()
        entity = self.way[0]
        own = self._own(entity)
        statements = (own, about, *superior.upper)
        found = self._step(
            "the statements form a chain",
            lambda: self._chain(statements),
            f"A key that was rotated must be given to {superior.entity} first; else ask that agency's administrators.",
        )
        self._step(
            "it is not older than what was accepted before",
            lambda: self._refuse_rollback(found),
            f"Right after a restore wait five minutes. Else somebody may be replaying an old statement: tell the "
            f"administrators of {superior.entity}.",
        )
        self._step(
            "nobody in it is suspended",
            lambda: self.fetch.federation.directory.refuse_suspended(found, now=self.fetch.now),
            "Ask the administrators of the authority that is named; its readmission is learnt by the next round.",
        )
        self._step(
            f"it is fresh, and good until {found.expires_at:%Y-%m-%d %H:%M} UTC",
            lambda: self._refuse_stale(found),
            "One of the superiors repeats an old statement: tell its administrators, and check this machine's clock.",
        )
        self.trace.entity, self.trace.statements = found, statements

    def _step(self, name: str, work: Callable[[], T], remedy: str) -> T:
        try:
            found = work()
        except (TransportError, TrustError) as failed:
            detail = failed.detail if isinstance(failed, TrustError) else f"{failed}"
            todo = remedy if isinstance(failed, TrustError) else _ROUTE
            self.trace.lines.append(CheckLine(name=name, ok=False, detail=detail, remedy=todo))
            self.trace.refusal = failed
        else:
            self.trace.lines.append(CheckLine(name=name, ok=True, detail=""))
            return found
        raise _Stopped

    def _anchor(self, anchor: EntityId) -> _Superior:
        raw = self.fetch.configuration(anchor)
        stated = verify_anchor(raw, anchors=self.fetch.federation.anchors, now=self.fetch.now)
        metadata = stated.metadata.get(FEDERATION_ENTITY, {})
        return _Superior(entity=anchor, keys=stated.keys, metadata=metadata, upper=(raw,))

    def _below(self, above: _Superior, entity: EntityId, about: bytes) -> _Superior:
        """Return an intermediate that may itself be asked, once its own chain stands."""
        statements = (self._own(entity), about, *above.upper)
        found = self._step(
            f"{entity} may vouch for others",
            lambda: self._chain(statements),
            f"Ask the administrators of {above.entity}, who bind {entity} to these terms.",
        )
        metadata = found.metadata.get(FEDERATION_ENTITY, {})
        return _Superior(entity=entity, keys=found.federation_keys, metadata=metadata, upper=statements[1:])

    def _own(self, entity: EntityId) -> bytes:
        def work() -> bytes:
            raw = self.fetch.configuration(entity)
            parse_entity_configuration(raw, now=self.fetch.now)
            return raw

        remedy = f"Ask the administrators of {entity} to look after its keys and its clock."
        return self._step(f"{entity} answers with its own statement", work, remedy)

    def _vouched(self, superior: _Superior, entity: EntityId) -> tuple[bytes, SubordinateStatement]:
        pinned = superior.entity == self.way[-1]
        return self._step(
            f"{'it' if pinned else superior.entity} vouches for {entity}",
            lambda: self._ask(superior, entity),
            f"Ask the administrators of {superior.entity} whether {entity} was admitted, or suspended.",
        )

    def _ask(self, superior: _Superior, entity: EntityId) -> tuple[bytes, SubordinateStatement]:
        with about_statement(f"Entity configuration of {superior.entity}", section("5.1.1")):
            endpoint = parse_federation_entity(superior.metadata, entity=superior.entity).fetch_endpoint
            if endpoint is None:
                raise ChainRefused(f"{superior.entity} names no fetch endpoint.")
        answer = self.fetch.get(f"{endpoint}?{urlencode({'sub': entity})}")
        with about_statement(f"Subordinate statement by {superior.entity} about {entity}", section("8.1")):
            if answer.status == _NOT_FOUND:
                raise NoChain(f"{superior.entity} does not vouch for {entity}.")
            raw = _statement(answer)
            vouched = parse_subordinate_statement(raw, superior_keys=superior.keys, now=self.fetch.now)
            if (vouched.issuer, vouched.subject) != (superior.entity, entity):
                raise ChainRefused("The answer is a statement of or about somebody else.")
        return raw, vouched

    def _chain(self, statements: tuple[bytes, ...]) -> TrustedEntity:
        return verify_chain(statements, anchors=self.fetch.federation.anchors, now=self.fetch.now, keys_of=self._keys)

    def _keys(self, issuer: EntityId) -> KeySet | None:
        """Return the keys of an issuer of marks, as it was last confirmed."""
        known = self.fetch.federation.directory.statuses(now=self.fetch.now)
        return next((each.trusted.federation_keys for each in known if each.entity == issuer and each.trusted), None)

    def _refuse_rollback(self, found: TrustedEntity) -> None:
        refuse_rollback(found, seen=self.fetch.federation.store.read(lambda tx: _newest_seen(tx, found)))

    def _refuse_stale(self, found: TrustedEntity) -> None:
        if freshness_of(found.refreshed_at, bounds=found.bounds, now=self.fetch.now) is not Freshness.NORMAL:
            raise ChainRefused(f"The oldest of its statements was made at {found.refreshed_at:%Y-%m-%d %H:%M} UTC.")


def _newest_seen(tx: Transaction, found: TrustedEntity) -> dict[tuple[EntityId, EntityId], datetime]:
    newest = {link: latest_statements.latest(tx, issuer=link[0], subject=link[1]) for link in found.issued_at_by}
    return {link: made for link, made in newest.items() if made is not None}


def fetch_statement(transport: Transport, url: str) -> PeerResponse:
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


def _statement(answer: PeerResponse) -> bytes:
    if answer.status != _OK:
        raise TransportError(f"the answer was {answer.status} and not a statement")
    return answer.body
