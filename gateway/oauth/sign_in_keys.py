"""Keys of an agency's OpenID provider: from a file, or from the provider itself, fetched seldom.

A provider changes its keys when it likes, and a new one is first heard of in a token. So an unknown key id may cause a
fetch, but only one in a minute for all clients together; what was fetched is used for an hour without asking, and for a
day while the provider does not answer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.ports import NodeBusy, PeerRequest, Transport, TransportError
from gateway.runtime.single_flight import SingleFlight
from trust import strict_json
from trust.errors import TrustError
from trust.keys import Alg, KeySet
from trust.oauth import provider_keys

FRESH, STALE, AGAIN = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
_ACCEPT = "application/jwk-set+json, application/json"
_FETCH_S = 5.0
_WAIT_S = 6.0
_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedKeys:
    """Keys from a file, which change when an administrator changes it and restarts the node."""

    pinned: KeySet

    def keys(self, kid: str, *, now: datetime) -> KeySet:  # noqa: ARG002 - as FetchedKeys has it
        """Return them."""
        return self.pinned


@dataclass(frozen=True, slots=True)
class _FetchedKeySet:
    keys: KeySet
    fetched_at: datetime


class FetchedKeys:
    """Keys that the provider publishes at one address. For many threads; opened at its first use, after the fork."""

    def __init__(self, *, transport: Transport, url: str, algorithm: Alg) -> None:
        self._transport = transport
        self._url = url
        self._algorithm = algorithm
        self._cached: _FetchedKeySet | None = None
        self._asked_at: datetime | None = None
        self._flights: SingleFlight[None] = SingleFlight()

    def keys(self, kid: str, *, now: datetime) -> KeySet:
        """Return the keys that count now, after asking for them where that may bring in ``kid``.

        Raises :class:`gateway.ports.NodeBusy` where none can be had.
        """
        cached = self._cached
        if cached is not None and kid in cached.keys.kids and _within(cached.fetched_at, now, FRESH):
            return cached.keys
        if self._asked_at is None or not _within(self._asked_at, now, AGAIN):
            self._ask(now)
        cached = self._cached
        if cached is None or not _within(cached.fetched_at, now, STALE):
            raise NodeBusy("the sign-in service's keys cannot be had")
        return cached.keys

    def _ask(self, now: datetime) -> None:
        try:
            self._flights.run("keys", lambda: self._fetch(now), timeout_s=_WAIT_S)
        except (TransportError, TrustError, TimeoutError):
            return  # what is held goes on for its time, and the next question is a minute away

    def _fetch(self, now: datetime) -> None:
        self._asked_at = now
        answer = self._transport.send(
            PeerRequest(
                method="GET",
                url=self._url,
                headers={},
                body=b"",
                accept=_ACCEPT,
                max_bytes=provider_keys.MAX_BYTES,
                timeout_s=_FETCH_S,
            )
        )
        if answer.status != _OK:
            raise TransportError(f"the answer was {answer.status} and not the keys")
        jwks = strict_json.loads(answer.body, max_bytes=provider_keys.MAX_BYTES)
        self._cached = _FetchedKeySet(provider_keys.parse(jwks, self._algorithm), now)


SignInKeys = PinnedKeys | FetchedKeys
"""The signing keys of one provider."""


def _within(since: datetime, now: datetime, span: timedelta) -> bool:
    return timedelta() <= now - since < span
