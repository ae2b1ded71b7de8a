"""The historical keys endpoint (OpenID Federation 1.0 section 8.7)."""

from collections.abc import Callable
from datetime import datetime

from flask import Blueprint, Response, request

from gateway.federation.entity_configuration import HISTORICAL_KEYS_PATH
from gateway.federation.fetch import HISTORICAL_KEYS_TYPE
from gateway.ports import Clock
from gateway.web.guards import open_to_all

_CACHE_CONTROL = "public, max-age=60"


def historical_keys_blueprint(document: Callable[[datetime], bytes], *, clock: Clock) -> Blueprint:
    """Return the historical keys endpoint of one entity; the standard's request has no parameters of its own."""
    blueprint = Blueprint("historical_keys", __name__)

    @blueprint.get(HISTORICAL_KEYS_PATH)
    @open_to_all("federation endpoint: public by its standard, and signed")
    def historical_keys() -> Response:
        response = Response(document(clock.now()), content_type=HISTORICAL_KEYS_TYPE)
        response.headers["Cache-Control"] = _CACHE_CONTROL
        response.add_etag()
        response.make_conditional(request)
        return response

    return blueprint
