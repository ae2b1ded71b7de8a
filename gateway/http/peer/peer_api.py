"""The peer API: tokens and messages of other nodes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, request

from gateway.callers import PeerCaller
from gateway.federation.entity_configuration import BATCHES_PATH, MESSAGES_PATH
from gateway.http.discovery import publish
from gateway.http.peer.fair_share import FairShare, share_with_strangers
from gateway.http.tokens import add_token_endpoints
from gateway.oauth import forms, metadata
from gateway.oauth.peer_server import PeerOAuth, peer_server
from gateway.oauth.protector import PeerProtector
from gateway.ports import Clock
from gateway.web import bodies, problem
from gateway.web.face import current_request_id
from gateway.web.guards import PeerGuard
from gateway.web.problem import Problem
from trust.exchange.batch import MAX_BATCH, build_answers, read_batch
from trust.strict_json import JsonObject

MESSAGE_TYPE = "application/jwt"
MAX_MESSAGE = 65_536
"""Bytes in a message, the cap of :mod:`trust.jose`."""
MAX_BODY = max(MAX_MESSAGE, MAX_BATCH, forms.MAX_BODY)


Handle = Callable[[bytes, PeerCaller, datetime], bytes]
"""Return the signed reply to one message, durable by then. Raises ``TrustError`` for one that could not be opened."""
HandleBatch = Callable[[Sequence[bytes], PeerCaller, datetime], Sequence[bytes | Problem]]
"""Return the signed receipt of each message, durable by then, or why it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerFace:
    """The parts of the peer API; ``share`` limits the threads that one member may occupy."""

    oauth: PeerOAuth
    clock: Clock
    handle: Handle
    handle_batch: HandleBatch
    share: FairShare


def peer_blueprint(face: PeerFace) -> Blueprint:
    """Return the token endpoint, the message endpoint and the well-known documents."""
    blueprint = Blueprint("peer", __name__)
    share_with_strangers(blueprint, face.share, but=(MESSAGES_PATH, BATCHES_PATH))
    add_token_endpoints(blueprint, peer_server(face.oauth), clock=face.clock)
    guard = PeerGuard(PeerProtector(face.oauth), base_url=face.oauth.entity_id, clock=face.clock)

    @blueprint.post(MESSAGES_PATH)
    @guard
    def messages(caller: PeerCaller, now: datetime) -> Response:
        _refuse_query_string()
        with face.share.held_by(caller.party.entity_id):  # before the body is read, for which a slow sender has us wait
            raw = bodies.read_body(MESSAGE_TYPE, max_bytes=MAX_MESSAGE)
            reply = face.handle(raw, caller, now)
        return Response(reply, content_type=MESSAGE_TYPE)

    @blueprint.post(BATCHES_PATH)
    @guard
    def batches(caller: PeerCaller, now: datetime) -> Response:
        _refuse_query_string()
        with face.share.held_by(caller.party.entity_id):
            messages = read_batch(bodies.read_body(bodies.JSON, max_bytes=MAX_BATCH))
            answers = face.handle_batch(messages, caller, now)
        return Response(build_answers([_answer(each) for each in answers]), content_type=bodies.JSON)

    publish(blueprint, metadata.AUTHORIZATION_SERVER_PATH, metadata.peer_authorization_server(face.oauth))
    publish(blueprint, metadata.PEER_RESOURCE_PATH, metadata.peer_resource(face.oauth))
    return blueprint


def _refuse_query_string() -> None:
    if request.query_string:
        raise Problem(problem.BAD_REQUEST, "This address takes no query string.")


def _answer(answer: bytes | Problem) -> bytes | JsonObject:
    if isinstance(answer, bytes):
        return answer
    document, wait = problem.to_json(answer, request_id=current_request_id()), answer.headers.get("Retry-After")
    return document if wait is None else {**document, "retry_after": int(wait)}
