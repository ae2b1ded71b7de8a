"""Find the shortest chain from an entity to a pinned anchor, without fetching anything here.

A discovery is a generator. It yields what to fetch, is sent the answer, or None where there was none, and returns the
chain, or raises NoChain. It also yields each step that it took, for a driver that records them. The driver fetches,
within its own limits of time (OpenID Federation 1.0 section 10.1, turned round so that as little as possible is fetched
from unknown parties):

1. each pinned anchor is asked directly for the subject, and only once one vouches for it the subject itself;
2. where none does, its hints are followed: those that the caller knows, or else those in the subject's own
   configuration, which is the first fetch from a stranger;
3. of each hint the configuration says which superiors it has; where a pinned anchor is among them, that anchor is asked
   for it; else its own hints are followed, breadth first, so that the shortest chain is found first;
4. an authority is asked for a statement only after its own chain was verified, with the anchor's word at the top; so
   hints are followed upwards unverified, and the chain is verified downwards, step by step (chain);
5. a statement that is not by and about the right parties, or does not verify, ends that path, and the next is tried;
6. nothing is asked for twice, no entity comes twice on one path (no loops), there are four intermediates and five hints
   of one entity at most, and twelve fetches in all, which is what four intermediates take. When that is used up the
   discovery fails: a limit that fires is never a shorter answer.

An answer is what was received, or a statement that the driver has verified before; no signature is verified twice.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from trust.error_context import about_statement, section
from trust.errors import ChainRefused, NoChain, TrustError
from trust.federation.chain import MAX_INTERMEDIATES, KeysOf, Resolution, Superior, check_anchor, resolve_chain
from trust.federation.entity_statement import (
    MAX_HINTS,
    EntityConfiguration,
    SubordinateStatement,
    parse_entity_configuration,
)
from trust.identifiers import EntityId
from trust.keys import KeySet

MAX_FETCHES = 12
MAX_PATHS = 16
"""Paths that are followed at once; more could only come from entities that hint at each other."""

Path = tuple[EntityId, ...]
"""An entity and those above it, as far up as was followed."""


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


class StepKind(StrEnum):
    """What a step of a discovery verified."""

    ANCHOR = "anchor"
    STATEMENT = "statement"
    CONFIGURATION = "configuration"
    CHAIN = "chain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: `path` leads from the entity that it is about up to an anchor.

    `refusal` is why it failed; `unanswered` is the request of a step that failed for want of an answer. `statement` is
    the superior's verified statement, `resolution` the verified chain, each of a step of its kind that succeeded.
    """

    kind: StepKind
    path: Path
    refusal: TrustError | None = None
    unanswered: "Ask | None" = None
    statement: SubordinateStatement | None = None
    resolution: Resolution | None = None

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.refusal is None and self.unanswered is None


Ask = FetchConfiguration | FetchStatement
Answer = bytes | EntityConfiguration | SubordinateStatement | None
_T = TypeVar("_T")
_Run = Generator[Ask | Step, Answer, _T]
Discovery = _Run[Resolution]


def discover(
    subject: EntityId,
    *,
    anchors: Mapping[EntityId, KeySet],
    now: datetime,
    hints: Mapping[EntityId, Sequence[EntityId]] | None = None,
    keys_of: KeysOf | None = None,
) -> Discovery:
    """Find a chain by the module's numbered plan; raise NoChain where there is none within the limits.

    `hints` are superiors of entities as the caller knows them; `keys_of` is what `verify_chain` takes.
    """
    return _Search(subject=subject, anchors=anchors, now=now, hints=hints or {}, keys_of=keys_of).run()


def drive(
    discovery: Discovery, answer: Callable[[Ask], Answer], record: Callable[[Step], object] = lambda _step: None
) -> Resolution:
    """Run a discovery to its end, with what `answer` returns; an exception of either callable ends it."""
    try:
        event = next(discovery)
        while True:
            if isinstance(event, Step):
                record(event)
                event = next(discovery)
            else:
                event = discovery.send(answer(event))
    except StopIteration as done:
        resolution: Resolution = done.value
        return resolution


