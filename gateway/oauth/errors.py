"""The refusals of the token endpoints and of the protected resources, in the forms that their standards give them."""

from typing import ClassVar

from authlib.oauth2.rfc6749 import OAuth2Error, UnsupportedGrantTypeError

from trust.errors import TrustError
from trust.jose import ACCEPTED

SIGNING_ALGORITHMS = tuple(str(alg) for alg in ACCEPTED)
"""What clients may sign assertions and proofs with, as the metadata and the challenges name it."""


def describable(sentence: str) -> str:
    """Return a sentence that may stand in ``error_description`` and in a challenge (RFC 6749 section 5.2).

    Only printable ASCII without the double quote and the backslash is allowed there.
    """
    plain = sentence.replace('"', "'").replace("\\", "/")
    return "".join(character if " " <= character <= "~" else "?" for character in plain)


def log_reason(refused: BaseException, otherwise: str | None) -> str | None:
    """Return why something was refused, for the log: the code of the rule behind it, else a sentence of ours.

    A rule's sentence may quote the caller, and a caller may write a person's name anywhere; its code quotes nothing.
    """
    cause: BaseException | None = refused
    while cause is not None:
        if isinstance(cause, TrustError):
            return cause.code
        cause = cause.__cause__
    return otherwise


class TokenRefused(OAuth2Error):  # type: ignore[misc]  # Authlib ships no types
    """A token endpoint's refusal; ``sentence`` says why and repeats nothing that the caller sent."""

    error: ClassVar[str] = "invalid_request"
    status_code = 400

    def __init__(self, sentence: str) -> None:
        super().__init__(description=describable(sentence))


class InvalidRequest(TokenRefused):
    """The request is not one that RFC 6749 section 3.2 and this profile allow."""


class InvalidClient(TokenRefused):
    """The client did not authenticate (RFC 6749 section 5.2); RFC 9110 wants a challenge with every 401."""

    error = "invalid_client"
    status_code = 401

    def get_headers(self) -> list[tuple[str, str]]:
        """Add the challenge, which names the one method there is and says why: some clients never read the body."""
        parameters = f'realm="token", error="{self.error}", error_description="{self.description}"'
        return [*super().get_headers(), ("WWW-Authenticate", f"private_key_jwt {parameters}")]


class InvalidScope(TokenRefused):
    """No scopes are granted here; what a client may do is in ``authorization_details`` or its registration."""

    error = "invalid_scope"


class InvalidTarget(TokenRefused):
    """The token is wanted for something else than the one resource there is (RFC 8693 section 2.2.2)."""

    error = "invalid_target"


class InvalidAuthorizationDetails(TokenRefused):
    """The details are malformed, or are more than the client may have (RFC 9396 section 5)."""

    error = "invalid_authorization_details"


class InvalidProof(TokenRefused):
    """The DPoP proof is missing or does not fit this request (RFC 9449 section 5)."""

    error = "invalid_dpop_proof"


class UnsupportedGrant(UnsupportedGrantTypeError):  # type: ignore[misc]  # Authlib ships no types
    """Authlib's class, which its token endpoint looks for, without the caller's text in the description."""

    description = "This grant type is not taken here; the metadata of this server names those that are."


class AccessRefused(Exception):
    """A protected resource's refusal, always 401 with the challenges in ``challenges``.

    ``code`` is ``invalid_token`` or ``invalid_dpop_proof``, or ``None`` where no token came at all or only some scheme
    that is not taken, which RFC 6750 section 3.1 wants answered without an error code.
    """

    def __init__(self, code: str | None, detail: str, challenges: tuple[str, ...]) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.challenges = challenges
