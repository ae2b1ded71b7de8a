"""Let a request in only with a good token, by the caller it was issued to, who is in good standing now.

The peer face takes DPoP tokens only; the case face takes bearer tokens, and DPoP tokens where the token is bound. Each
face takes its own issuer's tokens for its own resource and no others. Checked at every request:

1. the scheme, by Authlib's resource protector, which finds the validator for it;
2. the token: type, signature (or that these exact bytes had a good one before), issuer, audience and times;
3. a bound token came with a proof of its key for this method, address and token, and an unbound one as Bearer;
4. the token was not revoked, and the caller's standing now;
5. the proof's single use, last, so that nothing but a good request uses one up.

The validators are ours: Authlib's RFC 9068 one accepts a token without ``typ`` and a bound token as Bearer.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from authlib.oauth2.rfc6749 import OAuth2Error, ResourceProtector, TokenValidator

from gateway.callers import CaseCaller, PeerCaller
from gateway.oauth.case_server import CaseOAuth
from gateway.oauth.errors import SIGNING_ALGORITHMS, AccessRefused, describable
from gateway.oauth.peer_server import PeerOAuth
from gateway.oauth.revocation import is_revoked
from gateway.oauth.server import claim_proof
from gateway.oauth.signatures import GoodSignatures
from gateway.ports import ClaimStore
from trust.errors import TrustError
from trust.identifiers import parse_entity_id
from trust.oauth import dpop_proof
from trust.oauth.access_token import AccessToken
from trust.oauth.dpop_proof import DPoPProof

INVALID_TOKEN = "invalid_token"  # noqa: S105 - an error code
INVALID_PROOF = "invalid_dpop_proof"
_BEARER_TOKEN = re.compile(r"bearer +[^ ]", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceRequest:
    """The parts of an HTTP request that decide who sent it.

    ``url`` is the face's configured base URL with the request's canonical path, never built from ``Host``.
    """

    method: str
    url: str
    authorization: str | None
    dpop: str | None
    now: datetime

    @property
    def headers(self) -> Mapping[str, str]:
        """The one header that Authlib reads."""
        return {"Authorization": self.authorization} if self.authorization else {}


class PeerProtector:
    """The guard of the peer face's resource."""

    def __init__(self, oauth: PeerOAuth) -> None:
        self._directory = oauth.directory
        self._claims = oauth.claims
        tokens = GoodSignatures(oauth.tokens)
        self._protector = _Protector(_DPoP(tokens))

    def authenticate(self, request: ResourceRequest) -> PeerCaller:
        """Return the member of the federation who sent the request. Raises :class:`AccessRefused`."""
        token, proof = self._protector.admit(request)
        self._protector.refuse_revoked(token, self._claims)  # 4
        try:
            entity = parse_entity_id(token.client_id)
            party = self._directory.resolve(entity, now=request.now, urgent=True)
        except TrustError as refused:
            raise self._protector.refused(INVALID_TOKEN, refused.detail) from refused
        self._protector.use_up(proof, self._claims, request.now)
        return PeerCaller(party=party, details=token.details)


class CaseProtector:
    """The guard of the case face's resource."""

    def __init__(self, oauth: CaseOAuth) -> None:
        self._find_client = oauth.find_client
        self._claims = oauth.claims
        tokens = GoodSignatures(oauth.tokens)
        self._protector = _Protector(_Bearer(tokens), _DPoP(tokens))

    def authenticate(self, request: ResourceRequest) -> CaseCaller:
        """Return the registered case system that sent the request. Raises :class:`AccessRefused`."""
        token, proof = self._protector.admit(request)
        self._protector.refuse_revoked(token, self._claims)  # 4
        client = self._find_client(token.client_id)
        if client is None or client.revoked_at is not None:
            raise self._protector.refused(INVALID_TOKEN, "The client's registration has ended.")
        self._protector.use_up(proof, self._claims, request.now)
        return CaseCaller(client=client, token=token)


