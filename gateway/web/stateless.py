"""Flask without sessions, URLs made from the ``Host`` header, and coroutine views: no API uses them.

What Flask does for these at every request is a good part of what it does at all. That ``Host`` decides nothing, not
even where a redirect would lead, is also one thing less that a stranger can say.
"""

from collections.abc import Callable
from typing import Any

from flask import Flask, Request, Response, request
from flask.sessions import NullSession, SessionInterface, SessionMixin
from werkzeug.routing import MapAdapter

_NO_SESSION = NullSession()


def current_request() -> Request:
    """Return the request under way itself: each look at Flask's stand-in for it costs more than what is looked at."""
    current: Request = request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - documented so
    return current


class _NoSessions(SessionInterface):
    """Every request has the one session in which nothing can be kept: writing to it raises."""

    def open_session(self, _app: Flask, _request: Request) -> SessionMixin:
        return _NO_SESSION

    def is_null_session(self, _obj: object) -> bool:
        return True

    def save_session(self, _app: Flask, _session: SessionMixin, _response: Response) -> None:
        """Keep nothing."""


class StatelessFlask(Flask):
    """One face's application."""

    session_interface = _NoSessions()

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Match a request's path and method, and nothing else of it."""
        if request is None:
            return None
        return MapAdapter(
            self.url_map,
            server_name="",
            script_name="/",
            subdomain="",
            url_scheme="https",
            path_info=request.path,
            default_method=request.method,
            query_args=request.query_string.decode("latin-1"),
        )

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function itself: none here is a coroutine."""
        return func
