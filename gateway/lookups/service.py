"""Who else is working with this person, and whom do I ring? One line from every service that may be asked."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from secrets import token_urlsafe
from types import MappingProxyType

from gateway.accountability.access_record import MAX_SEALED, open_account, seal_account
from gateway.agreements.registry import AgreementRegistry
from gateway.callers import (
    CaseCaller,
    CaseRefusal,
    CaseRefused,
    LeftOut,
    LookupRequest,
    LookupState,
    LookupView,
)
from gateway.exchange.fan_out import Asked, FanOut, Planned, account, asker, summary
from gateway.exchange.outbound import Outcome, Question
from gateway.exchange.query_log import Spending
from gateway.keys.daily_seal import SealExpired
from gateway.lookups import service_result
from gateway.ports import Clock, KeyVault, Store, StoreBusy, StoreFull, Transaction
from gateway.store.tables import lookups
from trust import strict_json
from trust.agreements.choice import Sought
from trust.claims import keyed_digest
from trust.exchange import involvement
from trust.exchange.involvement import InvolvementQuery, InvolvementStatus
from trust.exchange.person import subject_to_json
from trust.identifiers import EntityId, PurposeCode, RoleCode, ServiceRef
from trust.oauth.access_token import names_who_signed_in
from trust.strict_json import JsonObject

_UNANSWERED = frozenset({InvolvementStatus.NO_REPLY, InvolvementStatus.REFUSED})
NOTHING_TOLD: Mapping[str, JsonObject] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookups:
    """Start lookups and show them to the client that started them (``gateway.callers.LookupService``).

    ``limit_s`` is when every lookup ends; ``kept`` is how long its answers can be collected.
    """

    own: EntityId
    store: Store
    vault: KeyVault
    agreements: AgreementRegistry
    spending: Spending
    fan_out: FanOut
    clock: Clock
    limit_s: float
    kept: timedelta

    def start(self, caller: CaseCaller, request: LookupRequest, *, idempotency_key: str, now: datetime) -> LookupView:
        """Ask every service that an agreement lets us ask, and wait up to ``request.wait_s``."""
        self.fan_out.check_room()
        asked = self.spending.choose(self.agreements, self._sought(request), request, now=now)
        row = self._row(caller, request, asked, idempotency_key, now)
        earlier = self.spending.create(row, caller, request, asked, now)
        if earlier is not None:
            return self._earlier(earlier, row, caller, now)
        running = self.fan_out.start(
            [self._planned(each, request, row) for each in asked],
            limit_s=self.limit_s,
            done=partial(self._complete, row.id, now),
        )
        outcomes = running.wait(min(request.wait_s, self.limit_s))
        told = {
            str(each.choice.holder): service_result.line(each, outcome)
            for each, outcome in zip(asked, outcomes, strict=True)
            if outcome is not None
        }
        return self._view(row.id, caller, self.clock.now(), told=told) or self._forgotten()

    def get(self, lookup_id: str, caller: CaseCaller, *, now: datetime) -> LookupView | None:
        """Return the lookup, or ``None`` where this client has none by that id, or its answers were forgotten.

        With the token of a practitioner who signed in, only what they themselves asked is found; with the client's own,
        only what it vouched for.
        """
        return self._view(lookup_id, caller, now)

    def _sought(self, request: LookupRequest) -> Sought:
        return Sought(
            asker=ServiceRef(entity=self.own, service=request.from_service),
            kind=involvement.KIND,
            purpose=PurposeCode(request.purpose),
            role=RoleCode(request.practitioner.role),
            holders=request.holders,
            fields=request.fields,
            consent=request.consent is not None,
        )

    def _row(
        self, caller: CaseCaller, request: LookupRequest, asked: tuple[Asked, ...], key: str, now: datetime
    ) -> lookups.LookupRow:
        lookup_id = token_urlsafe(16)
        told = account(request)
        if request.fields is not None:
            told["fields"] = sorted(request.fields)
        sealed = {
            **told,
            "asked": [service_result.template(each) for each in asked],
            "left_out": [asdict(each) for each in request.left_out],
        }
        return lookups.LookupRow(
            id=lookup_id,
            client_id=caller.client.client_id,
            idempotency_key=self._digest({"idempotency_key": key}),  # a case system may have put anything there
            request_digest=self._digest({**told, "subject": subject_to_json(request.subject)}),
            sealed_request=seal_account(self.vault.seal_key(), lookup_id, sealed),
            created_at=now,
            keep_until=now + self.kept,
            expected=len(asked),
            state=lookups.RUNNING,
        )

    def _digest(self, request: JsonObject) -> str:
        """Tell two requests apart without a digest that could be tried against a list of people."""
        return keyed_digest(self.vault.evidence_hmac_key(), strict_json.dumps(request))

    def _planned(self, asked: Asked, request: LookupRequest, row: lookups.LookupRow) -> Planned:
        def keep(tx: Transaction, outcome: Outcome) -> None:
            line = strict_json.dumps(service_result.line(asked, outcome))
            service = str(asked.choice.holder)
            sealed = self.vault.seal_for_a_day(line, _place(row.id, service))
            lookups.add_answer(tx, lookup_id=row.id, service=service, sealed=sealed, at=self.clock.now())

        question = Question(
            choice=asked.choice,
            from_service=request.from_service,
            asker=asker(request.practitioner, row.client_id),
            subject=request.subject,
            body=involvement.build_query_body(InvolvementQuery(fields=_fields(asked, request))),
            consent=request.consent,
            correlation=row.id,
            trace=request.trace,
        )
        return Planned(question=question, agency=question.choice.holder.entity, keep=keep)

    def _complete(self, lookup_id: str, now: datetime) -> None:
        """Note that nothing more will come. Where that cannot be written, the time limit says it all the same."""
        try:
            self.store.write(lambda tx: lookups.complete(tx, lookup_id=lookup_id, at=now))
        except (StoreFull, StoreBusy):
            return

    def _earlier(
        self, earlier: lookups.LookupRow, row: lookups.LookupRow, caller: CaseCaller, now: datetime
    ) -> LookupView:
        if earlier.request_digest != row.request_digest:
            raise CaseRefused(
                CaseRefusal.KEY_REUSED,
                detail="This Idempotency-Key already stands for another lookup.",
                remedy="Use a new key for each lookup; repeat one with exactly the same body.",
            )
        return self._view(earlier.id, caller, now) or self._forgotten()

    def _forgotten(self) -> LookupView:
        raise CaseRefused(
            CaseRefusal.KEY_REUSED,
            detail="The lookup under this Idempotency-Key is over and its answers were erased.",
            remedy="Start a new lookup with a new key.",
        )

    def _view(
        self,
        lookup_id: str,
        caller: CaseCaller,
        now: datetime,
        *,
        told: Mapping[str, JsonObject] = NOTHING_TOLD,
    ) -> LookupView | None:
        """Show what is stored; ``told`` are lines that came just now, of which some could perhaps not be stored."""
        client_id = caller.client.client_id
        found = self.store.read(lambda tx: lookups.get(tx, lookup_id=lookup_id, client_id=client_id))
        if found is None or found.lookup.sealed_request is None or found.lookup.keep_until <= now:
            return None
        told_then = open_account(self.vault.seal_key(), lookup_id, found.lookup.sealed_request)
        if not _may_read(caller, told_then["practitioner"]["id"]):
            return None
        asked = told_then.get("asked", [])
        try:
            kept = {each.service: self._open(each.sealed, lookup_id, each.service) for each in found.answers}
        except SealExpired:  # as after a restore, whose keys of the day are new
            return None
        held = dict(told) | kept
        over = found.completed_at is not None or now >= found.lookup.created_at + timedelta(seconds=self.limit_s)
        complete = over or len(held) == len(asked)
        lines = [held.get(each["service"]) or (each if complete else None) for each in asked]
        answers = tuple(service_result.answer(line) for line in lines if line is not None)
        answered = sum(each.status not in _UNANSWERED for each in answers)
        return LookupView(
            id=lookup_id,
            state=LookupState.COMPLETE if complete else LookupState.RUNNING,
            asked=len(asked),
            answered=answered,
            summary=summary(answered, len(asked)),
            answers=answers,
            keep_until=found.lookup.keep_until,
            left_out=tuple(LeftOut(**each) for each in told_then.get("left_out", [])),
        )

    def _open(self, sealed: bytes, lookup_id: str, part: str) -> JsonObject:
        plain = self.vault.open_of_a_day(sealed, _place(lookup_id, part))
        return strict_json.loads(plain, max_bytes=MAX_SEALED)


def _may_read(caller: CaseCaller, practitioner_id: str) -> bool:
    """Say whether this token may read what the practitioner asked: theirs, or what the client vouched for itself."""
    signed_in = caller.token.signed_in
    return not names_who_signed_in(practitioner_id) if signed_in is None else practitioner_id == signed_in.sub


def _fields(asked: Asked, request: LookupRequest) -> frozenset[str] | None:
    """Return the fields to ask one service for; where it may give none of those wanted, the question is refused."""
    return None if request.fields is None else asked.choice.fields or request.fields


def _place(lookup_id: str, part: str) -> bytes:
    """Bind a sealed record to its lookup and its line, so that rows cannot be swapped in the store."""
    return f"lookup {lookup_id} {part}".encode()
