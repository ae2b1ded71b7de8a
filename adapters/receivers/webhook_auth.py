"""Authentication of a webhook: a bearer token, or a signature by the Standard Webhooks specification 1.0."""

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from adapters.contract import SourceMisconfigured
from adapters.sources.secret_file import read_secret

Authenticate = Callable[[str, bytes], Mapping[str, str]]
"""Returns the headers that authenticate a request, by its id and its body."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = range(24, 65)


def bearer(path: Path) -> Authenticate:
    """Send the token in the file at ``path``, which is read for each request, so that it can be changed.

    Raises :class:`SourceMisconfigured` for a text that is no token.
    """
    return lambda _request_id, _body: {"Authorization": f"Bearer {_token(path)}"}


def signature(path: Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Authenticate:
    """Sign id, time and body with the secret in the file at ``path``.

    Raises :class:`SourceMisconfigured` for a secret that is not of the form ``whsec_`` and base64 of 24 to 64 bytes.
    """

    def sign(request_id: str, body: bytes) -> Mapping[str, str]:
        moment = str(int(now().timestamp()))
        digest = hmac.new(_key(path), f"{request_id}.{moment}.".encode() + body, sha256).digest()
        return {
            "webhook-id": request_id,
            "webhook-timestamp": moment,
            "webhook-signature": "v1," + base64.b64encode(digest).decode("ascii"),
        }

    return sign


def _token(path: Path) -> str:
    text = read_secret(path)
    if _TOKEN.fullmatch(text) is None:
        raise SourceMisconfigured(f"The secret file {path.name} must hold a bearer token (RFC 6750, section 2.1).")
    return text


def _key(path: Path) -> bytes:
    text = read_secret(path)
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(_PREFIX) or len(key) not in _SECRET_BYTES:
        raise SourceMisconfigured(
            f"The secret file {path.name} must hold {_PREFIX} and the base64 of 24 to 64 random bytes."
        )
    return key
