"""Find the shortest chain from an entity to a pinned anchor, without fetching anything here.

A discovery is a generator: it yields what to fetch, is sent the bytes, or None where there was no answer or not that
one, and returns the chain, or raises NoChain. The caller fetches, within its own limits of time
(OpenID Federation 1.0 section 10.1, turned round so that as little as possible is fetched from parties unknown):

1. each pinned anchor is asked directly for the subject, and only once one vouches for it the subject itself;
2. where none does, its hints are followed: those that the caller knows from a chain that it was shown or holds, or else
   those in the subject's own configuration, which is the first fetch from a stranger;
3. of each hint the configuration says which superiors it has; where a pinned anchor is among them, that anchor is asked
   for it; else its own hints are followed, breadth first, so that the shortest chain is found first;
4. no entity is asked for a statement before its own chain to the anchor was verified; so the way is
   climbed blindly, but walked down step by step (chain);
5. a statement that is not by and about the right parties, or does not verify, ends that way, and the next is tried;
6. nothing is asked for twice, no entity comes twice on one way (no loops), there are four intermediates and five hints
   of one entity at most, and twelve fetches in all, which is what four intermediates take. When that is used up the
   discovery fails: a limit that fires is never a shorter answer.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from trust.error_context import about_statement, section
from trust.errors import ChainRefused, NoChain, TrustError
from trust.federation.chain import MAX_INTERMEDIATES, KeysOf, verify_anchor, verify_chain
from trust.federation.entity_statement import (
    MAX_HINTS,
    EntityConfiguration,
    parse_entity_configuration,
    parse_subordinate_statement,
)
from trust.federation.party_metadata import FEDERATION_ENTITY, FederationEntity, parse_federation_entity
from trust.federation.resolve import Resolution
from trust.identifiers import EntityId
from trust.keys import KeySet

MAX_FETCHES = 12
MAX_WAYS = 16
"""Ways that are followed at once; more could only come from entities that hint at each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchConfiguration:
    """Fetch what an entity says of itself, from its `/.well-known/openid-federation` (section 9)."""

    entity: EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchStatement:
    """Fetch what a superior says of a subject, from the superior's fetch endpoint (section 8.1)."""

    superior: EntityId
    endpoint: str
    subject: EntityId


Ask = FetchConfiguration | FetchStatement
Discovery = Generator[Ask, bytes | None, Resolution]
_Fetching = Generator[Ask, bytes | None, bytes | None]
_Way = tuple[EntityId, ...]


def discover(
    subject: EntityId,
    *,
    anchors: Mapping[EntityId, KeySet],
    now: datetime,
    hints: Sequence[EntityId] = (),
    keys_of: KeysOf | None = None,
) -> Discovery:
    """Find a chain by the module's numbered plan; raise NoChain where there is none within the limits.

    `hints` are superiors of the subject as the caller knows them; `keys_of` is what `verify_chain` takes.
    """
    return _Search(subject=subject, anchors=anchors, now=now, hints=hints, keys_of=keys_of).run()


def drive(discovery: Discovery, answer: Callable[[Ask], bytes | None]) -> Resolution:
    """Run a discovery to its end, with the bytes that `answer` fetches; any exception of it ends the run."""
    try:
        ask = next(discovery)
        while True:
            ask = discovery.send(answer(ask))
    except StopIteration as done:
        resolution: Resolution = done.value
        return resolution


@dataclass(frozen=True, slots=True, kw_only=True)
class _Authority:
    """Someone who may be asked for statements: its own chain stands. `upper` is that chain without its own words."""

    entity: EntityId
    keys: KeySet
    endpoint: str
    upper: tuple[bytes, ...]


