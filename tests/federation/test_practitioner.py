"""From a practitioner's own sign-in at a real provider to what a peer sees of them, and back to the name."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import pytest
from werkzeug.test import TestResponse

from gateway.exchange.outbound import pseudonym
from gateway.oauth.exchange import GRANT_TYPE
from gateway.peers.ssrf import HostAddress
from gateway.peers.transport import HttpTransport, client_tls
from gateway.store.tables import justifications
from tests.simulator.case_client import ASSERTION_TYPE, CaseClient
from tests.simulator.clocks import RunningClock
from tests.simulator.network import Network
from tests.simulator.settings_files import toml
from tests.simulator.town import BY_ENTITY, COUNCIL, POLICE, TRUST
from tests.support.node import Node
from tests.support.oidc import HOST, ISSUER, OTHER_CLIENT, WEB_CLIENT, OpenIdProvider, running
from tests.support.tls import make_authority
from trust.base64url import decode
from trust.oauth import client_assertion

APPLICATION, UNIT = "https://cases.council.example/app", "https://council.example/unit"


def claims(role: str) -> dict[str, Any]:
    """Write a role as Keycloak does for an application whose client id is a URL, and a unit as Auth0 does."""
    return {"resource_access": {APPLICATION: {"roles": [role]}}, UNIT: "north"}


USERS = {
    "u-17": {"claims": claims("Family Support Worker"), "amr": ["pwd", "mfa"]},
    "u-18": {"claims": claims("Family Support Worker"), "amr": ["pwd"]},
    "u-19": {"claims": claims("Caretaker"), "amr": ["pwd", "mfa"]},
}


@dataclass
class SignedIn:
    """The council and the trust, and the council's provider."""

    network: Network
    provider: OpenIdProvider
    client: CaseClient

    def exchange(self, user: str, client: str = WEB_CLIENT) -> TestResponse:
        """Sign in at the provider and exchange the ID token."""
        system = self.client
        assertion = client_assertion.build(
            client_id=system.client_id,
            issuer=system.base_url,
            signer=system.signer,
            now=system.clock.now(),
            jti=token_urlsafe(16),
        )
        form = {
            "grant_type": GRANT_TYPE,
            "subject_token": self.provider.sign_in(user, client),
            "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion.decode(),
        }
        return system.http.post("/oauth/v1/token", base_url=system.base_url, data=form)

    def look_up(self, token: str) -> TestResponse:
        """Ask with that token, saying nothing of the practitioner."""
        body = self.client.body(wait_s=20.0)
        del body["practitioner"]
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": token_urlsafe(16)}
        return self.client.http.post("/case/v1/lookups", base_url=self.client.base_url, json=body, headers=headers)


def identity(client_id: str) -> dict[str, Any]:
    return {
        "issuer": ISSUER,
        "jwks_uri": f"{ISSUER}/jwks",
        "clients": {WEB_CLIENT: client_id},
        "role_claim": ["resource_access", APPLICATION, "roles"],
        "unit_claim": UNIT,
        "positions": [
            {
                "service": "connecting-families",
                "role": "key-worker",
                "unit": "north-team",
                "role_value": "Family Support Worker",
                "unit_value": "north",
            }
        ],
    }


@pytest.fixture
def signed_in(tmp_path: Path, node: Node) -> Iterator[SignedIn]:
    authority = make_authority(tmp_path)
    with running(node, tmp_path, authority, USERS) as provider:
        made = Network(tmp_path, [BY_ENTITY[COUNCIL], BY_ENTITY[TRUST]], clock=RunningClock())
        made.agree()
        registered = made.case_client()
        made.sign_in = HttpTransport(
            tls=client_tls(authority.certificate), hosts={HOST: HostAddress(address="127.0.0.1", port=provider.port)}
        )
        settings = made.folder_of(COUNCIL) / "hearthgate.toml"
        with settings.open("a") as file:
            file.write(f"identity = {toml({'providers': [identity(registered.client_id)]})}\n")
        council = made.start(COUNCIL)
        registered.http = council.case_app.test_client()
        yield SignedIn(network=made, provider=provider, client=registered)
        made.close()


def practitioners_seen(network: Network) -> set[str]:
    return {leaf["practitioner"] for leaf in network.leaves(TRUST) if "practitioner" in leaf}


def test_the_sign_in_at_a_real_provider_becomes_a_pseudonym_a_role_and_a_unit_at_the_peer(signed_in: SignedIn) -> None:
    network = signed_in.network
    seen: list[dict[str, Any]] = []
    answer = signed_in.exchange("u-17")
    assert answer.status_code == 200, answer.text
    found = signed_in.look_up(answer.get_json()["access_token"])
    assert found.status_code == 201, found.text
    assert {line["status"] for line in found.get_json()["answers"]} >= {"known"}
    for request, _ in network.wire.log:
        if request.url.endswith("/exchange/v1/messages"):
            payload = request.body.split(b".")[1]
            seen.append(json.loads(decode(payload, "payload"))["practitioner"])
    expected = pseudonym(network.nodes[COUNCIL].vault.pseudonym_key(), f"{ISSUER}#u-17", TRUST)
    assert {each["sub"] for each in seen} == {expected} == practitioners_seen(network)
    assert {(each["role"], each["org_unit"]) for each in seen} == {("key-worker", "north-team")}
    assert b"u-17" not in b"".join(request.body for request, _ in network.wire.log)
    # no case system vouched for them, so no manager has to justify it
    assert network.nodes[COUNCIL].store.read(lambda tx: justifications.list(tx, is_settled=True)) == ()


@pytest.mark.parametrize(
    ("user", "client", "said"),
    [
        ("u-18", WEB_CLIENT, "second factor"),
        ("u-19", WEB_CLIENT, "no position"),
        ("u-17", OTHER_CLIENT, "another application"),
    ],
)
def test_a_real_providers_token_is_refused_for_what_it_says(
    signed_in: SignedIn, user: str, client: str, said: str
) -> None:
    answer = signed_in.exchange(user, client)
    assert answer.status_code == 400
    assert answer.get_json()["error"] == "invalid_request"
    assert said in answer.get_json()["error_description"]


def test_each_holder_knows_a_practitioner_by_another_name_and_always_the_same(tmp_path: Path) -> None:
    network = Network(tmp_path, [BY_ENTITY[COUNCIL], BY_ENTITY[TRUST], BY_ENTITY[POLICE]])
    network.agree()
    client = network.case_client()
    for _ in range(2):
        client.look_up()
    names = {
        entity: {leaf["practitioner"] for leaf in network.leaves(entity) if leaf["peer"] == COUNCIL}
        for entity in (TRUST, POLICE)
    }
    assert len(names[TRUST]) == len(names[POLICE]) == 1
    assert names[TRUST].isdisjoint(names[POLICE])
    network.case_client().look_up()  # another case system, in which the same local id is another person's
    assert len({leaf["practitioner"] for leaf in network.leaves(TRUST) if leaf["peer"] == COUNCIL}) == 2
    network.close()
