"""The header ``Idempotency-Key``: a repeated request is the same request, and does nothing twice."""

import re
from typing import Final

from flask import request

from gateway.web import problem
from gateway.web.problem import Problem
from trust.strict_json import JsonObject

IDEMPOTENCY_PARAMETER: Final[JsonObject] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "A fresh UUID for a new request, the same one when you repeat it.",
    "schema": {"type": "string", "pattern": '^"?[A-Za-z0-9._~-]{8,128}"?$'},
}
# The draft standard writes the key as a quoted string; most clients leave the quotes out.
_KEY = re.compile(r'("?)([A-Za-z0-9._~-]{8,128})\1')


def read_idempotency_key() -> str:
    """Return the key of the current request. Raises :class:`Problem`."""
    match = _KEY.fullmatch(request.headers.get("Idempotency-Key", ""))
    if match is None:
        raise Problem(problem.IDEMPOTENCY_KEY_REQUIRED)
    return match[2]
