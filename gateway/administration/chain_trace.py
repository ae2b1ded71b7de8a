"""Trace a chain from the pinned anchor down: each step, and why it failed.

The discovery is that of a running node (:mod:`trust.federation.discovery`), without a cache; nothing is stored. Of
several failed paths, the longest is reported.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

from adapters.contract import CheckLine
from gateway.administration.federation_context import FederationContext
from gateway.federation.fetch import Fetcher
from gateway.federation.freshness import Freshness, freshness_of
from gateway.federation.limits import FETCH_S, FetchBudget
from gateway.ports import Transaction, TransportError
from gateway.store.tables import latest_statements
from trust.errors import ChainRefused, NoChain, TrustError
from trust.federation.chain import Resolution, TrustedEntity, refuse_rollback
from trust.federation.discovery import Answer, Ask, Discovery, FetchConfiguration, Step, StepKind, discover, drive
from trust.federation.entity_statement import SubordinateStatement
from trust.identifiers import EntityId
from trust.keys import KeySet

_TRACE_S = 60.0
_PINNED = "Compare the anchor's thumbprints with its administrators by another channel, then correct [[trust.anchors]]."
_ROUTE = "Check the name, the route and the firewall, the certificate, and [trust] ca and [hosts] in the configuration."
_UNPINNED = "Pin one: hearthgate trust join URL, with the address of the authority that is to vouch for this node."
_HINTS = (
    "Ask its administrators which authority vouches for it, and whether that one stands under an anchor pinned here."
)


@dataclass(slots=True, kw_only=True)
class Trace:
    """The steps of a discovery, the successful ones first.

    ``vouched`` is the statement of the entity's superior, ``resolution`` the whole chain, each once it was verified.
    ``answered`` says that an anchor answered, with any statement; ``refusal`` is why the last step failed.
    """

    lines: list[CheckLine] = field(default_factory=list)
    vouched: SubordinateStatement | None = None
    resolution: Resolution | None = None
    answered: bool = False
    refusal: TrustError | TransportError | None = None

    @property
    def entity(self) -> TrustedEntity | None:
        """The resolved entity."""
        return None if self.resolution is None else self.resolution.entity

    @property
    def ok(self) -> bool:
        """Whether every step succeeded."""
        return all(line.ok for line in self.lines)

    def attempt(self, name: str, work: Callable[[], object], remedy: str) -> bool:
        """Add a step, and return whether it succeeded."""
        try:
            work()
        except TrustError as refused:
            self.lines.append(CheckLine(name=name, ok=False, detail=refused.detail, remedy=remedy))
            self.refusal = refused
            return False
        self.lines.append(CheckLine(name=name, ok=True, detail=""))
        return True


class _StatementVerified(Exception):
    """The superior's statement was verified; no more is asked."""


def trace_chain(federation: FederationContext, entity: EntityId, *, now: datetime) -> Trace:
    """Trace the whole chain of ``entity``, along the first valid path, else along the longest."""
    trace, resolution = _trace(_Recorder(federation=federation, entity=entity, now=now))
    if resolution is not None and _check_resolution(federation, resolution, trace, now):
        trace.resolution = resolution
    return trace


def trace_vouching(federation: FederationContext, entity: EntityId, *, now: datetime) -> Trace:
    """Trace only up to the superior's statement about ``entity``, which need not be reachable if it is known."""
    return _trace(_Recorder(federation=federation, entity=entity, now=now, statement_only=True))[0]


def _trace(recorder: "_Recorder") -> tuple[Trace, Resolution | None]:
    if not recorder.federation.anchors:
        unpinned = CheckLine(name="a trust anchor is pinned here", ok=False, detail="none is", remedy=_UNPINNED)
        return Trace(lines=[unpinned]), None
    resolution = recorder.run()
    return recorder.trace(), resolution


