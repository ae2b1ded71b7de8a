"""The receipt: what became of a message at its recipient, signed and bound to the very bytes received.

1. ``stored`` is durable at the node. ``in_case_system`` and ``read`` follow; ``failed`` may follow any of them.
2. ``read`` is stated only for a signed-in person in a duty role.
3. ``answered`` brings the outcome that a person recorded. Of several the one with the highest ``seq`` counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from trust import jose
from trust.claims import LATEST_SECONDS, check_times
from trust.errors import NotYetValid
from trust.exchange.envelope import (
    MAX_BYTES,
    RequestRef,
    parties_to_json,
    read_parties,
    read_request,
    read_services,
    read_suspensions,
    request_to_json,
    suspensions_to_json,
)
from trust.exchange.errors import MalformedMessage, ReplyMismatch
from trust.exchange.message import Message
from trust.exchange.reader import Reader
from trust.exchange.refusal import Refusal, read_reason, reason_to_json
from trust.exchange.reply import check_addressing
from trust.identifiers import EntityId, RoleCode, ServiceSlug, parse_code, parse_entity_id
from trust.keys import KeySet, KeyUse, Signer
from trust.strict_json import MAX_INTEGER, JsonObject

TYP = "exchange-receipt+jwt"
RECEIPT_LIFE = timedelta(days=15)
"""A receipt may itself be queued, so it lives as long as a queued message may."""


class ReceiptState(StrEnum):
    """What became of a message at its recipient."""

    STORED = "stored"
    IN_CASE_SYSTEM = "in_case_system"
    READ = "read"
    FAILED = "failed"
    ANSWERED = "answered"


class ArrivalProof(StrEnum):
    """What proves that a message is in the case system."""

    HELD = "held"
    """The case system's own list has it."""
    ACKNOWLEDGED = "acknowledged"
    """A client that polls the inbox acknowledged it."""
    NONE = "none"
    """The case system took it, and has no list: arrival cannot be proved."""


_OF_STATE = {
    "proof": ReceiptState.IN_CASE_SYSTEM,
    "read_by": ReceiptState.READ,
    "reason": ReceiptState.FAILED,
    "answer": ReceiptState.ANSWERED,
}
"""Each member that one state requires, and no other may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One state of one message; ``at`` is the second at which it came about.

    ``seq`` counts the receipts of one message at its recipient. ``proof`` belongs to ``in_case_system``, ``read_by``
    (a duty role) to ``read``, ``reason`` to ``failed``, and ``answer`` (a body that the kind's ``parse_answer`` reads)
    to ``answered``. ``suspensions`` is the highest number of a suspension that the recipient has seen from each issuer.
    """

    iss: EntityId
    aud: EntityId
    iat: int
    exp: int
    jti: str
    from_service: ServiceSlug
    to_service: ServiceSlug
    request: RequestRef
    state: ReceiptState
    at: int
    seq: int
    proof: ArrivalProof | None = None
    read_by: RoleCode | None = None
    reason: Refusal | None = None
    answer: JsonObject | None = None
    evidence: JsonObject | None = None
    suspensions: Mapping[EntityId, int] = field(default_factory=dict)


def build_receipt(receipt: Receipt, signer: Signer) -> bytes:
    """Sign ``receipt`` with the recipient's message key and return the compact JWS."""
    claims: JsonObject = {
        **parties_to_json(receipt),
        "from_service": receipt.from_service,
        "to_service": receipt.to_service,
        "request": request_to_json(receipt.request),
        "state": str(receipt.state),
        "at": receipt.at,
        "seq": receipt.seq,
        "proof": receipt.proof and str(receipt.proof),
        "read_by": receipt.read_by and {"role": receipt.read_by},
        "reason": receipt.reason and reason_to_json(receipt.reason),
        "answer": receipt.answer,
        "evidence": receipt.evidence,
        **suspensions_to_json(receipt.suspensions),
    }
    present = {name: value for name, value in claims.items() if value is not None}
    return jose.sign(present, typ=TYP, signer=signer)


