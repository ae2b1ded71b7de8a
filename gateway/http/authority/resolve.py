"""The resolve endpoint (OpenID Federation 1.0 section 8.3), which states what is known and fetches nothing.

Callers are not authenticated, so nothing is fetched because one of them asked (A35). The authority's maintenance keeps
what it knows up to date.
"""

from flask import Blueprint, Response, request

from gateway.authority.statements import RESOLVE_PATH, Authority, resolve_response, vouches_still
from gateway.federation.resolver import FederationResolver
from gateway.http.federation.errors import (
    FederationError,
    FederationRefused,
    answer_refusal,
    entity_of,
    one,
)
from gateway.web.guards import open_to_all
from trust.identifiers import EntityId

RESOLVE_TYPE = "application/resolve-response+jwt"
_MAX_ANCHORS = 8


def resolve_blueprint(authority: Authority, resolver: FederationResolver) -> Blueprint:
    """Return the endpoint."""
    blueprint = Blueprint("resolving", __name__)
    blueprint.errorhandler(FederationRefused)(answer_refusal)

    @blueprint.get(RESOLVE_PATH)
    @open_to_all("federation endpoint: public by its standard, signed, and answered without a fetch")
    def resolve() -> Response:
        now = authority.clock.now()
        subject = entity_of(one(request.args, "sub"), "sub")
        accepted = _anchors()
        pinned = resolver.anchors(now=now)
        if not any(anchor in pinned for anchor in accepted):
            raise _other_anchor()
        resolution = resolver.cached(subject, now=now)
        if resolution is None or not vouches_still(authority, resolution):
            raise FederationRefused(FederationError.NOT_FOUND, "Nothing is known here of that entity.")
        if resolution.entity.anchor not in accepted:
            raise _other_anchor()
        signed = resolve_response(authority, resolution, entity_types=request.args.getlist("entity_type"), now=now)
        return Response(signed, content_type=RESOLVE_TYPE)

    return blueprint


def _anchors() -> set[EntityId]:
    anchors = request.args.getlist("trust_anchor")
    if not 0 < len(anchors) <= _MAX_ANCHORS:
        raise FederationRefused(
            FederationError.INVALID_REQUEST, f"Name a trust_anchor, and {_MAX_ANCHORS} of them at most."
        )
    return {entity_of(anchor, "trust_anchor") for anchor in anchors}


def _other_anchor() -> FederationRefused:
    return FederationRefused(FederationError.INVALID_TRUST_ANCHOR, "No chain to such a trust anchor is known here.")
