"""Read a token request: from the body only, in one encoding only, each parameter once.

Authlib's Flask request reads the query string as well as the body and keeps the first of several values, so two readers
of the same request could see different parameters (WIRE.md section 2).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749 import OAuth2Request
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from gateway.oauth.errors import InvalidRequest
from gateway.ports import LocalClient
from trust.federation.chain import TrustedEntity
from trust.oauth.access_token import SignedIn
from trust.oauth.authorization_details import AuthorizationDetail
from trust.oauth.dpop_proof import DPoPProof

CONTENT_TYPE = "application/x-www-form-urlencoded"
CLIENT_AUTH_METHOD = "private_key_jwt"
MAX_BODY = 163_840
"""Bytes in a token request: an assertion may carry a trust chain of 128 kB in its header (WIRE.md section 2)."""
MAX_PARAMETERS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCall:
    """One HTTP request at a token endpoint, before anything in it was believed.

    ``content_type`` is the header as sent; ``dpop`` the proof header, and ``credentials`` tells whether an
    ``Authorization`` header came, which no method here uses.
    """

    content_type: str
    body: bytes
    query: bytes
    dpop: str | None
    credentials: bool
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangedSignIn:
    """The practitioner of a token, and the time of the next sign-in."""

    practitioner: SignedIn
    until: datetime


class TokenRequest(OAuth2Request):  # type: ignore[misc]  # Authlib ships no types
    """What Authlib's grant works on: the parameters of the body, and what is verified on the way."""

    def __init__(self, endpoint: str, parameters: Mapping[str, str], call: TokenCall) -> None:
        super().__init__("POST", endpoint, headers={})
        self.payload = BasicOAuth2Payload(dict(parameters))
        self.parameters = parameters
        self.now = call.now
        self.dpop = call.dpop
        self.proof: DPoPProof | None = None
        self.details: tuple[AuthorizationDetail, ...] = ()
        self.exchanged: ExchangedSignIn | None = None

    @property
    def args(self) -> Mapping[str, str]:
        """No query parameters, ever."""
        return {}

    @property
    def form(self) -> Mapping[str, str]:
        """The parameters of the body."""
        return self.parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatedClient:
    """An authenticated client as Authlib's grant asks about it; ``party`` is the member or case system behind it."""

    client_id: str
    party: TrustedEntity | LocalClient

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Allow the one method at the two endpoints."""
        return method == CLIENT_AUTH_METHOD and endpoint in {"token", "revocation"}

    def check_grant_type(self, grant_type: str) -> bool:
        """Allow every grant of its token endpoint; the client decides nothing about them."""
        return bool(grant_type)


def read(endpoint: str, call: TokenCall, *, required: str = "grant_type") -> TokenRequest:
    """Parse the body of a request at ``endpoint``, our own configured address; one parameter is ``required``.

    Raises :class:`InvalidRequest`; an unknown parameter is ignored, as RFC 6749 section 3.2 asks, but never twice.
    """
    if call.query:
        raise InvalidRequest("Send the parameters in the body; this endpoint takes no query string.")
    if not in_utf8(call.content_type, CONTENT_TYPE):
        raise InvalidRequest(f"Send the parameters as {CONTENT_TYPE}.")
    if len(call.body) > MAX_BODY:
        raise InvalidRequest(f"The body has more than {MAX_BODY} bytes.")
    parameters = _parameters(call.body)
    if required not in parameters:
        raise InvalidRequest(f"The parameter {required} is missing.")
    if "client_assertion" in parameters and (call.credentials or "client_secret" in parameters):
        raise InvalidRequest("Authenticate in one way only: with client_assertion, without Authorization or a secret.")
    return TokenRequest(endpoint, parameters, call)


def in_utf8(content_type: str, expected: str) -> bool:
    """Tell whether a header names the expected type, alone or with the charset UTF-8, which many clients add."""
    media_type, _, parameter = content_type.strip().lower().partition(";")
    return media_type.rstrip() == expected and parameter.strip() in {"", "charset=utf-8", 'charset="utf-8"'}


def _parameters(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=MAX_PARAMETERS,
            separator="&",
        )
    except ValueError:
        raise InvalidRequest("The body is not a form of name=value pairs joined by '&', 16 at most.") from None
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise InvalidRequest("A parameter comes more than once.")
    return {name: value for name, value in pairs if value}
