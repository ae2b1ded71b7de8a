"""A node's statements about itself."""

from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from gateway.federation.entity_configuration import NodeProfile, node_configuration
from gateway.federation.fetch import CONFIGURATION_PATH
from gateway.http.federation.signed_documents import federation_blueprint
from gateway.keys.files import create_keys
from gateway.keys.vault import FileKeyVault, open_vault
from gateway.web.face import build_face
from tests.simulator.clocks import MORNING, SetClock
from tests.simulator.federation import Silent
from tests.simulator.town import ANCHOR, COUNCIL
from trust.federation.entity_statement import parse_entity_configuration
from trust.federation.node_metadata import ServiceEntry, parse_node_metadata
from trust.federation.party_metadata import parse_authorization_server, parse_client
from trust.identifiers import KindName, ServiceSlug
from trust.keys import KeyUse

PROFILE = NodeProfile(
    entity_id=COUNCIL,
    name="Council",
    superiors=(ANCHOR,),
    services=(ServiceEntry(slug=ServiceSlug("duty"), name="Duty", kind="children", duty_phone="01632 960000"),),
    kinds={KindName("involvement.query"): (1,)},
)


@pytest.fixture
def vault(tmp_path: Path) -> FileKeyVault:
    create_keys(tmp_path / "keys")
    return open_vault(tmp_path / "keys")


@pytest.fixture
def clock() -> SetClock:
    return SetClock(MORNING)


@pytest.fixture
def client(vault: FileKeyVault, clock: SetClock) -> FlaskClient:
    configuration = node_configuration(PROFILE, vault)
    blueprint = federation_blueprint(configuration, clock=clock)
    return build_face("peer", [blueprint], max_body=0, observer=Silent()).test_client()


def test_a_node_states_its_keys_by_purpose_and_its_endpoints(
    client: FlaskClient, vault: FileKeyVault, clock: SetClock
) -> None:
    answer = client.get(CONFIGURATION_PATH)
    assert answer.content_type == "application/entity-statement+jwt"
    stated = parse_entity_configuration(answer.data, now=clock.now())
    assert (stated.entity_id, stated.authority_hints) == (COUNCIL, (ANCHOR,))
    assert stated.expires_at - stated.issued_at == timedelta(hours=120)
    assert stated.keys.kids == {vault.signer(KeyUse.FEDERATION).kid}
    node = parse_node_metadata(stated.metadata["information_exchange_node"], entity=COUNCIL, as_stated=True)
    assert node.message_keys.kids == {vault.signer(KeyUse.MESSAGE).kid}
    assert node.evidence_key.kid == vault.signer(KeyUse.EVIDENCE).kid
    assert node.encryption_keys is not None
    assert node.message_endpoint == COUNCIL + "/exchange/v1/messages"
    assert node.services == PROFILE.services
    server = parse_authorization_server(stated.metadata["oauth_authorization_server"], entity=COUNCIL)
    assert server.keys.kids == parse_client(stated.metadata["oauth_client"]).kids == {vault.signer(KeyUse.OAUTH).kid}
    assert server.token_endpoint == COUNCIL + "/oauth/v1/token"
    assert stated.metadata["oauth_resource"]["dpop_bound_access_tokens_required"] is True
    assert stated.metadata["federation_entity"]["organization_name"] == "Council"


def test_no_private_part_of_a_key_is_published(client: FlaskClient, clock: SetClock) -> None:
    stated = parse_entity_configuration(client.get(CONFIGURATION_PATH).data, now=clock.now())
    assert '"d"' not in repr(stated.metadata)
    assert "'d'" not in repr(stated.metadata)


def test_it_is_signed_again_every_few_minutes(client: FlaskClient, clock: SetClock) -> None:
    first = client.get(CONFIGURATION_PATH).data
    clock.forward(minutes=4)
    assert client.get(CONFIGURATION_PATH).data == first
    clock.forward(minutes=1)
    later = client.get(CONFIGURATION_PATH).data
    assert parse_entity_configuration(later, now=clock.now()).issued_at == clock.now()


def test_who_holds_it_already_is_told_so(client: FlaskClient) -> None:
    first = client.get(CONFIGURATION_PATH)
    assert first.headers["Cache-Control"] == "public, max-age=60"
    again = client.get(CONFIGURATION_PATH, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
