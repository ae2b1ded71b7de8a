"""Tasks of the duty role: a peer's question was refused for want of an agreement; share, or record why not.

1. The refusal stays as it is, and is on its way before the task is made. No person is looked up for a task, so there is
   one whether the person is known here or not.
2. There is none where an agreement in force lets that service ask: the question was only put wrongly.
3. One peer makes one task a day about a person, and :data:`MOST_OF_PEER` a day; further questions are counted in one
   summary for each service.
4. What describes the person is sealed under the day's key. It is erased when the task is decided or lapses.
5. A process that dies may lose a task. The question is asked again or it was not urgent.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from secrets import token_urlsafe

from gateway.accountability.subject_buckets import person_keys
from gateway.agreements.registry import AgreementRegistry
from gateway.keys.sealed import SealBroken
from gateway.ports import KeyVault, Store, Transaction
from gateway.store.tables import flags, sharing_tasks
from gateway.store.tables.sharing_tasks import TaskRow, TaskState
from trust import strict_json, typed_json
from trust.agreements.decision import Denial, DenialCode
from trust.claims import keyed_digest
from trust.exchange.message import Message
from trust.exchange.person import Subject
from trust.identifiers import EntityId

TASK_TERM = timedelta(hours=24)
"""The time in which a person on duty decides: what is sealed under a day's key can be read no longer than that."""
MOST_OF_PEER = 20
TASK_LAPSED = "sharing_task_lapsed"
MAX_SEALED = 16_384
_MOST = 500
_SUMMARY = "hearthgate sharing summary 1"
WANT_OF_AGREEMENT = frozenset(
    {
        DenialCode.NO_AGREEMENT,
        DenialCode.AGREEMENT_NOT_IN_FORCE,
        DenialCode.SERVICE_NOT_PARTY,
        DenialCode.SERVICE_NOT_COVERED,
        DenialCode.KIND_NOT_COVERED,
        DenialCode.PURPOSE_NOT_COVERED,
    }
)
"""Refusals that another wording of the question, another role or a trust mark would not change."""

Later = Callable[[Callable[[], None]], None]
"""Do work after the answer, or drop it where too much waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedQuestion:
    """What rests sealed of a question that was refused."""

    subject: Subject = field(repr=False)
    purpose: str
    role: str
    org_unit: str
    call_back: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SharingTask:
    """One task with what describes the person; ``question`` is none for a summary, or once it is erased."""

    row: TaskRow
    question: RefusedQuestion | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SharingTasks:
    """Keep the tasks of the services of this node. ``later`` does work after the answer, or drops it."""

    own: EntityId
    store: Store
    vault: KeyVault
    services: frozenset[str]
    agreements: AgreementRegistry
    later: Later
    new_id: Callable[[], str] = lambda: token_urlsafe(16)

    def note_refusal(self, denial: Denial, message: Message, now: datetime) -> None:
        """Make a task of a refusal for want of an agreement, after the answer."""
        is_theirs = message.iss != self.own and message.to_service in self.services
        if is_theirs and denial.code in WANT_OF_AGREEMENT:
            self.later(lambda: self.open(denial, message, now))

    def open(self, denial: Denial, message: Message, now: datetime) -> None:
        """Make the task, or count the question in the summary of its peer."""
        keys = person_keys(self.vault.evidence_hmac_key(), message.subject)
        if not keys or self._is_covered(message, now):
            return
        day = now.astimezone(UTC).date().isoformat()
        task = self._task(denial, message, day, now)

        def effect(tx: Transaction) -> None:
            if sharing_tasks.is_open_today(tx, keys, peer=task.peer, day=day):
                return
            if sharing_tasks.count_of_day(tx, peer=task.peer, day=day) >= MOST_OF_PEER:
                sharing_tasks.count_in(tx, self._summary(task))
                return
            sharing_tasks.open(tx, task, keys)

        self.store.write(effect)

    def page(
        self, services: Sequence[str], *, after: tuple[int, str] = (-1, ""), limit: int = 100
    ) -> tuple[TaskRow, ...]:
        """Return the tasks that wait at these services, the one that is due first first."""
        return self.store.read(lambda tx: sharing_tasks.list_open(tx, services=services, after=after, limit=limit))

    def find(self, task: str, services: Sequence[str]) -> SharingTask | None:
        """Return a task of these services, or none."""
        row = self.store.read(lambda tx: sharing_tasks.get(tx, id=task))
        return None if row is None or row.service not in services else SharingTask(row=row, question=self._read(row))

    def close_summary(self, task: SharingTask, *, now: datetime) -> bool:
        """Note that a person on duty looked at a summary; false where it was closed before."""
        return self.store.write(lambda tx: sharing_tasks.close(tx, id=task.row.id, state=TaskState.DECIDED, at=now))

    def lapse(self, now: datetime) -> None:
        """Close the tasks that no person decided in time, and flag their services."""

        def effect(tx: Transaction) -> None:
            for row in sharing_tasks.list_due(tx, by=now, limit=_MOST):
                if sharing_tasks.close(tx, id=row.id, state=TaskState.LAPSED, at=now):
                    flags.raise_flag(tx, code=TASK_LAPSED, asker=f"{self.own} {row.service}", at=now)

        if self.store.read(lambda tx: sharing_tasks.list_due(tx, by=now, limit=1)):
            self.store.write(effect)

    def _is_covered(self, message: Message, now: datetime) -> bool:
        """Say whether an agreement in force lets the service ask this for the purpose, in any role."""
        return any(
            (clause.kind, clause.purpose) == (message.kind, message.purpose)
            and message.asker in clause.askers
            and message.holder in clause.holders
            for standing in self.agreements.in_force(now=now)
            for clause in standing.agreement.clauses
        )

    def _task(self, denial: Denial, message: Message, day: str, now: datetime) -> TaskRow:
        task, practitioner = self.new_id(), message.practitioner
        question = RefusedQuestion(
            subject=message.subject,
            purpose=message.purpose,
            role=practitioner.role,
            org_unit=practitioner.org_unit,
            call_back=practitioner.call_back,
        )
        sealed = self.vault.seal_for_a_day(strict_json.dumps(typed_json.encode(question)), _place(task))
        return TaskRow(
            id=task,
            peer=message.iss,
            asker=str(message.asker),
            service=message.to_service,
            kind=message.kind,
            code=denial.code,
            day=day,
            opened_at=now,
            due_at=now + TASK_TERM,
            sealed=sealed,
        )

    def _summary(self, task: TaskRow) -> TaskRow:
        name = strict_json.dumps([_SUMMARY, task.peer, task.service, task.day])
        return TaskRow(
            id=keyed_digest(self.vault.evidence_hmac_key(), name)[:22],
            peer=task.peer,
            asker=task.peer,
            service=task.service,
            kind=task.kind,
            code=task.code,
            day=task.day,
            opened_at=task.opened_at,
            due_at=task.due_at,
            sealed=None,
            is_summary=True,
        )

    def _read(self, row: TaskRow) -> RefusedQuestion | None:
        if row.sealed is None:
            return None
        try:
            raw = self.vault.open_of_a_day(row.sealed, _place(row.id))
        except SealBroken:
            return None
        return typed_json.decode(RefusedQuestion, strict_json.loads(raw, max_bytes=MAX_SEALED))


def _place(task: str) -> bytes:
    return f"sharing task {task}".encode()
