"""Read why a peer refused, without repeating anything it wrote that is not a plain code."""

import re

from gateway.ports import PeerRefused, PeerResponse
from trust import strict_json
from trust.errors import TrustError

MAX_REFUSAL = 16_384
UNKNOWN = "unknown"

_SECONDS = re.compile(r"[0-9]{1,6}")
_CODE = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
_MEMBERS = {"application/problem+json": ("code", "type"), "application/json": ("error",)}
"""Where the code stands: RFC 9457 with the profile's ``code``, and RFC 6749 section 5.2."""


def read_refusal(answer: PeerResponse) -> PeerRefused:
    """Turn an answer that is not a success into :class:`PeerRefused`; an unreadable one has the code ``unknown``."""
    wait = answer.headers.get("retry-after", "")
    retry_after_s = int(wait) if _SECONDS.fullmatch(wait) else None
    return PeerRefused(status=answer.status, code=_code(answer), retry_after_s=retry_after_s)


def _code(answer: PeerResponse) -> str:
    try:
        document = strict_json.loads(answer.body, max_bytes=MAX_REFUSAL)
    except TrustError:
        return UNKNOWN
    for name in _MEMBERS.get(answer.content_type, ()):
        code = document.get(name)
        if isinstance(code, str):
            last = code.rpartition("/")[2]
            return last if _CODE.fullmatch(last) else UNKNOWN
    return UNKNOWN
