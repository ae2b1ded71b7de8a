"""Steps that every API takes with every request; the numbers stand again in the code.

1. Give it a request id of our own, and the caller's trace where that is well formed.
2. Accept the path in its one plain form only, before any rule reads it, and a head that can be read in one way.
3. Check the size before the body is read.
4. Find the route, which has a guard.
5. Write every error as a problem document.
6. Add headers that forbid caching, sniffing and framing.
7. Record one event by route template, without query, address or caller.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from secrets import token_hex
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import HTTPException

from gateway.accountability.message_limits import MessagesLimited
from gateway.callers import CaseRefusal, CaseRefused
from gateway.oauth.errors import AccessRefused, log_reason
from gateway.ports import NodeBusy, StoreBusy, StoreFull, StoreOutcomeUnknown
from gateway.telemetry import trace_context
from gateway.telemetry.events import HttpRequestEvent
from gateway.web import headers, problem
from gateway.web.guards import require_guards
from gateway.web.problem import Problem
from gateway.web.stateless import StatelessFlask, current_request
from trust.errors import TrustError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_PLAIN_PATH = re.compile(r"/|(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~-]+)+")
# RFC 9110 section 7.2; a name, an IPv4 address or one in brackets, and perhaps a port. It decides nothing here.
_HOST = re.compile(r"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_RETRY_AFTER_S = {NodeBusy: "5", StoreBusy: "1", StoreFull: "60", StoreOutcomeUnknown: "5"}
_HEADERS = tuple((name.lower(), name, value) for name, value in headers.SECURITY)
"""A view may state any of these otherwise; what it does not state is stated for it."""
_TRACEPARENT = "HTTP_" + trace_context.HEADER.upper()
_Write = Callable[[bytes], object]
_PASSING = "hearthgate.passing"
_PROBLEM_OF_CODE = {
    None: problem.TOKEN_REQUIRED,
    "invalid_token": problem.TOKEN_REFUSED,
    "invalid_dpop_proof": problem.PROOF_REFUSED,
}
_PROBLEM_OF_REFUSAL = {
    CaseRefusal.NOT_PERMITTED: problem.NOT_PERMITTED,
    CaseRefusal.KEY_REUSED: problem.IDEMPOTENCY_KEY_REUSED,
    CaseRefusal.OVER_BUDGET: problem.OVER_BUDGET,
    CaseRefusal.STEP_UP_REQUIRED: problem.STEP_UP_REQUIRED,
    CaseRefusal.BREAK_GLASS_SUSPENDED: problem.BREAK_GLASS_SUSPENDED,
}


class Observer(Protocol):
    """What becomes of requests, for logs and metrics."""

    def record_request(self, event: HttpRequestEvent) -> None:
        """Record one answered request."""
        ...

    def record_error(self, error: BaseException, *, face: str, request_id: str) -> None:
        """Record an internal error, whose response says nothing but its request id."""
        ...


def build_face(name: str, blueprints: Sequence[Blueprint], *, max_body: int, observer: Observer) -> Flask:
    """Return one face as a WSGI application; ``max_body`` caps every request's body, in bytes.

    Raises ``RuntimeError`` for a route without a declared guard.
    """
    app = StatelessFlask(f"hearthgate.{name}", static_folder=None, template_folder=None)
    app.config.update(
        MAX_CONTENT_LENGTH=max_body,
        MAX_FORM_MEMORY_SIZE=0,  # no view reads a form through the framework
        PROVIDE_AUTOMATIC_OPTIONS=False,
        PROPAGATE_EXCEPTIONS=False,
    )
    app.url_map.merge_slashes = False
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    require_guards(app)
    app.before_request(lambda: _receive(max_body))
    app.after_request(lambda response: _observe(response, name, observer))
    _answer_errors(app, name, observer)
    app.wsgi_app = _marked(app.wsgi_app)  # type: ignore[assignment,method-assign]  # as Flask's documentation has it
    return app


@dataclass(slots=True, kw_only=True)
class _Passing:
    """What a face keeps of a request while it is answered, in the request's own environment."""

    request_id: str
    trace: str
    began: float
    problem: str | None = None
    reason: str | None = None


def note_refusal(code: str, reason: str | None) -> None:
    """Record the error and the reason of a refusal that is no problem document, for the line of the current request."""
    passing = _passing()
    passing.problem, passing.reason = code, reason


def current_trace() -> str:
    """Return the id of the trace to which the current request belongs."""
    return _passing().trace


def current_request_id() -> str:
    """Return the id of the current request, which its answer carries as ``X-Request-Id``."""
    return _passing().request_id


def _passing() -> _Passing:
    passing: _Passing = request.environ[_PASSING]
    return passing


def _marked(app: "WSGIApplication") -> "WSGIApplication":
    """Give each request its id (1), and each response its headers (6)."""

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        trace = trace_context.trace_from(environ.get(_TRACEPARENT))
        passing = environ[_PASSING] = _Passing(request_id=token_hex(8), trace=trace, began=perf_counter())

        def start(status: str, headers_of_view: list[tuple[str, str]], *exc_info: Any) -> _Write:
            names_of_view = {name.lower() for name, _ in headers_of_view}
            missing = [(name, value) for lower, name, value in _HEADERS if lower not in names_of_view]
            return start_response(
                status, [*headers_of_view, *missing, (headers.REQUEST_ID, passing.request_id)], *exc_info
            )

        return app(environ, start)

    return answer


