"""The document of an agreement, fetched by its digest, and the reason that another node gives for a refusal."""

from gateway.ports import PeerRequest, PeerResponse, Transport, TransportError
from trust import strict_json
from trust.agreements.agreement import MAX_BYTES
from trust.agreements.party_answer import MAX_BYTES as MAX_ANSWER_BYTES
from trust.claims import digest
from trust.errors import TrustError
from trust.exchange.errors import SignatureMismatch

_OK, _NOT_FOUND = 200, 404
_ASK_S = 5.0
_JSON = "application/json"


def fetch_agreement(transport: Transport, url: str) -> bytes:
    """Fetch an agreement from an address that ends in its digest, and prove it by that digest.

    Raises ``TransportError``, or ``TrustError`` where something else stands there.
    """
    answer = transport.send(
        PeerRequest(
            method="GET",
            url=url,
            headers={},
            body=b"",
            accept="application/json",
            max_bytes=MAX_BYTES,
            timeout_s=_ASK_S,
        )
    )
    if answer.status == _NOT_FOUND:
        raise TransportError("that node does not hold this agreement, or has ended it; ask the sender of the address")
    if answer.status != _OK:
        raise TransportError(f"the answer was {answer.status} and not an agreement")
    if digest(answer.body) != url.rpartition("/")[2]:
        raise SignatureMismatch("What stands at this address is not the agreement that its digest names.")
    return answer.body


def refusal_reason(answer: PeerResponse) -> str:
    """Return what a problem document says, in its own words where it has any that can be shown."""
    try:
        detail = strict_json.loads(answer.body, max_bytes=MAX_ANSWER_BYTES).get("detail")
    except TrustError:
        detail = None
    reason = detail if isinstance(detail, str) and detail.isprintable() else "it gave no reason"
    return f"it answered {answer.status}: {reason}"
