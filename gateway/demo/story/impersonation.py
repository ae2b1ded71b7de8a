"""Requests in a node's name, with its own keys, that an honest node would never send.

The functions of the node build the requests; they reach a peer API over TLS like any other request.
"""

from datetime import UTC, datetime, timedelta
from secrets import token_urlsafe
from typing import Any, Final
from urllib.parse import urlencode

from gateway.demo.agencies import Agency
from gateway.demo.federation import Federation
from gateway.demo.https import PlainResponse
from gateway.federation.entity_configuration import MESSAGES_PATH
from gateway.http.peer.peer_api import MESSAGE_TYPE
from gateway.keys.vault import open_vault
from gateway.oauth.server import TOKEN_PATH
from trust import strict_json
from trust.exchange.message import Message, build_message
from trust.keys import KeyUse
from trust.oauth import authorization_details, client_assertion, dpop_proof
from trust.oauth.authorization_details import AuthorizationDetail

QUERY_LIFE: Final = timedelta(minutes=4)
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_FORM: Final = "application/x-www-form-urlencoded"


class ImpersonatedNode:
    """A client that has the keys of one agency's node."""

    def __init__(self, federation: Federation, agency: Agency) -> None:
        self._https = federation.https
        self._vault = open_vault(federation.folder(agency.slug) / "keys")
        self.entity = agency.entity_id

    def request_token(self, holder: Agency, detail: AuthorizationDetail) -> PlainResponse:
        """Request a token for ``detail`` from another agency's node."""
        endpoint, now = holder.entity_id + TOKEN_PATH, datetime.now(UTC)
        assertion = client_assertion.build(
            client_id=self.entity,
            issuer=holder.entity_id,
            signer=self._vault.signer(KeyUse.OAUTH),
            now=now,
            jti=token_urlsafe(16),
        )
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": assertion.decode("ascii"),
            "authorization_details": strict_json.dumps(authorization_details.to_json([detail])).decode("utf-8"),
        }
        headers = {"Content-Type": _FORM, "DPoP": self._proof(endpoint, None)}
        return self._https.send("POST", endpoint, headers, urlencode(form).encode("ascii"))

    def sign(self, message: Message) -> bytes:
        """Sign a message with the node's message key."""
        return build_message(message, self._vault.signer(KeyUse.MESSAGE))

    def proof_for(self, holder: Agency, token: str) -> str:
        """Return a fresh DPoP proof for the token."""
        return self._proof(holder.entity_id + MESSAGES_PATH, token.encode("ascii"))

    def post(self, holder: Agency, raw: bytes, *, token: str, proof: str) -> PlainResponse:
        """Post bytes to another agency's message endpoint."""
        headers: dict[str, Any] = {
            "Authorization": f"DPoP {token}",
            "Content-Type": MESSAGE_TYPE,
            "Accept": MESSAGE_TYPE,
            "DPoP": proof,
        }
        return self._https.send("POST", holder.entity_id + MESSAGES_PATH, headers, raw)

    def _proof(self, url: str, token: bytes | None) -> str:
        proof = dpop_proof.build(
            signer=self._vault.signer(KeyUse.DPOP),
            method="POST",
            url=url,
            now=datetime.now(UTC),
            jti=token_urlsafe(16),
            access_token=token,
        )
        return proof.decode("ascii")
