"""A case system of an agency, as a vendor would write it: a key, a token, one JSON request."""

from datetime import UTC, datetime
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Final
from urllib.parse import urlencode

from gateway.benefits.case_api import ELIGIBILITY_PATH
from gateway.demo.commands import hearthgate, run_together
from gateway.demo.https import HttpsClient, PlainResponse
from gateway.demo.processes import DemoError
from gateway.lookups.case_api import LOOKUPS_PATH
from gateway.oauth.server import TOKEN_PATH
from trust import strict_json
from trust.keys import KeyUse, LocalSigner
from trust.oauth import client_assertion

CLIENT_ID: Final = "connecting-families-cases"
UNIT: Final = "Family Hub East"
MANAGER: Final = "Maud Ellery, service manager"
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
_ID_TOKEN: Final = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 - an identifier
_OK: Final = 200


class CaseClient:
    """One registered client of the node with the configuration file ``config``; ``key`` is its private key."""

    def __init__(self, https: HttpsClient, base_url: str, *, client_id: str, config: Path, key: Path) -> None:
        self._https = https
        self._client_id = client_id
        self.base_url = base_url
        self._config = config
        self.key = key
        self._token: str | None = None

    @property
    def token_command(self) -> list[str]:
        """The command that gets a token from the running node."""
        return hearthgate("client", "token", self._client_id, "--config", self._config, "--key", self.key)

    def new_token(self) -> str:
        """Request a bearer token, which is valid for ten minutes."""
        (token,) = run_together([self.token_command])
        self._token = token.strip()
        return self._token

    def exchange(self, id_token: bytes) -> None:
        """Exchange a person's ID token for a bearer token of theirs (RFC 8693), and use it from now on."""
        assertion = client_assertion.build(
            client_id=self._client_id,
            issuer=self.base_url,
            signer=LocalSigner.from_pem(self.key.read_bytes(), KeyUse.OAUTH),
            now=datetime.now(UTC),
            jti=token_urlsafe(16),
        )
        form = {
            "grant_type": _EXCHANGE,
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": assertion.decode("ascii"),
            "subject_token": id_token.decode("ascii"),
            "subject_token_type": _ID_TOKEN,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        response = self._https.send("POST", self.base_url + TOKEN_PATH, headers, urlencode(form).encode("ascii"))
        if response.status != _OK:
            raise DemoError(f"The sign-in at {self.base_url} failed with {response.status}: {response.body.decode()}")
        self._token = str(response.document["access_token"])

    def look_up(self, body: dict[str, Any]) -> PlainResponse:
        """Ask which other services work with a person."""
        return self.send("POST", LOOKUPS_PATH, body)

    def ask_eligibility(self, body: dict[str, Any]) -> PlainResponse:
        """Ask one benefit question."""
        return self.send("POST", ELIGIBILITY_PATH, body)

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> PlainResponse:
        """Send one request with the token, which is requested first if there is none."""
        headers = {"Authorization": f"Bearer {self._token or self.new_token()}"}
        if body is None:
            return self._https.send(method, self.base_url + path, headers)
        headers |= {"Content-Type": "application/json", "Idempotency-Key": token_urlsafe(16)}
        return self._https.send(method, self.base_url + path, headers, strict_json.dumps(body))
