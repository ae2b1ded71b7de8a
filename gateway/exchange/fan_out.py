"""What every capability that asks other services shares: whom to ask, the fan-out, and what comes back."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from time import monotonic

from gateway.agreements.registry import AgreementRegistry
from gateway.callers import CaseRefusal, CaseRefused, EligibilityRequest, LookupRequest, Practitioner
from gateway.exchange.outbound import Asker, Keep, Outbound, Outcome, Question, Status
from gateway.ports import NodeBusy, StoreBusy, StoreFull
from trust.agreements.agreement import InForce
from trust.agreements.choice import Choice, Sought, choose_clause, explain_no_choice
from trust.exchange.consent import consent_to_json
from trust.identifiers import EntityId, RoleCode, ServiceRef
from trust.oauth.access_token import names_who_signed_in
from trust.strict_json import JsonObject

MAX_PARALLEL = 64
"""Questions under way in one worker process; more wait their turn, within their own deadline."""
MAX_PARALLEL_FOR_ONE = 16
"""Of these, questions to one agency: one that stalls leaves the other threads to everybody else's lines."""
MAX_WAITING = 512
"""Questions that may be under way or waiting in one worker process; beyond it a lookup is refused before it begins."""
UNRECORDED = Outcome(
    status=Status.NO_REPLY,
    reason="This node could not record the exchange, so nothing of it counts. Try again later.",
    code="unrecorded",
)
FAILED = Outcome(
    status=Status.NO_REPLY,
    reason="This node failed while it asked; its administrator has been told. Try again later.",
    code="failed",
)
TOO_LATE = Outcome(status=Status.NO_REPLY, reason="It did not answer in time.", code="silent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One service that will be asked: the question, its agency, and how to keep what comes of it."""

    question: Question
    agency: EntityId
    keep: Keep


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """One question of a fan-out, which always ends in ``outcome``."""

    planned: Planned
    deadline: float
    running: "Running"
    outcome: "Future[Outcome]"


class FanOut:
    """Ask several services at once and always end, with an outcome for each; no single one may take over ``peer_s``.

    The threads belong to one worker process and start at the first use, after the fork. An agency has a bounded share
    of them; more questions to it wait without a thread. ``crashed`` is told of a fault of our own, which costs no other
    line.
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
        """Refuse to begin more than can be ended in time: :class:`NodeBusy`. Whoever comes next is not made to wait."""
        if self._out >= MAX_WAITING:
            raise NodeBusy

    def start(self, planned: Sequence[Planned], *, limit_s: float, done: Callable[[], None]) -> "Running":
        """Begin to ask all of ``planned``; ``done`` is called once the last of them has ended, by whichever thread."""
        deadline = monotonic() + limit_s
        running = Running(len(planned), done)
        self._count(len(planned))
        for each in planned:
            task = _Task(planned=each, deadline=deadline, running=running, outcome=Future())
            running.add(task.outcome)
            self._begin(task)
        return running

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
            task.running.ended()
        except Exception as fault:  # noqa: BLE001 - as in _ask
            self._crashed(fault)

    def _ask(self, task: _Task) -> Outcome:
        remaining = task.deadline - monotonic()
        if remaining <= 0:
            return TOO_LATE
        question, keep = task.planned.question, task.planned.keep
        try:
            return self._outbound.ask(question, keep=keep, timeout_s=min(remaining, self._peer_s))
        except (StoreFull, StoreBusy):
            return UNRECORDED
        except Exception as fault:  # noqa: BLE001 - told to the administrator; the other lines stand
            self._crashed(fault)
            return FAILED


class Running:
    """A fan-out under way."""

    def __init__(self, expected: int, done: Callable[[], None]) -> None:
        self._left = expected
        self._done = done
        self._lock = Lock()
        self._futures: list[Future[Outcome]] = []

    def add(self, future: Future[Outcome]) -> None:
        """Count one more question in."""
        self._futures.append(future)

    def ended(self) -> None:
        """Count one question out; the last one out says so."""
        with self._lock:
            self._left -= 1
            last = self._left == 0
        if last:
            self._done()

    def wait(self, seconds: float) -> tuple[Outcome | None, ...]:
        """Wait at most ``seconds`` and return the outcomes in the order of the plan, ``None`` for those still out."""
        wait(self._futures, timeout=seconds)
        return tuple(future.result() if future.done() else None for future in self._futures)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One service that an agreement lets us ask, and what its agency is called there."""

    choice: Choice
    organisation: str


def choices(book: AgreementRegistry, sought: Sought, *, now: datetime) -> tuple[Asked, ...]:
    """Return whom an agreement lets us ask, or refuse with the reason: :class:`CaseRefused`."""
    standings = book.standings(now=now)
    binding = [standing for standing in standings if isinstance(standing, InForce)]
    found = choose_clause(binding, sought)
    left_out = (sought.holders or frozenset()) - {choice.holder for choice in found}
    if left_out:  # an asker that names a service counts on its line
        denial = explain_no_choice(standings, replace(sought, holders=left_out))
        named = ", ".join(sorted(map(str, left_out)))
        raise CaseRefused(CaseRefusal.NOT_PERMITTED, detail=f"{denial.reason} ({named})", remedy=denial.remedy)
    if found:
        names = {party.entity: party.name for held in binding for party in held.agreement.parties}
        return tuple(Asked(choice=choice, organisation=names[choice.holder.entity]) for choice in found)
    denial = explain_no_choice(standings, sought)
    raise CaseRefused(CaseRefusal.NOT_PERMITTED, detail=denial.reason, remedy=denial.remedy, code=str(denial.code))


def asker(practitioner: Practitioner, client_id: str) -> Asker:
    """Return the practitioner as the outbound line takes them."""
    return Asker(
        id=practitioner.id,
        client=None if names_who_signed_in(practitioner.id) else client_id,
        role=RoleCode(practitioner.role),
        org_unit=practitioner.org_unit,
        call_back=practitioner.call_back,
    )


def summary(answered: int, asked: int) -> str:
    """Say in one sentence how complete an answer is."""
    return f"{answered} of {asked} services answered"


def service_name(ref: ServiceRef, outcome: Outcome) -> str:
    """Return what a service calls itself, or its slug where that could not be learned."""
    return outcome.entry.name if outcome.entry is not None else ref.service


def agreement_name(choice: Choice) -> str:
    """Return the agreement's id and version in one word."""
    return f"{choice.agreement.id}/{choice.agreement.version}"


def account(request: LookupRequest | EligibilityRequest) -> JsonObject:
    """Return who asked and why, which stays at this node and is kept, sealed, to be accounted for."""
    practitioner = request.practitioner
    narrowed: JsonObject = {} if request.holders is None else {"holders": sorted(map(str, request.holders))}
    if request.consent is not None:
        narrowed["consent"] = consent_to_json(request.consent)
    return {
        **narrowed,
        "from_service": request.from_service,
        "purpose": request.purpose,
        "reason": request.reason,
        "case_ref": request.case_ref,
        "practitioner": {
            "id": practitioner.id,
            "role": practitioner.role,
            "org_unit": practitioner.org_unit,
            "call_back": practitioner.call_back,
        },
    }
