"""A case system of the council, as a vendor would write it: a key, a token, one JSON POST."""

from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Final

from gateway.benefits.case_api import ELIGIBILITY_PATH
from gateway.demo.commands import hearthgate, run_together
from gateway.demo.https import HttpsClient, PlainResponse
from gateway.lookups.case_api import LOOKUPS_PATH
from trust import strict_json

CLIENT_ID: Final = "connecting-families-cases"
UNIT: Final = "Family Hub East"
MANAGER: Final = "Maud Ellery, service manager"


class CaseClient:
    """One registered client of the node with the configuration file ``config``; ``key`` is its private key."""

    def __init__(self, https: HttpsClient, base_url: str, *, config: Path, key: Path) -> None:
        self._https = https
        self.base_url = base_url
        self._config = config
        self.key = key
        self._token: str | None = None

    @property
    def token_command(self) -> list[str]:
        """The command that gets a token from the running node."""
        return hearthgate("client", "token", CLIENT_ID, "--config", self._config, "--key", self.key)

    def new_token(self) -> str:
        """Request a bearer token, which is valid for ten minutes."""
        (token,) = run_together([self.token_command])
        self._token = token.strip()
        return self._token

    def look_up(self, body: dict[str, Any]) -> PlainResponse:
        """Ask which other services work with a person."""
        return self._post(LOOKUPS_PATH, body)

    def ask_eligibility(self, body: dict[str, Any]) -> PlainResponse:
        """Ask one benefit question."""
        return self._post(ELIGIBILITY_PATH, body)

    def _post(self, path: str, body: dict[str, Any]) -> PlainResponse:
        headers = {
            "Authorization": f"Bearer {self._token or self.new_token()}",
            "Content-Type": "application/json",
            "Idempotency-Key": token_urlsafe(16),
        }
        return self._https.send("POST", self.base_url + path, headers, strict_json.dumps(body))
