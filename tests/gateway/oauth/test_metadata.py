"""The well-known documents say what the endpoints do."""

from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

from gateway.oauth import metadata
from tests.simulator.callers import Caller
from tests.simulator.faces import CASE, Node
from tests.simulator.town import COUNCIL


def test_both_token_endpoints_describe_themselves_by_rfc_8414(peer: Caller, system: Caller) -> None:
    for caller, issuer in ((peer, COUNCIL), (system, CASE)):
        answer = caller.http.get("/.well-known/oauth-authorization-server")
        assert answer.content_type == "application/json"
        document = answer.get_json()
        assert document["response_types_supported"] == []
        # The library takes an empty list for a missing one; everything else it checks as the standard says.
        AuthorizationServerMetadata(document | {"response_types_supported": ["none"]}).validate()
        assert document["issuer"] == issuer
        assert document["token_endpoint"] == caller.token_url
        assert document["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
        assert document["token_endpoint_auth_signing_alg_values_supported"] == ["ES256", "Ed25519", "PS256"]
        assert document["grant_types_supported"] == ["client_credentials"]


def test_the_peer_resource_says_that_it_wants_dpop(node: Node, peer: Caller) -> None:
    document = peer.http.get(metadata.PEER_RESOURCE_PATH).get_json()
    assert document == metadata.peer_resource(node.peer_oauth())
    assert document["resource"] == COUNCIL + "/exchange/v1"
    assert document["dpop_bound_access_tokens_required"] is True


def test_the_case_resource_says_where_its_tokens_come_from_and_how_they_are_sent(node: Node, system: Caller) -> None:
    document = system.http.get(metadata.CASE_RESOURCE_PATH).get_json()
    assert document == metadata.case_resource(node.case_oauth())
    assert document["resource"] == CASE + "/case/v1"
    assert document["authorization_servers"] == [CASE]
    assert document["bearer_methods_supported"] == ["header"]
    server = system.http.get("/.well-known/oauth-authorization-server").get_json()
    assert server["protected_resources"] == [document["resource"]]
