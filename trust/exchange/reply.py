"""The reply: what the asked service answers, signed by its agency and bound to the very bytes it answers.

Agreement, clause, purpose, basis and both services are echoed exactly as they were sent: ``from_service`` stays the
asking one. So neither side can later claim that the exchange was about something else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from trust import jose
from trust.claims import check_times, to_seconds
from trust.errors import WrongAudience, WrongIssuer
from trust.exchange.envelope import (
    MAX_BYTES,
    AgreementRef,
    RequestRef,
    agreement_to_json,
    parties_to_json,
    read_agreement,
    read_parties,
    read_request,
    read_services,
    read_suspensions,
    request_to_json,
    suspensions_to_json,
)
from trust.exchange.errors import MalformedMessage, ReplyMismatch
from trust.exchange.kind import QUERY_LIFE
from trust.exchange.message import HIGHEST_VERSION, Message, OpenedMessage
from trust.exchange.reader import Reader
from trust.identifiers import ClauseId, EntityId, KindName, PurposeCode, ServiceSlug, parse_code
from trust.keys import KeySet, KeyUse, Signer
from trust.strict_json import JsonObject

TYP = "exchange-reply+jwt"
REPLY_LIFE = QUERY_LIFE
"""A reply is read at once or not at all; a late one is sent again under its own id."""


class ReplyState(StrEnum):
    """The state that a reply tells: its query was accepted. Queued kinds have receipts."""

    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer to one message. ``iss`` is the holder, ``aud`` the asker; times are whole seconds since 1970.

    ``evidence`` is what the answering node can show for its record of the exchange; ``suspensions`` the highest number
    of a suspension that it has seen from each issuer.
    """

    iss: EntityId
    aud: EntityId
    iat: int
    exp: int
    jti: str
    kind: KindName
    version: int
    agreement: AgreementRef
    clause: ClauseId
    purpose: PurposeCode
    basis: tuple[str, ...]
    from_service: ServiceSlug
    to_service: ServiceSlug
    request: RequestRef
    body: JsonObject
    state: ReplyState = ReplyState.ACCEPTED
    evidence: JsonObject | None = None
    suspensions: Mapping[EntityId, int] = field(default_factory=dict)


def answer(
    opened: OpenedMessage,
    *,
    body: JsonObject,
    jti: str,
    now: datetime,
    evidence: JsonObject | None = None,
    suspensions: Mapping[EntityId, int] | None = None,
) -> Reply:
    """Return the reply to ``opened`` with everything echoed that must be."""
    message = opened.message
    issued = to_seconds(now)
    return Reply(
        iss=message.aud,
        aud=message.iss,
        iat=issued,
        exp=issued + int(REPLY_LIFE.total_seconds()),
        jti=jti,
        kind=message.kind,
        version=message.version,
        agreement=message.agreement,
        clause=message.clause,
        purpose=message.purpose,
        basis=message.basis,
        from_service=message.from_service,
        to_service=message.to_service,
        request=opened.ref,
        body=body,
        evidence=evidence,
        suspensions=suspensions or {},
    )


def build_reply(reply: Reply, signer: Signer) -> bytes:
    """Sign ``reply`` with the holder's message key and return the compact JWS."""
    claims: JsonObject = {
        **parties_to_json(reply),
        "kind": reply.kind,
        "v": reply.version,
        "agreement": agreement_to_json(reply.agreement),
        "clause": reply.clause,
        "purpose": reply.purpose,
        "basis": list(reply.basis),
        "from_service": reply.from_service,
        "to_service": reply.to_service,
        "request": request_to_json(reply.request),
        "state": str(reply.state),
        "body": reply.body,
        **suspensions_to_json(reply.suspensions),
    }
    if reply.evidence is not None:
        claims["evidence"] = reply.evidence
    return jose.sign(claims, typ=TYP, signer=signer)


def open_reply(
    raw: bytes, *, holder_keys: KeySet, own_id: EntityId, sent: RequestRef, message: Message, now: datetime
) -> Reply:
    """Verify the reply to ``message``, which was sent as the bytes that ``sent`` names.

    1. the signature, with ``holder_keys``: the message keys of the trusted party that was asked;
    2. the form of every member, all faults at once;
    3. the issuer is the node that was asked, and the audience is this node, alone;
    4. the times, at most 5 minutes of life;
    5. the request is ours, byte for byte, and everything that is echoed equals what was sent.

    Not checked here: that the body is one of its kind. Raises ``TrustError`` only.
    """
    opened = jose.open_signed(raw, typ=TYP, keys=holder_keys.require_use(KeyUse.MESSAGE), max_bytes=MAX_BYTES)  # 1
    reply = _parse_reply(opened.claims)  # 2
    check_addressing(issuer=reply.iss, audience=reply.aud, asked=message.aud, own_id=own_id)  # 3
    check_times(opened.claims, now=now, max_life=REPLY_LIFE)  # 4
    mismatched = [name for name in ("request", *_ECHOED) if _expected(name, message, sent) != getattr(reply, name)]  # 5
    if mismatched:
        raise ReplyMismatch(
            f"The reply does not answer what was sent: {', '.join(mismatched)} differ. It is treated as no reply."
        )
    return reply


def check_addressing(*, issuer: EntityId, audience: EntityId, asked: EntityId, own_id: EntityId) -> None:
    """Refuse a reply that is not from the node asked, or not to this node (``WrongIssuer``, ``WrongAudience``)."""
    if issuer != asked:
        raise WrongIssuer("The answer is issued by someone other than the node that was asked.")
    if audience != own_id:
        raise WrongAudience("The answer is addressed to another node.")


_ECHOED = ("kind", "version", "agreement", "clause", "purpose", "basis", "from_service", "to_service")


def _expected(name: str, message: Message, sent: RequestRef) -> object:
    return sent if name == "request" else getattr(message, name)


def _parse_reply(claims: JsonObject) -> Reply:
    reader = Reader(claims)
    parties, services = read_parties(reader), read_services(reader)
    state, body = reader.choice("state", ReplyState), reader.raw_child("body")
    reply = Reply(
        iss=parties.iss,
        aud=parties.aud,
        iat=parties.iat,
        exp=parties.exp,
        jti=parties.jti,
        kind=KindName(reader.parsed("kind", parse_code)),
        version=reader.whole("v", least=1, most=HIGHEST_VERSION),
        agreement=read_agreement(reader),
        clause=ClauseId(reader.parsed("clause", parse_code)),
        purpose=PurposeCode(reader.parsed("purpose", parse_code)),
        basis=reader.parsed_list("basis", parse_code),
        from_service=services.from_service,
        to_service=services.to_service,
        request=read_request(reader),
        state=state or ReplyState.ACCEPTED,
        body=body or {},
        evidence=reader.raw_child("evidence", required=False),
        suspensions=read_suspensions(reader),
    )
    if reader.faults:
        raise MalformedMessage(reader.faults)
    return reply
