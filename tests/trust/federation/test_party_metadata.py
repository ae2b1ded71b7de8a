"""The standard entity types, as far as we use them: keys inside, endpoints at home."""

import pytest

from tests.trust.federation.members import COUNCIL, OAUTH_KEY, SERVER
from tests.trust.makers import key_set, signer
from trust.errors import KeyPurposeMismatch, MalformedClaims, WrongIssuer
from trust.federation import party_metadata
from trust.federation.party_metadata import FederationEntity
from trust.keys import KeyUse


@pytest.mark.parametrize(
    "member", [FederationEntity(), FederationEntity(name="Council", fetch_endpoint=f"{COUNCIL}/federation/fetch")]
)
def test_a_member_is_read_as_it_was_written(member: FederationEntity) -> None:
    written = party_metadata.build_federation_entity(member)
    assert party_metadata.parse_federation_entity(written, entity=COUNCIL) == member


@pytest.mark.holds("A40")
def test_a_fetch_endpoint_is_at_home() -> None:
    with pytest.raises(MalformedClaims):
        party_metadata.parse_federation_entity(
            {"federation_fetch_endpoint": "https://evil.example/fetch"}, entity=COUNCIL
        )


def test_a_server_is_read_as_it_was_written() -> None:
    written = party_metadata.build_authorization_server(SERVER)
    assert party_metadata.parse_authorization_server(written, entity=COUNCIL) == SERVER
    with pytest.raises(WrongIssuer):
        party_metadata.parse_authorization_server(written | {"issuer": f"{COUNCIL}/"}, entity=COUNCIL)


def test_keys_elsewhere_are_not_fetched() -> None:
    elsewhere = {"issuer": COUNCIL, "token_endpoint": f"{COUNCIL}/token", "jwks_uri": f"{COUNCIL}/keys"}
    with pytest.raises(MalformedClaims, match="jwks"):
        party_metadata.parse_authorization_server(elsewhere, entity=COUNCIL)
    with pytest.raises(MalformedClaims, match="jwks"):
        party_metadata.parse_client({"jwks_uri": f"{COUNCIL}/keys"})


def test_a_clients_keys_are_read_as_they_were_written() -> None:
    keys = key_set(OAUTH_KEY)
    assert party_metadata.parse_client(party_metadata.build_client(keys)) == keys
    with pytest.raises(KeyPurposeMismatch):
        party_metadata.build_client(key_set(signer(KeyUse.MESSAGE)))


def test_a_resource_takes_tokens_of_its_own_server_only_and_only_bound_ones() -> None:
    assert party_metadata.build_resource(COUNCIL) == {
        "resource": COUNCIL,
        "authorization_servers": [COUNCIL],
        "dpop_bound_access_tokens_required": True,
    }
