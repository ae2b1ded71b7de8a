"""The keys that an entity had before, and the notices about revoked keys (OpenID Federation 1.0 section 8.7)."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

from gateway.federation.entity_configuration import SignedConfiguration
from gateway.federation.fetch import MAX_NOTICES
from gateway.ports import KeyVault, Store
from gateway.store.tables import disowned_keys, key_revocations
from trust.federation.historical_keys import MAX_DISOWNED, MAX_REVOCATIONS, HistoricalKeys, build_historical_keys
from trust.federation.key_revocation import KeyRevocation, RevokedKey, build_key_revocation
from trust.identifiers import EntityId
from trust.keys import KeyUse

_CACHED = 256


class RevocationNotices:
    """The notices about revoked keys that an entity hands on: its own, and those that it verified of others."""

    def __init__(self, own: EntityId, vault: KeyVault, store: Store) -> None:
        self._own = own
        self._vault = vault
        self._store = store
        self._signed = lru_cache(maxsize=_CACHED)(self._sign)

    def about_own(self) -> tuple[bytes, ...]:
        """Return one notice for each key of this entity that was revoked, signed with the key that signs now."""
        kid = self._vault.signer(KeyUse.FEDERATION).kid
        return tuple(self._signed(key, kid) for key in self._vault.revoked())

    def about(self, subject: EntityId) -> list[bytes]:
        """Return the notices about an entity's keys."""
        own = self.about_own() if subject == self._own else ()
        verified = self._store.read(lambda tx: key_revocations.of(tx, subject=subject, limit=MAX_NOTICES))
        return list(dict.fromkeys((*own, *(each.raw for each in verified))))[:MAX_NOTICES]

    def _sign(self, key: RevokedKey, _kid: str) -> bytes:
        notice = KeyRevocation(
            issuer=self._own,
            subject=self._own,
            kid=key.kid,
            use=key.use,
            revoked_at=key.revoked_at,
            reason=key.reason,
            issued_at=key.revoked_at,
        )
        return build_key_revocation(notice, self._vault.signer(KeyUse.FEDERATION))


def historical_keys_document(
    own: EntityId, vault: KeyVault, notices: RevocationNotices, store: Store
) -> Callable[[datetime], bytes]:
    """Return the signed document of an entity's former, revoked and disowned keys."""

    def sign(now: datetime) -> bytes:
        history = HistoricalKeys(
            issuer=own,
            issued_at=now,
            keys=vault.historical(),
            revocations=(*about_subordinates(), *notices.about_own())[:MAX_REVOCATIONS],
            disowned=disowned()[:MAX_DISOWNED],
        )
        return build_historical_keys(history, vault.signer(KeyUse.FEDERATION))

    def disowned() -> tuple[str, ...]:
        return tuple(sorted(store.read(disowned_keys.kids).get(own, frozenset())))

    def about_subordinates() -> tuple[bytes, ...]:
        """Return the revocations that an authority made for those below it."""
        revocations = store.read(lambda tx: key_revocations.by(tx, issuer=own, limit=MAX_REVOCATIONS // 2))
        return tuple(each.raw for each in revocations)

    return SignedConfiguration(sign, edition=lambda: (vault.edition(), disowned(), about_subordinates()))