class _Refused(Exception):
    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class _Bearer(TokenValidator):  # type: ignore[misc]  # Authlib ships no types
    """RFC 6750 for tokens that are bound to no key."""

    TOKEN_TYPE = "bearer"  # noqa: S105 - a scheme
    CHALLENGE = 'Bearer realm="case"'
    CODES = frozenset({INVALID_TOKEN})

    def __init__(self, tokens: GoodSignatures) -> None:
        super().__init__()
        self._tokens = tokens

    def admit(self, unverified_token: bytes, request: ResourceRequest) -> tuple[AccessToken, DPoPProof | None]:
        token = _verify(self._tokens, unverified_token, request)
        if token.jkt is not None:  # 3
            raise _Refused(INVALID_TOKEN, "This token is bound to a key; send it with the DPoP scheme and a proof.")
        return token, None


class _DPoP(_Bearer):
    """RFC 9449 section 7: the token, and the proof that its sender holds the key."""

    TOKEN_TYPE = "dpop"  # noqa: S105 - a scheme
    CHALLENGE = f'DPoP algs="{" ".join(SIGNING_ALGORITHMS)}"'
    CODES = frozenset({INVALID_TOKEN, INVALID_PROOF})

    def admit(self, unverified_token: bytes, request: ResourceRequest) -> tuple[AccessToken, DPoPProof | None]:
        if request.dpop is None:
            raise _Refused(INVALID_PROOF, "A DPoP proof is required; send it in the DPoP header.")
        token = _verify(self._tokens, unverified_token, request)  # 2
        try:
            proof = dpop_proof.verify(  # 3
                request.dpop.encode("utf-8"),
                method=request.method,
                url=request.url,
                now=request.now,
                access_token=unverified_token,
            )
        except TrustError as refused:
            raise _Refused(INVALID_PROOF, refused.detail) from refused
        if token.jkt is None or token.jkt != proof.jkt:
            raise _Refused(INVALID_TOKEN, "The token is not bound to the key that made the proof.")
        return token, proof


class _Protector(ResourceProtector):  # type: ignore[misc]  # Authlib ships no types
    def __init__(self, *validators: _Bearer) -> None:
        super().__init__()
        self._validators = validators
        for validator in validators:
            self.register_token_validator(validator)

    def admit(self, request: ResourceRequest) -> tuple[AccessToken, DPoPProof | None]:
        """Walk steps 1 to 3. Raises :class:`AccessRefused`."""
        if request.authorization is None:
            raise self.refused(None, "An access token is required; ask the token endpoint for one.")
        try:
            validator, unverified_token = self.parse_request_authorization(request)  # 1
            admitted: tuple[AccessToken, DPoPProof | None] = validator.admit(unverified_token.encode("utf-8"), request)
        except OAuth2Error as refused:  # a bearer token is a token, also where none are taken
            code = INVALID_TOKEN if _BEARER_TOKEN.match(request.authorization) else None
            raise self.refused(code, "This resource does not take that authentication scheme.") from refused
        except _Refused as refused:
            raise self.refused(refused.code, refused.detail) from refused
        return admitted

    def refuse_revoked(self, token: AccessToken, claims: ClaimStore) -> None:
        """Walk the first half of step 4. Raises :class:`AccessRefused`."""
        if is_revoked(token, claims):
            raise self.refused(INVALID_TOKEN, "The token was revoked; ask for a fresh one.")

    def use_up(self, proof: DPoPProof | None, claims: ClaimStore, now: datetime) -> None:
        """Walk step 5. Raises :class:`AccessRefused`."""
        if proof is not None and not claim_proof(claims, proof, now=now):
            raise self.refused(
                INVALID_PROOF, "This DPoP proof was used before, or made before this node started; make a fresh one."
            )

    def refused(self, code: str | None, detail: str) -> AccessRefused:
        """Return the refusal with a challenge for each scheme, the reason in those that know it.

        RFC 9449 section 7.1; RFC 6750 section 3: a parameter in each, and no error where no token came.
        """
        reason = f', error="{code}", error_description="{describable(detail)}"'
        challenges = [(each.CHALLENGE, code in each.CODES) for each in self._validators]
        return AccessRefused(code, detail, tuple(f"{challenge}{reason * fits}" for challenge, fits in challenges))


def _verify(tokens: GoodSignatures, unverified_token: bytes, request: ResourceRequest) -> AccessToken:
    try:
        return tokens.verify(unverified_token, now=request.now)
    except TrustError as refused:
        raise _Refused(INVALID_TOKEN, refused.detail) from refused
