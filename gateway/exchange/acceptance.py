"""Path of a peer's message of a queued kind, from where :mod:`gateway.exchange.inbound` has opened it.

1. Read the store once: agreement, the earlier receipt under this id, and the sender's budgets.
2. Check again that the caller is not suspended, and was confirmed recently enough for the clause.
3. Turn away what exceeds a budget of its sender, or, near the watermark, what is not red: nothing is recorded, no
   receipt is given, and the sender keeps it and sends it later (:mod:`gateway.accountability.message_limits`).
4. Return the byte-identical original receipt of a message that came before, a failure included, also where the
   agreement has changed (assertions A3, A67). Other bytes under its id are a conflict and an alarm (A4).
5. Decide without any person in sight: a refusal says why.
6. Cut the message to what the clause permits, and sign the receipt: ``stored``, or ``failed`` with its reason.
7. One transaction holds the message id's single use, the charge, the row of the inbox and the evidence. The loser of a
   race for the id drops its work and returns the winner's bytes. A store that is full or busy gives no receipt (A10).

The messages of one batch share the reading of 1 and the transaction of 7, and nothing else: what one of them is refused
for changes no other, and where their transaction fails for one of them, each is written by itself.

No person is searched for: an alert never waits for a match, and its receipt never tells
of one.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from secrets import token_urlsafe

from gateway.accountability.message_limits import MessageCharge, MessageLimits, MessagesLimited
from gateway.accountability.subject_buckets import person_keys
from gateway.agreements.registry import AgreementRegistry
from gateway.callers import PeerCaller
from gateway.evidence import recorder
from gateway.evidence.recorder import Decided
from gateway.exchange import inbound_evidence
from gateway.exchange.answer import ServiceAnswer
from gateway.exchange.consent_checks import ConsentChecks
from gateway.exchange.inbound import Charge, MessageIdReused, request_facts
from gateway.exchange.kinds import Acceptance, AcceptMessage
from gateway.exchange.services import NOTHING_WITHDRAWN, HostedService, ServiceRegistry
from gateway.keys.sealed import open_own
from gateway.ports import (
    KeyVault,
    Store,
    StoreBusy,
    StoreFull,
    StoreOutcomeUnknown,
    Transaction,
    TrustResolver,
)
from gateway.store.tables import messages
from gateway.store.tables.messages import REMEMBERED_PAST_EXPIRY, StoredReply
from gateway.telemetry.events import InboundMessageEvent
from trust.agreements.agreement import InForce, NotInForce
from trust.agreements.clause import Clause
from trust.agreements.decision import Denial, DenialCode, Permit
from trust.agreements.decision_record import RequestCase
from trust.agreements.denial import deny
from trust.agreements.queued import ServiceKinds
from trust.claims import digest, to_seconds
from trust.errors import TrustError
from trust.evidence.leaf import Leaf, message_key
from trust.exchange.kind import Kinds
from trust.exchange.message import Message, OpenedMessage, RequestRef, Urgency
from trust.exchange.persons import persons_for_holder
from trust.exchange.receipt import RECEIPT_LIFE, Receipt, ReceiptState, build_receipt, sign_again
from trust.exchange.refusal import Refusal
from trust.identifiers import EntityId, ServiceSlug
from trust.jose import peek_key_id
from trust.keys import KeyUse
from trust.sealing import seal

_NO_KIND = ""

QueuedAnswer = bytes | Exception
"""The signed receipt of one message, or why it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptSubject:
    """The message that a receipt is about, as its sender knows it."""

    sender: EntityId
    request: RequestRef
    from_service: ServiceSlug
    to_service: ServiceSlug


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptSigner:
    """Sign this node's receipts."""

    own: EntityId
    vault: KeyVault
    directory: TrustResolver

    def draft(self, subject: ReceiptSubject, state: ReceiptState, *, seq: int, now: datetime) -> Receipt:
        """Return the receipt of a state that came about now, for :meth:`sign`; its state's own member is missing."""
        issued = to_seconds(now)
        return Receipt(
            iss=self.own,
            aud=subject.sender,
            iat=issued,
            exp=issued + int(RECEIPT_LIFE.total_seconds()),
            jti=token_urlsafe(16),
            from_service=subject.from_service,
            to_service=subject.to_service,
            request=subject.request,
            state=state,
            at=issued,
            seq=seq,
            suspensions=self.directory.suspension_seqs(now=now),
        )

    def sign(self, receipt: Receipt) -> bytes:
        """Return the signed bytes."""
        return build_receipt(receipt, self.vault.signer(KeyUse.MESSAGE))


