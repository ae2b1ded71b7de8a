"""Routes by which clients get tokens and end them: the same at both faces, whose servers differ."""

from collections.abc import Callable

from flask import Blueprint, Response, request

from gateway.oauth.forms import MAX_BODY, TokenCall
from gateway.oauth.revocation import PATH as REVOCATION_PATH
from gateway.oauth.server import TOKEN_PATH, TokenResponse, TokenServer
from gateway.ports import Clock
from gateway.web.face import note_refusal
from gateway.web.guards import open_to_all


def add_token_endpoints(blueprint: Blueprint, server: TokenServer, *, clock: Clock) -> None:
    """Add the token endpoint and the revocation endpoint of one token server."""

    @blueprint.post(TOKEN_PATH)
    @open_to_all("the client authenticates with its assertion, inside")
    def token() -> Response:
        return _respond(server.answer, clock)

    @blueprint.post(REVOCATION_PATH)
    @open_to_all("the client authenticates with its assertion, inside")
    def revoke() -> Response:
        return _respond(server.revoke, clock)


def _respond(answer_call: Callable[[TokenCall], TokenResponse], clock: Clock) -> Response:
    """Pass the current request to an endpoint of a token server, body and headers only, and write its answer."""
    request.max_content_length = MAX_BODY
    answer = answer_call(
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
    if answer.error is not None:
        note_refusal(answer.error, answer.reason)
    return response
