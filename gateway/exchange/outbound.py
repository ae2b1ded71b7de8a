"""Path of our own query to another service, the mirror image of the inbound path; the numbers stand again in the code.

1. Hide a restricted place from the holder (:mod:`trust.agreements.location`). Apply our own policy: the holder has the
   trust marks that the agreement demands, the clause gives this role what is wanted, a clause that rests on consent has
   a record of it, and the person, cut to what this holder may be told, is described well enough. A refusal leaves a
   leaf too.
2. Build and sign the message.
3. Record that it leaves, unless the consent that it shows has ended meanwhile (A45).
4. Deliver it.
5. Verify the reply against the request's own bytes.
6. Read it as its kind, and drop what the clause does not permit.
7. Record it, with its effect.

Every query ends in one :class:`QueryOutcome`: a holder that is silent, slow or lying costs its own answer and no other.
The clause was selected before, by :mod:`trust.agreements.clause_selection`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from hmac import digest as hmac_digest
from secrets import token_urlsafe

from gateway.accountability.access_record import seal_message
from gateway.agreements.registry import detail_for
from gateway.callers import Practitioner
from gateway.evidence import recorder
from gateway.exchange.case_question import CaseQuestion
from gateway.exchange.consent_checks import ConsentChecks, ConsentEnded
from gateway.exchange.outbound_evidence import QuestionRecord
from gateway.exchange.peer_maintenance import MAINTENANCE, away_now
from gateway.key_refresh import verify_with_key_refresh
from gateway.ports import Clock, KeyVault, PeerClient, PeerRefused, Store, Transaction, TransportError, TrustResolver
from gateway.restrictions.places import PlaceFinding
from gateway.store.tables import lookup_messages
from trust import base64url, strict_json
from trust.agreements.clause_selection import SelectedClause, check_requested_fields
from trust.agreements.comparison import explain_difference, selected_inputs
from trust.agreements.consent import deny_consent
from trust.agreements.denial import Denial, DenialCode, deny
from trust.agreements.location import RestrictedPlace, protect_practitioner, rule_on_location, without_place
from trust.agreements.required_marks import deny_missing, missing_marks
from trust.claims import digest, to_seconds
from trust.errors import TrustError
from trust.evidence.leaf import Leaf
from trust.exchange.errors import FieldsNotPermitted, MalformedBody, SubjectTooVague
from trust.exchange.kind import Query, Reading, ReplyTerms
from trust.exchange.kinds import KINDS
from trust.exchange.message import Message, PseudonymousPractitioner, RequestRef, build_message
from trust.exchange.person import Subject, enough_to_go_on, for_holder, would_settle
from trust.exchange.refusal import Refusal, is_refusal, parse_refusal_body
from trust.exchange.reply import Reply, open_reply
from trust.federation.chain import TrustedEntity
from trust.federation.node_metadata import ServiceEntry
from trust.federation.trust_mark import valid_types
from trust.identifiers import EntityId, ServiceRef, ServiceSlug
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


class QueryStatus(StrEnum):
    """How a query ended."""

    ANSWERED = "answered"
    REFUSED = "refused"
    NO_REPLY = "no_reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerQuery:
    """One question as one service is asked it.

    ``query`` may want less than the question's own, where the clause gives less. ``correlation`` ties together all
    queries of one question; it never leaves the node.
    """

    selected: SelectedClause
    question: CaseQuestion
    query: Query
    correlation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryOutcome:
    """How one query ended; ``reading`` is set for an answer, ``reason`` for everything else.

    ``entry`` is how the holder's own metadata describes the service, where it could be read; ``dropped`` names the
    members of its answer that nothing here reads; ``settle`` names what the query left out, where a human there must
    decide whether it is the same person.
    """

    status: QueryStatus
    reading: Reading | None = None
    reason: str | None = None
    code: str = "answered"
    entry: ServiceEntry | None = None
    dropped: tuple[str, ...] = ()
    settle: tuple[str, ...] = ()


WITHDRAWN = QueryOutcome(
    status=QueryStatus.NO_REPLY, reason="Its node no longer offers this service.", code="withdrawn"
)

StoreEffect = Callable[[Transaction, QueryOutcome], None]
"""Store an outcome's effect in the transaction that records it."""
AskOwnNode = Callable[[bytes, AuthorizationDetail, datetime], bytes]
"""Hand a message to this node's own inbound path, as its own services ask each other."""
FindPlace = Callable[[CaseQuestion, ServiceRef, datetime], PlaceFinding | None]
"""Find what restricts the place of the person of a question for a holder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """Ask other services, those of this node included: the same message, the same decision, without a network."""

    own: EntityId
    directory: TrustResolver
    vault: KeyVault
    store: Store
    peers: PeerClient
    ask_own_node: AskOwnNode
    consents: ConsentChecks
    clock: Clock
    find_place: FindPlace

    def ask(self, query: PeerQuery, *, effect: StoreEffect, timeout_s: float) -> QueryOutcome:
        """Ask one service and return how it ended, recorded together with ``effect``.

        Raises the store's ``StoreFull`` and ``StoreBusy``: nothing leaves unrecorded, and no answer is shown that is.
        """
        now, holder = self.clock.now(), query.selected.holder
        try:
            peer = self.directory.resolve(holder.entity, now=now, urgent=query.selected.clause.urgent)
        except TrustError:
            untrusted = QueryOutcome(status=QueryStatus.NO_REPLY, reason=UNTRUSTED, code="untrusted")
            return self._refuse(query, untrusted, effect, now)
        entry = _entry(peer, holder.service)
        if entry is None:
            return self._refuse(query, WITHDRAWN, effect, now)
        place = self._hidden_place(query, now)
        subject = _subject_for_holder(query, entry, place)
        refusal = _apply_policy(query, subject, peer, entry, now)  # 1
        if refusal is not None:
            return self._refuse(query, refusal, effect, now)
        message = self._message(query, subject, now)
        if place is not None:
            message = replace(message, practitioner=protect_practitioner(message.practitioner, place))
        raw = build_message(message, self.vault.signer(KeyUse.MESSAGE))  # 2
        leaf = self._record.sent_leaf(message, query.question.subject, raw, now)
        sent = _Sent(message=message, raw=raw, leaf=leaf, peer=peer, entry=entry, query=query)
        try:
            self._record_sent(sent, now)  # 3
        except ConsentEnded:
            denial = deny(DenialCode.CONSENT_WITHDRAWN)
            return self._refuse(query, _refusal_outcome(denial.refusal, entry), effect, now)
        return self._exchange(sent, effect, timeout_s)

    def _hidden_place(self, query: PeerQuery, now: datetime) -> RestrictedPlace | None:
        """Return what the holder may not learn of where the person lives; none where nothing is restricted for it."""
        question, holder = query.question, query.selected.holder
        finding = self.find_place(question, holder, now)
        if finding is None:
            return None
        ruling = rule_on_location(finding.restriction, query.selected.clause, holder)
        return finding.place if ruling.hides else None

    @property
    def _record(self) -> QuestionRecord:
        return QuestionRecord(own=self.own, vault=self.vault)

    def _record_sent(self, sent: "_Sent", now: datetime) -> None:
        """Record it. Raises :class:`ConsentEnded`; nothing is recorded then."""
        query, leaf = sent.query, sent.leaf
        entry = recorder.build_entry(leaf, self._record.keys(query.correlation, query.question.subject))
        message = str(leaf.message_id)
        original: JsonObject = {"jti": sent.message.jti, "digest": leaf.message_digest, "holder": sent.message.aud}
        sealed = seal_message(self.vault.seal_key(), message, query.correlation, original)

        def effect(tx: Transaction) -> None:
            if sent.message.consent is not None:
                if self.consents.ended(tx, sent.message):
                    raise ConsentEnded
                self.consents.note_use(tx, sent.message, now)
            recorder.record(tx, entry)
            lookup_messages.put(tx, message=message, lookup_id=query.correlation, sealed=sealed)

        self.store.write(effect)

    def _exchange(self, sent: "_Sent", effect: StoreEffect, timeout_s: float) -> QueryOutcome:
        raw: bytes | None = None
        try:
            raw = self._deliver(sent, timeout_s)  # 4
            outcome = self._read(sent, raw)  # 5, 6
        except TransportError:
            outcome = self._away(sent) or QueryOutcome(
                status=QueryStatus.NO_REPLY, reason=SILENT, code="silent", entry=sent.entry
            )
        except PeerRefused as error:
            away = self._away(sent) if error.status >= _SERVER_ERROR else None
            outcome = away or _refused_unopened(error, sent.entry)
        except TrustError as lie:
            outcome = QueryOutcome(status=QueryStatus.NO_REPLY, reason=UNVERIFIED, code=lie.code, entry=sent.entry)
        leaf = None if raw is None else recorder.build_entry(self._received(sent, raw, outcome))

        def record(tx: Transaction) -> None:  # 7
            if leaf is not None:
                recorder.record(tx, leaf)
            effect(tx, outcome)

        self.store.write(record)
        return outcome

    def _away(self, message: "_Sent") -> QueryOutcome | None:
        """Return that a node which does not answer said so before, where it did."""
        away = away_now(message.peer.node, self.clock.now())
        if away is None:
            return None
        reason = f"Its node is {away}."
        return QueryOutcome(status=QueryStatus.NO_REPLY, reason=reason, code=MAINTENANCE, entry=message.entry)

    def _deliver(self, sent: "_Sent", timeout_s: float) -> bytes:
        message = sent.message
        detail = detail_for(message.agreement, message.purpose, message.kind)
        if message.aud == self.own:
            return self.ask_own_node(sent.raw, detail, self.clock.now())
        trace = sent.query.question.trace
        return self.peers.send_message(sent.peer, sent.raw, detail=detail, timeout_s=timeout_s, trace=trace)

    def _read(self, sent: "_Sent", raw: bytes) -> QueryOutcome:
        now, query = self.clock.now(), sent.query
        reply = verify_with_key_refresh(
            sent.peer, raw, lambda peer: self._open(sent, raw, peer, now), directory=self.directory, now=now
        )
        self.directory.note_suspensions(reply.iss, reply.suspensions, now=now)
        if is_refusal(reply.body):
            refusal = parse_refusal_body(reply.body)
            return _refusal_outcome(refusal, sent.entry, self._difference(query.selected, refusal, now))
        kind, selected = query.question.kind, query.selected
        terms = _terms(selected, now)
        reading = kind.parse_reply(reply.body).limited_to(selected.fields, terms)
        return QueryOutcome(
            status=QueryStatus.ANSWERED,
            reading=reading,
            entry=sent.entry,
            dropped=kind.unread_members(reply.body),
            settle=_missing_members(sent) if reading.in_doubt else (),
        )

    def _difference(self, selected: SelectedClause, refusal: Refusal, now: datetime) -> str | None:
        """Return the first input on which the holder decided and this node, which permitted the query, would not."""
        if not refusal.inputs:
            return None
        try:
            marks = valid_types(self.directory.resolve(self.own, now=now).marks, now=now)
        except TrustError:
            marks = frozenset()
        own = selected_inputs(selected, marks=marks, now=now, kinds=KINDS)
        return explain_difference(own, refusal.inputs)

    def _open(self, sent: "_Sent", raw: bytes, peer: TrustedEntity, now: datetime) -> Reply:
        if peer.node is None:
            raise MalformedBody(())
        return open_reply(
            raw,
            holder_keys=peer.node.message_keys,
            own_id=self.own,
            sent=RequestRef(jti=sent.message.jti, digest=digest(sent.raw)),
            message=sent.message,
            now=now,
        )

    def _received(self, sent: "_Sent", raw: bytes, outcome: QueryOutcome) -> Leaf:
        return self._record.received_leaf(
            sent.leaf,
            raw,
            outcome=outcome.code,
            fields=tuple(sorted(outcome.reading.fields)) if outcome.reading else (),
            dropped=outcome.dropped,
            at=self.clock.now(),
        )

    def _refuse(self, query: PeerQuery, outcome: QueryOutcome, effect: StoreEffect, now: datetime) -> QueryOutcome:
        """Record what this node refuses to send, together with ``effect``. Its holder was told nothing."""
        subject, spec = query.question.subject, query.question.spec(self.own)
        leaf = self._record.refused_leaf(self._message(query, subject, now), outcome.code, now)
        denial = Denial(code=outcome.code, reason=outcome.reason or "", remedy="")
        spec = replace(spec, holders=frozenset({query.selected.holder}))
        entry = self._record.refused_entry(leaf, self._record.keys(query.correlation, subject), spec, denial)

        def record(tx: Transaction) -> None:
            recorder.record(tx, entry)
            effect(tx, outcome)

        self.store.write(record)
        return outcome

    def _message(self, query: PeerQuery, subject: Subject, now: datetime) -> Message:
        question, issued = query.question, to_seconds(now)
        clause, holder = query.selected.clause, query.selected.holder
        return Message(
            iss=self.own,
            aud=holder.entity,
            iat=issued,
            exp=issued + int(question.kind.max_life.total_seconds()),
            jti=token_urlsafe(16),
            kind=clause.kind,
            version=clause.version,
            agreement=query.selected.agreement,
            clause=clause.id,
            purpose=clause.purpose,
            basis=clause.basis,
            from_service=question.from_service,
            to_service=holder.service,
            practitioner=replace(
                self._pseudonymise(question.practitioner, holder.entity),
                break_glass=None if question.emergency is None else question.emergency.code,
            ),
            subject=subject,
            body=query.query.to_body(),
            consent=question.consent if clause.consent_roles else None,
            # another name for each holder, as the practitioner has: two holders cannot join their questions by it
            correlation=pseudonym(self.vault.pseudonym_key(), query.correlation, holder.entity),
        )

    def _pseudonymise(self, practitioner: Practitioner, holder: EntityId) -> PseudonymousPractitioner:
        return PseudonymousPractitioner(
            sub=pseudonym(self.vault.pseudonym_key(), practitioner.id, holder, client=practitioner.client),
            role=practitioner.role,
            org_unit=practitioner.org_unit,
            call_back=practitioner.call_back,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    message: Message
    raw: bytes
    leaf: Leaf
    peer: TrustedEntity
    entry: ServiceEntry
    query: PeerQuery


def pseudonym(key: bytes, practitioner_id: str, holder: EntityId, *, client: str | None = None) -> str:
    """Return the name by which one holder knows one practitioner: always the same, and useless to any other holder.

    HMAC-SHA-256 over the holder and the agency's own identifier, so two holders cannot compare notes (WIRE section 4).
    ``client`` is the case system whose identifier it is: two of them may give one name to two people.
    """
    own = practitioner_id if client is None else strict_json.dumps([client, practitioner_id]).decode()
    return base64url.encode(hmac_digest(key, f"{holder}\n{own}".encode(), sha256)).decode("ascii")


def _apply_policy(
    query: PeerQuery, subject: Subject, peer: TrustedEntity, entry: ServiceEntry, now: datetime
) -> QueryOutcome | None:
    """Return why our own policy does not let this holder be asked, or none where it does.

    ``subject`` is what this holder may be told of the person: it must be enough (assertion A48).
    """
    if entry.asks_only:
        return QueryOutcome(status=QueryStatus.REFUSED, reason=ASKS_ONLY, code="not_offered", entry=entry)
    selected, question = query.selected, query.question
    missing = missing_marks(selected.holder_marks, valid_types(peer.marks, now=now))
    denial = deny_missing(selected.holder.entity, missing) if missing else None
    denial = denial or deny_consent(selected.clause.consent_roles, question.consent, now)
    if denial is not None:
        return _refusal_outcome(denial.refusal, entry)
    try:
        check_requested_fields(selected.clause, question.practitioner.role, query.query.fields or ())
        enough_to_go_on(subject)
    except (FieldsNotPermitted, SubjectTooVague) as error:
        return QueryOutcome(status=QueryStatus.REFUSED, reason=error.detail, code=error.code, entry=entry)
    return None


def _listed_members(query: PeerQuery) -> frozenset[str] | None:
    return query.selected.clause.subject_by_holder.get(query.selected.holder)


def _subject_for_holder(query: PeerQuery, entry: ServiceEntry, place: RestrictedPlace | None) -> Subject:
    """Return the person as this holder may be told of them (assertions A47, A48); ``place`` is hidden from it."""
    subject = query.question.subject if place is None else without_place(query.question.subject)
    return for_holder(subject, entry.kind, _listed_members(query), with_restricted=place is None)


def _missing_members(sent: _Sent) -> tuple[str, ...]:
    """Return what the query left out that would settle a doubt, read off the question alone."""
    return would_settle(sent.query.question.subject, sent.entry.kind, _listed_members(sent.query))


def _terms(selected: SelectedClause, now: datetime) -> ReplyTerms:
    today = now.astimezone(UTC).date()
    keep_until = today + timedelta(days=selected.clause.keep_days)
    return ReplyTerms(answered_on=today, keep_until=keep_until, onward=str(selected.clause.onward))


def _entry(peer: TrustedEntity, slug: ServiceSlug) -> ServiceEntry | None:
    services = peer.node.services if peer.node else ()
    return next((entry for entry in services if entry.slug == slug), None)


def _refusal_outcome(refusal: Refusal, entry: ServiceEntry, difference: str | None = None) -> QueryOutcome:
    status = QueryStatus.NO_REPLY if refusal.code in SOURCE_CODES else QueryStatus.REFUSED
    reason = " ".join(each for each in (refusal.reason, refusal.remedy, difference) if each)
    return QueryOutcome(status=status, reason=reason, code=refusal.code, entry=entry)


def _refused_unopened(refusal: PeerRefused, entry: ServiceEntry) -> QueryOutcome:
    """Word a refusal made before the message was opened: no agreement or no standing there, or no capacity."""
    if refusal.status >= _SERVER_ERROR:
        return QueryOutcome(status=QueryStatus.NO_REPLY, reason=NOT_NOW, code=refusal.code, entry=entry)
    reason = f"Its node would not take the question ({refusal.code}). Ask the administrators of both nodes."
    if refusal.code == "invalid_authorization_details":
        reason = "Its node holds no agreement in force that lets this service ask for this purpose."
    return QueryOutcome(status=QueryStatus.REFUSED, reason=reason, code=refusal.code, entry=entry)
