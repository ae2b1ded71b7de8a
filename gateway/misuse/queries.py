"""At the agency that was asked: put a query about misuse to the agency that sent the message, again until it names.

The query goes on record, with its evidence, before it leaves; the answer with the evidence of it. Which agency that is,
which bytes and whose pseudonym, comes from our own evidence, never from the administrator who asks.
"""

from dataclasses import dataclass
from datetime import datetime
from secrets import token_urlsafe

from gateway.evidence import recorder
from gateway.evidence.recorder import EvidenceEntry
from gateway.key_refresh import verify_with_key_refresh
from gateway.keys.sealed import open_own
from gateway.misuse.answers import MAX_SEALED, place_of
from gateway.misuse.evidence import FoundMessage, reference_of
from gateway.ports import KeyVault, PeerRequest, Store, Transaction, Transport, TransportError, TrustResolver
from gateway.store.tables import sent_misuse_queries
from gateway.store.tables.sent_misuse_queries import SentMisuseQuery, SentQueryState
from trust import strict_json
from trust.claims import digest, to_seconds
from trust.errors import NoChain
from trust.evidence.leaf import Leaf, LeafKind, message_key
from trust.exchange.message import RequestRef
from trust.exchange.misuse import (
    LIFE,
    MisuseQuery,
    MisuseReply,
    MisuseState,
    build_query,
    due_by,
    open_reply,
    practitioner_to_json,
)
from trust.federation.chain import TrustedEntity
from trust.identifiers import EntityId
from trust.keys import KeyUse
from trust.sealing import seal
from trust.strict_json import JsonObject

QUERIES_PATH = "/misuse/v1/queries"
CONTENT_TYPE = "application/jwt"
_MAX_REPLY = 65_536
_ASK_S = 5.0
_OK = 200


