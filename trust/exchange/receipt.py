"""The receipt: how far a message has come at its receiver, signed and bound to the very bytes received."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from trust import jose
from trust.claims import check_times
from trust.exchange.envelope import (
    MAX_BYTES,
    Progress,
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
from trust.exchange.reply import check_addressing
from trust.identifiers import EntityId, ServiceSlug
from trust.keys import KeySet, KeyUse, Signer
from trust.strict_json import JsonObject

TYP = "exchange-receipt+jwt"
RECEIPT_LIFE = timedelta(days=15)
"""A receipt may itself be queued, so it lives as long as a queued message may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """``accepted`` (durable), ``delivered`` (in the case system) or ``read`` (by a named duty role).

    ``suspensions`` is the highest number of a suspension that the receiver has seen from each issuer.
    """

    iss: EntityId
    aud: EntityId
    iat: int
    exp: int
    jti: str
    from_service: ServiceSlug
    to_service: ServiceSlug
    request: RequestRef
    state: Progress
    evidence: JsonObject | None = None
    suspensions: Mapping[EntityId, int] = field(default_factory=dict)


def build_receipt(receipt: Receipt, signer: Signer) -> bytes:
    """Sign ``receipt`` with the receiver's message key and return the compact JWS."""
    claims: JsonObject = {
        **parties_to_json(receipt),
        "from_service": receipt.from_service,
        "to_service": receipt.to_service,
        "request": request_to_json(receipt.request),
        "state": str(receipt.state),
        **suspensions_to_json(receipt.suspensions),
    }
    if receipt.evidence is not None:
        claims["evidence"] = receipt.evidence
    return jose.sign(claims, typ=TYP, signer=signer)


def open_receipt(
    raw: bytes, *, receiver_keys: KeySet, own_id: EntityId, sent: RequestRef, message: Message, now: datetime
) -> Receipt:
    """Verify the receipt for ``message``, which was sent as the bytes that ``sent`` names.

    1. the signature, with ``receiver_keys``: the message keys of the trusted party it was sent to;
    2. the form of every member, all faults at once;
    3. the issuer is the receiver of the message, and the audience is this node, alone;
    4. the times, at most 15 days of life;
    5. the request is ours, byte for byte, and both services are echoed.

    Raises ``TrustError`` only.
    """
    opened = jose.open_signed(raw, typ=TYP, keys=receiver_keys.require_use(KeyUse.MESSAGE), max_bytes=MAX_BYTES)  # 1
    receipt = _parse_receipt(opened.claims)  # 2
    check_addressing(issuer=receipt.iss, audience=receipt.aud, asked=message.aud, own_id=own_id)  # 3
    check_times(opened.claims, now=now, max_life=RECEIPT_LIFE)  # 4
    echoed = (receipt.request, receipt.from_service, receipt.to_service)
    if echoed != (sent, message.from_service, message.to_service):  # 5
        raise ReplyMismatch("The receipt is not for the message that was sent. It is treated as no receipt.")
    return receipt


def _parse_receipt(claims: JsonObject) -> Receipt:
    reader = Reader(claims)
    parties, services = read_parties(reader), read_services(reader)
    state = reader.choice("state", Progress)
    receipt = Receipt(
        iss=parties.iss,
        aud=parties.aud,
        iat=parties.iat,
        exp=parties.exp,
        jti=parties.jti,
        from_service=services.from_service,
        to_service=services.to_service,
        request=read_request(reader),
        state=state or Progress.ACCEPTED,
        evidence=reader.raw_child("evidence", required=False),
        suspensions=read_suspensions(reader),
    )
    if reader.faults:
        raise MalformedMessage(reader.faults)
    return receipt
