"""Hand on suspensions: an authority its own, and any node those that it verified (the profile's section 6).

They are signed, so it does not matter who hands them on; and they name agencies only.
"""

from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus

from flask import Blueprint, Response, request

from gateway.ports import KeyVault, Store
from gateway.store.tables import suspensions
from gateway.store.tables.federation_records import StoredSuspension
from gateway.web.guards import open_to_all
from trust import jose, strict_json
from trust.errors import TrustError
from trust.federation.suspension import Suspension, SuspensionState, build_suspension
from trust.identifiers import EntityId, parse_entity_id
from trust.keys import KeyUse

SUSPENSIONS_PATH = "/federation/v1/suspensions"
PAGE = 100
_MAX_DIGITS = 12
_KEPT = 1_024

Shown = Callable[[StoredSuspension], bytes]
"""Return the signed bytes of an entry as they are handed on."""


def as_received(entry: StoredSuspension) -> bytes:
    """Hand an entry on as it is."""
    return entry.raw


def signed_today(own: EntityId, vault: KeyVault) -> Shown:
    """Sign an authority's own entries with the key that signs now, so that they prove as well after a rotation.

    One that this key signed already is handed on as it is, and what is signed again is kept: whoever asks is unknown,
    and a page of entries must not cost as many signatures.
    """

    @lru_cache(maxsize=_KEPT)
    def again(entry: StoredSuspension, _kid: str) -> bytes:
        suspension = Suspension(
            issuer=own,
            subject=EntityId(entry.subject),
            seq=entry.seq,
            state=SuspensionState(entry.state),
            issued_at=entry.issued_at,
        )
        return build_suspension(suspension, vault.signer(KeyUse.FEDERATION))

    def shown(entry: StoredSuspension) -> bytes:
        kid = vault.signer(KeyUse.FEDERATION).kid
        if entry.issuer != own or jose.peek_key_id(entry.raw) == kid:
            return entry.raw
        return again(entry, kid)

    return shown


def suspensions_blueprint(store: Store, *, shown: Shown = as_received) -> Blueprint:
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
        entries = store.read(lambda tx: suspensions.after(tx, issuer=issuer, seq=int(after), limit=PAGE))
        listed = [shown(entry).decode("ascii") for entry in entries]
        return Response(strict_json.dumps({"suspensions": listed}), content_type="application/json")

    return blueprint


def _refused(why: str) -> Response:
    body = strict_json.dumps({"error": "invalid_request", "error_description": why})
    return Response(body, status=HTTPStatus.BAD_REQUEST, content_type="application/json")
