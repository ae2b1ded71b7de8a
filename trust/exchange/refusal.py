"""The body of a reply that refuses, the same for every kind of exchange.

A refusal is about the question, never about the person: it is made before anyone is looked up, or for a reason that
has nothing to do with who was asked about. So it may, and must, say plainly why.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from trust.exchange.errors import MalformedBody
from trust.exchange.reader import Reader
from trust.strict_json import JsonObject

STATUS = "refused"
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")
MAX_SENTENCE = 2000
"""Characters of a reason or a remedy; a longer one is cut where it is written."""
_MOST_VERSIONS = 20
_MOST_INPUTS = 32
_INPUT = re.compile(r"[a-z][a-z_]{0,31}")
_DIGEST = re.compile(r"[A-Za-z0-9_-]{43}")
_HIGHEST_VERSION = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a request was refused (``code``, ``reason``), what the asker can do (``remedy``).

    ``supported_versions`` is given where the version was the reason. ``inputs`` are digests, by name, of what the
    request was decided on (:mod:`trust.agreements.comparison`); none of them is about a person.
    """

    code: str
    reason: str
    remedy: str
    supported_versions: tuple[int, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)


def is_refusal(body: JsonObject) -> bool:
    """Say whether the body of a reply is a refusal."""
    return body.get("status") == STATUS


def build_refusal_body(refusal: Refusal) -> JsonObject:
    """Return the body that says no, and why."""
    body: JsonObject = {"status": STATUS, "reason": reason_to_json(refusal)}
    if refusal.supported_versions:
        body["supported_versions"] = list(refusal.supported_versions)
    return body


def parse_refusal_body(body: JsonObject) -> Refusal:
    """Read the body of a reply that :func:`is_refusal`. Raises :class:`MalformedBody`."""
    reader = Reader(body, path="body.")
    refusal = read_reason(reader)
    versions = reader.whole_numbers("supported_versions", least=1, most=_HIGHEST_VERSION, max_items=_MOST_VERSIONS)
    if reader.faults:
        raise MalformedBody(reader.faults)
    return replace(refusal, supported_versions=versions)


def reason_to_json(refusal: Refusal) -> JsonObject:
    """Return the member ``reason`` of a refusal or of the receipt of a message that failed."""
    members: JsonObject = {"code": refusal.code, "text": _cut(refusal.reason), "remedy": _cut(refusal.remedy)}
    return {**members, "inputs": dict(refusal.inputs)} if refusal.inputs else members


def read_reason(reader: Reader) -> Refusal:
    """Read the member ``reason``; faults go into the reader."""
    nested = reader.child("reason")
    if nested is None:
        return Refusal(code="", reason="", remedy="")
    return Refusal(
        code=nested.text("code", pattern=_CODE),
        reason=nested.text("text", max_len=MAX_SENTENCE),
        remedy=nested.text("remedy", max_len=MAX_SENTENCE),
        inputs=_read_inputs(nested),
    )


def _read_inputs(reader: Reader) -> Mapping[str, str]:
    nested = reader.child("inputs", required=False)
    if nested is None:
        return {}
    names = nested.names()
    if len(names) > _MOST_INPUTS or not all(_INPUT.fullmatch(name) for name in names):
        reader.fault("inputs", f"must be up to {_MOST_INPUTS} digests by the names of inputs")
        return {}
    return {name: nested.text(name, pattern=_DIGEST) for name in names}


def _cut(sentence: str) -> str:
    return sentence if len(sentence) <= MAX_SENTENCE else f"{sentence[: MAX_SENTENCE - 4]} ..."