def _receive(max_body: int) -> None:
    http_request = current_request()
    environ, path = http_request.environ, http_request.path
    # RAW_URI is the target as it stood on the request line; the decoded path alone would hide %2F and %2E.
    raw_path = str(environ.get("RAW_URI") or path).partition("?")[0]
    if raw_path != path or not _PLAIN_PATH.fullmatch(raw_path) or environ.get("SCRIPT_NAME"):
        raise Problem(problem.PATH_NOT_CANONICAL)
    _refuse_ambiguous(environ)
    length = http_request.content_length
    if length is not None and length > max_body:
        raise Problem(problem.TOO_LARGE, headers={"Connection": "close"})


def _refuse_ambiguous(environ: "WSGIEnvironment") -> None:
    """Refuse what another server on the way may read otherwise.

    HTTP/1.1 demands one proper ``Host`` of every request (RFC 9112 section 3.2). No coding of a body is undone here but
    ``chunked``, so a body in another one would be taken for what it is not.
    """
    host = environ.get("HTTP_HOST")
    if not _HOST.fullmatch(host) if host is not None else environ.get("SERVER_PROTOCOL") != "HTTP/1.0":
        raise Problem(problem.BAD_REQUEST, "An HTTP/1.1 request has one Host header with a host's name in it.")
    if environ.get("HTTP_TRANSFER_ENCODING", "chunked").strip().lower() != "chunked":
        raise Problem(problem.BAD_REQUEST, "No transfer coding but chunked is understood.")
    if environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() != "identity":
        plain = {"Accept-Encoding": "identity"}  # RFC 9110 section 15.5.16
        raise Problem(problem.UNSUPPORTED_MEDIA_TYPE, "Send the body without a Content-Encoding.", headers=plain)


def _observe(response: Response, face: str, observer: Observer) -> Response:
    http_request = current_request()
    passing: _Passing = http_request.environ[_PASSING]
    method, rule = http_request.method, http_request.url_rule
    observer.record_request(
        HttpRequestEvent(
            face=face,
            method=method if method in _METHODS else "other",
            route=rule.rule if rule else "unmatched",
            status=response.status_code,
            duration_s=perf_counter() - passing.began,
            request_id=passing.request_id,
            trace=passing.trace,
            problem=passing.problem,
            reason=passing.reason,
        )
    )
    return response


_STEP_UP = '{scheme} error="insufficient_user_authentication", error_description="{why}", max_age="{seconds}"'
_STEP_UP_WHY = "The person has to sign in afresh, with a second factor."
_METHODS = frozenset({"GET", "HEAD", "POST"})


def _render(raised: Problem) -> Response:
    passing = _passing()
    passing.problem = raised.kind.code
    return problem.render(raised, request_id=passing.request_id)


def _step_up_challenge(seconds: int) -> str:
    """Return the challenge that asks for a fresh sign-in (RFC 9470 section 3), in the scheme of the request."""
    is_bound = current_request().headers.get("Authorization", "")[:5].casefold() == "dpop "
    return _STEP_UP.format(scheme="DPoP" if is_bound else "Bearer", why=_STEP_UP_WHY, seconds=seconds)


def _unavailable(failed: Exception) -> Response:
    kind = problem.OUTCOME_UNKNOWN if isinstance(failed, StoreOutcomeUnknown) else problem.BUSY
    return _render(Problem(kind, headers={"Retry-After": _RETRY_AFTER_S[type(failed)]}))


def _limited(limited: MessagesLimited) -> Response:
    kind = problem.CLAUSE_LIMITED if limited.by_clause else problem.MESSAGES_LIMITED
    return _render(Problem(kind, headers={"Retry-After": str(limited.retry_after_s)}))


def _answer_errors(app: Flask, face: str, observer: Observer) -> None:
    app.register_error_handler(Problem, _render)
    app.register_error_handler(MessagesLimited, _limited)
    for raised in _RETRY_AFTER_S:
        app.register_error_handler(raised, _unavailable)

    @app.errorhandler(AccessRefused)
    def _unauthenticated(refused: AccessRefused) -> Response:
        detail = refused.detail if refused.code else None
        response = _render(Problem(_PROBLEM_OF_CODE[refused.code], detail))
        _passing().reason = log_reason(refused, detail)
        for challenge in refused.challenges:
            response.headers.add("WWW-Authenticate", challenge)
        return response

    @app.errorhandler(CaseRefused)
    def _refused(refused: CaseRefused) -> Response:
        headers = {} if refused.retry_after_s is None else {"Retry-After": str(refused.retry_after_s)}
        if refused.max_age_s is not None:
            headers["WWW-Authenticate"] = _step_up_challenge(refused.max_age_s)
        kind = _PROBLEM_OF_REFUSAL[refused.refusal]
        return _render(problem.from_case_refusal(kind, refused, headers))

    @app.errorhandler(TrustError)
    def _untrusted(refused: TrustError) -> Response:
        return _render(problem.from_trust_error(refused))

    @app.errorhandler(HTTPException)
    def _framework(raised: HTTPException) -> Response:
        allowed = raised.get_headers() if raised.code == HTTPStatus.METHOD_NOT_ALLOWED else []
        headers_to_keep = {name: value for name, value in allowed if name == "Allow"}
        return _render(
            Problem(problem.from_status(raised.code or HTTPStatus.INTERNAL_SERVER_ERROR), headers=headers_to_keep)
        )

    @app.errorhandler(Exception)
    def _crashed(error: Exception) -> Response:
        observer.record_error(error, face=face, request_id=_passing().request_id)
        return _render(Problem(problem.INTERNAL))