@dataclass(slots=True, kw_only=True)
class _Search:
    subject: EntityId
    anchors: Mapping[EntityId, KeySet]
    now: datetime
    hints: Mapping[EntityId, Sequence[EntityId]]
    keys_of: KeysOf | None
    answers: dict[Ask, Answer] = field(default_factory=dict)
    authorities: dict[Path, Superior | None] = field(default_factory=dict)
    refusal: TrustError | None = None

    def run(self) -> Discovery:
        for anchor in self.anchors:  # 1
            resolution = yield from self._walk_down((self.subject, anchor))
            if resolution is not None:
                return resolution
        paths: list[Path] = [(self.subject,)]
        while paths:
            longer: list[Path] = []
            for path in paths:
                hints = yield from self._hints(path)  # 2, 3
                for hint in hints:
                    if hint in self.anchors and len(path) > 1:
                        resolution = yield from self._walk_down((*path, hint))
                        if resolution is not None:
                            return resolution
                    elif hint not in (*path, *self.anchors) and len(path) <= MAX_INTERMEDIATES:  # 6
                        longer.append((*path, hint))
            paths = longer[:MAX_PATHS]
        raise self._no_chain(f"No chain leads from {self.subject} to a trust anchor of this node.")

    def _hints(self, path: Path) -> _Run[Sequence[EntityId]]:
        hints = self.hints.get(path[-1], ())
        if not hints:
            configuration = yield from self._configuration(path[-1], kind=StepKind.CONFIGURATION, path=path)
            hints = () if configuration is None else configuration.authority_hints
        return sorted(tuple(dict.fromkeys(hints))[:MAX_HINTS], key=lambda hint: hint not in self.anchors)

    def _walk_down(self, path: Path) -> _Run[Resolution | None]:
        """Go from the anchor at the end of a path down to the subject at its start (4)."""
        for place in range(len(path) - 1, 0, -1):
            if path[place:] not in self.authorities:
                self.authorities[path[place:]] = yield from self._authority(path[place:])
        authority = self.authorities[path[1:]]
        if authority is None:
            return None
        return (yield from self._resolve(path, authority))

    def _authority(self, path: Path) -> _Run[Superior | None]:
        """Return the authority at the start of a path to an anchor, once its own chain along that path is verified."""
        if len(path) == 1:
            return (yield from self._anchor(path))
        above = self.authorities[path[1:]]
        resolution = None if above is None else (yield from self._resolve(path, above))
        return None if resolution is None else Superior.from_resolution(resolution)

    def _anchor(self, path: Path) -> _Run[Superior | None]:
        anchor = yield from self._configuration(path[0], kind=StepKind.ANCHOR, path=path)
        if anchor is None:
            return None
        try:
            check_anchor(anchor, anchors=self.anchors)
        except TrustError as refused:
            yield self._refused(StepKind.ANCHOR, path, refused)
            return None
        yield Step(kind=StepKind.ANCHOR, path=path)
        return Superior.from_anchor(anchor)

    def _resolve(self, path: Path, above: Superior) -> _Run[Resolution | None]:
        """Return the chain of an entity under an authority, once both have answered and it is verified (4, 5)."""
        about = yield from self._statement(path, above)
        if about is None:
            return None
        own = yield from self._configuration(path[0], kind=StepKind.CONFIGURATION, path=path)
        if own is None:
            return None
        yield Step(kind=StepKind.CONFIGURATION, path=path)
        chain = above.chain_of(own, about)
        try:
            entity = resolve_chain(chain, anchors=self.anchors, now=self.now, keys_of=self.keys_of)
        except TrustError as refused:
            yield self._refused(StepKind.CHAIN, path, refused)
            return None
        resolution = Resolution(entity=entity, chain=chain)
        yield Step(kind=StepKind.CHAIN, path=path, resolution=resolution)
        return resolution

    def _statement(self, path: Path, above: Superior) -> _Run[SubordinateStatement | None]:
        """Return the authority's statement about an entity, before anything else is fetched for it."""
        try:
            endpoint = above.fetch_endpoint()
        except TrustError as refused:
            yield self._refused(StepKind.STATEMENT, path, refused)
            return None
        ask = FetchStatement(superior=above.entity, endpoint=endpoint, subject=path[0])
        answer = yield from self._ask(ask)
        if not isinstance(answer, bytes | SubordinateStatement):
            yield Step(kind=StepKind.STATEMENT, path=path, unanswered=ask)
            return None
        try:
            about = above.open_statement(answer, about=path[0], now=self.now)
        except TrustError as refused:
            yield self._refused(StepKind.STATEMENT, path, refused)
            return None
        self.answers[ask] = about
        yield Step(kind=StepKind.STATEMENT, path=path, statement=about)
        return about

    def _configuration(self, entity: EntityId, *, kind: StepKind, path: Path) -> _Run[EntityConfiguration | None]:
        """Return what an entity says of itself, or record a failed step of this kind and return None."""
        ask = FetchConfiguration(entity=entity)
        answer = yield from self._ask(ask)
        if not isinstance(answer, bytes | EntityConfiguration):
            yield Step(kind=kind, path=path, unanswered=ask)
            return None
        try:
            with about_statement(f"Entity configuration of {entity}", section("3.2")):
                if isinstance(answer, bytes):
                    answer = self.answers[ask] = parse_entity_configuration(answer, now=self.now)
                if answer.entity_id != entity:
                    raise ChainRefused("The answer is the configuration of another entity.")
        except TrustError as refused:
            yield self._refused(kind, path, refused)
            return None
        return answer

    def _ask(self, ask: Ask) -> _Run[Answer]:
        if ask not in self.answers:  # 6
            if len(self.answers) >= MAX_FETCHES:
                raise self._no_chain(f"{MAX_FETCHES} fetches did not find a chain for {self.subject}.")
            answer = yield ask
            self.answers[ask] = answer
        return self.answers[ask]

    def _refused(self, kind: StepKind, path: Path, refused: TrustError) -> Step:
        self.refusal = refused
        return Step(kind=kind, path=path, refusal=refused)

    def _no_chain(self, detail: str) -> NoChain:
        """Return the refusal of the whole, which says what was wrong with the path that was tried last."""
        last = self.refusal
        if last is None:
            return NoChain(detail)
        refused = NoChain(f"{detail} The last way that was tried: {last.detail}")
        refused.statement, refused.rule, refused.__cause__ = last.statement, last.rule, last
        return refused
