"""This entity's own chain, compared with its own keys at each refresh.

An anchor that vouches for a key of its own making as a member's federation key could speak in the member's name. So
each member compares what its superior vouches for with its own keys, raises the alarm for a key that it does not have,
and disowns it in its historical keys, where its peers look (decision 38).
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
    """What the keeper does after each refresh."""

    own: EntityId
    directory: FederationResolver
    vault: KeyVault
    store: Store
    record_event: RecordEvent

    def round(self, now: datetime) -> None:
        """Compare, raise the alarm, and note what is disowned; nothing is noted where no chain stands."""
        chain = self.directory.cached(self.own, now=now)
        if chain is None:
            return
        foreign = foreign_keys(chain, self.vault)
        if foreign != self.store.read(disowned_keys.kids).get(self.own, frozenset()):
            self.store.write(lambda tx: disowned_keys.replace(tx, entity=self.own, kids=foreign))
        if foreign:
            self.record_event("foreign_key", chain.entity.superiors[0])


def foreign_keys(chain: Resolution, vault: KeyVault) -> frozenset[str]:
    """Return the keys that this entity's chain names as its own and that it has and had not."""
    ours = {key.kid for key in vault.historical()} | {key.kid for key in vault.revoked()}
    ours |= {kid for use in _PUBLISHED for kid in _published(vault, use).kids}
    return frozenset((_vouched(chain) | _resolved(chain.entity)) - ours)


def _published(vault: KeyVault, use: KeyUse) -> KeySet:
    try:
        return vault.published(use)
    except KeyError:  # an authority has federation keys only
        return KeySet(use=use, keys=())


def _vouched(chain: Resolution) -> set[str]:
    """Return every federation key that the superior's statement names, also one that was disowned before."""
    return set(chain.chain.superiors[0].keys.kids)


def _resolved(entity: TrustedEntity) -> set[str]:
    named = set[str]()
    if entity.node is not None:
        named |= entity.node.message_keys.kids | {entity.node.evidence_key.kid}
        if entity.node.encryption_keys is not None:
            named |= entity.node.encryption_keys.kids
    if entity.oauth_client_keys is not None:
        named |= entity.oauth_client_keys.kids
    if entity.authorization_server is not None:
        named |= entity.authorization_server.keys.kids
    return named
