"""Path of a peer's message through this node; the numbers stand again in the code.

1. Open it: the signature with the caller's trusted keys, the issuer is the caller, the audience this node, the times.
   A message of a queued kind goes on in :mod:`gateway.exchange.acceptance`; the rest is for queries.
2. Read the store once: agreement, earlier answer under this id, rate limits. Forget what the service may not be told.
3. Check again that the caller is not suspended, and was confirmed recently enough for the clause.
4. Decide without the person in sight: a refusal says why.
5. Where the message came before, repeat an earlier refusal, and withhold an answer that the request's rules refuse now.
6. Refuse what exceeds a rate limit, unless the clause is urgent, or the message came before.
7. Find the person, read what restricts the record, decide again, minimise: the responder of the kind.
8. Where the answer may not tell of a record, wait until just before the next step of time.
9. Sign the reply. One transaction reads the restrictions again and holds the message id's single use, the charge, and
   the evidence. If the restrictions have changed, nothing is kept and the plan starts again (A45). The loser of a race
   for the id drops its work and returns the winner's bytes. An earlier answer is given again if it was decided alike;
   if not, the new one takes its place.
10. Where the answer may not tell of a record, return at the step.

A refusal walks the same steps from 9 on. Nothing is called but this node's case system and a limited refresh of trust.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from secrets import token_urlsafe

from adapters.contract import Deadline
from gateway.accountability import enumeration
from gateway.accountability.access_alerts import note_question
from gateway.accountability.break_glass import note_break_glass
from gateway.accountability.enumeration import AddressLimitReached
from gateway.accountability.rate_limits import AddressUse, BudgetExceeded, QueryCharge, RateLimits
from gateway.accountability.subject_buckets import person_keys, record_key
from gateway.agreements.registry import AgreementRegistry
from gateway.callers import PeerCaller
from gateway.evidence import recorder
from gateway.evidence.recorder import Decided
from gateway.exchange import inbound_evidence
from gateway.exchange.answer import (
    NO_RECORD,
    RestrictionsChanged,
    RestrictionsOf,
    ServiceAnswer,
    check_subject,
    describe_to,
    is_conditional,
    tells_nothing,
)
from gateway.exchange.consent_checks import ConsentChecks
from gateway.exchange.inbound_evidence import EarlierAnswer, InboundContext, open_answer, seal_answer
from gateway.exchange.kinds import AfterRefusal, HandleQueued, ServedKinds, without_consequence
from gateway.exchange.response_timing import COMMIT_MARGIN_S, DEFAULT, ResponseTimer
from gateway.exchange.services import NOTHING_WITHDRAWN, ServiceRegistry
from gateway.key_refresh import verify_with_message_keys
from gateway.ports import KeyVault, Store, StoreBusy, Transaction, TrustResolver
from gateway.store.tables import messages
from gateway.telemetry.events import InboundMessageEvent
from trust.agreements.budget import Exceeded
from trust.agreements.decision import Denial, DenialCode, Permit, RequestFacts
from trust.agreements.decision_record import RequestCase
from trust.agreements.denial import deny
from trust.claims import digest, from_seconds
from trust.errors import TooOld, WrongIssuer
from trust.evidence.leaf import message_key
from trust.exchange.kind import is_queued
from trust.exchange.message import Message, OpenedMessage, open_message
from trust.exchange.refusal import Refusal, build_refusal_body, is_refusal
from trust.exchange.reply import answer as build_answer
from trust.exchange.reply import build_reply
from trust.federation.chain import TrustedEntity
from trust.federation.trust_mark import valid_types
from trust.identifiers import EntityId
from trust.keys import KeyUse
from trust.strict_json import JsonObject

_ATTEMPTS = 4

Charge = Callable[[Transaction], None]
"""Charge for an answer, in the transaction that records it. Raises :class:`BudgetExceeded`."""


class MessageIdReused(Exception):
    """A peer sent other bytes under an id it had used before (assertion A4)."""


def _no_bound() -> datetime | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """Answer messages addressed to this node. ``observe`` is told of each one; ``case_system_s`` bounds step 7.

    ``not_before`` says from when on messages count where the store was restored: earlier ones may have been answered.
    ``timer`` keeps the time that an answer took from telling what it does not.
    """

    own: EntityId
    kinds: ServedKinds
    directory: TrustResolver
    vault: KeyVault
    store: Store
    services: ServiceRegistry
    agreements: AgreementRegistry
    budgets: RateLimits
    observe: Callable[[InboundMessageEvent], None]
    case_system_s: float
    queued: HandleQueued
    restrictions_of: RestrictionsOf
    consents: ConsentChecks
    after_refusal: AfterRefusal = without_consequence
    not_before: Callable[[], datetime | None] = _no_bound
    timer: ResponseTimer = DEFAULT

    def handle(self, raw: bytes, caller: PeerCaller, now: datetime) -> bytes:
        """Return the signed reply to one message, refusals included; it is durable by then.

        Raises ``TrustError`` for bytes that are no message of this caller to this node now, :class:`MessageIdReused`
        (A4), and the store's ``StoreFull`` and ``StoreBusy``; nothing was done then.
        """
        leave_out_address = False
        for _ in range(_ATTEMPTS):
            try:
                return self._handle(raw, caller, now, leave_out_address=leave_out_address)
            except AddressLimitReached:  # by questions sent at the same time; their addresses are on record by now
                leave_out_address = True
            except RestrictionsChanged:  # between the release decision and its record (A45)
                continue
        raise StoreBusy("The person's restrictions change too often to answer now.")

    def _handle(self, raw: bytes, caller: PeerCaller, now: datetime, *, leave_out_address: bool) -> bytes:
        start = self.timer.now()
        opened_message = self.open(raw, caller, now)  # 1
        if is_queued(self.kinds.kinds, opened_message.message.kind):
            return self.queued(opened_message, caller, now)
        consult = partial(self._consult, opened_message=opened_message, now=now, leave_out_address=leave_out_address)
        context = self.store.read(consult)  # 2
        self._check_standing(caller.party, context, now)  # 3
        decided = self._decide(caller, context, now)  # 4
        permit = decided.decision
        if context.prior is not None:
            context = replace(context, earlier=self._open_earlier(context, context.prior, now))
            repeat = self._settle_earlier(context, permit, now)  # 5
            if repeat is not None:
                return repeat
        elif isinstance(permit, Permit) and context.exceeded is not None and not permit.clause.urgent:
            return self._refuse_over_limit(context, context.exceeded, decided, now)  # 6
        answer = self._respond(context, decided, now)  # 7
        is_timed = tells_nothing(permit, answer)
        wait_for_step = partial(self.timer.wait_for_step, since=start, step_s=context.step_s)
        if is_timed:
            wait_for_step(margin_s=COMMIT_MARGIN_S)  # 8
        try:
            reply = self._give(context, decided, answer, now)  # 9
        except BudgetExceeded as excess:  # by others, while this one was looking
            reply = self._refuse_over_limit(context, excess.exceeded, decided, now)
            is_timed = is_conditional(permit)
        if is_timed:
            wait_for_step()  # 10
        return reply

    def open(self, raw: bytes, caller: PeerCaller, now: datetime) -> OpenedMessage:
        """Verify one message of this caller to this node (1). Raises ``TrustError``."""
        opened_message = verify_with_message_keys(
            caller.party,
            raw,
            lambda keys: open_message(raw, sender_keys=keys, own_id=self.own, now=now, kinds=self.kinds.kinds),
            directory=self.directory,
            now=now,
        )
        # Its keys prove nothing about other names: anyone can publish another member's public key as their own.
        if opened_message.message.iss != caller.party.entity_id:
            raise WrongIssuer("The message is from another node than the one that called.")
        # A queued message takes effect once however often it comes; what was accepted after the copy comes again (A70).
        bound = None if is_queued(self.kinds.kinds, opened_message.message.kind) else self.not_before()
        if bound is not None and from_seconds(opened_message.message.iat) < bound:
            raise TooOld("This node was restored after the message was made and may have answered it; send a new one.")
        return opened_message

    def _consult(
        self, tx: Transaction, *, opened_message: OpenedMessage, now: datetime, leave_out_address: bool
    ) -> InboundContext:
        """Read the store, and forget what the service may not be told before anything is digested or charged (A48)."""
        message = opened_message.message
        agreement = self.agreements.find_within(tx, message.agreement, now=now)
        clause = agreement.agreement.clause(message.clause) if agreement is not None else None
        service = self.services.get(message.to_service)
        subject = describe_to(service, message, clause)
        if subject != message.subject:
            opened_message = replace(opened_message, message=replace(message, subject=subject))
        name = message_key(self.vault.evidence_hmac_key(), message.iss, message.jti)
        usage = replace(self._usage(tx, opened_message.message, now), urgent=clause is not None and clause.urgent)
        if leave_out_address:
            usage = replace(usage, address=AddressUse.LEFT_OUT)
        return InboundContext(
            opened_message=opened_message,
            name=name,
            service=service,
            agreement=agreement,
            clause=clause,
            usage=usage,
            prior=messages.find(tx, issuer=message.iss, message=name),
            exceeded=self.budgets.check(tx, usage, now=now),
            ended_consents=self.consents.ended(tx, opened_message.message),
        )

    def _usage(self, tx: Transaction, message: Message, now: datetime) -> QueryCharge:
        usage = enumeration.build_charge(
            self.vault.evidence_hmac_key(),
            message.subject,
            agency=message.iss,
            practitioner=message.practitioner.sub,
            role=message.practitioner.role,
        )
        return replace(usage, address=enumeration.address_use(tx, usage.features, now=now))

    def _check_standing(self, party: TrustedEntity, context: InboundContext, now: datetime) -> None:
        """Raise ``Untrusted`` for a caller suspended since its token was checked, or too stale for the clause."""
        self.directory.check_standing(party, now=now, urgent=context.clause is not None and context.clause.urgent)

    def _decide(self, caller: PeerCaller, context: InboundContext, now: datetime) -> Decided:
        service = context.service
        case = RequestCase(
            facts=replace(request_facts(context.message, caller, now), ended_consents=context.ended_consents),
            agreement=context.agreement,
            local=service.policy if service else NOTHING_WITHDRAWN,
            own=self.own,
            now=now,
            kinds=self.kinds.kinds,
        )
        return Decided(case=case, decision=case.decide())

    def _respond(self, context: InboundContext, decided: Decided, now: datetime) -> ServiceAnswer:
        if isinstance(decided.decision, Denial):
            return _refuse(decided.refusal(decided.decision))
        return replace(self._search(context, decided.decision, now), dropped=decided.decision.query.dropped)

    def _search(self, context: InboundContext, permit: Permit, now: datetime) -> ServiceAnswer:
        service, message, subject = context.service, context.message, context.message.subject
        if service is None:
            return _refuse(deny(DenialCode.UNKNOWN_SERVICE).refusal)
        refusal = check_subject(subject, today=now.date())
        if refusal is not None:
            return _refuse(refusal)
        if context.usage.address is AddressUse.LEFT_OUT:
            subject = replace(subject, address=None)
        return self.kinds.responders[permit.clause.kind](
            permit,
            service,
            subject,
            restrictions_of=lambda record: self.store.read(
                lambda tx: self.restrictions_of(tx, service, record, message, now)
            ),
            deadline=Deadline.after(self.case_system_s),
        )

    def _check_release(self, tx: Transaction, context: InboundContext, answer: ServiceAnswer, now: datetime) -> None:
        """Raise :class:`RestrictionsChanged` where others bind the release now than it was decided on."""
        if self.consents.ended(tx, context.message) != context.ended_consents:
            raise RestrictionsChanged
        if context.service is not None and answer.restrictions is not None:
            self.restrictions_of.confirm(tx, context.service, answer, context.message, now)

    def _charge(self, context: InboundContext, answer: ServiceAnswer, now: datetime) -> Charge:
        """Return what an answer costs; a refusal tells of no person and costs nothing, nor a repeat."""
        usage = replace(context.usage, absent=NO_RECORD in answer.reasons)

        def charge(tx: Transaction) -> None:
            if answer.outcome != "refused" and context.prior is None:
                self.budgets.charge(tx, usage, now=now)
                enumeration.observe(tx, usage, now=now)

        return charge

    def _refuse_over_limit(self, context: InboundContext, exceeded: Exceeded, decided: Decided, now: datetime) -> bytes:
        minutes = max(1, round(exceeded.retry_after / timedelta(minutes=1)))
        denial = deny(DenialCode.OVER_BUDGET, detail=f"It has room again in {minutes} min.")
        dropped = decided.decision.query.dropped if isinstance(decided.decision, Permit) else ()
        refusal = replace(_refuse(denial.refusal), dropped=dropped)
        return self._commit(
            context, decided, refusal, now, partial(self.budgets.flag_excess, query=context.usage, now=now)
        )

    def _give(self, context: InboundContext, decided: Decided, answer: ServiceAnswer, now: datetime) -> bytes:
        earlier = context.earlier
        if earlier is not None and earlier.is_decided_as(answer):
            return self._repeat(context, earlier, now, answer)
        if earlier is not None and answer.restrictions is None:  # the source failed; the earlier answer stays stored
            return self._withhold(context, answer, now)
        return self._commit(context, decided, answer, now, self._charge(context, answer, now))

    def _commit(
        self, context: InboundContext, decided: Decided, answer: ServiceAnswer, now: datetime, charge: Charge
    ) -> bytes:
        opened_message, message = context.opened_message, context.message
        leaf = context.leaf(answer, now)
        persons = (*context.usage.persons, *self._record_keys(context, answer))
        decided = replace(decided, release=inbound_evidence.release_to_json(answer))
        question = inbound_evidence.question_entry(leaf, opened_message, persons, self.vault, decided)
        reply = self._sign(opened_message, answer.body, now, evidence={"leaf": digest(question.leaf)})
        reply_entry = recorder.build_entry(inbound_evidence.answer_leaf(leaf, reply))
        sealed = seal_answer(self.vault, reply, answer, place=context.place)
        hmac_key, record = self.vault.evidence_hmac_key(), answer.record
        subjects = (message.subject, *(() if record is None else (record.person,))) if message.iss != self.own else ()

        def effect(tx: Transaction) -> messages.StoredReply | None:
            winner = _claim(tx, context, sealed)
            if winner is None:
                self._check_release(tx, context, answer, now)
                charge(tx)
                if context.prior is None:
                    note_break_glass(tx, message, asker=context.usage.asker, at=now)
                    note_question(tx, hmac_key, subjects, asker=context.usage.asker, at=now)
                recorder.record(tx, question, reply_entry)
            return winner

        winner = self.store.write(effect)
        if winner is not None:
            return self._repeat_winner(context, self._open_earlier(context, winner, now), answer, now)
        self._observe(message, answer.outcome, failure=answer.failure)
        if isinstance(decided.decision, Denial):
            self.after_refusal(decided.decision, message, now)
        return reply

    def _sign(
        self, opened_message: OpenedMessage, body: JsonObject, now: datetime, evidence: JsonObject | None
    ) -> bytes:
        reply = build_answer(
            opened_message,
            body=body,
            jti=token_urlsafe(16),
            now=now,
            evidence=evidence,
            suspensions=self.directory.suspension_seqs(now=now),
        )
        return build_reply(reply, self.vault.signer(KeyUse.MESSAGE))

    def _settle_earlier(self, context: InboundContext, permit: Permit | Denial, now: datetime) -> bytes | None:
        """Return the reply to a repeated message where the request's own rules settle it, or none.

        The caller's standing and the agreement were checked again. An earlier refusal is repeated as it was. Where the
        rules refuse now, an earlier answer is withheld and a fresh refusal says why.
        """
        if context.earlier is not None and context.earlier.is_refusal:
            return self._repeat(context, context.earlier, now)
        if isinstance(permit, Denial):
            return self._withhold(context, _refuse(permit.refusal), now)
        return None

    def _withhold(self, context: InboundContext, answer: ServiceAnswer, now: datetime) -> bytes:
        """Give a fresh refusal in place of the earlier answer."""
        reply = self._sign(context.opened_message, answer.body, now, evidence=None)
        inbound_evidence.record_again(self.store, context.leaf(answer, now), reply, withheld=True)
        self._observe(context.message, "refused", failure=answer.failure)
        return reply

    def _open_earlier(self, context: InboundContext, prior: messages.StoredReply, now: datetime) -> EarlierAnswer:
        """Return the original answer to these very bytes (A3). Raises :class:`MessageIdReused` for others (A4)."""
        original = None
        if prior.digest == context.opened_message.digest and prior.sealed_reply is not None:
            original = open_answer(self.vault, prior.sealed_reply, place=context.place)
        if original is None:
            conflict = ServiceAnswer(body={}, outcome=inbound_evidence.ID_REUSED)
            inbound_evidence.record_conflict(self.store, context.leaf(conflict, now))
            self._observe(context.message, inbound_evidence.ID_REUSED)
            raise MessageIdReused
        return original

    def _repeat_winner(
        self, context: InboundContext, winner: EarlierAnswer, answer: ServiceAnswer, now: datetime
    ) -> bytes:
        """Give what another copy of the message was given meanwhile; decide again where it was decided otherwise."""
        if winner.is_refusal:
            return self._repeat(context, winner, now)
        if not winner.is_decided_as(answer):
            raise RestrictionsChanged
        return self._repeat(context, winner, now, answer)

    def _repeat(
        self, context: InboundContext, earlier: EarlierAnswer, now: datetime, answer: ServiceAnswer | None = None
    ) -> bytes:
        """Give an earlier answer again, as ``answer`` of now is decided alike; a refusal needs none.

        Raises :class:`RestrictionsChanged` where others bind the release since.
        """
        body, kind = earlier.body, self.kinds.kinds.get(context.message.kind)
        fields = () if kind is None or is_refusal(body) else sorted(kind.parse_reply(body).fields)
        repeated = ServiceAnswer(body=body, outcome=inbound_evidence.REPEATED, fields=tuple(fields))

        def check(tx: Transaction) -> None:
            if answer is not None:
                self._check_release(tx, context, answer, now)

        leaf = context.leaf(repeated, now)
        inbound_evidence.record_again(self.store, leaf, earlier.reply, withheld=False, charge=check)
        self._observe(context.message, inbound_evidence.REPEATED, replayed=True)
        return earlier.reply

    def _record_keys(self, context: InboundContext, answer: ServiceAnswer) -> tuple[str, ...]:
        """Return the keys of the record that was found, for our own account of it and nothing else."""
        service, record = context.service, answer.record
        if service is None or record is None:
            return ()
        key = self.vault.evidence_hmac_key()
        return record_key(key, service.ref, record.ref), *person_keys(key, record.person)

    def _observe(self, message: Message, outcome: str, *, replayed: bool = False, failure: str | None = None) -> None:
        self.observe(
            InboundMessageEvent(
                peer=message.iss,
                service=message.to_service if message.to_service in self.services else "unknown",
                kind=message.kind if message.kind in self.kinds.kinds else "unknown",
                outcome=outcome,
                replayed=replayed,
                failure=failure,
            )
        )


def _claim(tx: Transaction, context: InboundContext, sealed: bytes) -> messages.StoredReply | None:
    """Claim the message's id, or put an answer in the place of the earlier one; return what another copy stored."""
    message = context.message
    if context.prior is not None:
        return messages.replace(tx, context.prior, issuer=message.iss, message=context.name, sealed_reply=sealed)
    return messages.claim(
        tx,
        issuer=message.iss,
        message=context.name,
        digest=context.opened_message.digest,
        sealed_reply=sealed,
        expires=from_seconds(message.exp),
    )


def request_facts(message: Message, caller: PeerCaller, now: datetime) -> RequestFacts:
    """Return what is known of a caller's message before any person is searched for."""
    return RequestFacts(
        sender=message.iss,
        caller=caller.party.entity_id,
        message=message,
        token_details=caller.details,
        sender_marks=valid_types(caller.party.marks, now=now),
    )


def _refuse(refusal: Refusal) -> ServiceAnswer:
    return ServiceAnswer(body=build_refusal_body(refusal), outcome="refused", reasons=(refusal.code,))
