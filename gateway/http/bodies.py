"""Read a request's body: the one content type, whole, within its cap."""

from collections.abc import Callable

from flask import Response, request

from gateway.http import problem
from gateway.http.problem import Problem
from gateway.http.stateless import current_request
from gateway.oauth.forms import TokenCall, in_utf8
from gateway.oauth.server import TokenAnswer
from gateway.ports import Clock

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
    asked = current_request()
    asked.max_content_length = max_bytes
    return asked.get_data(cache=False)


def answer_token_request(answered: Callable[[TokenCall], TokenAnswer], *, clock: Clock, max_bytes: int) -> Response:
    """Pass the current request to an endpoint of a token server, body and headers only, and write its answer."""
    request.max_content_length = max_bytes
    answer = answered(
        TokenCall(
            content_type=request.content_type or "",
            body=request.get_data(cache=False),
            query=request.query_string,
            dpop=request.headers.get("DPoP"),
            credentials="Authorization" in request.headers,
            now=clock.now(),
        )
    )
    response = Response(answer.body, status=answer.status)
    del response.headers["Content-Type"]
    for name, value in answer.headers:
        response.headers[name] = value
    return response
