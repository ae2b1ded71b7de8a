"""Signed documents that an entity publishes about itself, which a reader may cache for a minute.

They are its entity configuration (OpenID Federation 1.0 section 9) and its historical keys (section 8.7).
"""

from collections.abc import Callable
from datetime import datetime

from flask import Blueprint, Response, request

from gateway.federation.entity_configuration import HISTORICAL_KEYS_PATH, SignedConfiguration
from gateway.federation.fetch import CONFIGURATION_PATH, HISTORICAL_KEYS_TYPE, STATEMENT_TYPE
from gateway.ports import Clock
from gateway.web.guards import open_to_all

_CACHE_CONTROL = "public, max-age=60"


def federation_blueprint(configuration: SignedConfiguration, *, clock: Clock) -> Blueprint:
    """Return the well-known address of one entity."""
    blueprint = Blueprint("federation", __name__)

    @blueprint.get(CONFIGURATION_PATH)
    @open_to_all("discovery: public by its standard, and signed")
    def entity_configuration() -> Response:
        return _cacheable(configuration(clock.now()), STATEMENT_TYPE)

    return blueprint


def historical_keys_blueprint(document: Callable[[datetime], bytes], *, clock: Clock) -> Blueprint:
    """Return the historical keys endpoint of one entity; the standard's request has no parameters of its own."""
    blueprint = Blueprint("historical_keys", __name__)

    @blueprint.get(HISTORICAL_KEYS_PATH)
    @open_to_all("federation endpoint: public by its standard, and signed")
    def historical_keys() -> Response:
        return _cacheable(document(clock.now()), HISTORICAL_KEYS_TYPE)

    return blueprint


def _cacheable(document: bytes, media_type: str) -> Response:
    """Return a response that the present request may be spared, where its sender has the same document."""
    response = Response(document, content_type=media_type)
    response.headers["Cache-Control"] = _CACHE_CONTROL
    response.add_etag()
    response.make_conditional(request)
    return response
