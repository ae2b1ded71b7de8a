"""Compare with each recipient what it has of this node's messages, and answer the same for messages of others.

1. Once a day each recipient is asked about the messages that this node believes delivered. One that does not answer is
   asked again in the next hour.
2. A hole is escalated at both nodes as an unread alert is, also for an amber or green message (assertion A70): a
   message that the recipient does not have, one that its case system lost, and one that no person read and no case
   system proved within a day. What was found again and is lost once more is a new hole.
3. What the recipient does not have, such as after a restore, is sent again with the same bytes while they count.
4. A recipient answers only for messages of the node that asks, and a query is good once.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from secrets import token_urlsafe

from gateway.delivery.outbox import note_missing, open_outgoing, send_again
from gateway.key_refresh import verify_with_message_keys
from gateway.ports import (
    ClaimStore,
    Clock,
    KeyVault,
    PeerRequest,
    Store,
    Transaction,
    Transport,
    TransportError,
    TrustResolver,
)
from gateway.runtime.background import Attempt, Wait, run_rounds
from gateway.store.tables import escalations, flags, inbox, outbox, reconciliations
from gateway.store.tables.delivery_events import DeliverySide
from gateway.store.tables.inbox import CaseState, InboxState
from gateway.store.tables.outbox import OutboxRow, OutboxState, OutboxType
from gateway.store.tables.reconciliations import Reconciliation
from trust.claims import digest, from_seconds, to_seconds
from trust.errors import TrustError, WrongIssuer
from trust.evidence.leaf import message_key
from trust.exchange.envelope import RequestRef
from trust.exchange.escalation import EscalationStep
from trust.exchange.kind import Kinds
from trust.exchange.message import peek_message
from trust.exchange.reconciliation import (
    LIFE,
    MAX_MESSAGES,
    OpenedReconciliation,
    ReconciliationQuery,
    ReconciliationReply,
    Whereabouts,
    build_query,
    build_reply,
    open_query,
    open_reply,
    peek_sender,
)
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse

PATH = "/exchange/v1/reconciliations"
CONTENT_TYPE = "application/jwt"
MESSAGE_MISSING = "message_missing"
"""The flag at a recipient that is asked about a message that it does not have."""
EVERY = timedelta(hours=23)
ASK_AGAIN_S = 3600.0
PROVED_WITHIN = timedelta(days=1)
COMPARED_FOR = timedelta(days=90)
"""How long after it was queued a message is compared."""
_SERVICE = "*"
"""A comparison with all services of a node; the case systems of this node have a record of their own."""
_MAX_REPLY = 65_536
_ASK_S = 10.0
_KEPT_CLAIM = timedelta(seconds=1)
_WHEREABOUTS: Mapping[CaseState, Whereabouts] = {
    CaseState.WAITING: Whereabouts.ACCEPTED,
    CaseState.HANDED_OVER: Whereabouts.ACCEPTED,
    CaseState.IN_CASE_SYSTEM: Whereabouts.HELD,
    CaseState.REJECTED: Whereabouts.REFUSED,
    CaseState.LOST: Whereabouts.LOST,
    CaseState.NOT_WANTED: Whereabouts.CLOSED,
}


class ReconciliationReused(Exception):
    """The query was sent before; a new one is answered."""


@dataclass(slots=True, kw_only=True)
class _Tally:
    """What the recipient of some messages has of them."""

    sent_count: int = 0
    accepted_count: int = 0
    held_count: int = 0
    holes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """Messages of one query, in its order."""

    rows: list[OutboxRow] = field(default_factory=list)
    refs: list[RequestRef] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """Both sides of the comparison. ``may_work`` says whether the node may do anything at present."""

    own: EntityId
    directory: TrustResolver
    vault: KeyVault
    store: Store
    transport: Transport
    clock: Clock
    kinds: Kinds
    attempt: Attempt
    may_work: Callable[[], bool]

    def run(self, wait: Wait) -> None:
        """Compare what is due every hour, until ``wait`` says that it is time to stop."""
        run_rounds(self.attempt, wait, ASK_AGAIN_S, (("reconcile", self._round),))

    def _round(self) -> None:
        now = self.clock.now()
        if self.may_work():
            self.compare(now, unless_since=now - EVERY)

    def compare(self, now: datetime, *, unless_since: datetime | None = None) -> dict[EntityId, Reconciliation | None]:
        """Compare with every recipient, but those compared after ``unless_since``; none stands for no answer."""
        due = [peer for peer in self._peers(now) if unless_since is None or self._last(peer) <= unless_since]
        return {peer: self.attempt("reconcile_peer", partial(self.compare_with, peer, now)) for peer in due}

    def _last(self, peer: EntityId) -> datetime:
        last = self.store.read(lambda tx: reconciliations.get(tx, peer=peer, service=_SERVICE))
        return datetime.min.replace(tzinfo=UTC) if last is None else last.at

    def compare_with(self, peer: EntityId, now: datetime) -> Reconciliation | None:
        """Compare with one recipient, note the result and escalate each hole; return none where it did not answer."""
        tally = _Tally()
        try:
            for batch in self._batches(peer, now):
                self._note(batch, self._ask(peer, batch, now), tally, now)
        except (TransportError, TrustError):
            return None
        result = Reconciliation(
            peer=peer,
            service=_SERVICE,
            at=now,
            sent_count=tally.sent_count,
            accepted_count=tally.accepted_count,
            held_count=tally.held_count,
            holes=tally.holes,
        )
        self.store.write(lambda tx: reconciliations.put(tx, result))
        return result

    def _peers(self, now: datetime) -> list[EntityId]:
        peers = self.store.read(lambda tx: outbox.undecided_peers(tx, since=now - COMPARED_FOR, until=now))
        return [EntityId(peer) for peer in peers]

    def _delivered(self, peer: EntityId, now: datetime) -> Iterator[OutboxRow]:
        """Yield the messages that this node believes delivered and that the peer has not decided, page by page."""
        page = self._page(peer, after=0)
        while page:
            for row in page:
                if row.typ is OutboxType.MESSAGE and row.decided_at is None and row.created_at > now - COMPARED_FOR:
                    yield row
            page = self._page(peer, after=page[-1].seq)

    def _page(self, peer: EntityId, *, after: int) -> tuple[OutboxRow, ...]:
        state, limit = OutboxState.STORED, MAX_MESSAGES
        return self.store.read(lambda tx: outbox.of_peer(tx, peer=peer, state=state, after=after, limit=limit))

    def _batches(self, peer: EntityId, now: datetime) -> Iterator[_Batch]:
        batch = _Batch()
        for row in self._delivered(peer, now):
            ref = self._ref(row)
            if ref is None:
                continue
            batch.rows.append(row)
            batch.refs.append(ref)
            if len(batch.rows) == MAX_MESSAGES:
                yield batch
                batch = _Batch()
        if batch.rows:
            yield batch

    def _ref(self, row: OutboxRow) -> RequestRef | None:
        """Return the message as its recipient knows it; none once its bytes are erased."""
        sealed = self.store.read(lambda tx: outbox.sealed(tx, message=row.message))
        if sealed is None:
            return None
        message = peek_message(open_outgoing(self.vault.seal_key(), row.message, sealed), kinds=self.kinds)
        return RequestRef(jti=message.jti, digest=row.digest)

    def _ask(self, peer: EntityId, batch: _Batch, now: datetime) -> tuple[Whereabouts, ...]:
        """Raise ``TransportError`` or ``TrustError`` where no answer came that verifies."""
        party, issued = self.directory.resolve(peer, now=now, urgent=True), to_seconds(now)
        query = ReconciliationQuery(
            iss=self.own,
            aud=peer,
            iat=issued,
            exp=issued + int(LIFE.total_seconds()),
            jti=token_urlsafe(16),
            messages=tuple(batch.refs),
        )
        raw = build_query(query, self.vault.signer(KeyUse.MESSAGE))
        raw_reply = self._answer(self._open(raw, now), now) if peer == self.own else self._post(peer, raw)

        def verify(keys: KeySet) -> ReconciliationReply:
            return open_reply(raw_reply, recipient_keys=keys, raw_query=raw, query=query, now=now)

        return verify_with_message_keys(party, raw_reply, verify, directory=self.directory, now=now).whereabouts

    def _post(self, peer: EntityId, raw: bytes) -> bytes:
        response = self.transport.send(
            PeerRequest(
                method="POST",
                url=peer + PATH,
                headers={"Content-Type": CONTENT_TYPE},
                body=raw,
                accept=CONTENT_TYPE,
                max_bytes=_MAX_REPLY,
                timeout_s=_ASK_S,
            )
        )
        if response.status != HTTPStatus.OK:
            raise TransportError(f"{peer} answered {response.status} and not the comparison")
        return response.body

    def _note(self, batch: _Batch, whereabouts: tuple[Whereabouts, ...], tally: _Tally, now: datetime) -> None:
        holes = [(row, where) for row, where in zip(batch.rows, whereabouts, strict=True) if _is_hole(row, where, now)]
        tally.sent_count += len(batch.rows)
        tally.accepted_count += sum(where is not Whereabouts.UNKNOWN for where in whereabouts)
        tally.held_count += whereabouts.count(Whereabouts.HELD)
        tally.holes += len(holes)
        news = [(row, where) for row, where in holes if _is_news(row, where, now)]
        missing = {row.message for row, _ in holes}
        recoveries = [row for row in batch.rows if _is_known_lost(row) and row.message not in missing]
        forgotten = [row for row, where in holes if where is Whereabouts.UNKNOWN]
        for row in forgotten:
            self.store.write(partial(send_again, row=row, now=now))
        if news or recoveries:
            self.store.write(lambda tx: _escalate(tx, news, recoveries, now))

    def receive(self, raw: bytes, now: datetime, *, claims: ClaimStore) -> bytes:
        """Return the signed answer to another node's query. Raises ``TrustError`` and :class:`ReconciliationReused`."""
        opened_query = self._open(raw, now)
        query = opened_query.query
        is_first = claims.claim(
            space="reconciliation",
            key=digest(f"{query.iss} {query.jti}".encode()),
            issued_at=from_seconds(query.iat),
            expires=from_seconds(query.exp) + _KEPT_CLAIM,
            now=now,
        )
        if not is_first:
            raise ReconciliationReused
        return self._answer(opened_query, now)

    def _open(self, raw: bytes, now: datetime) -> OpenedReconciliation:
        sender = peek_sender(raw)
        party = self.directory.resolve(sender, now=now, urgent=True)

        def verify(keys: KeySet) -> OpenedReconciliation:
            return open_query(raw, sender_keys=keys, own_id=self.own, now=now)

        query = verify_with_message_keys(party, raw, verify, directory=self.directory, now=now)
        if query.query.iss != party.entity_id:
            raise WrongIssuer("The query is from another node than its key's.")
        return query

    def _answer(self, opened_query: OpenedReconciliation, now: datetime) -> bytes:
        query, issued = opened_query.query, to_seconds(now)
        whereabouts = self.store.read(lambda tx: [self._find(tx, query.iss, ref) for ref in query.messages])
        if Whereabouts.UNKNOWN in whereabouts:
            self.store.write(lambda tx: flags.raise_flag(tx, code=MESSAGE_MISSING, asker=query.iss, at=now))
        reply = ReconciliationReply(
            iss=self.own,
            aud=query.iss,
            iat=issued,
            exp=issued + int(LIFE.total_seconds()),
            jti=token_urlsafe(16),
            request=opened_query.ref,
            whereabouts=tuple(whereabouts),
        )
        return build_reply(reply, self.vault.signer(KeyUse.MESSAGE))

    def _find(self, tx: Transaction, sender: EntityId, ref: RequestRef) -> Whereabouts:
        row = inbox.get(tx, message_key(self.vault.evidence_hmac_key(), sender, ref.jti))
        if row is None or row.issuer != sender or row.digest != ref.digest:
            return Whereabouts.UNKNOWN
        if row.state is not InboxState.OPEN:
            return Whereabouts.CLOSED
        if row.case_state is CaseState.IN_CASE_SYSTEM and row.proof == "none":
            return Whereabouts.UNPROVED
        return _WHEREABOUTS[row.case_state]


def _is_hole(row: OutboxRow, where: Whereabouts, now: datetime) -> bool:
    if where is Whereabouts.ACCEPTED:
        return row.read_at is None and now - (row.stored_at or row.created_at) >= PROVED_WITHIN
    return where in {Whereabouts.UNKNOWN, Whereabouts.LOST}


def _is_known_lost(row: OutboxRow) -> bool:
    return EscalationStep.LOST in EscalationStep(row.escalation)


def _is_news(row: OutboxRow, where: Whereabouts, now: datetime) -> bool:
    """Say whether a hole is a new one: what was sent again and receipted since it was lost was lost once more."""
    return not _is_known_lost(row) or (where is Whereabouts.UNKNOWN and row.expires_at > now)


def _escalate(
    tx: Transaction, holes: list[tuple[OutboxRow, Whereabouts]], recoveries: list[OutboxRow], now: datetime
) -> None:
    for row, where in holes:
        escalations.note_lost(tx, side=DeliverySide.SENDER, message=row.message, now=now)
        note_missing(tx, row, str(where), now=now)
    for row in recoveries:
        escalations.note_found(tx, side=DeliverySide.SENDER, message=row.message)
