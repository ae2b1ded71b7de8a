"""Agreements on the peer face: fetched by digest, and signed by their parties.

There is no list: an agreement's address is its digest, which only those know who were shown the agreement or its
address. It holds no person's data. Signatures name those who signed, so they are given in exchange for one: only to a
party that has signed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response

from gateway.countersigning import AGREEMENTS_PATH, JSON, SIGNATURE_TYPE, SIGNATURES
from gateway.http import bodies, problem
from gateway.http.guards import open_to_all
from gateway.http.problem import Problem
from gateway.ports import Clock
from trust.agreements.signature import MAX_BYTES
from trust.exchange.envelope import DIGEST


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementsFace:
    """What this part of the face stands on. Both answer ``None`` for an agreement that is not held, or has ended."""

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
    @open_to_all("each signature proves which party it is from, inside")
    def sign(digest: str) -> Response:
        known = _checked(digest)
        raw = bodies.read_body(SIGNATURE_TYPE, max_bytes=MAX_BYTES)
        return _found(face.receive(known, raw, face.clock.now()))

    return blueprint


def _checked(digest: str) -> str:
    if not DIGEST.fullmatch(digest):
        raise Problem(problem.NOT_FOUND)
    return digest


def _found(body: bytes | None) -> Response:
    if body is None:
        raise Problem(problem.NOT_FOUND)
    return Response(body, content_type=JSON)