def with_current_key(raw: bytes, vault: KeyVault) -> bytes:
    """Return a receipt of ours as it stands, or signed afresh where its key was revoked since: no one verifies that."""
    if peek_key_id(raw) in vault.published(KeyUse.MESSAGE).kids:
        return raw
    return sign_again(raw, vault.signer(KeyUse.MESSAGE))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Context:
    """An opened message, its persons cut to what the service may be told, with what the store knows of it."""

    opened_message: OpenedMessage
    service: HostedService | None
    agreement: InForce | NotInForce | None
    clause: Clause | None
    prior: StoredReply | None
    charge: MessageCharge
    limited: MessagesLimited | None
    ended_consents: frozenset[str]

    @property
    def message(self) -> Message:
        return self.opened_message.message


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A judged message with its signed receipt. ``effect`` stores both, or returns what the id was used for before."""

    context: _Context
    effect: Callable[[Transaction], StoredReply | None]
    receipt: bytes
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedInbound:
    """Accept messages of queued kinds.

    ``accept`` stores each for its service; ``observe`` is told of each one, ``crashed`` of a fault of ours with one.
    """

    own: EntityId
    kinds: Kinds
    directory: TrustResolver
    vault: KeyVault
    store: Store
    services: ServiceRegistry
    agreements: AgreementRegistry
    accept: AcceptMessage
    limits: MessageLimits
    consents: ConsentChecks
    observe: Callable[[InboundMessageEvent], None]
    crashed: Callable[[Exception, str], None]

    def handle(self, opened_message: OpenedMessage, caller: PeerCaller, now: datetime) -> bytes:
        """Return the signed receipt of an opened message; it is durable by then.

        Raises ``Untrusted`` for a caller without standing, :class:`MessageIdReused` (A4), ``MessagesLimited``, and the
        store's ``StoreFull`` and ``StoreBusy``; nothing was done then.
        """
        (answer,) = self.handle_all((opened_message,), caller, now)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def handle_all(
        self, opened_messages: Sequence[OpenedMessage], caller: PeerCaller, now: datetime
    ) -> tuple[QueuedAnswer, ...]:
        """Return an answer to each of a caller's messages, durable by then.

        Raises the store's ``StoreFull``, ``StoreBusy`` and ``StoreOutcomeUnknown`` for all of them.
        """
        contexts = self.store.read(  # 1
            lambda tx: [self._consult(tx, opened_message=each, now=now) for each in opened_messages]
        )
        verdicts = [self._judge(each, caller, now) for each in contexts]
        drafts = [each for each in verdicts if isinstance(each, _Draft)]
        outcomes = iter(self._write_all(drafts, now))
        return tuple(next(outcomes) if isinstance(each, _Draft) else each for each in verdicts)

    def _write_all(self, drafts: Sequence[_Draft], now: datetime) -> list[QueuedAnswer]:
        if len(drafts) > 1:
            return self._write(drafts, now)
        try:
            return self._write(drafts, now) if drafts else []
        except MessagesLimited as limited:
            return [self._limit(drafts[0].context, limited, now)]

    def _judge(self, context: _Context, caller: PeerCaller, now: datetime) -> _Draft | QueuedAnswer:
        urgent = context.clause is not None and context.clause.urgent
        try:
            self.directory.check_standing(caller.party, now=now, urgent=urgent)  # 2
            self._check_room(context)  # 3
            if context.prior is not None:
                return self._repeat(context, context.prior, now)  # 4
            return self._draft(context, self._decide(context, caller, now), now)  # 5, 6
        except MessagesLimited as limited:
            return self._limit(context, limited, now)
        except (TrustError, MessageIdReused, StoreFull) as refused:
            return refused

    def _check_room(self, context: _Context) -> None:
        if context.limited is not None:
            raise context.limited
        if context.message.urgency is not Urgency.RED and self.store.is_nearly_full():
            raise StoreFull("The disk is nearly full, and what room there is waits for red messages.")

    def _limit(self, context: _Context, limited: MessagesLimited, now: datetime) -> MessagesLimited:
        """Flag the sender of a message that a budget turned away, and return why it was."""
        self._observe(context.message, "limited")
        with suppress(MessagesLimited):
            self.limits.refuse(self.store, context.charge, limited, now=now)
        return limited

    def _write(self, drafts: Sequence[_Draft], now: datetime) -> list[QueuedAnswer]:
        """Commit drafts together (7), or where one cannot be written, each by itself."""
        try:
            winners = self.store.write(lambda tx: [each.effect(tx) for each in drafts])
        except (StoreBusy, StoreFull, StoreOutcomeUnknown):
            raise
        except Exception as fault:
            if len(drafts) == 1:
                raise
            if not isinstance(fault, MessagesLimited):
                self.crashed(fault, "batch")
            return [self._write_alone(each, now) for each in drafts]
        return [self._finish(draft, winner, now) for draft, winner in zip(drafts, winners, strict=True)]

    def _write_alone(self, draft: _Draft, now: datetime) -> QueuedAnswer:
        try:
            return self._write((draft,), now)[0]
        except MessagesLimited as limited:
            return self._limit(draft.context, limited, now)
        except (StoreBusy, StoreFull, StoreOutcomeUnknown):
            raise
        except Exception as fault:  # noqa: BLE001 - the administrator is told, and no other message is refused for it
            self.crashed(fault, "batch")
            return fault

    def _finish(self, draft: _Draft, winner: StoredReply | None, now: datetime) -> QueuedAnswer:
        """Return the receipt of a draft that stands, or what the winner of a race for its id was given."""
        if winner is not None:
            try:
                return self._repeat(draft.context, winner, now)
            except MessagesLimited as limited:
                return self._limit(draft.context, limited, now)
            except MessageIdReused as reused:
                return reused
        self._observe(draft.context.message, draft.outcome)
        return draft.receipt

    def _consult(self, tx: Transaction, *, opened_message: OpenedMessage, now: datetime) -> _Context:
        """Read the store, and forget what the service may not be told before anything is digested (A48)."""
        message = opened_message.message
        agreement = self.agreements.find_within(tx, message.agreement, now=now)
        clause = agreement.agreement.clause(message.clause) if agreement is not None else None
        service = self.services.get(message.to_service)
        listed = clause.subject_by_holder.get(message.holder) if clause is not None else None
        authorised = clause is not None and message.holder in clause.location_recipients
        kind = service.kind if service else _NO_KIND
        persons = persons_for_holder(message.persons, kind, listed, with_restricted=authorised)
        charge = self.limits.of_message(message, opened_message.digest, len(opened_message.raw))
        return _Context(
            opened_message=replace(opened_message, message=replace(message, persons=persons)),
            service=service,
            agreement=agreement,
            clause=clause,
            prior=messages.find(tx, issuer=message.iss, message=self._key(message)),
            charge=charge,
            limited=self.limits.check(tx, charge, now=now),
            ended_consents=self.consents.ended(tx, message),
        )

    def _decide(self, context: _Context, caller: PeerCaller, now: datetime) -> Decided:
        service, message = context.service, context.message
        kinds = ServiceKinds(sender=_kind_of(caller, message), recipient=service.kind if service else None)
        case = RequestCase(
            facts=replace(request_facts(message, caller, now), services=kinds, ended_consents=context.ended_consents),
            agreement=context.agreement,
            local=service.policy if service else NOTHING_WITHDRAWN,
            own=self.own,
            now=now,
            kinds=self.kinds,
        )
        return Decided(case=case, decision=case.decide())

    def _draft(self, context: _Context, decided: Decided, now: datetime) -> _Draft:
        permit = decided.decision
        if isinstance(permit, Permit) and context.service is None:
            permit = deny(DenialCode.UNKNOWN_SERVICE)
        acceptance, outcome = self._accept(context, permit, now)  # 6
        message, key = context.message, self._key(context.message)
        hmac_key = self.vault.evidence_hmac_key()
        persons = {each for person in message.persons for each in person_keys(hmac_key, person.subject)}
        leaf = self._leaf(context, outcome, now)
        received = inbound_evidence.question_entry(leaf, context.opened_message, sorted(persons), self.vault, decided)
        refusal = decided.refusal(permit) if isinstance(permit, Denial) else None
        receipt = self._sign(context, refusal, evidence=digest(received.leaf), now=now)
        receipt_entry = recorder.build_entry(inbound_evidence.answer_leaf(leaf, receipt))
        sealed = seal(self.vault.seal_key(), receipt, _seal_context(message.iss, key))

        def effect(tx: Transaction) -> StoredReply | None:
            prior = messages.claim(
                tx,
                issuer=message.iss,
                message=key,
                digest=context.opened_message.digest,
                sealed_reply=sealed,
                expires=datetime.fromtimestamp(message.exp, UTC) + REMEMBERED_PAST_EXPIRY,
            )
            if prior is None:
                self.limits.charge(tx, context.charge, now=now)
                acceptance(tx)
                recorder.record(tx, received, receipt_entry)
            return prior

        return _Draft(context=context, effect=effect, receipt=receipt, outcome=outcome.outcome)

    def _accept(
        self, context: _Context, permit: Permit | Denial, now: datetime
    ) -> tuple[Callable[[Transaction], None], ServiceAnswer]:
        if isinstance(permit, Denial) or context.service is None:
            refusal = permit.refusal if isinstance(permit, Denial) else deny(DenialCode.UNKNOWN_SERVICE).refusal
            return _nothing, ServiceAnswer(body={}, outcome="refused", reasons=(refusal.code,))
        accepted: Acceptance = self.accept(permit, context.service, context.opened_message, now)
        outcome = ServiceAnswer(
            body={}, outcome=str(ReceiptState.STORED), fields=accepted.fields, dropped=permit.query.dropped
        )
        return accepted.effect, outcome

    def _sign(self, context: _Context, reason: Refusal | None, *, evidence: str, now: datetime) -> bytes:
        signer = ReceiptSigner(own=self.own, vault=self.vault, directory=self.directory)
        state = ReceiptState.STORED if reason is None else ReceiptState.FAILED
        subject = ReceiptSubject(
            sender=context.message.iss,
            request=context.opened_message.ref,
            from_service=context.message.from_service,
            to_service=context.message.to_service,
        )
        draft = signer.draft(subject, state, seq=1, now=now)
        return signer.sign(replace(draft, reason=reason, evidence={"leaf": evidence}))

    def _repeat(self, context: _Context, prior: StoredReply, now: datetime) -> bytes:
        """Return the original receipt for these very bytes. Raises :class:`MessageIdReused` for others."""
        message, key = context.message, self._key(context.message)
        if prior.digest != context.opened_message.digest or prior.sealed_reply is None:
            conflict = ServiceAnswer(body={}, outcome=inbound_evidence.ID_REUSED)
            inbound_evidence.record_conflict(self.store, self._leaf(context, conflict, now), self._charge(context, now))
            self._observe(message, inbound_evidence.ID_REUSED)
            raise MessageIdReused
        original = open_own(self.vault.seal_key(), prior.sealed_reply, _seal_context(message.iss, key))
        original = with_current_key(original, self.vault)
        repeated = ServiceAnswer(body={}, outcome=inbound_evidence.REPEATED)
        again, charge = self._leaf(context, repeated, now), self._charge(context, now)
        inbound_evidence.record_again(self.store, again, original, withheld=False, charge=charge)
        self._observe(message, inbound_evidence.REPEATED, replayed=True)
        return original

    def _charge(self, context: _Context, now: datetime) -> Charge:
        return lambda tx: self.limits.charge(tx, context.charge, now=now)

    def _leaf(self, context: _Context, outcome: ServiceAnswer, now: datetime) -> Leaf:
        return inbound_evidence.received_leaf(context.opened_message, outcome, None, self._key(context.message), now)

    def _key(self, message: Message) -> str:
        return message_key(self.vault.evidence_hmac_key(), message.iss, message.jti)

    def _observe(self, message: Message, outcome: str, *, replayed: bool = False) -> None:
        self.observe(
            InboundMessageEvent(
                peer=message.iss,
                service=message.to_service if message.to_service in self.services else "unknown",
                kind=message.kind,
                outcome=outcome,
                replayed=replayed,
            )
        )


def _kind_of(caller: PeerCaller, message: Message) -> str | None:
    """Return the kind of the sending service as the sender's superior vouches for it."""
    services = caller.party.node.services if caller.party.node is not None else ()
    return next((each.kind for each in services if each.slug == message.from_service), None)


def _nothing(_tx: Transaction) -> None:
    """Store nothing of a message that was refused; its claim and its evidence stand."""


def _seal_context(issuer: str, key: str) -> bytes:
    """Bind a sealed receipt to its message, so that rows cannot be swapped in the store."""
    return f"receipt {issuer} {key}".encode()
