"""Exchange a practitioner's sign-in at their own agency for a case face token that is theirs (RFC 8693).

The order, once the client is authenticated: 1 the parameters of the exchange; 2 the provider, by the unverified issuer,
from configured ones only; 3 its keys; 4 everything that :mod:`trust.oauth.id_token` verifies; 5 the positions that the
provider's own values stand for, and of those the ones that this client is registered for; 6 how often the same
token was shown. Refusals are ``invalid_request``, as RFC 8693 section 2.2.2 has it for every subject token that is
invalid or unacceptable.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product
from typing import cast

from gateway.oauth.errors import InvalidRequest
from gateway.oauth.forms import AuthenticatedClient, ExchangedSignIn, TokenRequest
from gateway.oauth.sign_in_keys import SignInKeys
from gateway.ports import ClaimStore, LocalClient
from trust.claims import digest
from trust.errors import TrustError
from trust.jose import peek_key_id
from trust.oauth import id_token
from trust.oauth.access_token import MAX_POSITIONS, Position, SignedIn
from trust.oauth.id_token import Expected, SignIn, TokenKind

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - an identifier
_KINDS: Mapping[str, TokenKind] = {
    "urn:ietf:params:oauth:token-type:id_token": TokenKind.ID_TOKEN,
    ACCESS_TOKEN: TokenKind.ACCESS_TOKEN,
    "urn:ietf:params:oauth:token-type:jwt": TokenKind.ACCESS_TOKEN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInProvider:
    """One sign-in service of the agency. ``clients`` says which registered client its own client ids are.

    ``positions`` says what a role and a unit there are here, together; ``exchanges`` is how often one token may be
    shown.
    """

    expected: Expected
    clients: Mapping[str, str]
    positions: Mapping[tuple[str, str], tuple[Position, ...]]
    exchanges: int
    keys: SignInKeys

    def expected_of(self, client_id: str) -> Expected:
        """Return what a token must say that this registered client shows."""
        client_ids = frozenset(theirs for theirs, ours in self.clients.items() if ours == client_id)
        return replace(self.expected, clients=client_ids)


class SignIns:
    """What the agency's practitioners sign in with."""

    def __init__(self, providers: Iterable[SignInProvider], *, claims: ClaimStore) -> None:
        self._providers = {provider.expected.issuer: provider for provider in providers}
        self._algorithms = {provider.expected.algorithm for provider in self._providers.values()}
        self._claims = claims

    def exchange(self, request: TokenRequest, client: AuthenticatedClient) -> ExchangedSignIn:
        """Walk the module's steps. Raises ``OAuth2Error``, and :class:`gateway.ports.NodeBusy` where keys are away."""
        kind = self._kind(request.form)  # 1
        raw = request.form["subject_token"].encode("utf-8")
        registered = cast("LocalClient", client.party)
        try:
            issuer = id_token.peek_issuer(raw, kind=kind, algorithms=self._algorithms)
            provider = self._providers.get(issuer)  # 2
            if provider is None:
                raise InvalidRequest("The subject token is not from a sign-in service of this agency.")
            keys = provider.keys.keys(peek_key_id(raw), now=request.now)  # 3
            expected = provider.expected_of(registered.client_id)
            sign_in = id_token.verify(raw, kind=kind, expected=expected, keys=keys, now=request.now)  # 4
        except TrustError as refused:
            raise InvalidRequest(refused.detail) from refused
        practitioner = _match_positions(sign_in, provider, registered)  # 5
        self._use(raw, provider, sign_in, request.now)  # 6
        return ExchangedSignIn(practitioner=practitioner, until=sign_in.auth_time + expected.max_auth_age)

    def _kind(self, form: Mapping[str, str]) -> TokenKind:
        missing = [name for name in ("subject_token", "subject_token_type") if name not in form]
        if missing:
            raise InvalidRequest(f"The exchange needs the parameters {' and '.join(missing)}.")
        if "actor_token" in form or "actor_token_type" in form:
            raise InvalidRequest("The client itself is the actor here; leave actor_token out.")
        kind = _KINDS.get(form["subject_token_type"])
        if kind is None:
            raise InvalidRequest("subject_token_type must be that of an id_token, or of an access_token that is a JWT.")
        if form.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
            raise InvalidRequest(f"Only {ACCESS_TOKEN} is issued here.")
        return kind

    def _use(self, raw: bytes, provider: SignInProvider, sign_in: SignIn, now: datetime) -> None:
        """Use one of the token's turns up.

        What is counted is what was signed, since an ES256 signature has a twin (A26). The times are ours: after a start
        that lost the count it begins at zero, and the token's own ``exp`` still bounds it.
        """
        signed = digest(raw.rpartition(b".")[0])
        for turn in range(provider.exchanges):
            key = f"{signed} {turn}"
            if self._claims.claim(space="subject-token", key=key, issued_at=now, expires=sign_in.exp, now=now):
                return
        raise InvalidRequest("This subject token was exchanged as often as one may be; get a fresh one.")


def _match_positions(sign_in: SignIn, provider: SignInProvider, client: LocalClient) -> SignedIn:
    there = [pair for pair in product(sign_in.roles, sign_in.units) if pair in provider.positions]
    if not there:
        raise InvalidRequest("The practitioner's role and unit there are, together, no position of this agency.")
    positions = {position for pair in there for position in provider.positions[pair]}.intersection(client.positions)
    if not positions:
        raise InvalidRequest("The practitioner has no position that this case system is registered for.")
    return SignedIn(
        issuer=provider.expected.issuer,
        name=sign_in.person,
        positions=tuple(sorted(positions))[:MAX_POSITIONS],
        auth_time=sign_in.auth_time,
        factor_stated=sign_in.factor_stated,
    )
