"""The entity configuration: ``/.well-known/openid-federation`` (OpenID Federation 1.0 section 9)."""

from flask import Blueprint, Response, request

from gateway.federation.entity_configuration import SignedConfiguration
from gateway.federation.fetch import CONFIGURATION_PATH, STATEMENT_TYPE
from gateway.ports import Clock
from gateway.web.guards import open_to_all

_CACHE_CONTROL = "public, max-age=60"


def federation_blueprint(configuration: SignedConfiguration, *, clock: Clock) -> Blueprint:
    """Return the well-known address of one entity."""
    blueprint = Blueprint("federation", __name__)

    @blueprint.get(CONFIGURATION_PATH)
    @open_to_all("discovery: public by its standard, and signed")
    def entity_configuration() -> Response:
        response = Response(configuration(clock.now()), content_type=STATEMENT_TYPE)
        response.headers["Cache-Control"] = _CACHE_CONTROL
        response.add_etag()
        response.make_conditional(request)
        return response

    return blueprint
