"""Fan-out of one question to several services, and the selection of these services."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from time import monotonic

from gateway.agreements.registry import AgreementRegistry
from gateway.callers import CaseRefusal, CaseRefused
from gateway.exchange.outbound import Outbound, PeerQuery, QueryOutcome, QueryStatus, StoreEffect
from gateway.ports import NodeBusy, StoreBusy, StoreFull, StoreOutcomeUnknown
from trust.agreements.clause_selection import QuerySpec, SelectedClause, explain_no_clause, select_indexed
from trust.identifiers import EntityId, ServiceRef

MAX_PARALLEL = 64
"""Questions under way in one worker process; more wait their turn, within their own deadline."""
MAX_PARALLEL_FOR_ONE = 16
"""Of these, questions to one agency: one that stalls leaves the other threads to questions to other agencies."""
MAX_WAITING = 512
"""Questions that may be under way or waiting in one worker process; beyond it a lookup is refused before it begins."""
UNRECORDED = QueryOutcome(
    status=QueryStatus.NO_REPLY,
    reason="This node could not record the exchange, so nothing of it counts. Try again later.",
    code="unrecorded",
)
FAILED = QueryOutcome(
    status=QueryStatus.NO_REPLY,
    reason="This node failed while it asked; its administrator has been told. Try again later.",
    code="failed",
)
TOO_LATE = QueryOutcome(status=QueryStatus.NO_REPLY, reason="It did not answer in time.", code="silent")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedQuery:
    """One service that will be asked: the query, and the effect of its outcome in the store."""

    query: PeerQuery
    effect: StoreEffect

    @property
    def agency(self) -> EntityId:
        """The agency that is asked."""
        return self.query.selected.holder.entity


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """One question of a fan-out, which always ends in ``outcome``."""

    planned: PlannedQuery
    deadline: float
    run: "FanOutRun"
    outcome: "Future[QueryOutcome]"


class FanOut:
    """Ask several services at once and always end, with an outcome for each; no single one may take over ``peer_s``.

    The threads belong to one worker process and start at the first use, after the fork. An agency has a bounded share
    of them; more questions to it wait without a thread. ``crashed`` is told of a fault of our own, which costs no other
    answer.
    """

    def __init__(self, outbound: Outbound, *, peer_s: float, crashed: Callable[[BaseException], None]) -> None:
        self._outbound = outbound
        self._peer_s = peer_s
        self._crashed = crashed
        self._lock = Lock()
        self._out = 0
        self._pool: ThreadPoolExecutor | None = None
        self._under_way: Counter[EntityId] = Counter()
        self._waiting: defaultdict[EntityId, deque[_Task]] = defaultdict(deque)

    def check_room(self) -> None:
        """Refuse to begin more than can be ended in time: :class:`NodeBusy`."""
        if self._out >= MAX_WAITING:
            raise NodeBusy

    def start(self, planned: Sequence[PlannedQuery], *, limit_s: float, done: Callable[[], None]) -> "FanOutRun":
        """Begin to ask all of ``planned``; ``done`` is called once the last of them has ended, by whichever thread."""
        deadline = monotonic() + limit_s
        run = FanOutRun(len(planned), done)
        self._count(len(planned))
        for each in planned:
            task = _Task(planned=each, deadline=deadline, run=run, outcome=Future())
            run.add(task.outcome)
            self._begin(task)
        return run

    def _begin(self, task: _Task) -> None:
        """Give a question a thread, or have it wait behind others to the same agency."""
        agency = task.planned.agency
        with self._lock:
            if self._under_way[agency] >= MAX_PARALLEL_FOR_ONE:
                self._waiting[agency].append(task)
                return
            self._under_way[agency] += 1
        self._threads().submit(self._work, task)

    def _work(self, task: _Task) -> None:
        """Ask one question, then those that waited behind it."""
        following: _Task | None = task
        while following is not None:
            self._one(following)
            following = self._next(task.planned.agency)

    def _next(self, agency: EntityId) -> _Task | None:
        with self._lock:
            if waiting := self._waiting.get(agency):
                return waiting.popleft()
            self._waiting.pop(agency, None)
            self._under_way[agency] -= 1
            if not self._under_way[agency]:
                del self._under_way[agency]
            return None

    def _count(self, change: int) -> None:
        with self._lock:
            self._out += change

    def _threads(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(max_workers=MAX_PARALLEL, thread_name_prefix="ask")
            return self._pool

    def _one(self, task: _Task) -> None:
        """End one question. A fault of our own is told, and keeps the thread and those that wait."""
        task.outcome.set_result(self._ask(task))
        self._count(-1)
        try:
            task.run.count_out()
        except Exception as fault:  # noqa: BLE001 - as in _ask
            self._crashed(fault)

    def _ask(self, task: _Task) -> QueryOutcome:
        remaining = task.deadline - monotonic()
        if remaining <= 0:
            return TOO_LATE
        query, effect = task.planned.query, task.planned.effect
        try:
            return self._outbound.ask(query, effect=effect, timeout_s=min(remaining, self._peer_s))
        except (StoreFull, StoreBusy, StoreOutcomeUnknown):
            return UNRECORDED
        except Exception as fault:  # noqa: BLE001 - told to the administrator; the other answers stand
            self._crashed(fault)
            return FAILED


class FanOutRun:
    """A fan-out under way."""

    def __init__(self, expected: int, done: Callable[[], None]) -> None:
        self._remaining = expected
        self._on_end = done
        self._lock = Lock()
        self._futures: list[Future[QueryOutcome]] = []

    def add(self, future: Future[QueryOutcome]) -> None:
        """Count one more question in."""
        self._futures.append(future)

    def count_out(self) -> None:
        """Count one question out; the last one out says so."""
        with self._lock:
            self._remaining -= 1
            last = self._remaining == 0
        if last:
            self._on_end()

    def wait(self, seconds: float) -> tuple[QueryOutcome | None, ...]:
        """Wait at most ``seconds`` and return the outcomes in the order of the plan, ``None`` for those still out."""
        wait(self._futures, timeout=seconds)
        return tuple(future.result() if future.done() else None for future in self._futures)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One service that an agreement lets us ask, and what its agency is called there."""

    selected: SelectedClause
    organisation: str


