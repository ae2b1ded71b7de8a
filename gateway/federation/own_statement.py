"""Comparison of this entity's own chain with its own keys, at each refresh.

An anchor that vouches for a key of its own making as a member's federation key could sign in the member's name. So each
member compares the keys in its chain with its own, raises an alarm for a key that it does not have, and disowns it in
its historical keys, where its peers look (decision 38).
"""

from dataclasses import dataclass
from datetime import datetime

from gateway.federation.anchors import RecordEvent
from gateway.federation.resolver import FederationResolver
from gateway.ports import KeyVault, Store
from gateway.store.tables import disowned_keys
from trust.federation.chain import Resolution, TrustedEntity
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse

_PUBLISHED = (KeyUse.FEDERATION, KeyUse.MESSAGE, KeyUse.OAUTH, KeyUse.EVIDENCE, KeyUse.ENCRYPTION)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnChain:
    """The comparison of one entity."""

    own: EntityId
    directory: FederationResolver
    vault: KeyVault
    store: Store
    record_event: RecordEvent

    def round(self, now: datetime) -> None:
        """Compare, store the keys to disown, and raise an alarm; do nothing where there is no valid chain."""
        chain = self.directory.cached(self.own, now=now)
        if chain is None:
            return
        foreign = foreign_keys(chain, self.vault)
        if foreign != self.store.read(disowned_keys.kids).get(self.own, frozenset()):
            self.store.write(lambda tx: disowned_keys.replace(tx, entity=self.own, kids=foreign))
        if foreign:
            self.record_event("foreign_key", chain.entity.superiors[0])


def foreign_keys(chain: Resolution, vault: KeyVault) -> frozenset[str]:
    """Return the keys that the chain names as this entity's and that it never had."""
    ours = {key.kid for key in vault.historical()} | {key.kid for key in vault.revoked()}
    ours |= {kid for use in _PUBLISHED for kid in _published(vault, use).kids}
    return frozenset((_kids_of_superior(chain) | _kids_of_entity(chain.entity)) - ours)


def _published(vault: KeyVault, use: KeyUse) -> KeySet:
    try:
        return vault.published(use)
    except KeyError:  # an authority has federation keys only
        return KeySet(use=use, keys=())


def _kids_of_superior(chain: Resolution) -> set[str]:
    """Return every federation key in the superior's statement, also one that was disowned before."""
    return set(chain.chain.superiors[0].keys.kids)


def _kids_of_entity(entity: TrustedEntity) -> set[str]:
    kids = set[str]()
    if entity.node is not None:
        kids |= entity.node.message_keys.kids | {entity.node.evidence_key.kid}
        if entity.node.encryption_keys is not None:
            kids |= entity.node.encryption_keys.kids
    if entity.oauth_client_keys is not None:
        kids |= entity.oauth_client_keys.kids
    if entity.authorization_server is not None:
        kids |= entity.authorization_server.keys.kids
    return kids
