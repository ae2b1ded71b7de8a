"""A question to another service, step by step: the mirror image of the inbound line.

1. our own policy first: a holder without the trust marks that the agreement demands is not asked, nothing is asked for
that the clause does not give this role, a clause that rests on consent needs a record of it, and the person is cut down
to what this holder may be told; a refusal leaves a leaf too; 2. build and sign;
3. record that it leaves; 4. deliver; 5. verify the answer against the request's own bytes; 6. read it as its kind, and
drop what the clause does not permit; 7. record it, with its effect.

What comes back is always one :class:`Outcome`: silence, slowness and lies cost their own line and nothing else. Which
clause to ask under was decided before, by :mod:`trust.agreements.choice`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from hmac import digest as hmac_digest
from secrets import token_urlsafe

from gateway.accountability.access_record import seal_message
from gateway.agreements.registry import detail_for
from gateway.evidence import recorder
from gateway.exchange.outbound_evidence import QuestionRecord, fields_read
from gateway.key_refresh import verify_with_key_refresh
from gateway.ports import Clock, KeyVault, PeerClient, PeerRefused, Store, Transaction, TransportError, TrustResolver
from gateway.store.tables import lookup_messages
from trust import base64url, strict_json
from trust.agreements.choice import Choice, check_requested_fields
from trust.agreements.clause import Onward
from trust.agreements.consent import deny_consent
from trust.agreements.required_marks import deny_missing, missing_marks
from trust.claims import digest
from trust.errors import TrustError
from trust.evidence.leaf import Leaf
from trust.exchange import eligibility, involvement
from trust.exchange.consent import ConsentRecord
from trust.exchange.errors import FieldsNotPermitted, MalformedBody, SubjectTooVague
from trust.exchange.involvement import InvolvementStatus
from trust.exchange.kinds import QUERY_LIFE, dropped_of_reply
from trust.exchange.message import Message, Practitioner, RequestRef, build_message
from trust.exchange.person import Subject, enough_to_go_on, for_holder, would_settle
from trust.exchange.refusal import Refusal, is_refusal, parse_refusal_body
from trust.exchange.reply import Reply, open_reply
from trust.federation.chain import TrustedEntity
from trust.federation.node_metadata import ServiceEntry
from trust.federation.trust_mark import valid_types
from trust.identifiers import EntityId, KindName, RoleCode, ServiceSlug
from trust.keys import KeyUse
from trust.oauth.authorization_details import AuthorizationDetail
from trust.strict_json import JsonObject

SILENT = "It did not answer in time."
UNVERIFIED = "It answered, but the answer did not verify, so it counts as no answer."
UNTRUSTED = "No trust anchor vouches for it at present, so it was not asked."
NOT_NOW = "Its node could not take the question."
ASKS_ONLY = "The service has no case system that could be asked: it only asks. Ring its duty line."
SOURCE_CODES = frozenset({"source_unavailable", "source_unreadable"})
"""Refusals that are silence: the service's own case system did not say anything."""
_SERVER_ERROR = 500


class Status(StrEnum):
    """How a question ended."""

    ANSWERED = "answered"
    REFUSED = "refused"
    NO_REPLY = "no_reply"


Reading = involvement.InvolvementReply | eligibility.EligibilityAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """The practitioner, as this agency knows them. ``id`` and ``client`` never leave the node.

    ``client`` is the case system whose own name ``id`` is; none for a person who signed in, whose name is no client's.
    """

    id: str
    client: str | None
    role: RoleCode
    org_unit: str
    call_back: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question to one service. ``correlation`` ties together all questions of one lookup.

    ``consent`` is sent only where the clause rests on the person's consent.

    ``trace`` is that of the request behind it; neither leaves the node.
    """

    choice: Choice
    from_service: ServiceSlug
    asker: Asker
    subject: Subject
    body: JsonObject
    correlation: str
    trace: str
    consent: ConsentRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one question ended; ``reading`` is there for an answer, ``reason`` for everything else.

    ``entry`` is how the holder's own metadata describes the service, where it could be read; ``dropped`` names the
    members of its answer that nothing here reads; ``settle`` names what the question left out, where a human
    there must decide whether it is the same person.
    """

    status: Status
    reading: Reading | None = None
    reason: str | None = None
    code: str = "answered"
    entry: ServiceEntry | None = None
    dropped: tuple[str, ...] = ()
    settle: tuple[str, ...] = ()