def peek_request(raw: bytes) -> tuple[EntityId, RequestRef]:
    """Return the issuer that a receipt names and the message that it is for, to find both. Nothing is verified."""
    unverified = jose.peek(raw, typ=TYP, max_bytes=MAX_BYTES)
    reader = Reader(unverified.claims)
    issuer, request = reader.parsed("iss", parse_entity_id), read_request(reader)
    if reader.faults:
        raise MalformedMessage(reader.faults)
    return issuer, request


def sign_again(raw: bytes, signer: Signer) -> bytes:
    """Return the same statement under another key of the node whose own seal proves that it wrote it."""
    return jose.sign(jose.peek(raw, typ=TYP, max_bytes=MAX_BYTES).claims, typ=TYP, signer=signer)


def open_receipt(
    raw: bytes, *, receiver_keys: KeySet, own_id: EntityId, sent: RequestRef, message: Message, now: datetime
) -> Receipt:
    """Verify the receipt for ``message``, which was sent as the bytes that ``sent`` names.

    1. the signature, with ``receiver_keys``: the message keys of the trusted party it was sent to;
    2. the form of every member, all faults at once, and that each belongs to the state;
    3. the issuer is the receiver of the message, and the audience is this node, alone;
    4. the times, at most 15 days of life, and the state came about before the receipt was made;
    5. the request is ours, byte for byte, and both services are echoed.

    Not checked here: that the answer is one of the message's kind. Raises ``TrustError`` only.
    """
    opened = jose.open_signed(raw, typ=TYP, keys=receiver_keys.require_use(KeyUse.MESSAGE), max_bytes=MAX_BYTES)  # 1
    receipt = _parse_receipt(opened.claims)  # 2
    check_addressing(issuer=receipt.iss, audience=receipt.aud, asked=message.aud, own_id=own_id)  # 3
    check_times(opened.claims, now=now, max_life=RECEIPT_LIFE)  # 4
    if receipt.at > receipt.iat:
        raise NotYetValid("The receipt states what came about after it was made. It is treated as no receipt.")
    echoed = (receipt.request, receipt.from_service, receipt.to_service)
    if echoed != (sent, message.from_service, message.to_service):  # 5
        raise ReplyMismatch("The receipt is not for the message that was sent. It is treated as no receipt.")
    return receipt


def _parse_receipt(claims: JsonObject) -> Receipt:
    reader = Reader(claims)
    parties, services = read_parties(reader), read_services(reader)
    state = reader.choice("state", ReceiptState)
    if state is not None:
        _check_members(reader, state)
    receipt = Receipt(
        iss=parties.iss,
        aud=parties.aud,
        iat=parties.iat,
        exp=parties.exp,
        jti=parties.jti,
        from_service=services.from_service,
        to_service=services.to_service,
        request=read_request(reader),
        state=state or ReceiptState.FAILED,
        at=reader.whole("at", least=0, most=LATEST_SECONDS),
        seq=reader.whole("seq", least=1, most=MAX_INTEGER),
        proof=reader.choice("proof", ArrivalProof) if reader.has("proof") else None,
        read_by=_read_role(reader),
        reason=read_reason(reader) if reader.has("reason") else None,
        answer=reader.raw_child("answer", required=False),
        evidence=reader.raw_child("evidence", required=False),
        suspensions=read_suspensions(reader),
    )
    if reader.faults:
        raise MalformedMessage(reader.faults)
    return receipt


def _check_members(reader: Reader, state: ReceiptState) -> None:
    for name, own in _OF_STATE.items():
        if own is state and not reader.has(name):
            reader.fault(name, "is missing")
        elif own is not state and reader.has(name):
            reader.fault(name, f"belongs only in a receipt whose state is {own}")


def _read_role(reader: Reader) -> RoleCode | None:
    nested = reader.child("read_by", required=False)
    return None if nested is None else RoleCode(nested.parsed("role", parse_code))
