"""Errors of an HTTP exchange, and its deadline."""

from time import monotonic

from gateway.ports import TransportError


class DeadlineExceeded(TransportError):
    """The exchange was not complete within its time."""


class ConnectionLost(TransportError):
    """A connection kept from an earlier exchange ended before the first byte of the answer.

    The peer may have seen the request, so only what is harmless twice may be sent again.
    """


class Unreachable(TransportError):
    """No connection with a proven name came about, or it broke off."""


class InvalidResponse(TransportError):
    """The answer is not a complete HTTP answer of the kind that was asked for."""


class ResponseTooLarge(TransportError):
    """The answer is larger than its cap; what had come was thrown away."""


def remaining(deadline: float) -> float:
    """Return the seconds until ``deadline`` (monotonic clock). Raises :class:`DeadlineExceeded` when none are left."""
    seconds = deadline - monotonic()
    if seconds <= 0:
        raise DeadlineExceeded("there was no complete answer within the time")
    return seconds
