"""The documents by which clients find out what the token endpoints and the resources take (RFC 8414, RFC 9728)."""

from gateway.oauth.case_server import CaseOAuth
from gateway.oauth.errors import SIGNING_ALGORITHMS
from gateway.oauth.exchange import GRANT_TYPE
from gateway.oauth.forms import CLIENT_AUTH_METHOD
from gateway.oauth.peer_server import PeerOAuth
from gateway.oauth.revocation import PATH as REVOCATION_PATH
from trust.oauth.authorization_details import TYPE
from trust.strict_json import JsonObject

AUTHORIZATION_SERVER_PATH = "/.well-known/oauth-authorization-server"
PEER_RESOURCE_PATH = "/.well-known/oauth-protected-resource/exchange/v1"
CASE_RESOURCE_PATH = "/.well-known/oauth-protected-resource/case/v1"
"""Where RFC 9728 section 3.1 puts the documents of the resources ``/exchange/v1`` and ``/case/v1``."""


def peer_authorization_server(oauth: PeerOAuth) -> JsonObject:
    """Return the metadata of the peer face's token endpoint; its keys are in the node's federation chain only."""
    return _authorization_server(oauth.entity_id, oauth.token_endpoint) | {
        "authorization_details_types_supported": [TYPE],
        "client_registration_types_supported": ["automatic"],
        "protected_resources": [oauth.resource],
    }


def peer_resource(oauth: PeerOAuth) -> JsonObject:
    """Return the metadata of the peer face's resource."""
    return {
        "resource": oauth.resource,
        "authorization_servers": [oauth.entity_id],
        "bearer_methods_supported": [],
        "dpop_bound_access_tokens_required": True,
        "dpop_signing_alg_values_supported": list(SIGNING_ALGORITHMS),
        "authorization_details_types_supported": [TYPE],
    }


def case_authorization_server(oauth: CaseOAuth) -> JsonObject:
    """Return the metadata of the case face's token endpoint."""
    document = _authorization_server(oauth.base_url, oauth.token_endpoint) | {"protected_resources": [oauth.resource]}
    if oauth.providers:
        document["grant_types_supported"] = [*document["grant_types_supported"], GRANT_TYPE]
    return document


def case_resource(oauth: CaseOAuth) -> JsonObject:
    """Return the metadata of the case face's resource."""
    return {
        "resource": oauth.resource,
        "authorization_servers": [oauth.base_url],
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": list(SIGNING_ALGORITHMS),
    }


def _authorization_server(issuer: str, token_endpoint: str) -> JsonObject:
    return {
        "issuer": issuer,
        "token_endpoint": token_endpoint,
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials"],
        "revocation_endpoint": issuer + REVOCATION_PATH,
        "revocation_endpoint_auth_methods_supported": [CLIENT_AUTH_METHOD],
        "revocation_endpoint_auth_signing_alg_values_supported": list(SIGNING_ALGORITHMS),
        "token_endpoint_auth_methods_supported": [CLIENT_AUTH_METHOD],
        "token_endpoint_auth_signing_alg_values_supported": list(SIGNING_ALGORITHMS),
        "dpop_signing_alg_values_supported": list(SIGNING_ALGORITHMS),
    }
