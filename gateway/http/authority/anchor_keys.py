"""The pin of a trust anchor, and the document by which its recovery key replaced its keys.

Neither is trusted for its origin: a pin counts once an administrator compared its thumbprints by another channel, and
the document verifies with the recovery key that members pinned.
"""

from flask import Blueprint, Response

from gateway.authority.statements import Authority
from gateway.federation.fetch import ANCHOR_KEYS_PATH
from gateway.http.federation.errors import FederationError, FederationRefused, answer_refusal
from gateway.store.tables import anchor_keys
from gateway.web.guards import open_to_all
from trust.federation.anchor_keys import Pin, build_pin
from trust.keys import KeyUse

PIN_PATH = "/federation/v1/pin"


def anchor_keys_blueprint(anchor: Authority) -> Blueprint:
    """Return both endpoints."""
    blueprint = Blueprint("anchor_keys", __name__)
    blueprint.errorhandler(FederationRefused)(answer_refusal)
    public = open_to_all("public keys: no member trusts them for their origin")

    @blueprint.get(PIN_PATH)
    @public
    def pin() -> Response:
        pin = Pin(entity=anchor.entity_id, keys=anchor.vault.published(KeyUse.FEDERATION), recovery=anchor.recovery)
        return Response(build_pin(pin), content_type="application/json")

    @blueprint.get(ANCHOR_KEYS_PATH)
    @public
    def replaced() -> Response:
        document = anchor.store.read(lambda tx: anchor_keys.get(tx, anchor=anchor.entity_id))
        if document is None:
            raise FederationRefused(FederationError.NOT_FOUND, "This anchor never replaced its keys.")
        return Response(document.raw, content_type="application/jwt")

    return blueprint
