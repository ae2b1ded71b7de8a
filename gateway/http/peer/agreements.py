"""Agreements on the peer face: fetched by digest, and signed and ended by their parties.

There is no list: an agreement's address is its digest, which only those know who were shown the agreement or its
address. It holds no person's data. Signatures name those who signed, so they are given to parties only, each of which
proves itself in its call (:mod:`trust.agreements.party_call`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response

from gateway.agreements.signature_exchange import AGREEMENTS_PATH, CALL_TYPE, JSON, SIGNATURES, CallReused
from gateway.ports import Clock
from gateway.web import bodies, problem
from gateway.web.guards import open_to_all
from gateway.web.problem import Problem
from trust.agreements.party_call import MAX_BYTES
from trust.exchange.envelope import DIGEST


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementsFace:
    """What this part of the face stands on. Both answer ``None`` for an agreement that is not held.

    ``document`` does so for one that has ended, too.
    """

    document: Callable[[str], bytes | None]
    receive: Callable[[str, bytes, datetime], bytes | None]
    clock: Clock


def agreements_blueprint(face: AgreementsFace) -> Blueprint:
    """Return the address of each agreement and the inbox for signatures under it."""
    blueprint = Blueprint("agreements", __name__)

    @blueprint.get(AGREEMENTS_PATH + "/<digest>")
    @open_to_all("the address is the document's digest, which only those know who were shown it")
    def agreement(digest: str) -> Response:
        return _found(face.document(_checked(digest)))

    @blueprint.post(AGREEMENTS_PATH + "/<digest>" + SIGNATURES)
    @open_to_all("each call is signed by a party for this node, and is good once, inside")
    def call(digest: str) -> Response:
        known = _checked(digest)
        raw = bodies.read_body(CALL_TYPE, max_bytes=MAX_BYTES)
        try:
            return _found(face.receive(known, raw, face.clock.now()))
        except CallReused:
            raise Problem(problem.CONFLICT) from None

    return blueprint


def _checked(digest: str) -> str:
    if not DIGEST.fullmatch(digest):
        raise Problem(problem.NOT_FOUND)
    return digest


def _found(body: bytes | None) -> Response:
    if body is None:
        raise Problem(problem.NOT_FOUND)
    return Response(body, content_type=JSON)
