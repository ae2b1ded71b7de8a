"""A peer's message, step by step; the numbers stand again in the code.

1. open the signature with the sender's trusted key; 2. whoever called is whoever signed, and agreement, purpose and
kind lie within its token; 3. it is addressed to us and timely; 4. decide with no person in sight: a refusal here says
why; 5. find the person; 6. decide again, with the person in sight; 7. cut to what the clause permits; 8. sign the
reply; 9. one transaction: the message id's single use, what the answer costs, and the evidence; whoever loses the claim
drops its work and returns the winner's bytes; 10. only then do bytes leave. A refusal walks the same steps from 8 on.

Between its first byte in and its last byte out, a message causes no outbound call but to this node's own case system
and a budgeted refresh of trust; so two nodes that ask each other at the same time can never starve each other.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from secrets import token_urlsafe
from typing import TypeAlias

from adapters.contract import Deadline
from config.settings import ANSWER_AFTER_S
from gateway.accountability import enumeration
from gateway.accountability.enumeration import AddressLimitReached
from gateway.accountability.rate_limits import AddressUse, BudgetExceeded, QueryCharge, RateLimits
from gateway.accountability.subject_buckets import person_keys, record_key
from gateway.agreements.registry import AgreementRegistry
from gateway.evidence import recorder
from gateway.exchange import answer, inbound_evidence
from gateway.exchange.answer import Findings
from gateway.exchange.response_timing import COMMIT_MARGIN_S, REAL_TIME, Pace
from gateway.exchange.services import Desk
from gateway.key_refresh import verify_with_key_refresh
from gateway.keys.daily_seal import SealExpired
from gateway.ports import KeyVault, Store, Transaction, TrustResolver
from gateway.store.tables import messages
from gateway.telemetry.events import InboundMessageEvent
from trust.agreements.agreement import InForce, NotInForce
from trust.agreements.budget import Exceeded
from trust.agreements.decision import Denial, DenialCode, LocalPolicy, Permit, RequestFacts, decide_request
from trust.agreements.denial import deny
from trust.claims import digest, from_seconds
from trust.errors import NoChain, TooOld, WrongIssuer
from trust.evidence.leaf import Leaf, message_key, subject_key
from trust.exchange.envelope import MAX_BYTES
from trust.exchange.kinds import KINDS
from trust.exchange.message import Message, OpenedMessage, open_message
from trust.exchange.person import for_holder
from trust.exchange.refusal import Refusal, build_refusal_body, is_refusal
from trust.exchange.reply import TYP, build_reply
from trust.exchange.reply import answer as answer_to
from trust.federation.chain import TrustedEntity
from trust.federation.trust_mark import valid_types
from trust.identifiers import EntityId
from trust.jose import peek
from trust.keys import KeyUse
from trust.oauth.authorization_details import AuthorizationDetail
from trust.strict_json import JsonObject

CONTENT_TYPE = "application/jwt"
_NO_KIND = ""

Account = Callable[[Transaction], None]
"""What an answer costs, in the transaction that records it. Raises :class:`BudgetExceeded`."""


_Consulted: TypeAlias = tuple[
    OpenedMessage, QueryCharge, messages.StoredReply | None, InForce | NotInForce | None, Exceeded | None
]


class MessageIdReused(Exception):
    """A peer sent other bytes under an id it had used before (assertion A4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who called, as the token said it, and what the token is good for."""

    entity: EntityId
    details: tuple[AuthorizationDetail, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What goes back: 200 and signed bytes that are durable by now."""

    body: bytes
    status: int = 200
    content_type: str = CONTENT_TYPE


def _no_bound() -> datetime | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """Answer messages addressed to this node. ``observe`` is told of each one; ``case_system_s`` bounds step 5.

    ``not_before`` says from when on messages count where the store was restored: earlier ones may have been answered.
    ``pace`` keeps the time that an answer took from telling what it does not.
    """

    own: EntityId
    directory: TrustResolver
    vault: KeyVault
    store: Store
    desk: Desk
    agreements: AgreementRegistry
    budgets: RateLimits
    observe: Callable[[InboundMessageEvent], None]
    case_system_s: float
    not_before: Callable[[], datetime | None] = _no_bound
    pace: Pace = REAL_TIME

    def handle(self, raw: bytes, sender: Sender, now: datetime) -> Answered:
        """Answer one message with a signed reply, refusals included.

        Raises ``TrustError`` for bytes that are no message of this sender to this node now, :class:`MessageIdReused`
        (A4), and the store's ``StoreFull`` and ``StoreBusy``; nothing was done then.
        """
        try:
            return self._handle(raw, sender, now)
        except AddressLimitReached:  # by questions sent at the same time; their addresses are on record by now
            return self._handle(raw, sender, now, limited=True)

    def _handle(self, raw: bytes, sender: Sender, now: datetime, *, limited: bool = False) -> Answered:
        began = self.pace.now()
        opened, facts = self._open(raw, sender, now)  # 1, 2 (who called is who signed and who it is from), 3
        opened, asked, prior, held, exceeded = self.store.read(lambda tx: self._consult(tx, opened, now))
        asked = replace(asked, address=AddressUse.LEFT_OUT) if limited else asked
        self._refuse_stale(opened.message, held, now)
        permit = self._decide(facts, held, now)  # 2 (within the token), 4
        if prior is not None:
            return self._again(opened, prior, permit, now)
        if isinstance(permit, Permit):
            asked = replace(asked, urgent=True) if permit.clause.urgent else asked
            if exceeded is not None and not asked.urgent:
                return self._over_budget(opened, asked, exceeded, permit.query.dropped, now)
        findings = self._answer(permit, opened.message, asked, now)  # 5, 6, 7
        step_s = self._step_s(opened.message)
        silent = answer.tells_nothing(permit, findings)
        if silent:
            self.pace.hold(since=began, step_s=step_s, before_s=COMMIT_MARGIN_S)
        try:
            charging = self._charging(asked, findings, now)
            answered = self._commit(opened, asked, findings, now, charging)  # 8, 9
        except BudgetExceeded as spent:  # by others, while this one was looking
            answered = self._over_budget(opened, asked, spent.exceeded, findings.dropped, now)
            silent = answer.is_conditional(permit)
        if silent:
            self.pace.hold(since=began, step_s=step_s)
        return answered  # 10

    def _step_s(self, message: Message) -> float:
        service = self.desk.service(message.to_service)
        return ANSWER_AFTER_S if service is None else service.answer_after_s

    def _open(self, raw: bytes, sender: Sender, now: datetime) -> tuple[OpenedMessage, RequestFacts]:
        trusted = self.directory.resolve(sender.entity, now=now, urgent=True)
        opened = verify_with_key_refresh(
            trusted, raw, lambda party: self._verified(raw, party, now), directory=self.directory, now=now
        )
        # Its keys prove nothing about other names: anyone can publish another member's public key as their own.
        if opened.message.iss != sender.entity:
            raise WrongIssuer("The message is from another node than the one that called.")
        bound = self.not_before()
        if bound is not None and from_seconds(opened.message.iat) < bound:
            raise TooOld("This node was restored after the message was made and may have answered it; send a new one.")
        facts = RequestFacts(
            sender=opened.message.iss,
            caller=sender.entity,
            message=opened.message,
            token_details=sender.details,
            sender_marks=valid_types(trusted.marks, now=now),
        )
        return opened, facts

    def _consult(self, tx: Transaction, opened: OpenedMessage, now: datetime) -> _Consulted:
        """Return what the store knows before the decision, with the message cut to what the service may be told."""
        held = self.agreements.find_within(tx, opened.message.agreement, now=now)
        opened = self._cut(opened, held)
        asked = self._asked(tx, opened.message, now)
        prior = messages.find(tx, issuer=opened.message.iss, message=self._name(opened.message))
        return opened, asked, prior, held, self.budgets.check(tx, asked, now=now)

    def _cut(self, opened: OpenedMessage, held: InForce | NotInForce | None) -> OpenedMessage:
        """Forget what the service may not be told before anything is digested, charged or sought by it (A48)."""
        message = opened.message
        service = self.desk.service(message.to_service)
        clause = held.agreement.clause(message.clause) if held is not None else None
        listed = clause.subject_by_holder.get(message.holder) if clause is not None else None
        subject = for_holder(message.subject, service.kind if service else _NO_KIND, listed)
        return opened if subject == message.subject else replace(opened, message=replace(message, subject=subject))

    def _verified(self, raw: bytes, sender: TrustedEntity, now: datetime) -> OpenedMessage:
        if sender.node is None:
            raise NoChain("The sender's chain describes no node that may exchange messages.")
        return open_message(raw, sender_keys=sender.node.message_keys, own_id=self.own, now=now)

    def _refuse_stale(self, message: Message, held: InForce | NotInForce | None, now: datetime) -> None:
        """Raise ``Untrusted`` for a sender not confirmed for a day, unless the clause is one that is urgent."""
        clause = held.agreement.clause(message.clause) if held is not None else None
        if clause is None or not clause.urgent:
            self.directory.resolve(message.iss, now=now)

    def _decide(self, facts: RequestFacts, held: InForce | NotInForce | None, now: datetime) -> Permit | Denial:
        message = facts.message
        service = self.desk.service(message.to_service)
        clause = held.agreement.clause(message.clause) if held is not None else None
        local = service.local_policy(message.agreement.id, clause) if service else LocalPolicy()
        return decide_request(facts, agreement=held, local=local, own=self.own, now=now)

    def _answer(self, permit: Permit | Denial, message: Message, asked: QueryCharge, now: datetime) -> Findings:
        if isinstance(permit, Denial):
            return _denied(permit.refusal)
        findings = self._look(permit, message, asked, now)
        return replace(findings, dropped=permit.query.dropped) if permit.query.dropped else findings

    def _look(self, permit: Permit, message: Message, asked: QueryCharge, now: datetime) -> Findings:
        service = self.desk.service(message.to_service)
        if service is None:
            return _denied(deny(DenialCode.UNKNOWN_SERVICE).refusal)
        vague = answer.too_vague(message.subject, today=now.date())
        if vague is not None:
            return _denied(vague)
        left_out = asked.address is AddressUse.LEFT_OUT
        subject = replace(message.subject, address=None) if left_out else message.subject
        return answer.answer(permit, service, subject, deadline=Deadline.after(self.case_system_s))

    def _asked(self, tx: Transaction, message: Message, now: datetime) -> QueryCharge:
        asked = enumeration.build_charge(
            self.vault.evidence_hmac_key(),
            message.subject,
            agency=message.iss,
            practitioner=message.practitioner.sub,
            role=message.practitioner.role,
        )
        return replace(asked, address=enumeration.address_use(tx, asked.features, now=now))

    def _subject(self, message: Message) -> str:
        return subject_key(self.vault.evidence_hmac_key(), message.subject)

    def _name(self, message: Message) -> str:
        return message_key(self.vault.evidence_hmac_key(), message.iss, message.jti)

    def _found(self, message: Message, findings: Findings) -> tuple[str, ...]:
        """Return by what the record that was found is known, for our own account of it and nothing else."""
        service, record = self.desk.service(message.to_service), findings.record
        if service is None or record is None:
            return ()
        key = self.vault.evidence_hmac_key()
        return record_key(key, service.ref, record.ref), *person_keys(key, record.person)

    def _received(self, opened: OpenedMessage, findings: Findings, now: datetime) -> Leaf:
        message = opened.message
        return inbound_evidence.received(opened, findings, self._subject(message), self._name(message), now)

    def _charging(self, asked: QueryCharge, findings: Findings, now: datetime) -> Account:
        """Return what an answer costs; a refusal tells nothing of anybody, and costs nothing."""
        if findings.outcome == "refused":
            return _nothing
        if answer.NO_RECORD in findings.reasons:
            asked = replace(asked, absent=True)

        def charge(tx: Transaction) -> None:
            self.budgets.charge(tx, asked, now=now)
            enumeration.observe(tx, asked, now=now)

        return charge

    def _over_budget(
        self, opened: OpenedMessage, asked: QueryCharge, exceeded: Exceeded, dropped: tuple[str, ...], now: datetime
    ) -> Answered:
        minutes = max(1, round(exceeded.retry_after / timedelta(minutes=1)))
        denial = deny(DenialCode.OVER_BUDGET, detail=f"It has room again in {minutes} min.")
        flagging = partial(self.budgets.flag_excess, asked=asked, now=now)
        findings = replace(_denied(denial.refusal), dropped=dropped)
        return self._commit(opened, asked, findings, now, flagging)

    def _commit(
        self, opened: OpenedMessage, asked: QueryCharge, findings: Findings, now: datetime, account: Account
    ) -> Answered:
        message = opened.message
        name = self._name(message)
        received = inbound_evidence.received(opened, findings, asked.subject, name, now)
        persons = (*asked.persons, *self._found(message, findings))
        first = inbound_evidence.question(received, opened, persons, self.vault.seal_key())
        reply = answer_to(
            opened,
            body=findings.body,
            jti=token_urlsafe(16),
            now=now,
            evidence={"leaf": digest(first.leaf)},
            suspensions=self.directory.suspension_seqs(now=now),
        )
        signed = build_reply(reply, self.vault.signer(KeyUse.MESSAGE))  # 8
        second = recorder.build_entry(inbound_evidence.answered(received, signed))
        sealed = self.vault.seal_for_a_day(signed, _place(message.iss, name))
        expires = datetime.fromtimestamp(message.exp, UTC)

        def effect(tx: Transaction) -> messages.StoredReply | None:  # 9
            prior = messages.claim(
                tx,
                issuer=message.iss,
                message=name,
                digest=opened.digest,
                sealed_reply=sealed,
                expires=expires,
            )
            if prior is None:
                account(tx)
                recorder.record(tx, first, second)
            return prior

        winner = self.store.write(effect)
        if winner is not None:
            return self._repeated(opened, self._original(opened, winner, now), now)
        self._tell(message, findings.outcome, failure=findings.failure)
        return Answered(body=signed)  # 10

    def _again(
        self, opened: OpenedMessage, prior: messages.StoredReply, permit: Permit | Denial, now: datetime
    ) -> Answered:
        """Answer a repeated message as it was answered first, unless that may not be told any more.

        The sender's standing was checked when the message was opened, and the agreement anew since; where that now says
        no, an earlier answer is withheld and a fresh refusal says why. An earlier refusal is repeated as it was.
        """
        original = self._original(opened, prior, now)
        if not isinstance(permit, Denial) or is_refusal(_body(original)):
            return self._repeated(opened, original, now)
        reply = answer_to(
            opened,
            body=build_refusal_body(permit.refusal),
            jti=token_urlsafe(16),
            now=now,
            suspensions=self.directory.suspension_seqs(now=now),
        )
        signed = build_reply(reply, self.vault.signer(KeyUse.MESSAGE))
        again = self._received(opened, _denied(permit.refusal), now)
        inbound_evidence.record_again(self.store, again, signed, withheld=True)
        self._tell(opened.message, "refused")
        return Answered(body=signed)

    def _original(self, opened: OpenedMessage, prior: messages.StoredReply, now: datetime) -> bytes:
        """Return the original answer to these very bytes (A3). Raises :class:`MessageIdReused` for others (A4)."""
        original = None
        if prior.digest == opened.digest and prior.sealed_reply is not None:
            with suppress(SealExpired):
                place = _place(opened.message.iss, self._name(opened.message))
                original = self.vault.open_of_a_day(prior.sealed_reply, place)
        if original is None:
            nothing = Findings(body={}, outcome=inbound_evidence.ID_REUSED)
            inbound_evidence.record_conflict(self.store, self._received(opened, nothing, now))
            self._tell(opened.message, inbound_evidence.ID_REUSED)
            raise MessageIdReused
        return original

    def _repeated(self, opened: OpenedMessage, original: bytes, now: datetime) -> Answered:
        given = Findings(body=_body(original), outcome=inbound_evidence.REPEATED)
        inbound_evidence.record_again(self.store, self._received(opened, given, now), original, withheld=False)
        self._tell(opened.message, inbound_evidence.REPEATED, replayed=True)
        return Answered(body=original)

    def _tell(self, message: Message, outcome: str, *, replayed: bool = False, failure: str | None = None) -> None:
        self.observe(
            InboundMessageEvent(
                peer=message.iss,
                service=message.to_service if self.desk.service(message.to_service) else "unknown",
                kind=message.kind if message.kind in KINDS else "unknown",
                outcome=outcome,
                replayed=replayed,
                failure=failure,
            )
        )


def _place(issuer: str, name: str) -> bytes:
    """Bind a sealed reply to the message it answers, so that rows cannot be swapped in the store."""
    return f"reply {issuer} {name}".encode()


def _body(original: bytes) -> JsonObject:
    """Return the body of an answer of our own; its seal has proved that it is ours."""
    body: JsonObject = peek(original, typ=TYP, max_bytes=MAX_BYTES).claims["body"]
    return body


def _nothing(_tx: Transaction) -> None:
    """Cost nothing."""


def _denied(refusal: Refusal) -> Findings:
    return Findings(body=build_refusal_body(refusal), outcome="refused", reasons=(refusal.code,))
