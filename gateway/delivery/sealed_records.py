"""Sealed records of queued messages, each bound to its own row, so that rows cannot be swapped in the store."""

from gateway.keys.sealed import open_own
from gateway.store.tables.delivery_events import DeliverySide
from trust import strict_json
from trust.sealing import seal
from trust.strict_json import JsonObject

MAX_SEALED = 262_144


def seal_request(key: bytes, submission: str, record: JsonObject) -> bytes:
    """Seal what a case system submitted, with the plan for each recipient under ``plans``."""
    return seal(key, strict_json.dumps(record), _request_place(submission))


def open_request(key: bytes, submission: str, sealed: bytes) -> JsonObject:
    """Open it again. Raises :class:`gateway.keys.sealed.SealBroken`."""
    return strict_json.loads(open_own(key, sealed, _request_place(submission)), max_bytes=MAX_SEALED)


def seal_answer(key: bytes, message: str, side: DeliverySide, seq: int, *, answer: JsonObject) -> bytes:
    """Seal the body of one answer (:class:`trust.exchange.kind.MessageAnswer`) for its row of ``answers``."""
    return seal(key, strict_json.dumps(answer), _answer_place(message, side, seq))


def open_answer(key: bytes, message: str, side: DeliverySide, seq: int, *, sealed: bytes) -> JsonObject:
    """Open it again. Raises :class:`gateway.keys.sealed.SealBroken`."""
    return strict_json.loads(open_own(key, sealed, _answer_place(message, side, seq)), max_bytes=MAX_SEALED)


def _request_place(submission: str) -> bytes:
    return f"submission {submission} request".encode()


def _answer_place(message: str, side: DeliverySide, seq: int) -> bytes:
    return f"answer {message} {side} {seq}".encode()
