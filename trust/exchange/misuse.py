"""A holder's query about misuse, and the asking agency's answer, which names the practitioner (WIRE.md section 4).

Two signed documents of their own, since such a query is about no person and under no agreement: it must be answered
also when the agreement has ended. The holder says which message it means, by id and digest, and by whose pseudonym it
came; both are in the evidence of both sides. The answer is bound to the very bytes of the query, so that none can be
moved to another, and is ``pending`` until two people at the asking agency have agreed on the name.

A query is verified in this order: 1 the signature, by a message key of the holder; 2 the form of every member; 3 the
audience, this node alone; 4 the times, five minutes of life at most. A reply likewise, and 5 it answers this query.

Not checked here: that the ``jti`` was not used before, and that the message was ever sent to this holder.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from trust import jose
from trust.claims import LATEST_SECONDS, check_times, digest
from trust.errors import WrongAudience
from trust.exchange.envelope import (
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

QUERY_TYP = "misuse-query+jwt"
REPLY_TYP = "misuse-reply+jwt"
LIFE = timedelta(minutes=5)
MAX_REASON = 500
_DAY = timedelta(days=1)
_SATURDAY = 5
_MARGIN_S = 86_400
"""How far a time to look around is from the ends of time, so that looking a little before and after it cannot fail."""


class MisuseState(StrEnum):
    """What the asking agency says."""

    PENDING = "pending"
    """It is looking; ask again. ``due`` says until when it owes the name."""
    ANSWERED = "answered"
    """Two people agreed on who it was."""
    UNKNOWN = "unknown"
    """It has no record of having sent this message to this holder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPractitioner:
    """Who asked: the answer to a query about misuse. ``contact`` is the person at the agency who deals with it."""

    name: str
    role: str
    org_unit: str
    contact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MisuseQuery:
    """One query. Times are whole seconds since 1970; ``query`` stays the same when it is asked again.

    ``message`` is the message meant and ``received_at`` when the holder received it; ``pseudonym`` is its
    ``practitioner.sub``. ``reason`` is for the people who decide, and names no person asked about.
    """

    iss: EntityId
    aud: EntityId
    iat: int
    exp: int
    jti: str
    query: str
    message: RequestRef
    received_at: int
    pseudonym: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedQuery:
    """A query whose signature was good, and the digest of the bytes that carried it."""

    query: MisuseQuery
    digest: str

    @property
    def ref(self) -> RequestRef:
        """What a reply to it must name."""
        return RequestRef(jti=self.query.jti, digest=self.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class MisuseReply:
    """One answer; ``practitioner`` is there exactly where the state is ``answered``, ``due`` unless it is unknown."""

    iss: EntityId
    aud: EntityId
    iat: int
    exp: int
    jti: str
    query: str
    request: RequestRef
    state: MisuseState
    due: int | None = None
    practitioner: NamedPractitioner | None = None


def due_by(received: datetime) -> datetime:
    """Return when the name is due: one working day later, Saturdays and Sundays passed over."""
    due = received + _DAY
    while due.weekday() >= _SATURDAY:
        due += _DAY
    return due


def build_query(query: MisuseQuery, signer: Signer) -> bytes:
    """Sign a query with the holder's message key."""
    claims: JsonObject = {
        **parties_to_json(query),
        "query": query.query,
        "message": request_to_json(query.message),
        "received_at": query.received_at,
        "pseudonym": query.pseudonym,
        "reason": query.reason,
    }
    return jose.sign(claims, typ=QUERY_TYP, signer=signer)


def peek_holder(raw: bytes) -> EntityId:
    """Return who a query *says* it is from, to find the key that may prove it. Nothing is verified."""
    return peek_parties(raw, typ=QUERY_TYP).iss


def open_query(raw: bytes, *, holder_keys: KeySet, own_id: EntityId, now: datetime) -> OpenedQuery:
    """Verify a query by the module's numbered plan; raise nothing but TrustError."""
    keys = holder_keys.require_use(KeyUse.MESSAGE)
    opened = jose.open_signed(raw, typ=QUERY_TYP, keys=keys, max_bytes=MAX_BYTES)  # 1
    query = _read_query(opened.claims)  # 2
    if query.aud != own_id:  # 3
        raise WrongAudience("The query is addressed to another node. Send it to the node named in its aud.")
    check_times(opened.claims, now=now, max_life=LIFE)  # 4
    return OpenedQuery(query=query, digest=digest(raw))


def build_reply(reply: MisuseReply, signer: Signer) -> bytes:
    """Sign a reply with the asking agency's message key."""
    claims: JsonObject = {
        **parties_to_json(reply),
        "query": reply.query,
        "request": request_to_json(reply.request),
        "state": str(reply.state),
    }
    if reply.due is not None:
        claims["due"] = reply.due
    named = reply.practitioner
    if named is not None:
        claims["practitioner"] = practitioner_to_json(named)
    return jose.sign(claims, typ=REPLY_TYP, signer=signer)


def practitioner_to_json(named: NamedPractitioner) -> JsonObject:
    """Return the wire form of who it was."""
    return {"name": named.name, "role": named.role, "org_unit": named.org_unit, "contact": named.contact}


def open_reply(raw: bytes, *, asker_keys: KeySet, sent: bytes, query: MisuseQuery, now: datetime) -> MisuseReply:
    """Verify the reply to a query that was sent as these bytes; raise nothing but TrustError."""
    keys = asker_keys.require_use(KeyUse.MESSAGE)
    opened = jose.open_signed(raw, typ=REPLY_TYP, keys=keys, max_bytes=MAX_BYTES)  # 1
    reply = _read_reply(opened.claims)  # 2
    check_addressing(issuer=reply.iss, audience=reply.aud, asked=query.aud, own_id=query.iss)  # 3
    check_times(opened.claims, now=now, max_life=LIFE)  # 4
    if (reply.query, reply.request) != (query.query, RequestRef(jti=query.jti, digest=digest(sent))):  # 5
        raise ReplyMismatch("The reply does not answer the query that was sent. It is treated as no reply.")
    return reply


def _read_query(claims: JsonObject) -> MisuseQuery:
    reader = Reader(claims, visible=True)
    parties = read_parties(reader)
    query = MisuseQuery(
        iss=parties.iss,
        aud=parties.aud,
        iat=parties.iat,
        exp=parties.exp,
        jti=parties.jti,
        query=reader.text("query", pattern=JTI),
        message=read_request(reader, "message"),
        received_at=reader.whole("received_at", least=_MARGIN_S, most=LATEST_SECONDS - _MARGIN_S),
        pseudonym=reader.text("pseudonym", pattern=JTI),
        reason=reader.text("reason", max_len=MAX_REASON),
    )
    if reader.faults:
        raise MalformedMessage(reader.faults)
    return query


def _read_reply(claims: JsonObject) -> MisuseReply:
    reader = Reader(claims)
    parties = read_parties(reader)
    state = reader.choice("state", MisuseState) or MisuseState.UNKNOWN
    reply = MisuseReply(
        iss=parties.iss,
        aud=parties.aud,
        iat=parties.iat,
        exp=parties.exp,
        jti=parties.jti,
        query=reader.text("query", pattern=JTI),
        request=read_request(reader),
        state=state,
        due=None if state is MisuseState.UNKNOWN else reader.whole("due", least=0, most=LATEST_SECONDS),
        practitioner=_read_practitioner(reader) if state is MisuseState.ANSWERED else None,
    )
    if reader.faults:
        raise MalformedMessage(reader.faults)
    return reply


def _read_practitioner(reader: Reader) -> NamedPractitioner | None:
    nested = reader.child("practitioner")
    if nested is None:
        return None
    return NamedPractitioner(
        name=nested.text("name"),
        role=nested.text("role"),
        org_unit=nested.text("org_unit"),
        contact=nested.text("contact"),
    )
