"""Get and keep an access token from a DCI registry by OAuth 2.0 client credentials.

Source: DCI Authorization API 1.0.0; RFC 6749, section 4.4.

The client secret is read from its file for each new token, so that a secret may be replaced while the node runs.
"""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from threading import Lock
from typing import Final
from urllib.parse import urlencode

from adapters.contract import Deadline, HttpCaller
from adapters.sources.dci_answers import JSON, DciTokenResponse, check_http, parse_answer
from adapters.sources.secret_file import read_secret

MAX_TOKEN_BYTES: Final = 16 * 1024
DEFAULT_LIFE_S: Final = 60
"""How long a token is used when the registry does not say how long it lives."""
MAX_LIFE_S: Final = 24 * 3600
MARGIN_S: Final = 10
"""A token is given up this long before its end, so that none expires on its way."""


@dataclass(slots=True)
class _Kept:
    token: str = ""
    until: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSource:
    """One client's tokens, shared by its threads."""

    url: str
    client_id: str
    secret_file: Path
    http: HttpCaller
    _lock: Lock = field(default_factory=Lock, repr=False)
    _kept: _Kept = field(default_factory=_Kept, repr=False)

    def token(self, *, deadline: Deadline) -> str:
        """Return a live access token; two threads that find none may both ask, which does no harm.

        Raises :class:`~adapters.contract.AdapterError`.
        """
        with self._lock:
            if self._kept.until > time.monotonic():
                return self._kept.token
        token, life_s = self._ask(deadline=deadline)
        with self._lock:
            self._kept.token, self._kept.until = token, time.monotonic() + life_s - MARGIN_S
        return token

    def forget(self) -> None:
        """Give up the kept token: the registry no longer takes it."""
        with self._lock:
            self._kept.until = 0.0

    def _ask(self, *, deadline: Deadline) -> tuple[str, int]:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": read_secret(self.secret_file),
        }
        answer = self.http.post(
            self.url,
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "Accept": JSON,
                "timestamp": format_datetime(datetime.now(UTC), usegmt=True),
            },
            body=urlencode(form).encode(),
            max_bytes=MAX_TOKEN_BYTES,
            deadline=deadline,
        )
        check_http(answer)
        parsed = parse_answer(answer.body, DciTokenResponse)
        life_s = DEFAULT_LIFE_S if parsed.expires_in is None else min(float(parsed.expires_in), MAX_LIFE_S)
        return parsed.access_token, int(life_s)
