"""Record a question, charge its rate limits and sample it for review, in one transaction, before it is sent."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil

from gateway.accountability import enumeration
from gateway.accountability.access_alerts import NONE as NO_ACCESS_ALERTS
from gateway.accountability.access_alerts import AccessAlerts, WatchReason
from gateway.accountability.break_glass import NONE as NO_BREAK_GLASS
from gateway.accountability.break_glass import BreakGlass, BreakGlassNotice, new_use
from gateway.accountability.rate_limits import BudgetExceeded, QueryCharge, RateLimits
from gateway.accountability.sampling import sample
from gateway.agreements.registry import AgreementRegistry
from gateway.callers import CaseCaller, CaseRefusal, CaseRefused
from gateway.evidence import recorder
from gateway.evidence.recorder import EvidenceEntry
from gateway.exchange.case_question import CaseQuestion
from gateway.exchange.consent_checks import ResolveConsent
from gateway.exchange.fan_out import FanOut, Target, select_targets
from gateway.exchange.outbound_evidence import QuestionRecord
from gateway.ports import Clock, KeyVault, Store, Transaction
from gateway.store.tables import justifications, lookups
from trust.agreements.clause_selection import NotAsked, explain_not_asked
from trust.agreements.denial import Denial
from trust.claims import keyed_digest
from trust.identifiers import EntityId

_MINUTE_S = 60
Effect = Callable[[Transaction], lookups.LookupRow | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRecorder:
    """Record questions, charge the caller's rate limits, and sample what is to be justified, in one transaction."""

    own: EntityId
    store: Store
    vault: KeyVault
    agreements: AgreementRegistry
    budgets: RateLimits
    break_glass: BreakGlass = NO_BREAK_GLASS
    access_alerts: AccessAlerts = NO_ACCESS_ALERTS

    def select(self, question: CaseQuestion, *, now: datetime) -> tuple[Target, ...]:
        """Return the services that an agreement lets us ask. Raises :class:`CaseRefused`, which is on record then."""
        spec = question.spec(self.own)
        try:
            return select_targets(self.agreements, spec, now=now)
        except CaseRefused as error:
            denial = Denial(code=error.code, reason=error.detail, remedy=error.remedy)
            record = QuestionRecord(own=self.own, vault=self.vault)
            keys = record.keys(question.request_id, question.subject)
            entry = record.refused_entry(record.refused_question_leaf(question, error.code, now), keys, spec, denial)
            self.store.write(lambda tx: recorder.record(tx, entry))
            raise

    def not_asked(self, question: CaseQuestion, targets: Iterable[Target], *, now: datetime) -> tuple[NotAsked, ...]:
        """Return the services that our agreements expect to be asked and that the question does not go to, with why."""
        holders = {each.selected.holder for each in targets}
        return explain_not_asked(self.agreements.standings(now=now), question.spec(self.own), holders)

    def record(
        self,
        row: lookups.LookupRow,
        caller: CaseCaller,
        question: CaseQuestion,
        targets: Iterable[Target],
        now: datetime,
    ) -> lookups.LookupRow | None:
        """Record a question and return none, or the one that the same key already stands for, which is free.

        Raises :class:`CaseRefused` where a rate limit is exceeded; the refusal and a flag are recorded then.
        """
        key, emergency = self.vault.evidence_hmac_key(), question.emergency
        usage = self._usage(caller, question, key)
        urgent = emergency is not None or any(each.selected.clause.urgent for each in targets)
        usage = replace(usage, urgent=urgent)
        sampled, alerts = sample(caller, row.id, key=key, now=now), set[WatchReason]()

        def effect(tx: Transaction) -> lookups.LookupRow | None:
            earlier = lookups.create(tx, row)
            if earlier is None:
                self.budgets.charge(tx, usage, now=now)
                enumeration.observe(tx, usage, now=now)
                alerts.update(self._watch(tx, caller, question, usage.practitioner, now))
                if sampled is not None:
                    justifications.put(tx, sampled)
                if emergency is not None:
                    use = new_use(row.id, caller, usage.practitioner, key, emergency.code, now)
                    self.break_glass.put(tx, caller, use)
            return earlier

        try:
            earlier = self._write(effect, question, now)
        except BudgetExceeded as excess:
            self._record_excess(question, usage, now)
            raise _over_limit(ceil(excess.exceeded.retry_after.total_seconds())) from excess
        if earlier is None and emergency is not None:
            self.break_glass.notify(BreakGlassNotice.USED, row.id, now)
        if alerts:
            self.access_alerts.ring(row.id, now)
        return earlier

    def _record_excess(self, question: CaseQuestion, usage: QueryCharge, now: datetime) -> None:
        entry = self._refusal(question, str(CaseRefusal.OVER_BUDGET), now)

        def refuse(tx: Transaction) -> None:
            recorder.record(tx, entry)
            self.budgets.flag_excess(tx, usage, now=now)

        self.store.write(refuse)

    def _write(self, effect: Effect, question: CaseQuestion, now: datetime) -> lookups.LookupRow | None:
        """Commit a question; where it is refused, put that on record instead and raise :class:`CaseRefused`."""
        try:
            return self.store.write(effect)
        except CaseRefused as refused:
            entry = self._refusal(question, refused.code, now)
            self.store.write(lambda tx: recorder.record(tx, entry))
            raise

    def _watch(
        self, tx: Transaction, caller: CaseCaller, question: CaseQuestion, practitioner: str, now: datetime
    ) -> frozenset[WatchReason]:
        return self.access_alerts.note(
            tx,
            self.vault.evidence_hmac_key(),
            question.subject,
            worker=question.practitioner.id,
            asker=f"{caller.client.client_id} {practitioner}",
            at=now,
        )

    def _refusal(self, question: CaseQuestion, code: str, now: datetime) -> EvidenceEntry:
        record = QuestionRecord(own=self.own, vault=self.vault)
        keys = record.keys(question.request_id, question.subject)
        return recorder.build_entry(record.refused_question_leaf(question, code, now), keys)

    def _usage(self, caller: CaseCaller, question: CaseQuestion, key: bytes) -> QueryCharge:
        agency = caller.client.client_id
        return enumeration.build_charge(
            key,
            question.subject,
            agency=agency,
            practitioner=own_name(key, agency, question.practitioner.id),
            role=question.practitioner.role,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AskingSide:
    """The parts that ask a query of any kind. ``limit_s`` ends a question; answers stay for ``answers_kept``.

    ``is_member`` says whether this node knows an agency as a member of the federation; it asks no one.
    """

    own: EntityId
    store: Store
    vault: KeyVault
    clock: Clock
    recorder: QueryRecorder
    fan_out: FanOut
    consents: ResolveConsent
    limit_s: float
    answers_kept: timedelta
    is_member: Callable[[EntityId], bool]


def own_name(key: bytes, client_id: str, practitioner_id: str) -> str:
    """Return the name of a practitioner of our own in rate limits and flags."""
    return keyed_digest(key, f"own practitioner\0{client_id}\0{practitioner_id}".encode())


def _over_limit(seconds: int) -> CaseRefused:
    return CaseRefused(
        CaseRefusal.OVER_BUDGET,
        detail="More was asked lately than this node allows one practitioner, one case system or about one person.",
        remedy=f"Come back in {ceil(seconds / _MINUTE_S)} min; in immediate danger, ring 999. The node's administrator "
        "sees that this happened.",
        retry_after_s=seconds,
    )