WITHDRAWN = Outcome(status=Status.NO_REPLY, reason="Its node no longer offers this service.", code="withdrawn")

Keep = Callable[[Transaction, Outcome], None]
"""Store an outcome's effect in the transaction that records it."""
Local = Callable[[bytes, AuthorizationDetail, datetime], bytes]
"""Hand a message to this node's own inbound line, as its own services ask each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """Ask other services, those of this node included: the same message, the same decision, without a network."""

    own: EntityId
    directory: TrustResolver
    vault: KeyVault
    store: Store
    peers: PeerClient
    local: Local
    clock: Clock

    def ask(self, question: Question, *, keep: Keep, timeout_s: float) -> Outcome:
        """Ask one service and return how it ended, recorded together with ``keep``'s effect.

        Raises the store's ``StoreFull`` and ``StoreBusy``: nothing leaves unrecorded, and no answer is shown that is.
        """
        now = self.clock.now()
        holder = question.choice.holder
        try:
            peer = self.directory.resolve(holder.entity, now=now, urgent=question.choice.clause.urgent)
        except TrustError:
            untrusted = Outcome(status=Status.NO_REPLY, reason=UNTRUSTED, code="untrusted")
            return self._unsent(question, untrusted, keep, now)
        entry = _entry(peer, holder.service)
        if entry is None:
            return self._unsent(question, WITHDRAWN, keep, now)
        told = _told(question, entry)
        refusal = _unfit(question, told, peer, entry, now)  # 1
        if refusal is not None:
            return self._unsent(question, refusal, keep, now)
        message = self._message(question, told, now)
        raw = build_message(message, self.vault.signer(KeyUse.MESSAGE))  # 2
        leaf = self._record.sent(message, question.subject, raw, now)
        sent = _Sent(message=message, raw=raw, leaf=leaf, peer=peer, entry=entry, question=question)
        self._keep_sent(sent)  # 3
        return self._exchange(sent, keep, timeout_s)

    @property
    def _record(self) -> QuestionRecord:
        return QuestionRecord(own=self.own, vault=self.vault)

    def _keep_sent(self, sent: "_Sent") -> None:
        question, leaf = sent.question, sent.leaf
        entry = recorder.build_entry(leaf, self._record.keys(question.correlation, question.subject))
        message = str(leaf.message_id)
        told: JsonObject = {"jti": sent.message.jti, "digest": leaf.message_digest, "holder": sent.message.aud}
        sealed = seal_message(self.vault.seal_key(), message, question.correlation, told)

        def effect(tx: Transaction) -> None:
            recorder.record(tx, entry)
            lookup_messages.put(tx, message=message, lookup_id=question.correlation, sealed=sealed)

        self.store.write(effect)

    def _exchange(self, sent: "_Sent", keep: Keep, timeout_s: float) -> Outcome:
        answered: bytes | None = None
        try:
            answered = self._deliver(sent, timeout_s)  # 4
            outcome = self._read(sent, answered)  # 5, 6
        except TransportError:
            outcome = Outcome(status=Status.NO_REPLY, reason=SILENT, code="silent", entry=sent.entry)
        except PeerRefused as refused:
            outcome = _refused_unopened(refused, sent.entry)
        except TrustError as lie:
            outcome = Outcome(status=Status.NO_REPLY, reason=UNVERIFIED, code=lie.code, entry=sent.entry)
        leaf = None if answered is None else recorder.build_entry(self._received(sent, answered, outcome))

        def effect(tx: Transaction) -> None:  # 7
            if leaf is not None:
                recorder.record(tx, leaf)
            keep(tx, outcome)

        self.store.write(effect)
        return outcome

    def _deliver(self, sent: "_Sent", timeout_s: float) -> bytes:
        message = sent.message
        detail = detail_for(message.agreement, message.purpose, message.kind)
        if message.aud == self.own:
            return self.local(sent.raw, detail, self.clock.now())
        return self.peers.send_message(
            sent.peer, sent.raw, detail=detail, timeout_s=timeout_s, trace=sent.question.trace
        )

    def _read(self, sent: "_Sent", answered: bytes) -> Outcome:
        now = self.clock.now()
        reply = verify_with_key_refresh(
            sent.peer, answered, lambda peer: self._opened(sent, answered, peer, now), directory=self.directory, now=now
        )
        self.directory.note_suspensions(reply.iss, reply.suspensions, now=now)
        if is_refusal(reply.body):
            return _refused(parse_refusal_body(reply.body), sent.entry)
        reading = _reading(reply.kind, reply.body, sent.question.choice, today=now.astimezone(UTC).date())
        return Outcome(
            status=Status.ANSWERED,
            reading=reading,
            entry=sent.entry,
            dropped=dropped_of_reply(reply.kind, reply.body),
            settle=_settling(sent, reading),
        )

    def _opened(self, sent: "_Sent", answered: bytes, peer: TrustedEntity, now: datetime) -> Reply:
        if peer.node is None:
            raise MalformedBody(())
        return open_reply(
            answered,
            holder_keys=peer.node.message_keys,
            own_id=self.own,
            sent=RequestRef(jti=sent.message.jti, digest=digest(sent.raw)),
            message=sent.message,
            now=now,
        )

    def _received(self, sent: "_Sent", answered: bytes, outcome: Outcome) -> Leaf:
        return self._record.received(
            sent.leaf,
            answered,
            outcome=outcome.code,
            fields=fields_read(outcome.reading),
            dropped=outcome.dropped,
            at=self.clock.now(),
        )

    def _unsent(self, question: Question, outcome: Outcome, keep: Keep, now: datetime) -> Outcome:
        """Record what this node refuses to send, together with ``keep``'s effect. Its holder was told nothing."""
        refused = self._record.refused(self._message(question, question.subject, now), outcome.code, now)
        leaf = recorder.build_entry(refused, self._record.keys(question.correlation, question.subject))

        def effect(tx: Transaction) -> None:
            recorder.record(tx, leaf)
            keep(tx, outcome)

        self.store.write(effect)
        return outcome

    def _message(self, question: Question, subject: Subject, now: datetime) -> Message:
        choice, issued = question.choice, int(now.timestamp())
        return Message(
            iss=self.own,
            aud=choice.holder.entity,
            iat=issued,
            exp=issued + int(QUERY_LIFE.total_seconds()),
            jti=token_urlsafe(16),
            kind=choice.clause.kind,
            version=choice.clause.version,
            agreement=choice.agreement,
            clause=choice.clause.id,
            purpose=choice.clause.purpose,
            basis=choice.clause.basis,
            from_service=question.from_service,
            to_service=choice.holder.service,
            practitioner=Practitioner(
                sub=pseudonym(
                    self.vault.pseudonym_key(), question.asker.id, choice.holder.entity, client=question.asker.client
                ),
                role=question.asker.role,
                org_unit=question.asker.org_unit,
                call_back=question.asker.call_back,
            ),
            subject=subject,
            body=question.body,
            consent=question.consent if choice.clause.consent_roles else None,
            # another name for each holder, as the practitioner has: two holders cannot join their questions by it
            correlation=pseudonym(self.vault.pseudonym_key(), question.correlation, choice.holder.entity),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    message: Message
    raw: bytes
    leaf: Leaf
    peer: TrustedEntity
    entry: ServiceEntry
    question: Question


def pseudonym(key: bytes, practitioner_id: str, holder: EntityId, *, client: str | None = None) -> str:
    """Return the name by which one holder knows one practitioner: always the same, and useless to any other holder.

    HMAC-SHA-256 over the holder and the agency's own identifier, so two holders cannot compare notes (WIRE section 4).
    ``client`` is the case system whose identifier it is: two of them may give one name to two people.
    """
    own = practitioner_id if client is None else strict_json.dumps([client, practitioner_id]).decode()
    told = f"{holder}\n{own}".encode()
    return base64url.encode(hmac_digest(key, told, sha256)).decode("ascii")


def _unfit(
    question: Question, told: Subject, peer: TrustedEntity, entry: ServiceEntry, now: datetime
) -> Outcome | None:
    """Return why our own policy does not let this holder be asked, or none where it does.

    ``told`` is what is left of the person once cut to what this holder may be told: it must be enough (assertion A48).
    """
    if entry.asks_only:
        return Outcome(status=Status.REFUSED, reason=ASKS_ONLY, code="not_offered", entry=entry)
    choice = question.choice
    missing = missing_marks(choice, valid_types(peer.marks, now=now))
    denial = deny_missing(choice.holder.entity, missing) if missing else None
    denial = denial or deny_consent(choice.clause.consent_roles, question.consent, now)
    if denial is not None:
        return _refused(denial.refusal, entry)
    try:
        check_requested_fields(choice.clause, question.asker.role, question.body.get("fields", ()))
        enough_to_go_on(told)
    except (FieldsNotPermitted, SubjectTooVague) as refused:
        return Outcome(status=Status.REFUSED, reason=refused.detail, code=refused.code, entry=entry)
    return None


def _told(question: Question, entry: ServiceEntry) -> Subject:
    """Return the person as this holder may be told of them (assertion A48)."""
    clause, holder = question.choice.clause, question.choice.holder
    return for_holder(question.subject, entry.kind, clause.subject_by_holder.get(holder))


def _settling(sent: "_Sent", reading: Reading) -> tuple[str, ...]:
    """Return what the question left out that would settle a doubt, read off the question alone."""
    if not isinstance(reading, involvement.InvolvementReply) or reading.status is not InvolvementStatus.REVIEW:
        return ()
    choice = sent.question.choice
    listed = choice.clause.subject_by_holder.get(choice.holder)
    return would_settle(sent.question.subject, sent.entry.kind, listed)


def _reading(kind: KindName, body: JsonObject, choice: Choice, *, today: date) -> Reading:
    """Read an answer, drop the fields that a holder should not have sent, and hold its terms to the clause's.

    A holder may bind us more closely than the clause does, never less: the agreement is what this agency signed.
    """
    if kind != involvement.KIND:
        return eligibility.parse_reply_body(body)
    reply, clause = involvement.parse_reply_body(body), choice.clause
    cut = ({name: text for name, text in each.items() if name in choice.fields} for each in reply.involvements)
    return replace(
        reply,
        involvements=tuple(cut),
        as_of=min(reply.as_of, today),
        keep_until=min(reply.keep_until, today + timedelta(days=clause.keep_days)),
        onward=str(Onward.NONE if reply.onward == Onward.NONE else clause.onward),
    )


def _entry(peer: TrustedEntity, slug: ServiceSlug) -> ServiceEntry | None:
    services = peer.node.services if peer.node else ()
    return next((entry for entry in services if entry.slug == slug), None)


def _refused(refusal: Refusal, entry: ServiceEntry) -> Outcome:
    status = Status.NO_REPLY if refusal.code in SOURCE_CODES else Status.REFUSED
    return Outcome(status=status, reason=f"{refusal.reason} {refusal.remedy}", code=refusal.code, entry=entry)


def _refused_unopened(refused: PeerRefused, entry: ServiceEntry) -> Outcome:
    """Word a refusal made before the message was opened: no agreement or no standing there, or no capacity."""
    if refused.status >= _SERVER_ERROR:
        return Outcome(status=Status.NO_REPLY, reason=NOT_NOW, code=refused.code, entry=entry)
    reason = f"Its node would not take the question ({refused.code}). Ask the administrators of both nodes."
    if refused.code == "invalid_authorization_details":
        reason = "Its node holds no agreement in force that lets this service ask for this purpose."
    return Outcome(status=Status.REFUSED, reason=reason, code=refused.code, entry=entry)
