"""A duty desk: a person of a service that receives, signed in at their agency's own OpenID provider.

Only a signed-in person can state that a message was read. The provider is as a vendor's would be: it has a key of its
own, and the node knows its public half. Each desk is a registered case system whose users sign in themselves.
"""

import time
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Final

from gateway.demo.agencies import Agency, PublishedService
from gateway.demo.case_client import CaseClient
from gateway.demo.processes import DemoError
from gateway.referrals.case_api import RESOURCE
from gateway.web.inbox_routes import INBOX_PATH
from trust import jose, strict_json
from trust.keys import KeyUse, LocalSigner
from trust.oauth.access_token import Position

ROLE: Final = "duty-officer"
_LIFE_S: Final = 300
_OK: Final = 200
REFERRALS_PATH: Final = RESOURCE.path


class IdentityProvider:
    """The OpenID provider of one agency; ``jwks`` is the file with its public key."""

    def __init__(self, folder: Path, agency: Agency) -> None:
        self._signer = LocalSigner.generate(KeyUse.OAUTH)
        self.agency = agency
        self.issuer = f"https://login.{agency.host}"
        self.jwks = folder / f"{agency.slug}-login.json"
        self.jwks.write_bytes(strict_json.dumps({"keys": [dict(self._signer.public.jwk)]}))

    def settings(self) -> dict[str, Any]:
        """Return the ``[[identity.providers]]`` table of the agency's node, without its positions."""
        return {
            "issuer": self.issuer,
            "algorithm": "ES256",
            "jwks": str(self.jwks),
            "clients": {client_id(service): client_id(service) for service in self.agency.receiving_services},
            "role_claim": "role",
            "unit_claim": "team",
        }

    def positions(self) -> list[dict[str, str]]:
        """Return its ``[[identity.providers.positions]]``: one for each duty desk."""
        return [
            {
                "service": str(service.service),
                "role": ROLE,
                "unit": service.name,
                "role_value": service.worker_role,
                "unit_value": service.name,
            }
            for service in self.agency.receiving_services
        ]

    def id_token(self, service: PublishedService) -> bytes:
        """Return the ID token of the person on duty, who has just signed in with a second factor."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": f"{service.service}-duty-{token_urlsafe(6)}",
            "aud": client_id(service),
            "iat": now,
            "exp": now + _LIFE_S,
            "auth_time": now,
            "amr": ["pwd", "mfa"],
            "role": service.worker_role,
            "team": service.name,
        }
        return jose.sign(claims, typ="JWT", signer=self._signer)


class DutyDesk:
    """The person on duty for one service, at the service's own case system."""

    def __init__(self, client: CaseClient, provider: IdentityProvider, service: PublishedService) -> None:
        self.client = client
        self.service = service
        self._provider = provider

    def sign_in(self) -> None:
        """Sign in, and have the client act for this person from now on."""
        self.client.exchange(self._provider.id_token(self.service))

    def open_messages(self) -> list[dict[str, Any]]:
        """Return the messages on which a person has still to act."""
        return list(self._send("GET", INBOX_PATH)["items"])

    def read(self, message: str) -> None:
        """State that the person on duty has opened a message."""
        self._send("POST", f"{INBOX_PATH}/{message}/read", {})

    def decide(self, message: str, answer: dict[str, Any]) -> None:
        """Close an alert, or state how far a referral has gone."""
        path = f"{INBOX_PATH}/{message}/close" if "closed" in answer else f"{REFERRALS_PATH}/{message}/status"
        self._send("POST", path, answer)

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        response = self.client.send(method, path, body)
        if response.status != _OK:
            raise DemoError(f"{self.service.name}: {method} {path} got {response.status}: {response.body.decode()}")
        return response.document


def client_id(service: PublishedService) -> str:
    """Return the client id of a service's duty desk."""
    return f"{service.service}-desk"


def position(service: PublishedService) -> Position:
    """Return the one position in which the duty desk's users act."""
    return Position(service=str(service.service), role=ROLE, org_unit=service.name)
