"""Serve suspensions: an authority its own, any node those that it verified (profile section 6).

They are signed, so it does not matter who hands them on; and they name agencies only.
"""

from http import HTTPStatus

from flask import Blueprint, Response, request

from gateway.authority.suspension import EntryBytes
from gateway.federation.fetch import MAX_SUSPENSIONS, SUSPENSIONS_PATH
from gateway.ports import Store
from gateway.store.tables import suspensions
from gateway.store.tables.federation_records import StoredSuspension
from gateway.web.guards import open_to_all
from trust import strict_json
from trust.errors import TrustError
from trust.identifiers import parse_entity_id

_MAX_DIGITS = 12


def _as_received(entry: StoredSuspension) -> bytes:
    return entry.raw


def suspensions_blueprint(store: Store, *, entry_bytes: EntryBytes = _as_received) -> Blueprint:
    """Return the endpoint: ``iss`` is the issuer, ``after`` the highest number that the asker has."""
    blueprint = Blueprint("suspensions", __name__)

    @blueprint.get(SUSPENSIONS_PATH)
    @open_to_all("suspensions are signed, and concern agencies that are public in their federation")
    def relay() -> Response:
        if set(request.args) - {"iss", "after"} or any(len(request.args.getlist(name)) != 1 for name in request.args):
            return _refused("Name one issuer as iss and, as after, the highest number that you have.")
        after = request.args.get("after", "0")
        if not (after.isascii() and after.isdigit() and len(after) <= _MAX_DIGITS):
            return _refused("after must be a whole number.")
        try:
            issuer = parse_entity_id(request.args.get("iss", ""))
        except TrustError as refused:
            return _refused(f"iss: {refused.detail}")
        entries = store.read(lambda tx: suspensions.after(tx, issuer=issuer, seq=int(after), limit=MAX_SUSPENSIONS))
        listed = [entry_bytes(entry).decode("ascii") for entry in entries]
        return Response(strict_json.dumps({"suspensions": listed}), content_type="application/json")

    return blueprint


def _refused(why: str) -> Response:
    body = strict_json.dumps({"error": "invalid_request", "error_description": why})
    return Response(body, status=HTTPStatus.BAD_REQUEST, content_type="application/json")
