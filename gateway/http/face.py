"""What every face does to every request, whatever it is for.

1 a request id of our own making; 2 the path in its one plain form, before any rule looks at it; 3 the size, before the
body is read; 4 the route, which has a guard; 5 every error as a problem document; 6 headers that forbid caching,
sniffing and framing; 7 one observation by route template, without query, address or caller.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from secrets import token_hex
from time import perf_counter
from typing import Protocol

from flask import Blueprint, Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from gateway.case_types import CaseRefusal, CaseRefused
from gateway.http import problem
from gateway.http.guards import require_guards
from gateway.http.problem import Problem
from gateway.oauth.errors import AccessRefused
from gateway.ports import StoreBusy, StoreFull
from trust.errors import TrustError

_PLAIN_PATH = re.compile(r"/|(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~-]+)+")
_RETRY_AFTER_S = {StoreBusy: "1", StoreFull: "60"}
_HEADERS = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("Strict-Transport-Security", "max-age=63072000"),
    ("X-Content-Type-Options", "nosniff"),
)
"""A view may state any of these otherwise; what it does not state is stated for it."""
_PROBLEM_OF_CODE = {
    None: problem.TOKEN_REQUIRED,
    "invalid_token": problem.TOKEN_REFUSED,
    "invalid_dpop_proof": problem.PROOF_REFUSED,
}
_PROBLEM_OF_REFUSAL = {
    CaseRefusal.NOT_PERMITTED: problem.NOT_PERMITTED,
    CaseRefusal.KEY_REUSED: problem.IDEMPOTENCY_KEY_REUSED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request that was answered. ``route`` is the template, never the path; ``problem`` the problem's code."""

    face: str
    method: str
    route: str
    status: int
    duration_s: float
    request_id: str
    problem: str | None


class Observer(Protocol):
    """What becomes of requests, for logs and metrics."""

    def answered(self, exchange: Exchange) -> None:
        """Note one answered request."""
        ...

    def crashed(self, error: BaseException, *, face: str, request_id: str) -> None:
        """Note a fault of our own, whose answer says nothing but its request id."""
        ...


def build_face(name: str, blueprints: Sequence[Blueprint], *, max_body: int, observer: Observer) -> Flask:
    """Return one face as a WSGI application; ``max_body`` caps every request's body, in bytes.

    Raises ``RuntimeError`` for a route without a declared guard.
    """
    app = Flask(f"hearthgate.{name}", static_folder=None, template_folder=None)
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
    app.before_request(_receive)
    app.after_request(lambda response: _finish(response, name, observer))
    _answer_errors(app, name, observer)
    return app


def _receive() -> None:
    g.request_id = token_hex(8)
    g.began = perf_counter()
    g.problem = None
    # RAW_URI is the target as it stood on the request line; the decoded path alone would hide %2F and %2E.
    raw_target = str(request.environ.get("RAW_URI") or request.path)
    raw_path = raw_target.partition("?")[0]
    if raw_path != request.path or not _PLAIN_PATH.fullmatch(raw_path) or request.environ.get("SCRIPT_NAME"):
        raise Problem(problem.PATH_NOT_CANONICAL)
    if request.content_length is not None and request.content_length > (request.max_content_length or 0):
        raise Problem(problem.TOO_LARGE, headers={"Connection": "close"})


def _finish(response: Response, face: str, observer: Observer) -> Response:
    stated = {name.lower() for name, _ in response.headers}
    response.headers.extend(
        [*(pair for pair in _HEADERS if pair[0].lower() not in stated), ("X-Request-Id", g.request_id)]
    )
    observer.answered(
        Exchange(
            face=face,
            method=request.method if request.method in _METHODS else "other",
            route=request.url_rule.rule if request.url_rule else "unmatched",
            status=response.status_code,
            duration_s=perf_counter() - g.began,
            request_id=g.request_id,
            problem=g.problem,
        )
    )
    return response


_METHODS = frozenset({"GET", "HEAD", "POST"})


def _answer_errors(app: Flask, face: str, observer: Observer) -> None:
    @app.errorhandler(Problem)
    def _known(raised: Problem) -> Response:
        g.problem = raised.kind.code
        return problem.render(raised)

    @app.errorhandler(AccessRefused)
    def _unauthenticated(refused: AccessRefused) -> Response:
        detail = refused.detail if refused.code else None
        response = _known(Problem(_PROBLEM_OF_CODE[refused.code], detail))
        for challenge in refused.challenges:
            response.headers.add("WWW-Authenticate", challenge)
        return response

    @app.errorhandler(CaseRefused)
    def _refused(refused: CaseRefused) -> Response:
        return _known(Problem(_PROBLEM_OF_REFUSAL[refused.refusal], refused.detail, remedy=refused.remedy))

    @app.errorhandler(TrustError)
    def _untrusted(refused: TrustError) -> Response:
        return _known(problem.of_trust_error(refused))

    @app.errorhandler(StoreFull)
    @app.errorhandler(StoreBusy)
    def _unavailable(failed: StoreFull | StoreBusy) -> Response:
        return _known(Problem(problem.BUSY, headers={"Retry-After": _RETRY_AFTER_S[type(failed)]}))

    @app.errorhandler(HTTPException)
    def _framework(raised: HTTPException) -> Response:
        allowed = raised.get_headers() if raised.code == HTTPStatus.METHOD_NOT_ALLOWED else []
        kept = {name: value for name, value in allowed if name == "Allow"}
        return _known(Problem(problem.of_status(raised.code or HTTPStatus.INTERNAL_SERVER_ERROR), headers=kept))

    @app.errorhandler(Exception)
    def _crashed(error: Exception) -> Response:
        observer.crashed(error, face=face, request_id=g.request_id)
        return _known(Problem(problem.INTERNAL))
