"""Access tokens of a DCI registry by OAuth 2.0 client credentials.

Source: DCI Authorization API 1.0.0; RFC 6749 section 4.4. The client secret is read from its file for each new token,
so that an administrator can replace it while the node runs.
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
"""The lifetime of a token if the registry does not state one."""
MAX_LIFE_S: Final = 24 * 3600
MARGIN_S: Final = 10
"""The time before its expiry at which a token is replaced, so that none expires in transit."""


@dataclass(slots=True)
class _CachedToken:
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
    _cached: _CachedToken = field(default_factory=_CachedToken, repr=False)

    def token(self, *, deadline: Deadline) -> str:
        """Return a valid access token; two threads without one may both request a token, without harm.

        Raises :class:`~adapters.contract.AdapterError`.
        """
        with self._lock:
            if self._cached.until > time.monotonic():
                return self._cached.token
        token, life_s = self._ask(deadline=deadline)
        with self._lock:
            self._cached.token, self._cached.until = token, time.monotonic() + life_s - MARGIN_S
        return token

    def forget(self) -> None:
        """Drop the cached token, which the registry no longer accepts."""
        with self._lock:
            self._cached.until = 0.0

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
        response = parse_answer(answer.body, DciTokenResponse)
        life_s = DEFAULT_LIFE_S if response.expires_in is None else min(float(response.expires_in), MAX_LIFE_S)
        return response.access_token, int(life_s)
