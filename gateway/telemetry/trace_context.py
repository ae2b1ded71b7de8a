"""W3C Trace Context, as far as this node takes part in it: one id under which a caller finds its request in our logs.

A ``traceparent`` is believed to be nothing but 32 hexadecimal digits. It is never handed on to another agency: a
message to a peer carries a trace of its own (decision 28), since one id on several questions would tell the agencies
that are asked that they concern one person. ``tracestate`` is not read: it may hold anything.
"""

import re
from secrets import token_hex

HEADER = "traceparent"
MAX_HEADER = 256
_VERSION_00 = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
# A later version begins like this one, and goes on after a dash if at all.
_LATER = re.compile(r"(?!00|ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")


def new_trace() -> str:
    """Return the id of a new trace: 16 random bytes in lower-case hexadecimal."""
    return token_hex(16)


def trace_from(traceparent: str | None) -> str:
    """Return the trace id of a well-formed ``traceparent``, else a new one (Trace Context sections 3.2 and 4.3)."""
    if traceparent is None or len(traceparent) > MAX_HEADER:
        return new_trace()
    match = _VERSION_00.fullmatch(traceparent) or _LATER.fullmatch(traceparent)
    if match is None or not match[1].strip("0") or not match[2].strip("0"):
        return new_trace()
    return match[1]


def build_traceparent(trace: str) -> str:
    """Return a ``traceparent`` for a request within ``trace``; its flags say that no spans are recorded here."""
    return f"00-{trace}-{token_hex(8)}-00"
