"""No key of an entity serves two purposes, wherever it is published."""

import pytest

from tests.trust.federation.members import (
    ANCHOR_KEY,
    COUNCIL_KEY,
    EVIDENCE_KEY,
    MESSAGE_KEY,
    OAUTH_KEY,
    about_claims,
    council_claims,
    council_metadata,
    statement,
    verified,
)
from tests.trust.makers import key_set
from trust.errors import KeyPurposeMismatch
from trust.federation.node_metadata import ENTITY_TYPE
from trust.federation.party_metadata import AUTHORIZATION_SERVER, CLIENT
from trust.keys import Signer
from trust.strict_json import JsonObject


def jwks(*signers: Signer) -> JsonObject:
    return {"keys": [dict(each.public.jwk) for each in signers]}


def test_clients_and_servers_of_one_entity_may_share_their_keys() -> None:
    assert verified().oauth_client_keys == key_set(OAUTH_KEY)


@pytest.mark.parametrize(
    ("entity_type", "member", "borrowed"),
    [
        (ENTITY_TYPE, "message_jwks", COUNCIL_KEY),
        (ENTITY_TYPE, "message_jwks", OAUTH_KEY),
        (ENTITY_TYPE, "message_jwks", EVIDENCE_KEY),
        (CLIENT, "jwks", COUNCIL_KEY),
        (CLIENT, "jwks", MESSAGE_KEY),
        (AUTHORIZATION_SERVER, "jwks", COUNCIL_KEY),
        (AUTHORIZATION_SERVER, "jwks", MESSAGE_KEY),
    ],
)
def test_a_key_that_stands_in_for_another_purpose_refuses_the_entity(
    entity_type: str, member: str, borrowed: Signer
) -> None:
    metadata = council_metadata()
    metadata[entity_type][member]["keys"].append(dict(borrowed.public.jwk))
    with pytest.raises(KeyPurposeMismatch):
        verified(statement(COUNCIL_KEY, council_claims(metadata=metadata)))


def test_an_encryption_key_that_also_signs_refuses_the_entity() -> None:
    metadata = council_metadata()
    encryption = dict(MESSAGE_KEY.public.jwk) | {"alg": "ECDH-ES", "use": "enc"}
    metadata[ENTITY_TYPE]["encryption_jwks"] = {"keys": [encryption]}
    with pytest.raises(KeyPurposeMismatch):
        verified(statement(COUNCIL_KEY, council_claims(metadata=metadata)))


def test_a_federation_key_counts_for_any_publisher() -> None:
    with pytest.raises(KeyPurposeMismatch):
        verified(statement(COUNCIL_KEY, council_claims(jwks=jwks(COUNCIL_KEY, MESSAGE_KEY))))
    with pytest.raises(KeyPurposeMismatch):
        verified(about=statement(ANCHOR_KEY, about_claims(jwks=jwks(COUNCIL_KEY, OAUTH_KEY))))
