"""The account of one question of our own practitioners: who asked, for which case and why, sealed in the store."""

from gateway.keys.sealed import open_own
from trust import strict_json
from trust.sealing import seal
from trust.strict_json import JsonObject

MAX_SEALED = 262_144


def seal_account(key: bytes, question_id: str, account: JsonObject) -> bytes:
    """Seal an account for its own row, so that rows cannot be swapped in the store."""
    return seal(key, strict_json.dumps(account), _place(question_id))


def open_account(key: bytes, question_id: str, sealed: bytes) -> JsonObject:
    """Open an account. Raises :class:`gateway.keys.sealed.SealBroken`."""
    return strict_json.loads(open_own(key, sealed, _place(question_id)), max_bytes=MAX_SEALED)


def seal_message(key: bytes, message: str, question_id: str, record: JsonObject) -> bytes:
    """Seal what a message of ours is called outside, for its own row."""
    return seal(key, strict_json.dumps(record), _message_place(message, question_id))


def open_message(key: bytes, message: str, question_id: str, sealed: bytes) -> JsonObject:
    """Open it again. Raises :class:`gateway.keys.sealed.SealBroken`."""
    return strict_json.loads(open_own(key, sealed, _message_place(message, question_id)), max_bytes=MAX_SEALED)


def _message_place(message: str, question_id: str) -> bytes:
    return f"lookup {question_id} message {message}".encode()


def _place(question_id: str) -> bytes:
    return f"lookup {question_id} request".encode()
