"""Hand on notices about revoked keys: an entity's own, and those that it verified of others.

They are signed, name keys by thumbprint only, and concern agencies that are public in their federation.
"""

from functools import lru_cache

from flask import Blueprint, Response, request

from gateway.federation.fetch import KEY_REVOCATIONS_PATH, MOST_TOLD
from gateway.http.federation.errors import FederationError, FederationRefused, answer_refusal, entity_of
from gateway.ports import KeyVault, Store
from gateway.store.tables import key_revocations
from gateway.web.guards import open_to_all
from trust import strict_json
from trust.federation.key_revocation import KeyRevocation, RevokedKey, build_key_revocation
from trust.identifiers import EntityId
from trust.keys import KeyUse

_KEPT = 256


class OwnRevocations:
    """The notices about an entity's own keys, each signed with the key that signs now."""

    def __init__(self, own: EntityId, vault: KeyVault) -> None:
        self._own = own
        self._vault = vault
        self._signed = lru_cache(maxsize=_KEPT)(self._sign)

    def notices(self) -> tuple[bytes, ...]:
        """Return one for each key that was revoked here."""
        kid = self._vault.signer(KeyUse.FEDERATION).kid
        return tuple(self._signed(key, kid) for key in self._vault.revoked())

    def _sign(self, key: RevokedKey, _kid: str) -> bytes:
        notice = KeyRevocation(
            issuer=self._own,
            subject=self._own,
            kid=key.kid,
            use=key.use,
            revoked_at=key.revoked_at,
            reason=key.reason,
            issued_at=key.revoked_at,
        )
        return build_key_revocation(notice, self._vault.signer(KeyUse.FEDERATION))


def key_revocations_blueprint(own: OwnRevocations, entity: EntityId, store: Store) -> Blueprint:
    """Return the endpoint; ``sub`` is whose keys the asker means."""
    blueprint = Blueprint("key_revocations", __name__)
    blueprint.errorhandler(FederationRefused)(answer_refusal)

    @blueprint.get(KEY_REVOCATIONS_PATH)
    @open_to_all("notices about revoked keys are signed, and concern agencies that are public in their federation")
    def tell() -> Response:
        if set(request.args) != {"sub"} or len(request.args.getlist("sub")) != 1:
            raise FederationRefused(FederationError.INVALID_REQUEST, "Name one entity as sub.")
        subject = entity_of(request.args["sub"], "sub")
        made = own.notices() if subject == entity else ()
        known = store.read(lambda tx: key_revocations.of(tx, subject=subject, limit=MOST_TOLD))
        listed = [raw.decode("ascii") for raw in dict.fromkeys((*made, *(each.raw for each in known)))][:MOST_TOLD]
        return Response(strict_json.dumps({"revocations": listed}), content_type="application/json")

    return blueprint
