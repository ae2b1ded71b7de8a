"""What a trust anchor gives to be pinned, and the document by which its recovery key replaced its keys.

Both are read without trust: a pin counts once an administrator compared its thumbprints by another channel, and the
document proves itself to whoever pinned the recovery key.
"""

from dataclasses import dataclass

from flask import Blueprint, Response

from gateway.http.federation.errors import FederationError, FederationRefused, answer_refusal
from gateway.ports import KeyVault, Store
from gateway.store.tables import anchor_keys
from gateway.web.guards import open_to_all
from trust.federation.anchor_keys import Pin, build_pin
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse

PIN_PATH = "/federation/v1/pin"
ANCHOR_KEYS_PATH = "/federation/v1/anchor-keys"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorDocuments:
    """What the documents of one anchor are made of."""

    own: EntityId
    vault: KeyVault
    store: Store
    recovery: KeySet | None


def anchor_keys_blueprint(anchor: AnchorDocuments) -> Blueprint:
    """Return both endpoints."""
    blueprint = Blueprint("anchor_keys", __name__)
    blueprint.errorhandler(FederationRefused)(answer_refusal)
    public = open_to_all("public keys: nobody believes them for where they come from")

    @blueprint.get(PIN_PATH)
    @public
    def pin() -> Response:
        offered = Pin(entity=anchor.own, keys=anchor.vault.published(KeyUse.FEDERATION), recovery=anchor.recovery)
        return Response(build_pin(offered), content_type="application/json")

    @blueprint.get(ANCHOR_KEYS_PATH)
    @public
    def replaced() -> Response:
        every = anchor.store.read(anchor_keys.load)
        document = next((each for each in every if each.anchor == anchor.own), None)
        if document is None:
            raise FederationRefused(FederationError.NOT_FOUND, "This anchor never replaced its keys.")
        return Response(document.raw, content_type="application/jwt")

    return blueprint