class MessageForgotten(Exception):
    """The retention of this message has ended: its own id is erased, and its sender cannot be asked about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MisuseQuerySender:
    """Ask about messages that we received."""

    own: EntityId
    directory: TrustResolver
    vault: KeyVault
    store: Store
    transport: Transport

    def ask(self, message: FoundMessage, reason: str, *, now: datetime) -> SentMisuseQuery:
        """Ask for the first time or again, and return the query as it stands then.

        Raises ``TransportError`` where the agency does not answer, and ``TrustError`` where it is not trusted now or
        its answer does not verify; the query stays on record. Raises :class:`MessageForgotten` where the message's own
        id is erased, so that its sender could not find it.
        """
        reference = self.store.read(lambda tx: reference_of(tx, message, key=self.vault.seal_key()))
        if reference is None:
            raise MessageForgotten
        stored_query = self._get_or_create(message, reason, now)
        if stored_query.state is SentQueryState.ANSWERED:
            return stored_query
        peer = self.directory.resolve(message.peer, now=now, urgent=True)
        query = self._query(stored_query, message, reference, now)
        raw = build_query(query, self.vault.signer(KeyUse.MESSAGE))
        entry = recorder.build_entry(self._leaf(LeafKind.SENT, query, raw, now))
        self.store.write(lambda tx: recorder.record(tx, entry))
        raw_reply = self._post(message.peer, raw)
        reply = verify_with_key_refresh(
            peer,
            raw_reply,
            lambda party: _open_reply(raw_reply, party, raw, query, now),
            directory=self.directory,
            now=now,
        )
        leaf = recorder.build_entry(self._leaf(LeafKind.RECEIVED, query, raw, now, reply=(raw_reply, reply.state)))
        return self._settle(stored_query, reply, leaf, now)

    def _get_or_create(self, message: FoundMessage, reason: str, now: datetime) -> SentMisuseQuery:
        stored_query = self.store.read(lambda tx: sent_misuse_queries.find(tx, asker=message.peer, message=message.id))
        if stored_query is not None:
            return stored_query
        query = token_urlsafe(16)
        statement = strict_json.dumps({"reason": reason, "pseudonym": message.pseudonym})
        new_query = SentMisuseQuery(
            query=query,
            asker=message.peer,
            message=message.id,
            asked_at=now,
            due_at=due_by(now),
            sealed_query=seal(self.vault.seal_key(), statement, place_of(message.peer, query, "asked")),
        )
        self.store.write(lambda tx: sent_misuse_queries.put(tx, new_query))
        return new_query

    def _query(
        self, stored_query: SentMisuseQuery, message: FoundMessage, reference: RequestRef, now: datetime
    ) -> MisuseQuery:
        issued = to_seconds(now)
        return MisuseQuery(
            iss=self.own,
            aud=message.peer,
            iat=issued,
            exp=issued + int(LIFE.total_seconds()),
            jti=token_urlsafe(16),
            query=stored_query.query,
            message=reference,
            received_at=to_seconds(message.at),
            pseudonym=message.pseudonym,
            reason=str(open_reason(self.vault.seal_key(), stored_query)["reason"]),
        )

    def _post(self, peer: EntityId, raw: bytes) -> bytes:
        answer = self.transport.send(
            PeerRequest(
                method="POST",
                url=peer + QUERIES_PATH,
                headers={"Content-Type": CONTENT_TYPE},
                body=raw,
                accept=CONTENT_TYPE,
                max_bytes=_MAX_REPLY,
                timeout_s=_ASK_S,
            )
        )
        if answer.status != _OK:
            raise TransportError(f"{peer} answered {answer.status} and not the query")
        return answer.body

    def _settle(
        self, stored_query: SentMisuseQuery, reply: MisuseReply, leaf: EvidenceEntry, now: datetime
    ) -> SentMisuseQuery:
        answer: JsonObject = {"state": str(reply.state)}
        if reply.practitioner is not None:
            answer |= practitioner_to_json(reply.practitioner)
        sealed = seal(
            self.vault.seal_key(), strict_json.dumps(answer), place_of(stored_query.asker, stored_query.query, "told")
        )

        def effect(tx: Transaction) -> SentMisuseQuery | None:
            recorder.record(tx, leaf)
            if reply.state is not MisuseState.PENDING:
                sent_misuse_queries.settle(
                    tx, query=stored_query.query, state=SentQueryState(reply.state), sealed_answer=sealed, at=now
                )
            return sent_misuse_queries.find(tx, asker=stored_query.asker, message=stored_query.message)

        return self.store.write(effect) or stored_query

    def _leaf(
        self,
        kind: LeafKind,
        query: MisuseQuery,
        raw: bytes,
        at: datetime,
        *,
        reply: tuple[bytes, MisuseState] | None = None,
    ) -> Leaf:
        raw_reply, state = reply or (None, "asked")
        return Leaf(
            kind=kind,
            at=at,
            peer=query.aud,
            message_iss=query.iss,
            message_id=message_key(self.vault.evidence_hmac_key(), query.iss, query.jti),
            message_digest=digest(raw),
            outcome_code=f"misuse_{state}",
            answer_digest=None if raw_reply is None else digest(raw_reply),
        )


def _open_reply(raw_reply: bytes, party: TrustedEntity, raw: bytes, query: MisuseQuery, now: datetime) -> MisuseReply:
    if party.node is None:
        raise NoChain("The agency's chain describes no node that may exchange messages.")
    return open_reply(raw_reply, asker_keys=party.node.message_keys, sent=raw, query=query, now=now)


def open_reason(key: bytes, query: SentMisuseQuery) -> JsonObject:
    """Return why we asked. Raises :class:`gateway.keys.sealed.SealBroken`."""
    plaintext = open_own(key, query.sealed_query, place_of(query.asker, query.query, "asked"))
    return strict_json.loads(plaintext, max_bytes=MAX_SEALED)


def open_answer(key: bytes, query: SentMisuseQuery) -> JsonObject:
    """Return what we were told. Raises :class:`gateway.keys.sealed.SealBroken`."""
    if query.sealed_answer is None:
        return {}
    plaintext = open_own(key, query.sealed_answer, place_of(query.asker, query.query, "told"))
    return strict_json.loads(plaintext, max_bytes=MAX_SEALED)
