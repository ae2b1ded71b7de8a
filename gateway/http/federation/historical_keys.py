"""The federation keys that an entity had before (OpenID Federation 1.0 section 8.7), and its revoked keys."""

from datetime import datetime

from flask import Blueprint, Response, request

from gateway.federation.fetch import HISTORICAL_KEYS_TYPE
from gateway.http.federation.entity_configuration import HISTORICAL_KEYS_PATH, SignedConfiguration
from gateway.http.federation.key_revocations import OwnRevocations
from gateway.ports import Clock, KeyVault, Store
from gateway.store.tables import disowned_keys, key_revocations
from gateway.web.guards import open_to_all
from trust.federation.historical_keys import MAX_DISOWNED, MAX_REVOCATIONS, HistoricalKeys, build_historical_keys
from trust.identifiers import EntityId
from trust.keys import KeyUse

_CACHE_CONTROL = "public, max-age=60"


def historical_keys_blueprint(
    entity: EntityId, vault: KeyVault, revocations: OwnRevocations, store: Store, *, clock: Clock
) -> Blueprint:
    """Return the historical keys endpoint of one entity; the standard's request has no parameters of its own."""
    blueprint = Blueprint("historical_keys", __name__)

    def sign(now: datetime) -> bytes:
        history = HistoricalKeys(
            issuer=entity,
            issued_at=now,
            keys=vault.historical(),
            revocations=(*of_others(), *revocations.notices())[:MAX_REVOCATIONS],
            disowned=disowned()[:MAX_DISOWNED],
        )
        return build_historical_keys(history, vault.signer(KeyUse.FEDERATION))

    def disowned() -> tuple[str, ...]:
        return tuple(sorted(store.read(disowned_keys.kids).get(entity, frozenset())))

    def of_others() -> tuple[bytes, ...]:
        """Return what an authority revoked of those below it."""
        made = store.read(lambda tx: key_revocations.by(tx, issuer=entity, limit=MAX_REVOCATIONS // 2))
        return tuple(each.raw for each in made)

    signed = SignedConfiguration(sign, edition=lambda: (vault.edition(), disowned(), of_others()))

    @blueprint.get(HISTORICAL_KEYS_PATH)
    @open_to_all("federation endpoint: public by its standard, and signed")
    def historical_keys() -> Response:
        response = Response(signed(clock.now()), content_type=HISTORICAL_KEYS_TYPE)
        response.headers["Cache-Control"] = _CACHE_CONTROL
        response.add_etag()
        response.make_conditional(request)
        return response

    return blueprint
