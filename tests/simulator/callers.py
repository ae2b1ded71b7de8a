"""Those who call a node's faces: other nodes and case systems, each with keys of its own."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from secrets import token_urlsafe
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.simulator.clocks import SetClock
from tests.simulator.faces import CASE, CASE_TOKEN_URL, DETAIL, FORM, MESSAGES_URL, PEER_TOKEN_URL, Node
from tests.simulator.town import COUNCIL, HOUSING
from trust.keys import Alg, KeyUse, LocalSigner
from trust.oauth import authorization_details, client_assertion, dpop_proof
from trust.oauth.access_token import AccessTokenClaims


@dataclass(slots=True, kw_only=True)
class Caller:
    """A client with an OAuth key and a DPoP key, which requests tokens and uses them."""

    client_id: str
    issuer: str
    token_url: str
    http: FlaskClient
    clock: SetClock
    oauth: LocalSigner = field(default_factory=lambda: LocalSigner.generate(KeyUse.OAUTH))
    dpop: LocalSigner = field(default_factory=lambda: LocalSigner.generate(KeyUse.DPOP))

    def assertion(self) -> bytes:
        return client_assertion.build(
            client_id=self.client_id,
            issuer=self.issuer,
            signer=self.oauth,
            now=self.clock.now(),
            jti=token_urlsafe(16),
        )

    def proof(
        self, url: str, *, method: str = "POST", token: bytes | None = None, signer: LocalSigner | None = None
    ) -> str:
        made = dpop_proof.build(
            signer=signer or self.dpop,
            method=method,
            url=url,
            now=self.clock.now(),
            jti=token_urlsafe(16),
            access_token=token,
        )
        return made.decode()

    def form(self, **changes: str | None) -> dict[str, str]:
        fields: dict[str, str | None] = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": self.assertion().decode(),
            **changes,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def encoded(self, form: Mapping[str, str]) -> bytes:
        return urlencode(form).encode()

    def post_form(self, form: Mapping[str, str] | bytes, **headers: str) -> TestResponse:
        body = form if isinstance(form, bytes) else self.encoded(form)
        return self.http.post("/oauth/v1/token", data=body, content_type=FORM, headers=headers)

    def full_form(self, **changes: str | None) -> dict[str, str]:
        asked = {"authorization_details": json.dumps(authorization_details.to_json([DETAIL])), **changes}
        return self.form(**asked)

    def ask_peer_token(self, **changes: str | None) -> TestResponse:
        return self.post_form(self.full_form(**changes), DPoP=self.proof(self.token_url))

    def peer_token(self) -> bytes:
        answer = self.ask_peer_token()
        assert answer.status_code == 200, answer.text
        return str(answer.get_json()["access_token"]).encode()

    def case_token(self) -> bytes:
        answer = self.post_form(self.form())
        assert answer.status_code == 200, answer.text
        return str(answer.get_json()["access_token"]).encode()

    def send(self, token: bytes, *, proof: str | None = None, scheme: str = "DPoP", **options: Any) -> TestResponse:
        headers = {"Authorization": f"{scheme} {token.decode()}"}
        proof = proof if proof is not None else self.proof(MESSAGES_URL, token=token)
        if proof:
            headers["DPoP"] = proof
        return self.http.post(
            "/exchange/v1/messages",
            data=options.get("data", b"a.signed.message"),
            content_type=options.get("content_type", "application/jwt"),
            headers=headers,
        )


def housing(node: Node, http: FlaskClient) -> Caller:
    """Return a member of the federation that calls ``node``'s peer face."""
    caller = Caller(client_id=HOUSING, issuer=COUNCIL, token_url=PEER_TOKEN_URL, http=http, clock=node.clock)
    node.members.admit(HOUSING, caller.oauth, node.clock.now())
    return caller


def case_system(node: Node, http: FlaskClient, client_id: str = "case-system", alg: Alg = Alg.ES256) -> Caller:
    """Return a registered case system that calls ``node``'s case face."""
    oauth = LocalSigner.generate(KeyUse.OAUTH, alg)
    node.register(client_id, oauth)
    return Caller(client_id=client_id, issuer=CASE, token_url=CASE_TOKEN_URL, http=http, clock=node.clock, oauth=oauth)


def token_claims(node: Node, **changes: Any) -> AccessTokenClaims:
    """Return the claims of a good peer token, changed."""
    good = AccessTokenClaims(
        iss=COUNCIL,
        sub=HOUSING,
        client_id=HOUSING,
        aud=COUNCIL + "/exchange/v1",
        jti=token_urlsafe(16),
        iat=node.clock.now(),
        exp=node.clock.now() + timedelta(seconds=300),
        details=(DETAIL,),
    )
    return replace(good, **changes)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """Give one node's faces."""
    made = Node(tmp_path)
    yield made
    made.claims.close()


@pytest.fixture
def peer(node: Node) -> Caller:
    """Give a member of the federation that calls them."""
    return housing(node, node.peer_app().test_client())


@pytest.fixture
def system(node: Node) -> Caller:
    """Give a case system that calls them."""
    return case_system(node, node.case_app().test_client())
