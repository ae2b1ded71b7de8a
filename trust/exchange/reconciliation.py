"""The comparison of two nodes: what a sender believes delivered, and what its recipient has of it.

A query names messages by id and digest. The reply lists under each word of :class:`Whereabouts` the places of messages,
counted from 0, and is bound to the very bytes of the query. Nothing in either is about a person. The recipient answers
only for messages of the node that asks.

A query is verified in this order: 1 the signature, by a message key of the sender; 2 the form of every member; 3 the
audience, this node alone; 4 the times, five minutes of life at most. A reply likewise, and 5 it answers this query,
with one answer for each of its messages.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from trust import jose
from trust.claims import check_times, digest
from trust.errors import WrongAudience
from trust.exchange.envelope import (
    DIGEST,
    JTI,
    MAX_BYTES,
    RequestRef,
    parties_to_json,
    peek_parties,
    read_parties,
    read_request,
    request_to_json,
)
from trust.exchange.errors import MalformedMessage, ReplyMismatch
from trust.exchange.reader import Reader
from trust.exchange.reply import check_addressing
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse, Signer
from trust.strict_json import JsonObject

QUERY_TYP = "exchange-reconciliation+jwt"
REPLY_TYP = "exchange-reconciliation-reply+jwt"
LIFE = timedelta(minutes=5)
MAX_MESSAGES = 200
"""Messages of one query: with the longest ids it still fits the cap on signed documents."""


class Whereabouts(StrEnum):
    """What a recipient has of one message."""

    UNKNOWN = "unknown"
    """The node has no such message: it never came, or it was lost there."""
    ACCEPTED = "accepted"
    """The node has it, and its case system has not shown that it holds it."""
    UNPROVED = "unproved"
    """The case system took it, and has no list that could prove it."""
    HELD = "held"
    """The case system lists it, or a client that polls acknowledged it."""
    LOST = "lost"
    """The case system no longer lists what it once took."""
    REFUSED = "refused"
    """The node or its case system refused it for good."""
    CLOSED = "closed"
    """A person closed it, or a newer message took its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationQuery:
    """One query; ``messages`` are the sender's own. Times are whole seconds since 1970."""

    iss: EntityId
    aud: EntityId
    iat: int
    exp: int
    jti: str
    messages: tuple[RequestRef, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedReconciliation:
    """A query whose signature was good, and the digest of the bytes that carried it."""

    query: ReconciliationQuery
    digest: str

    @property
    def ref(self) -> RequestRef:
        """What a reply to it must name."""
        return RequestRef(jti=self.query.jti, digest=self.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationReply:
    """One reply; ``whereabouts`` are in the order of the query's messages."""

    iss: EntityId
    aud: EntityId
    iat: int
    exp: int
    jti: str
    request: RequestRef
    whereabouts: tuple[Whereabouts, ...]


def build_query(query: ReconciliationQuery, signer: Signer) -> bytes:
    """Sign a query with the sender's message key."""
    claims: JsonObject = {**parties_to_json(query), "messages": [request_to_json(each) for each in query.messages]}
    return jose.sign(claims, typ=QUERY_TYP, signer=signer)


def peek_sender(raw: bytes) -> EntityId:
    """Return the issuer that a query names, to find the key that may prove it. Nothing is verified."""
    return peek_parties(raw, typ=QUERY_TYP).iss


def open_query(raw: bytes, *, sender_keys: KeySet, own_id: EntityId, now: datetime) -> OpenedReconciliation:
    """Verify a query by the module's numbered plan; raise nothing but TrustError."""
    keys = sender_keys.require_use(KeyUse.MESSAGE)
    document = jose.open_signed(raw, typ=QUERY_TYP, keys=keys, max_bytes=MAX_BYTES)  # 1
    query = _read_query(document.claims)  # 2
    if query.aud != own_id:  # 3
        raise WrongAudience("The query is addressed to another node. Send it to the node named in its aud.")
    check_times(document.claims, now=now, max_life=LIFE)  # 4
    return OpenedReconciliation(query=query, digest=digest(raw))


def build_reply(reply: ReconciliationReply, signer: Signer) -> bytes:
    """Sign a reply with the recipient's message key."""
    claims: JsonObject = {
        **parties_to_json(reply),
        "request": request_to_json(reply.request),
        "whereabouts": {
            str(where): [place for place, each in enumerate(reply.whereabouts) if each is where]
            for where in Whereabouts
            if where in reply.whereabouts
        },
    }
    return jose.sign(claims, typ=REPLY_TYP, signer=signer)


def open_reply(
    raw: bytes, *, recipient_keys: KeySet, raw_query: bytes, query: ReconciliationQuery, now: datetime
) -> ReconciliationReply:
    """Verify the reply to a query that was sent as these bytes; raise nothing but TrustError."""
    keys = recipient_keys.require_use(KeyUse.MESSAGE)
    document = jose.open_signed(raw, typ=REPLY_TYP, keys=keys, max_bytes=MAX_BYTES)  # 1
    reply = _read_reply(document.claims)  # 2
    check_addressing(issuer=reply.iss, audience=reply.aud, asked=query.aud, own_id=query.iss)  # 3
    check_times(document.claims, now=now, max_life=LIFE)  # 4
    answer = (reply.request, len(reply.whereabouts))
    if answer != (RequestRef(jti=query.jti, digest=digest(raw_query)), len(query.messages)):  # 5
        raise ReplyMismatch("The reply does not answer the query that was sent. It is treated as no reply.")
    return reply


def _read_query(claims: JsonObject) -> ReconciliationQuery:
    reader = Reader(claims)
    parties = read_parties(reader)
    query = ReconciliationQuery(
        iss=parties.iss,
        aud=parties.aud,
        iat=parties.iat,
        exp=parties.exp,
        jti=parties.jti,
        messages=tuple(
            RequestRef(jti=each.text("jti", pattern=JTI), digest=each.text("digest", pattern=DIGEST))
            for each in reader.children("messages", max_items=MAX_MESSAGES)
        ),
    )
    if len({each.jti for each in query.messages}) < len(query.messages):
        reader.fault("messages", "names one message twice")
    if reader.faults:
        raise MalformedMessage(reader.faults)
    return query


def _read_reply(claims: JsonObject) -> ReconciliationReply:
    reader = Reader(claims)
    parties = read_parties(reader)
    request, whereabouts = read_request(reader), _read_whereabouts(reader)
    if reader.faults:
        raise MalformedMessage(reader.faults)
    return ReconciliationReply(
        iss=parties.iss,
        aud=parties.aud,
        iat=parties.iat,
        exp=parties.exp,
        jti=parties.jti,
        request=request,
        whereabouts=whereabouts,
    )


def _read_whereabouts(reader: Reader) -> tuple[Whereabouts, ...]:
    """Read the places of the query's messages under each word; each stands there once."""
    nested = reader.child("whereabouts")
    if nested is None:
        return ()
    nested.refuse_unknown(tuple(Whereabouts))
    places = [
        (place, where)
        for where in Whereabouts
        for place in nested.whole_numbers(where, least=0, most=MAX_MESSAGES - 1, max_items=MAX_MESSAGES)
    ]
    if sorted(place for place, _ in places) != list(range(len(places))):
        reader.fault("whereabouts", "must name each message of the query once")
    return tuple(where for _, where in sorted(places))