def select_targets(book: AgreementRegistry, spec: QuerySpec, *, now: datetime) -> tuple[Target, ...]:
    """Return the services that an agreement lets us ask, or refuse with the reason: :class:`CaseRefused`."""
    index = book.clause_index(now=now)
    selected = select_indexed(index, spec)
    missing = (spec.holders or frozenset()) - {each.holder for each in selected}
    if missing:  # a caller that names a service counts on its answer
        denial = explain_no_clause(book.standings(now=now), replace(spec, holders=missing))
        services = ", ".join(sorted(map(str, missing)))
        detail = f"{denial.reason} ({services})"
        raise CaseRefused(CaseRefusal.NOT_PERMITTED, detail=detail, remedy=denial.remedy, code=str(denial.code))
    if not selected:
        denial = explain_no_clause(book.standings(now=now), spec)
        raise CaseRefused(CaseRefusal.NOT_PERMITTED, detail=denial.reason, remedy=denial.remedy, code=str(denial.code))
    return tuple(Target(selected=each, organisation=index.names[each.holder.entity]) for each in selected)


def summary(answers: int, targets: int) -> str:
    """Say in one sentence how complete an answer is."""
    return f"{answers} of {targets} services answered"


def service_name(ref: ServiceRef, outcome: QueryOutcome) -> str:
    """Return what a service calls itself, or its slug where that could not be learned."""
    return outcome.entry.name if outcome.entry is not None else ref.service


def agreement_name(selected: SelectedClause) -> str:
    """Return the agreement's id and version in one word."""
    return f"{selected.agreement.id}/{selected.agreement.version}"
