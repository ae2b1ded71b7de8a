"""Authenticate clients by ``private_key_jwt``: federation members on the peer face, case systems on the case face.

Both walk the same line: 1 read, unverified, who the assertion says it is from; 2 find that party's keys, from trusted
state only; 3 verify everything with :mod:`trust.oauth.client_assertion`; 4 use up its ``jti``. An unknown client, a
revoked one and a wrong signature are refused with one sentence, so that clients cannot be told apart from strangers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.key_refresh import verify_with_key_refresh
from gateway.oauth.errors import InvalidClient
from gateway.oauth.forms import AuthenticatedClient
from gateway.ports import ClaimStore, LocalClient, TrustResolver
from trust.claims import digest
from trust.errors import BadSignature, TrustError, UnknownKey, Untrusted
from trust.federation.chain import TrustedEntity
from trust.identifiers import EntityId, parse_entity_id
from trust.keys import KeySet, KeyUse
from trust.oauth import client_assertion

FindClient = Callable[[str], LocalClient | None]
"""Return the registered client with this id, revoked ones included."""
_NOT_KNOWN = "The client is not known here, or this is not its assertion."


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerClients:
    """Every member of the federation is a client, by the keys in its chain (automatic registration)."""

    issuer: str
    directory: TrustResolver
    claims: ClaimStore

    def authenticate(self, unverified_assertion: bytes, *, client_id: str | None, now: datetime) -> AuthenticatedClient:
        """Return the member whose ``oauth_client`` key signed the assertion. Raises :class:`InvalidClient`."""
        unverified_id = _unverified_client_id(unverified_assertion, client_id, typ_optional=False)
        try:
            party = self._party(unverified_assertion, parse_entity_id(unverified_id), now)
        except TrustError as refused:
            raise InvalidClient(_NOT_KNOWN) from refused
        check = _Check(issuer=self.issuer, claims=self.claims, now=now, typ_optional=False)

        def verified(by: TrustedEntity) -> AuthenticatedClient:
            if by.oauth_client_keys is None:
                raise InvalidClient("The client's chain declares no oauth_client keys.")
            return check.verify(unverified_assertion, unverified_id, by, by.oauth_client_keys)

        try:
            return verify_with_key_refresh(party, unverified_assertion, verified, directory=self.directory, now=now)
        except (UnknownKey, Untrusted) as refused:
            raise InvalidClient(_NOT_KNOWN) from refused

    def _party(self, unverified_assertion: bytes, entity: EntityId, now: datetime) -> TrustedEntity:
        """Return the member as it is known, or else as the chain in the assertion's header proves it.

        What it may ask is decided with its message; so one that could not be confirmed for a day may still come here,
        for what is urgent.
        """
        chain = client_assertion.peek_trust_chain(unverified_assertion)
        if chain:
            return self.directory.resolve_presented(entity, chain, now=now, urgent=True)
        return self.directory.resolve(entity, now=now, urgent=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseClients:
    """The case systems that an administrator registered, by the keys of their registration."""

    issuer: str
    find_client: FindClient
    claims: ClaimStore

    def authenticate(self, unverified_assertion: bytes, *, client_id: str | None, now: datetime) -> AuthenticatedClient:
        """Return the registered client whose key signed the assertion. Raises :class:`InvalidClient`."""
        unverified_id = _unverified_client_id(unverified_assertion, client_id, typ_optional=True)
        party = self.find_client(unverified_id)
        if party is None or party.revoked_at is not None:
            raise InvalidClient(_NOT_KNOWN)
        keys = KeySet.from_jwks(dict(party.jwks), KeyUse.OAUTH)
        check = _Check(issuer=self.issuer, claims=self.claims, now=now, typ_optional=True)
        try:
            return check.verify(unverified_assertion, unverified_id, party, keys)
        except UnknownKey as refused:
            raise InvalidClient(_NOT_KNOWN) from refused


@dataclass(frozen=True, slots=True, kw_only=True)
class _Check:
    issuer: str
    claims: ClaimStore
    now: datetime
    typ_optional: bool

    def verify(
        self, raw: bytes, client_id: str, party: TrustedEntity | LocalClient, keys: KeySet
    ) -> AuthenticatedClient:
        """Walk steps 3 and 4. Raises ``UnknownKey`` as it is, and :class:`InvalidClient` for everything else."""
        try:
            assertion = client_assertion.verify(
                raw, client_id=client_id, issuer=self.issuer, keys=keys, now=self.now, typ_optional=self.typ_optional
            )
        except UnknownKey:
            raise
        except (BadSignature, Untrusted) as refused:
            raise InvalidClient(_NOT_KNOWN) from refused
        except TrustError as refused:
            raise InvalidClient(refused.detail) from refused
        first = self.claims.claim(
            space="client-assertion",
            key=digest(f"{client_id} {assertion.jti}".encode()),
            issued_at=assertion.iat,
            expires=assertion.exp,
            now=self.now,
        )
        if not first:
            raise InvalidClient("This assertion was used before, or made before this node started; make a fresh one.")
        return AuthenticatedClient(client_id=client_id, party=party)


def _unverified_client_id(unverified_assertion: bytes, parameter: str | None, *, typ_optional: bool) -> str:
    try:
        unverified_id = client_assertion.peek_client_id(unverified_assertion, typ_optional=typ_optional)
    except TrustError as refused:
        raise InvalidClient(refused.detail) from refused
    if parameter is not None and parameter != unverified_id:
        raise InvalidClient("client_id and the assertion's subject are not the same.")
    return unverified_id