@dataclass(slots=True, kw_only=True)
class _Search:
    subject: EntityId
    anchors: Mapping[EntityId, KeySet]
    now: datetime
    hints: Sequence[EntityId]
    keys_of: KeysOf | None
    answers: dict[Ask, bytes | None] = field(default_factory=dict)
    authorities: dict[_Way, _Authority | None] = field(default_factory=dict)
    refusal: TrustError | None = None

    def run(self) -> Discovery:
        for anchor in self.anchors:  # 1
            found = yield from self._walk_down((self.subject, anchor))
            if found is not None:
                return found
        ways: list[_Way] = [(self.subject,)]
        while ways:
            longer: list[_Way] = []
            for way in ways:
                hints = yield from self._hints(way[-1])  # 2, 3
                for hint in hints:
                    if hint in self.anchors and len(way) > 1:
                        found = yield from self._walk_down((*way, hint))
                        if found is not None:
                            return found
                    elif hint not in (*way, *self.anchors) and len(way) <= MAX_INTERMEDIATES:  # 6
                        longer.append((*way, hint))
            ways = longer[:MAX_WAYS]
        raise self._nothing(f"No chain leads from {self.subject} to a trust anchor of this node.")

    def _hints(self, entity: EntityId) -> Generator[Ask, bytes | None, Sequence[EntityId]]:
        if entity == self.subject and self.hints:
            known = tuple(dict.fromkeys(self.hints))[:MAX_HINTS]
        else:
            configuration = yield from self._configuration(entity)
            known = () if configuration is None else configuration.authority_hints
        return sorted(known, key=lambda hint: hint not in self.anchors)

    def _walk_down(self, way: _Way) -> Generator[Ask, bytes | None, Resolution | None]:
        """Go from the anchor at the end of a way down to the subject at its start (4)."""
        for place in range(len(way) - 1, 0, -1):
            if way[place:] not in self.authorities:
                self.authorities[way[place:]] = yield from self._authority(way[place:])
        authority = self.authorities[way[1:]]
        if authority is None:
            return None
        return (yield from self._vouched(authority, self.subject))

    def _authority(self, way: _Way) -> Generator[Ask, bytes | None, _Authority | None]:
        """Return the authority at the start of a way to an anchor, once its own chain along that way stands."""
        if len(way) == 1:
            return (yield from self._anchor(way[0]))
        above = self.authorities[way[1:]]
        found = None if above is None else (yield from self._vouched(above, way[0]))
        if found is None:
            return None
        entity = found.entity
        return self._speaking(entity.federation_entity, way[0], entity.federation_keys, found.statements[1:])

    def _anchor(self, entity: EntityId) -> Generator[Ask, bytes | None, _Authority | None]:
        raw = yield from self._ask(FetchConfiguration(entity=entity))
        if raw is None:
            return None
        try:
            anchor = verify_anchor(raw, anchors=self.anchors, now=self.now)
            with about_statement(anchor.name, section("5.1.1")):
                if anchor.entity_id != entity:
                    raise ChainRefused(f"It is not the configuration of {entity}, which was asked for it.")
                member = parse_federation_entity(anchor.metadata.get(FEDERATION_ENTITY, {}), entity=entity)
        except TrustError as refused:
            self.refusal = refused
            return None
        return self._speaking(member, entity, anchor.keys, (raw,))

    def _speaking(
        self, member: FederationEntity | None, entity: EntityId, keys: KeySet, upper: tuple[bytes, ...]
    ) -> _Authority | None:
        if member is None or member.fetch_endpoint is None:
            self.refusal = ChainRefused("It names no 'federation_fetch_endpoint' to ask for those below it.")
            self.refusal.place(statement=f"Entity configuration of {entity}", rule=section("5.1.1"))
            return None
        return _Authority(entity=entity, keys=keys, endpoint=member.fetch_endpoint, upper=upper)

    def _vouched(self, above: _Authority, entity: EntityId) -> Generator[Ask, bytes | None, Resolution | None]:
        """Return the chain of an entity under an authority, once both have spoken and it stands (4, 5)."""
        about = yield from self._ask(FetchStatement(superior=above.entity, endpoint=above.endpoint, subject=entity))
        if about is None or not self._speaks(above, entity, about):
            return None
        own = yield from self._ask(FetchConfiguration(entity=entity))
        if own is None:
            return None
        statements = (own, about, *above.upper)
        try:
            trusted = verify_chain(statements, anchors=self.anchors, now=self.now, keys_of=self.keys_of)
        except TrustError as refused:
            self.refusal = refused
            return None
        return Resolution(entity=trusted, statements=statements)

    def _speaks(self, above: _Authority, entity: EntityId, about: bytes) -> bool:
        """Say whether this is the authority's word about the entity, before anything else is fetched for it."""
        try:
            with about_statement(f"Subordinate statement by {above.entity} about {entity}", section("3.2")):
                vouched = parse_subordinate_statement(about, superior_keys=above.keys, now=self.now)
                if (vouched.issuer, vouched.subject) != (above.entity, entity):
                    raise ChainRefused("The answer is a statement by or about another entity.")
        except TrustError as refused:
            self.refusal = refused
            return False
        return True

    def _configuration(self, entity: EntityId) -> Generator[Ask, bytes | None, EntityConfiguration | None]:
        raw = yield from self._ask(FetchConfiguration(entity=entity))
        if raw is None:
            return None
        try:
            with about_statement(f"Entity configuration of {entity}", section("3.2")):
                configuration = parse_entity_configuration(raw, now=self.now)
                if configuration.entity_id != entity:
                    raise ChainRefused("The answer is the configuration of another entity.")
        except TrustError as refused:
            self.refusal = refused
            return None
        return configuration

    def _ask(self, ask: Ask) -> _Fetching:
        if ask not in self.answers:  # 6
            if len(self.answers) >= MAX_FETCHES:
                raise self._nothing(f"{MAX_FETCHES} fetches did not find a chain for {self.subject}.")
            self.answers[ask] = yield ask
        return self.answers[ask]

    def _nothing(self, detail: str) -> NoChain:
        """Return the refusal of the whole, which says what was wrong with the way that was tried last."""
        last = self.refusal
        if last is None:
            return NoChain(detail)
        refused = NoChain(f"{detail} The last way that was tried: {last.detail}")
        refused.statement, refused.rule, refused.__cause__ = last.statement, last.rule, last
        return refused
