"""What our own practitioners' questions cost: charged where the question is put on record, before anybody is asked."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil

from gateway.accountability import enumeration
from gateway.accountability.rate_limits import BudgetExceeded, QueryCharge, RateLimits
from gateway.accountability.sampling import sample
from gateway.agreements.registry import AgreementRegistry
from gateway.callers import CaseCaller, CaseRefusal, CaseRefused, EligibilityRequest, LookupRequest
from gateway.evidence import recorder
from gateway.evidence.recorder import EvidenceEntry
from gateway.exchange.fan_out import Asked as Sought
from gateway.exchange.fan_out import choices
from gateway.exchange.outbound_evidence import QuestionRecord, RefusedQuestion
from gateway.ports import KeyVault, Store, Transaction
from gateway.store.tables import justifications, lookups
from trust.agreements.choice import Sought as Target
from trust.claims import keyed_digest
from trust.identifiers import EntityId, PurposeCode, RoleCode

_MINUTE_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """Put questions on record, charge the budgets of whoever asks, and choose what is to be justified, all at once."""

    own: EntityId
    store: Store
    vault: KeyVault
    budgets: RateLimits

    def choose(
        self, book: AgreementRegistry, sought: Target, request: LookupRequest | EligibilityRequest, *, now: datetime
    ) -> tuple[Sought, ...]:
        """Return the services that an agreement lets us ask. Raises :class:`CaseRefused`, which is on record then."""
        try:
            return choices(book, sought, now=now)
        except CaseRefused as refused:
            entry = self._refusal(request, refused.code, now)
            self.store.write(lambda tx: recorder.record(tx, entry))
            raise

    def create(
        self,
        row: lookups.LookupRow,
        caller: CaseCaller,
        request: LookupRequest | EligibilityRequest,
        sought: Iterable[Sought],
        now: datetime,
    ) -> lookups.LookupRow | None:
        """Put a question on record and return none, or the one that the same key already stands for, which is free.

        Raises :class:`CaseRefused` where a budget is used up; on record are then the refusal and a flag.
        """
        key = self.vault.evidence_hmac_key()
        asked = self._asked(caller, request, key)
        asked = replace(asked, urgent=any(each.choice.clause.urgent for each in sought))
        sampled = sample(caller, row.id, key=key, now=now)

        def record(tx: Transaction) -> lookups.LookupRow | None:
            earlier = lookups.create(tx, row)
            if earlier is None:
                self.budgets.charge(tx, asked, now=now)
                enumeration.observe(tx, asked, now=now)
                if sampled is not None:
                    justifications.put(tx, sampled)
            return earlier

        try:
            return self.store.write(record)
        except BudgetExceeded as spent:
            entry = self._refusal(request, str(CaseRefusal.OVER_BUDGET), now)

            def refuse(tx: Transaction) -> None:
                recorder.record(tx, entry)
                self.budgets.flag_excess(tx, asked, now=now)

            self.store.write(refuse)
            raise _refused(ceil(spent.exceeded.retry_after.total_seconds())) from spent

    def _refusal(self, request: LookupRequest | EligibilityRequest, code: str, now: datetime) -> EvidenceEntry:
        record = QuestionRecord(own=self.own, vault=self.vault)
        refused = RefusedQuestion(
            question_id=request.request_id,
            from_service=request.from_service,
            purpose=PurposeCode(request.purpose),
            role=RoleCode(request.practitioner.role),
            subject=request.subject,
            code=code,
        )
        keys = record.keys(request.request_id, request.subject)
        return recorder.build_entry(record.refused_question(refused, now), keys)

    def _asked(self, caller: CaseCaller, request: LookupRequest | EligibilityRequest, key: bytes) -> QueryCharge:
        agency = caller.client.client_id
        return enumeration.build_charge(
            key,
            request.subject,
            agency=agency,
            practitioner=own_name(key, agency, request.practitioner.id),
            role=RoleCode(request.practitioner.role),
        )


def own_name(key: bytes, client_id: str, practitioner_id: str) -> str:
    """Return the name under which a practitioner of our own stands in budgets and flags."""
    return keyed_digest(key, f"own practitioner\0{client_id}\0{practitioner_id}".encode())


def _refused(seconds: int) -> CaseRefused:
    return CaseRefused(
        CaseRefusal.OVER_BUDGET,
        detail="More was asked lately than this node allows one practitioner, one case system or about one person.",
        remedy=f"Come back in {ceil(seconds / _MINUTE_S)} min; in immediate danger, ring 999. The node's administrator "
        "sees that this happened.",
        retry_after_s=seconds,
    )
