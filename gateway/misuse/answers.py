"""At the agency that asked: take in holders' queries about misuse, and answer with what two people released.

A query, step by step: 1 who it says it is from, who is trusted; 2 everything that :mod:`trust.exchange.misuse`
verifies; 3 its single use: a captured query fetches nothing a second time; 4 our own evidence: this very message went
to this very holder, under that pseudonym; 5 the query is kept, with its deadline, from its first time on; 6 the signed
answer, with a leaf for the query and one for the answer in the same transaction.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from secrets import token_urlsafe

from gateway.evidence import recorder
from gateway.key_refresh import verify_with_message_keys
from gateway.keys.sealed import open_own
from gateway.misuse.evidence import FoundMessage, sent_message
from gateway.ports import ClaimStore, KeyVault, Store, Transaction, TrustResolver
from gateway.store.tables import received_misuse_queries
from gateway.store.tables.received_misuse_queries import ReceivedMisuseQuery
from trust import strict_json
from trust.claims import digest, from_seconds, to_seconds
from trust.errors import WrongIssuer
from trust.evidence.leaf import Leaf, LeafKind, message_key
from trust.exchange.misuse import (
    LIFE,
    MisuseQuery,
    MisuseReply,
    MisuseState,
    NamedPractitioner,
    OpenedQuery,
    build_reply,
    due_by,
    open_query,
    peek_holder,
    practitioner_to_json,
)
from trust.identifiers import EntityId
from trust.keys import KeyUse
from trust.sealing import seal
from trust.strict_json import JsonObject

MAX_SEALED = 16_384
MAX_OPEN = 100
"""Queries of one holder that wait at the same time: more than people can look into, and no room for a flood."""
_KEPT_CLAIM = timedelta(seconds=1)


class QueryReused(Exception):
    """The query was sent before; a fresh one, about the same message, is answered."""


class TooManyOpen(Exception):
    """So many queries of this holder wait that no more are taken in; those that wait can be asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MisuseQueryReceiver:
    """Answer holders' queries. Safe for several threads."""

    own: EntityId
    directory: TrustResolver
    vault: KeyVault
    store: Store

    def receive(self, raw: bytes, *, claims: ClaimStore, now: datetime) -> bytes:
        """Return the signed answer. Raises ``TrustError``, both errors above, and the store's."""
        holder = peek_holder(raw)
        trusted = self.directory.resolve(holder, now=now, urgent=True)  # 1
        opened_query = verify_with_message_keys(
            trusted,
            raw,
            lambda keys: open_query(raw, holder_keys=keys, own_id=self.own, now=now),
            directory=self.directory,
            now=now,
        )  # 2
        query = opened_query.query
        if query.iss != holder:
            raise WrongIssuer("The query is from another node than its key's.")
        self._use_up(query, claims, now)  # 3
        message = self.store.read(
            lambda tx: sent_message(tx, query.message, own=self.own, to=holder, key=self.vault.evidence_hmac_key())
        )  # 4
        return self._answer(opened_query, message if message and message.pseudonym == query.pseudonym else None, now)

    def _use_up(self, query: MisuseQuery, claims: ClaimStore, now: datetime) -> None:
        first = claims.claim(
            space="misuse-query",
            key=digest(f"{query.iss} {query.jti}".encode()),
            issued_at=from_seconds(query.iat),
            expires=from_seconds(query.exp) + _KEPT_CLAIM,
            now=now,
        )
        if not first:
            raise QueryReused

    def _answer(self, opened_query: OpenedQuery, message: FoundMessage | None, now: datetime) -> bytes:
        query = opened_query.query
        stored_query = None if message is None else self._get_or_create(query, message, now)  # 5
        reply = self._reply(opened_query, stored_query, now)
        signed = build_reply(reply, self.vault.signer(KeyUse.MESSAGE))  # 6
        received = Leaf(
            kind=LeafKind.RECEIVED,
            at=now,
            peer=query.iss,
            message_iss=query.iss,
            message_id=message_key(self.vault.evidence_hmac_key(), query.iss, query.jti),
            message_digest=opened_query.digest,
            outcome_code=f"misuse_{reply.state}",
        )
        leaves = [
            recorder.build_entry(received),
            recorder.build_entry(replace(received, kind=LeafKind.ANSWERED, answer_digest=digest(signed))),
        ]

        def effect(tx: Transaction) -> None:
            if stored_query is not None:
                received_misuse_queries.put(tx, stored_query)
            for leaf in leaves:
                recorder.record(tx, leaf)

        self.store.write(effect)
        return signed

    def _get_or_create(self, query: MisuseQuery, message: FoundMessage, now: datetime) -> ReceivedMisuseQuery:
        ours = digest(query.query.encode())  # the holder's own id may hold anything
        earlier, waiting = self.store.read(
            lambda tx: (
                received_misuse_queries.get(tx, holder=query.iss, query=ours),
                received_misuse_queries.count_open(tx, holder=query.iss),
            )
        )
        if earlier is not None:
            return earlier
        if waiting >= MAX_OPEN:
            raise TooManyOpen
        statement = {
            "reason": query.reason,
            "message": {
                "id": message.id,
                "jti": query.message.jti,
                "digest": message.digest,
                "at": message.at.isoformat(),
            },
            "pseudonym": message.pseudonym,
        }
        return ReceivedMisuseQuery(
            holder=query.iss,
            query=ours,
            received_at=now,
            due_at=due_by(now),
            sealed_query=seal(self.vault.seal_key(), strict_json.dumps(statement), place_of(query.iss, ours, "query")),
        )

    def _reply(self, opened_query: OpenedQuery, stored_query: ReceivedMisuseQuery | None, now: datetime) -> MisuseReply:
        query, issued = opened_query.query, to_seconds(now)
        reply = MisuseReply(
            iss=self.own,
            aud=query.iss,
            iat=issued,
            exp=issued + int(LIFE.total_seconds()),
            jti=token_urlsafe(16),
            query=query.query,
            request=opened_query.ref,
            state=MisuseState.UNKNOWN,
        )
        if stored_query is None or self._about(stored_query) != query.message.jti:
            return reply
        due = to_seconds(stored_query.due_at)
        if stored_query.sealed_answer is None:
            return replace(reply, state=MisuseState.PENDING, due=due)
        practitioner = open_practitioner(
            self.vault.seal_key(), stored_query.holder, stored_query.query, stored_query.sealed_answer
        )
        return replace(reply, state=MisuseState.ANSWERED, due=due, practitioner=practitioner)

    def _about(self, stored_query: ReceivedMisuseQuery) -> str:
        """Return which message a query of before was about: one id is no way to the answer about another message."""
        return str(open_query_record(self.vault.seal_key(), stored_query)["message"]["jti"])


def open_query_record(key: bytes, query: ReceivedMisuseQuery) -> JsonObject:
    """Return what the holder said. Raises :class:`gateway.keys.sealed.SealBroken`."""
    raw = open_own(key, query.sealed_query, place_of(query.holder, query.query, "query"))
    return strict_json.loads(raw, max_bytes=MAX_SEALED)


def seal_answer(key: bytes, holder: str, query: str, practitioner: NamedPractitioner) -> bytes:
    """Seal a name for its own row."""
    return seal(key, strict_json.dumps(practitioner_to_json(practitioner)), place_of(holder, query, "answer"))


def open_practitioner(key: bytes, holder: str, query: str, sealed: bytes) -> NamedPractitioner:
    """Open it again. Raises :class:`gateway.keys.sealed.SealBroken`."""
    document = strict_json.loads(open_own(key, sealed, place_of(holder, query, "answer")), max_bytes=MAX_SEALED)
    return NamedPractitioner(
        name=document["name"], role=document["role"], org_unit=document["org_unit"], contact=document["contact"]
    )


def place_of(party: str, query: str, part: str) -> bytes:
    """Bind a sealed record to its query, so that rows cannot be swapped in the store."""
    return f"misuse {party} {query} {part}".encode()