@dataclass(slots=True, kw_only=True)
class _Recorder:
    """The driver of a discovery that records its steps, and asks for each document once."""

    federation: FederationContext
    entity: EntityId
    now: datetime
    statement_only: bool = False
    answers: dict[Ask, Answer] = field(default_factory=dict)
    failures: dict[Ask, TrustError | TransportError] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    refusal: NoChain | None = None
    _fetcher: Fetcher = field(init=False)
    _budget: FetchBudget = field(init=False)
    _trusted: Mapping[EntityId, TrustedEntity] = field(init=False)

    def __post_init__(self) -> None:
        context = self.federation
        self._fetcher = Fetcher(
            transport=context.transport, own=context.own, own_configuration=context.own_configuration
        )
        self._budget = FetchBudget(fetch_s=FETCH_S, deadline=monotonic() + _TRACE_S)
        statuses = context.directory.statuses(now=self.now)
        self._trusted = {each.entity: each.trusted for each in statuses if each.trusted is not None}

    def run(self) -> Resolution | None:
        """Return the chain, or None where there is none or only the statement was wanted.

        Where an entity does not answer, the superiors that it named last are tried, to show how far they lead.
        """
        hints: dict[EntityId, Sequence[EntityId]] = {}
        while True:
            self.steps.clear()
            try:
                return drive(self._discovery(hints), self.answer, self.record)
            except _StatementVerified:
                return None
            except NoChain as refused:
                self.refusal = refused
            silent = {each.entity for each in self.failures if isinstance(each, FetchConfiguration)}
            untried = {each: self._trusted[each].hints for each in silent & self._trusted.keys() - hints.keys()}
            if not untried:
                return None
            hints |= untried

    def answer(self, ask: Ask) -> Answer:
        """Fetch a document, once."""
        if ask not in self.answers:
            try:
                self.answers[ask] = self._fetch(ask)
            except (TransportError, TrustError) as failed:
                self.answers[ask], self.failures[ask] = None, failed
        return self.answers[ask]

    def record(self, step: Step) -> None:
        """Record a step. Raises ``_StatementVerified`` where it is the last that was wanted."""
        self.steps.append(step)
        if self.statement_only and step.statement is not None and step.statement.subject == self.entity:
            raise _StatementVerified

    def trace(self) -> Trace:
        """Return the steps along the path that led furthest."""
        steps = self._furthest()
        trace = Trace(
            lines=[self._line(step) for step in steps],
            vouched=next((step.statement for step in steps if step.statement and step.path[0] == self.entity), None),
            answered=any(step.kind is StepKind.ANCHOR and step.ok for step in self.steps),
            refusal=next((self._failure(step) for step in steps if not step.ok), None),
        )
        if trace.ok and self.refusal is not None and (not steps or steps[-1].path[0] != self.entity):
            name = f"a chain leads from {self.entity} to a pinned anchor"
            trace.lines.append(CheckLine(name=name, ok=False, detail=self.refusal.detail, remedy=_HINTS))
            trace.refusal = self.refusal
        return trace

    def _discovery(self, hints: Mapping[EntityId, Sequence[EntityId]]) -> Discovery:
        return discover(self.entity, anchors=self.federation.anchors, now=self.now, hints=hints, keys_of=self._keys_of)

    def _keys_of(self, issuer: EntityId) -> KeySet | None:
        trusted = self._trusted.get(issuer)
        return None if trusted is None else trusted.federation_keys

    def _fetch(self, ask: Ask) -> bytes:
        if isinstance(ask, FetchConfiguration):
            return self._fetcher.configuration(ask.entity, self._budget, now=self.now)
        return self._fetcher.statement(ask.superior, ask.endpoint, ask.subject, self._budget, now=self.now)

    def _furthest(self) -> list[Step]:
        longest: list[Step] = []
        for path in dict.fromkeys(step.path for step in self.steps if step.path[-1] in self.federation.anchors):
            steps = [step for step in self.steps if step.path == path[-len(step.path) :]]
            if sum(step.ok for step in steps) >= sum(step.ok for step in longest):
                longest = steps
        return longest

    def _failure(self, step: Step) -> TrustError | TransportError | None:
        return step.refusal if step.unanswered is None else self.failures[step.unanswered]

    def _line(self, step: Step) -> CheckLine:
        name, remedy = _describe(step, self.entity)
        failure = self._failure(step)
        if failure is None:
            return CheckLine(name=name, ok=True, detail="")
        if isinstance(failure, TrustError):
            return CheckLine(name=name, ok=False, detail=failure.detail, remedy=remedy)
        return CheckLine(name=name, ok=False, detail=str(failure), remedy=_ROUTE)


def _describe(step: Step, traced: EntityId) -> tuple[str, str]:
    """Return the name of a step, and what to do where it fails."""
    entity = step.path[0]
    if step.kind is StepKind.ANCHOR:
        return f"{entity} answers, with a key that is pinned here", _PINNED
    superior = step.path[1]
    if step.kind is StepKind.STATEMENT:
        return (
            f"{'it' if len(step.path) == len((entity, superior)) else superior} vouches for {entity}",
            f"Ask the administrators of {superior} whether {entity} was admitted, or suspended.",
        )
    if step.kind is StepKind.CONFIGURATION:
        return (
            f"{entity} answers with its own statement",
            f"Ask the administrators of {entity} to look after its keys and its clock.",
        )
    if entity != traced:
        return (
            f"{entity} may vouch for others",
            f"Ask the administrators of {superior}, who bind {entity} to these terms.",
        )
    return (
        "the statements form a chain",
        f"A key that was rotated must be given to {superior} first; else ask that agency's administrators.",
    )


def _check_resolution(federation: FederationContext, resolution: Resolution, trace: Trace, now: datetime) -> bool:
    """Check what a running node checks beyond the chain itself, and return whether the entity is trusted."""
    entity, superior = resolution.entity, resolution.entity.superiors[0]
    return (
        trace.attempt(
            "it is not older than what was accepted before",
            lambda: refuse_rollback(entity, seen=federation.store.read(lambda tx: _latest(tx, entity))),
            f"Right after a restore wait five minutes. Else an old statement may be replayed: tell the "
            f"administrators of {superior}.",
        )
        and trace.attempt(
            "no entity in it is suspended",
            lambda: federation.directory.refuse_suspended(entity, now=now),
            "Ask the administrators of the authority that is named; its readmission is learnt by the next round.",
        )
        and trace.attempt(
            f"it is fresh, and good until {entity.expires_at:%Y-%m-%d %H:%M} UTC",
            lambda: _refuse_stale(entity, now),
            "One of the superiors repeats an old statement: tell its administrators, and check this machine's clock.",
        )
    )


def _refuse_stale(entity: TrustedEntity, now: datetime) -> None:
    if freshness_of(entity.refreshed_at, bounds=entity.bounds, now=now) is not Freshness.NORMAL:
        raise ChainRefused(f"The oldest of its statements was made at {entity.refreshed_at:%Y-%m-%d %H:%M} UTC.")


def _latest(tx: Transaction, entity: TrustedEntity) -> dict[tuple[EntityId, EntityId], datetime]:
    latest = {key: latest_statements.latest(tx, issuer=key[0], subject=key[1]) for key in entity.issued_at_by}
    return {key: issued_at for key, issued_at in latest.items() if issued_at is not None}
