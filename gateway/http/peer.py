"""The peer face: where other nodes get their tokens and send their messages."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from flask import Blueprint, Response, request

from gateway.http import bodies, problem
from gateway.http.fair_share import FairShare
from gateway.http.guards import PeerGuard, open_to_all
from gateway.http.problem import Problem
from gateway.oauth import forms, metadata
from gateway.oauth.peer_server import RESOURCE_PATH, TOKEN_PATH, PeerOAuth, peer_server
from gateway.oauth.protector import PeerProtector
from gateway.oauth.revocation import PATH as REVOCATION_PATH
from gateway.ports import Clock, PeerCaller
from trust import strict_json
from trust.strict_json import JsonObject

MESSAGES_PATH = RESOURCE_PATH + "/messages"
MESSAGE_TYPE = "application/jwt"
MAX_MESSAGE = 65_536
"""Bytes in a message, the cap of :mod:`trust.jose`."""
MAX_BODY = max(MAX_MESSAGE, forms.MAX_BODY)


class Answered(Protocol):
    """What a message was answered with."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def content_type(self) -> str:
        """The content type."""

    @property
    def body(self) -> bytes:
        """The bytes, which are durable by now."""


Handle = Callable[[bytes, PeerCaller, datetime], Answered]
"""Answer one message. Raises :class:`trust.errors.TrustError` only for one that could not be opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerFace:
    """What the peer face stands on; ``threads`` are those of each worker, of which no member gets all."""

    oauth: PeerOAuth
    clock: Clock
    handle: Handle
    threads: int


def peer_blueprint(face: PeerFace) -> Blueprint:
    """Return the token endpoint, the message endpoint and the well-known documents."""
    blueprint = Blueprint("peer", __name__)
    server = peer_server(face.oauth)
    share = FairShare(face.threads)
    guard = PeerGuard(PeerProtector(face.oauth), base_url=face.oauth.entity_id, clock=face.clock)

    @blueprint.post(TOKEN_PATH)
    @open_to_all("the client authenticates with its assertion, inside")
    def token() -> Response:
        return bodies.answer_token_request(server.answer, clock=face.clock, max_bytes=forms.MAX_BODY)

    @blueprint.post(REVOCATION_PATH)
    @open_to_all("the client authenticates with its assertion, inside")
    def revoke() -> Response:
        return bodies.answer_token_request(server.revoke, clock=face.clock, max_bytes=forms.MAX_BODY)

    @blueprint.post(MESSAGES_PATH)
    @guard
    def messages(caller: PeerCaller, now: datetime) -> Response:
        if request.query_string:
            raise Problem(problem.BAD_REQUEST, "This address takes no query string.")
        with share.held_by(caller.entity):  # before the body is read, for which a slow sender has us wait
            raw = bodies.read_body(MESSAGE_TYPE, max_bytes=MAX_MESSAGE)
            answered = face.handle(raw, caller, now)
        return Response(answered.body, status=answered.status, content_type=answered.content_type)

    publish(blueprint, metadata.AUTHORIZATION_SERVER_PATH, metadata.peer_authorization_server(face.oauth))
    publish(blueprint, metadata.PEER_RESOURCE_PATH, metadata.peer_resource(face.oauth))
    return blueprint


def publish(blueprint: Blueprint, path: str, document: JsonObject) -> None:
    """Serve a document that is the same for everybody for as long as the process runs."""
    written = strict_json.dumps(document)

    @open_to_all("discovery: public by its standard")
    def serve() -> Response:
        return Response(written, content_type="application/json")

    blueprint.add_url_rule(path, endpoint=path.strip("/").replace("/", "-").replace(".", ""), view_func=serve)
