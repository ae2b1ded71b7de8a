"""Come back to a peer that has no room, when it says that it will have some."""

import re
from collections.abc import Callable
from secrets import randbelow
from time import monotonic, sleep

from gateway.ports import PeerResponse

_UNAVAILABLE = 503
_SPREAD_MS = 500
_SECONDS = re.compile(r"[0-9]{1,4}")


def send_with_retry_after(ask: Callable[[], PeerResponse], deadline: float) -> PeerResponse:
    """Ask again when the peer says so, and return its answer; what it says at last, where then is after ``deadline``.

    ``deadline`` is on the monotonic clock. Raises what ``ask`` raises, which must send what is harmless twice.
    """
    while True:
        answer = ask()
        wait_s = _retry_after_s(answer)
        if wait_s is None or monotonic() + wait_s >= deadline:
            return answer
        sleep(wait_s)


def _retry_after_s(answer: PeerResponse) -> float | None:
    """Return when a peer that had no room will have some (RFC 9110 section 10.2.3, in seconds), or none if not said.

    What comes on top differs each time, so that messages that were turned away together do not come back together. No
    peer can have it asked without a pause.
    """
    header = answer.headers.get("retry-after", "")
    if answer.status != _UNAVAILABLE or not _SECONDS.fullmatch(header):
        return None
    return max(1, int(header)) + randbelow(_SPREAD_MS) / 1_000
