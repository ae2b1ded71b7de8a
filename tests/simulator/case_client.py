"""A case system of an agency, registered at its own node."""

from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Any
from urllib.parse import urlencode

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.ports import Clock
from tests.simulator.town import BENEFIT_PURPOSE, PURPOSE, SUBJECT
from trust.keys import KeyUse, LocalSigner
from trust.oauth import client_assertion

FORM = "application/x-www-form-urlencoded"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(slots=True, kw_only=True)
class CaseClient:
    """One client with one key; asks for a token when it needs one, with ``private_key_jwt``."""

    client_id: str
    base_url: str
    http: FlaskClient
    clock: Clock
    signer: LocalSigner = field(default_factory=lambda: LocalSigner.generate(KeyUse.OAUTH))

    def token_form(self) -> bytes:
        """Return the body of a token request, with a fresh assertion."""
        assertion = client_assertion.build(
            client_id=self.client_id,
            issuer=self.base_url,
            signer=self.signer,
            now=self.clock.now(),
            jti=token_urlsafe(16),
        )
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion.decode(),
        }
        return urlencode(form).encode()

    def ask_token(self) -> TestResponse:
        """Ask the case face for a token."""
        return self.http.post("/oauth/v1/token", base_url=self.base_url, data=self.token_form(), content_type=FORM)

    def headers(self, **more: str) -> dict[str, str]:
        """Return the headers of a request with a fresh token."""
        answer = self.ask_token()
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.get_json()['access_token']}", **more}

    def body(self, **changes: Any) -> dict[str, Any]:
        """Return a good body of a lookup, changed."""
        body: dict[str, Any] = {
            "subject": SUBJECT,
            "purpose": PURPOSE,
            "reason": "Agreeing who leads before Thursday's meeting.",
            "case_ref": "CF-2291",
            "practitioner": {"id": "u-17", "role": "key-worker", "org_unit": "north-team", "second_factor": True},
            "from_service": "connecting-families",
        }
        return body | changes

    def post_lookup(self, body: dict[str, Any], *, key: str | None = None) -> TestResponse:
        """Start a lookup."""
        headers = self.headers(**{"Idempotency-Key": key or token_urlsafe(16)})
        return self.http.post("/case/v1/lookups", base_url=self.base_url, json=body, headers=headers)

    def look_up(self, **changes: Any) -> dict[str, Any]:
        """Start a lookup, wait for its end and return it."""
        answer = self.post_lookup(self.body(**{"wait_s": 20.0, **changes}))
        assert answer.status_code == 201, answer.text
        view: dict[str, Any] = answer.get_json()
        return view

    def lines(self, **changes: Any) -> dict[str, dict[str, Any]]:
        """Return the lines of a lookup by service."""
        return {line["service"]: line for line in self.look_up(**changes)["answers"]}

    def as_role(self, role: str) -> dict[str, Any]:
        """Return the practitioner of another role."""
        return {"id": "u-17", "role": role, "org_unit": "north-team", "second_factor": True}

    def get_lookup(self, lookup_id: str) -> TestResponse:
        """Read a lookup again."""
        path = f"/case/v1/lookups/{lookup_id}"
        return self.http.get(path, base_url=self.base_url, headers=self.headers())

    def post_eligibility(self, **changes: Any) -> TestResponse:
        """Put a benefit question."""
        body = self.body(purpose=BENEFIT_PURPOSE, question="in_payment", **changes)
        return self.http.post("/case/v1/eligibility", base_url=self.base_url, json=body, headers=self.headers())
