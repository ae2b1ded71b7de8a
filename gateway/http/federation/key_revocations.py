"""Endpoint that serves notices about revoked keys.

They are signed, name keys by thumbprint only, and concern agencies that are public in their federation.
"""

from flask import Blueprint, Response, request

from gateway.federation.fetch import KEY_REVOCATIONS_PATH
from gateway.federation.historical_keys import RevocationNotices
from gateway.http.federation.errors import FederationError, FederationRefused, answer_refusal, entity_of
from gateway.web.guards import open_to_all
from trust import strict_json


def key_revocations_blueprint(notices: RevocationNotices) -> Blueprint:
    """Return the endpoint; ``sub`` is the entity whose keys the caller means."""
    blueprint = Blueprint("key_revocations", __name__)
    blueprint.errorhandler(FederationRefused)(answer_refusal)

    @blueprint.get(KEY_REVOCATIONS_PATH)
    @open_to_all("notices about revoked keys are signed, and concern agencies that are public in their federation")
    def relay() -> Response:
        if set(request.args) != {"sub"} or len(request.args.getlist("sub")) != 1:
            raise FederationRefused(FederationError.INVALID_REQUEST, "Name one entity as sub.")
        listed = [raw.decode("ascii") for raw in notices.about(entity_of(request.args["sub"], "sub"))]
        return Response(strict_json.dumps({"revocations": listed}), content_type="application/json")

    return blueprint
