"""The batch: several signed messages of one node to another in one request, with an answer to each in the same order.

A batch is no signed document and says nothing of its own: every message in it is verified and decided as if it had come
alone. An answer is the signed receipt, or why there is none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from trust import strict_json
from trust.claims import refuse_unknown, require_int, require_list, require_object, require_str
from trust.errors import MalformedClaims
from trust.strict_json import JsonObject

MAX_MESSAGES = 32
MAX_BATCH = 163_840
"""Bytes of a whole batch, as much as nginx lets through; a message in it has its own cap as well."""
MAX_ANSWERS = 524_288
_MAX_CODE = 64
_LEAST_STATUS, _MOST_STATUS = 400, 599
_DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRefusal:
    """Why one message has no receipt: the status and the code of the problem that it would have got alone.

    ``retry_after_s`` says when to send it again, where the recipient said so.
    """

    status: int
    code: str
    retry_after_s: int | None = None


def build_batch(messages: Sequence[bytes]) -> bytes:
    """Write a batch of signed messages."""
    return strict_json.dumps({"messages": [each.decode("ascii") for each in messages]})


def read_batch(raw: bytes) -> tuple[bytes, ...]:
    """Return the messages of a batch, none of them verified. Raise TrustError."""
    document = strict_json.loads(raw, max_bytes=MAX_BATCH)
    refuse_unknown(document, ("messages",), within="the batch")
    listed = require_list(document, "messages", min_items=1, max_items=MAX_MESSAGES)
    return tuple(_text(each) for each in listed)


def build_answers(answers: Sequence[bytes | JsonObject]) -> bytes:
    """Write the answers of a batch: the bytes of a receipt, or a problem document."""
    return strict_json.dumps(
        {"answers": [each.decode("ascii") if isinstance(each, bytes) else {"problem": each} for each in answers]}
    )


def read_answers(raw: bytes, *, expected: int) -> tuple[bytes | BatchRefusal, ...]:
    """Return the answers to so many messages, none of them verified. Raise TrustError."""
    document = strict_json.loads(raw, max_bytes=MAX_ANSWERS)
    listed = require_list(document, "answers", min_items=expected, max_items=expected)
    return tuple(_text(each) if type(each) is str else _refusal(each) for each in listed)


def _text(item: object) -> bytes:
    """Return the bytes of one document; whether it is one is judged of each by itself."""
    if type(item) is not str:
        raise MalformedClaims("Each message of a batch must be a text.")
    return item.encode("utf-8")


def _refusal(item: object) -> BatchRefusal:
    if type(item) is not dict:
        raise MalformedClaims("Each answer of a batch must be a receipt or a problem.")
    problem = require_object(item, "problem")
    return BatchRefusal(
        status=require_int(problem, "status", minimum=_LEAST_STATUS, maximum=_MOST_STATUS),
        code=require_str(problem, "code", max_len=_MAX_CODE),
        retry_after_s=require_int(problem, "retry_after", maximum=_DAY_S) if "retry_after" in problem else None,
    )
