"""The body of a reply that refuses, the same for every kind of exchange.

A refusal is about the question, never about the person: it is made before anyone is looked up, or for a reason that
has nothing to do with who was asked about. So it may, and must, say plainly why.
"""

import re
from dataclasses import dataclass

from trust.exchange.errors import MalformedBody
from trust.exchange.reader import Reader
from trust.strict_json import JsonObject

STATUS = "refused"
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")
MAX_SENTENCE = 2000
"""Characters of a reason or a remedy; a longer one is cut where it is written."""
_MOST_VERSIONS = 20
_HIGHEST_VERSION = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a request was refused (``code``, ``reason``), what the asker can do (``remedy``).

    ``supported_versions`` is given where the version was the reason.
    """

    code: str
    reason: str
    remedy: str
    supported_versions: tuple[int, ...] = ()


def is_refusal(body: JsonObject) -> bool:
    """Say whether the body of a reply is a refusal."""
    return body.get("status") == STATUS


def build_refusal_body(refusal: Refusal) -> JsonObject:
    """Return the body that says no, and why."""
    body: JsonObject = {
        "status": STATUS,
        "reason": {"code": refusal.code, "text": _cut(refusal.reason), "remedy": _cut(refusal.remedy)},
    }
    if refusal.supported_versions:
        body["supported_versions"] = list(refusal.supported_versions)
    return body


def parse_refusal_body(body: JsonObject) -> Refusal:
    """Read the body of a reply that :func:`is_refusal`. Raises :class:`MalformedBody`."""
    reader = Reader(body, path="body.")
    code = text = remedy = ""
    reason = reader.child("reason")
    if reason is not None:
        code = reason.text("code", pattern=_CODE)
        text = reason.text("text", max_len=MAX_SENTENCE)
        remedy = reason.text("remedy", max_len=MAX_SENTENCE)
    versions = reader.whole_numbers("supported_versions", least=1, most=_HIGHEST_VERSION, max_items=_MOST_VERSIONS)
    if reader.faults:
        raise MalformedBody(reader.faults)
    return Refusal(code=code, reason=text, remedy=remedy, supported_versions=versions)


def _cut(sentence: str) -> str:
    return sentence if len(sentence) <= MAX_SENTENCE else f"{sentence[: MAX_SENTENCE - 4]} ..."
