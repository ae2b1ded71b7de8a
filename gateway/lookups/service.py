"""Lookups: one question about involvements to every service that may be asked, kept for a while to be collected."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from secrets import token_urlsafe

from gateway.accountability.access_record import MAX_SEALED, open_account, seal_account
from gateway.callers import CaseCaller, CaseRefusal, CaseRefused
from gateway.exchange.case_question import CaseQuestion, LeftOut
from gateway.exchange.fan_out import PlannedQuery, Target
from gateway.exchange.outbound import PeerQuery, QueryOutcome
from gateway.exchange.query_log import AskingSide
from gateway.keys.daily_seal import SealExpired
from gateway.lookups import service_result
from gateway.lookups.service_result import LookupNotes, LookupView, NotAskedService
from gateway.ports import StoreBusy, StoreFull, StoreOutcomeUnknown, Transaction
from gateway.store.tables import lookups
from trust import strict_json
from trust.claims import keyed_digest
from trust.exchange.involvement import InvolvementQuery
from trust.exchange.person import subject_to_json
from trust.oauth.access_token import names_who_signed_in
from trust.strict_json import JsonObject

NOT_A_MEMBER = "This node knows no such member of the federation: it was not admitted, or could never be reached."


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookups:
    """Start lookups and show them to the client that started them."""

    asking: AskingSide

    def start(
        self, caller: CaseCaller, question: CaseQuestion, *, wait_s: float, idempotency_key: str, now: datetime
    ) -> LookupView:
        """Ask every service that an agreement lets us ask, wait up to ``wait_s``, and show what came.

        The same key with the same question returns the lookup that it started first. Raises :class:`CaseRefused`,
        ``NodeBusy``, and the store's ``StoreFull`` and ``StoreBusy``.
        """
        asking = self.asking
        asking.fan_out.check_room()
        targets = asking.recorder.select(question, now=now)
        notes = LookupNotes(left_out=question.left_out, not_asked=self._not_asked(question, targets, now))
        row = self._row(caller, question, targets, idempotency_key, notes, now)
        earlier = asking.recorder.record(row, caller, question, targets, now)
        if earlier is not None:
            return self._repeat(earlier, row, caller, now)
        run = asking.fan_out.start(
            [self._plan(each, question, row) for each in targets],
            limit_s=asking.limit_s,
            done=partial(self._complete, row.id, now),
        )
        outcomes = run.wait(min(wait_s, asking.limit_s))
        results = {
            str(target.selected.holder): service_result.result_of(target, outcome)
            for target, outcome in zip(targets, outcomes, strict=True)
            if outcome is not None
        }
        return service_result.lookup_view(
            row.id,
            results,
            [service_result.unanswered(each) for each in targets],
            ended=self._is_over(row, asking.clock.now()),
            keep_until=row.keep_until,
            notes=notes,
        )

    def get(self, lookup_id: str, caller: CaseCaller, *, now: datetime) -> LookupView | None:
        """Return the lookup, or ``None`` where this client has none by that id, or its answers were erased.

        With the token of a practitioner who signed in, only what they themselves asked is found; with the client's own,
        only what it vouched for.
        """
        key, client_id = self.asking.vault.seal_key(), caller.client.client_id
        entry = self.asking.store.read(lambda tx: lookups.get(tx, lookup_id=lookup_id, client_id=client_id))
        if entry is None or entry.lookup.sealed_request is None or entry.lookup.keep_until <= now:
            return None
        record = open_account(key, lookup_id, entry.lookup.sealed_request)
        if not _may_read(caller, record["practitioner"]["id"]):
            return None
        try:
            results = {each.service: self._open(each.sealed, lookup_id, each.service) for each in entry.answers}
        except SealExpired:  # as after a restore, whose keys of the day are new
            return None
        return service_result.lookup_view(
            lookup_id,
            results,
            record.get("asked", []),
            ended=entry.completed_at is not None or self._is_over(entry.lookup, now),
            keep_until=entry.lookup.keep_until,
            notes=LookupNotes(
                left_out=tuple(LeftOut(**each) for each in record.get("left_out", [])),
                not_asked=tuple(NotAskedService(**each) for each in record.get("not_asked", [])),
            ),
        )

    def _not_asked(
        self, question: CaseQuestion, targets: tuple[Target, ...], now: datetime
    ) -> tuple[NotAskedService, ...]:
        """Return the expected services that are not asked: outside the federation, or without a clause, and why."""
        return tuple(
            NotAskedService(
                service=str(each.service),
                organisation=each.organisation,
                code=str(each.denial.code) if self.asking.is_member(each.service.entity) else "not_a_member",
                reason=each.denial.reason if self.asking.is_member(each.service.entity) else NOT_A_MEMBER,
            )
            for each in self.asking.recorder.not_asked(question, targets, now=now)
        )

    def _is_over(self, row: lookups.LookupRow, now: datetime) -> bool:
        return now >= row.created_at + timedelta(seconds=self.asking.limit_s)

    def _row(
        self,
        caller: CaseCaller,
        question: CaseQuestion,
        targets: tuple[Target, ...],
        key: str,
        notes: LookupNotes,
        now: datetime,
    ) -> lookups.LookupRow:
        lookup_id = token_urlsafe(16)
        record = question.to_record()
        if question.query.fields is not None:
            record["fields"] = sorted(question.query.fields)
        sealed = {
            **record,
            "asked": [service_result.unanswered(each) for each in targets],
            **asdict(notes),
        }
        return lookups.LookupRow(
            id=lookup_id,
            client_id=caller.client.client_id,
            idempotency_key=self._digest({"idempotency_key": key}),  # a case system may have put anything there
            request_digest=self._digest({**record, "subject": subject_to_json(question.subject)}),
            sealed_request=seal_account(self.asking.vault.seal_key(), lookup_id, sealed),
            created_at=now,
            keep_until=now + self.asking.answers_kept,
            expected=len(targets),
            state=lookups.RUNNING,
        )

    def _digest(self, request: JsonObject) -> str:
        """Tell two requests apart without a digest that could be tried against a list of people."""
        return keyed_digest(self.asking.vault.evidence_hmac_key(), strict_json.dumps(request))

    def _plan(self, target: Target, question: CaseQuestion, row: lookups.LookupRow) -> PlannedQuery:
        def store_result(tx: Transaction, outcome: QueryOutcome) -> None:
            result = strict_json.dumps(service_result.result_of(target, outcome))
            service = str(target.selected.holder)
            sealed = self.asking.vault.seal_for_a_day(result, _seal_context(row.id, service))
            lookups.add_answer(tx, lookup_id=row.id, service=service, sealed=sealed, at=self.asking.clock.now())

        query = PeerQuery(
            selected=target.selected, question=question, query=_query_for(target, question), correlation=row.id
        )
        return PlannedQuery(query=query, effect=store_result)

    def _complete(self, lookup_id: str, now: datetime) -> None:
        """Record that nothing more will come. Where that cannot be written, the time limit says it all the same."""
        try:
            self.asking.store.write(lambda tx: lookups.complete(tx, lookup_id=lookup_id, at=now))
        except (StoreFull, StoreBusy, StoreOutcomeUnknown):
            return

    def _repeat(
        self, earlier: lookups.LookupRow, row: lookups.LookupRow, caller: CaseCaller, now: datetime
    ) -> LookupView:
        if earlier.request_digest != row.request_digest:
            raise CaseRefused(
                CaseRefusal.KEY_REUSED,
                detail="This Idempotency-Key already stands for another lookup.",
                remedy="Use a new key for each lookup; repeat one with exactly the same body.",
            )
        view = self.get(earlier.id, caller, now=now)
        if view is None:
            raise CaseRefused(
                CaseRefusal.KEY_REUSED,
                detail="The lookup under this Idempotency-Key is over and its answers were erased.",
                remedy="Start a new lookup with a new key.",
            )
        return view

    def _open(self, sealed: bytes, lookup_id: str, part: str) -> JsonObject:
        plain = self.asking.vault.open_of_a_day(sealed, _seal_context(lookup_id, part))
        return strict_json.loads(plain, max_bytes=MAX_SEALED)


def _may_read(caller: CaseCaller, practitioner_id: str) -> bool:
    """Say whether this token may read what the practitioner asked: theirs, or what the client vouched for itself."""
    signed_in = caller.token.signed_in
    return not names_who_signed_in(practitioner_id) if signed_in is None else practitioner_id == signed_in.sub


def _query_for(target: Target, question: CaseQuestion) -> InvolvementQuery:
    """Return the query for one service; where it may give none of the fields wanted, the query is refused later."""
    fields = question.query.fields
    return InvolvementQuery(fields=None if fields is None else target.selected.fields or fields)


def _seal_context(lookup_id: str, part: str) -> bytes:
    """Bind a sealed record to its lookup and its service, so that rows cannot be swapped in the store."""
    return f"lookup {lookup_id} {part}".encode()
