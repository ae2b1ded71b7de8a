"""Read a request's body: the one content type, whole, within its cap."""

from flask import request

from gateway.oauth.forms import in_utf8
from gateway.web import problem
from gateway.web.problem import Problem
from gateway.web.stateless import current_request

JSON = "application/json"


def read_body(content_type: str, *, max_bytes: int) -> bytes:
    """Return the body as received. Raises :class:`Problem` for another content type or too many bytes."""
    if (request.content_type or "").strip().lower() != content_type:
        raise Problem(problem.UNSUPPORTED_MEDIA_TYPE, f"Send {content_type}, without parameters.")
    return _read(max_bytes)


def read_json_body(*, max_bytes: int) -> bytes:
    """Return a JSON body as received; the charset UTF-8 may be named. Raises as :func:`read_body` does."""
    if not in_utf8(request.content_type or "", JSON):
        raise Problem(problem.UNSUPPORTED_MEDIA_TYPE, f"Send {JSON}.")
    return _read(max_bytes)


def _read(max_bytes: int) -> bytes:
    http_request = current_request()
    http_request.max_content_length = max_bytes
    return http_request.get_data(cache=False)
