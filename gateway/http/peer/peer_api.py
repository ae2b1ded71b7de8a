"""The peer API: tokens and messages of other nodes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, request

from gateway.callers import PeerCaller
from gateway.http.discovery import publish
from gateway.http.peer.fair_share import FairShare, share_with_strangers
from gateway.http.tokens import add_token_endpoints
from gateway.oauth import forms, metadata
from gateway.oauth.peer_server import RESOURCE_PATH, PeerOAuth, peer_server
from gateway.oauth.protector import PeerProtector
from gateway.ports import Clock
from gateway.web import bodies, problem
from gateway.web.guards import PeerGuard
from gateway.web.problem import Problem

MESSAGES_PATH = RESOURCE_PATH + "/messages"
MESSAGE_TYPE = "application/jwt"
MAX_MESSAGE = 65_536
"""Bytes in a message, the cap of :mod:`trust.jose`."""
MAX_BODY = max(MAX_MESSAGE, forms.MAX_BODY)


Handle = Callable[[bytes, PeerCaller, datetime], bytes]
"""Return the signed reply to one message, durable by then. Raises ``TrustError`` for one that could not be opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerFace:
    """The parts of the peer API; ``share`` limits the threads that one member may occupy."""

    oauth: PeerOAuth
    clock: Clock
    handle: Handle
    share: FairShare


def peer_blueprint(face: PeerFace) -> Blueprint:
    """Return the token endpoint, the message endpoint and the well-known documents."""
    blueprint = Blueprint("peer", __name__)
    share_with_strangers(blueprint, face.share, but=MESSAGES_PATH)
    add_token_endpoints(blueprint, peer_server(face.oauth), clock=face.clock)
    guard = PeerGuard(PeerProtector(face.oauth), base_url=face.oauth.entity_id, clock=face.clock)

    @blueprint.post(MESSAGES_PATH)
    @guard
    def messages(caller: PeerCaller, now: datetime) -> Response:
        if request.query_string:
            raise Problem(problem.BAD_REQUEST, "This address takes no query string.")
        with face.share.held_by(caller.party.entity_id):  # before the body is read, for which a slow sender has us wait
            raw = bodies.read_body(MESSAGE_TYPE, max_bytes=MAX_MESSAGE)
            reply = face.handle(raw, caller, now)
        return Response(reply, content_type=MESSAGE_TYPE)

    publish(blueprint, metadata.AUTHORIZATION_SERVER_PATH, metadata.peer_authorization_server(face.oauth))
    publish(blueprint, metadata.PEER_RESOURCE_PATH, metadata.peer_resource(face.oauth))
    return blueprint
