"""Record since when the superior vouches for each federation key of this entity.

A key that signs before its superior's statement names it would end the entity's trust at the next refresh of any peer.
So a new key signs no sooner. The keys in the fetched statement are stored, where every worker and host reads the same.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from gateway.ports import Store, StoreBusy, StoreFull, TrustResolver
from gateway.store.tables import vouched_keys
from trust.errors import TrustError
from trust.identifiers import EntityId


class VouchedKeys:
    """The keys that the superior vouches for. Nothing is opened before the first call."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._since: Mapping[str, datetime] = {}

    def since(self) -> Mapping[str, datetime]:
        """Return since when each key is vouched for; the last result where the store is busy."""
        with suppress(StoreBusy, StoreFull):
            self._since = self._store.read(vouched_keys.since)
        return self._since

    def record(self, directory: TrustResolver, own: EntityId, *, now: datetime) -> None:
        """Record the keys that this entity's own chain names now; do nothing where there is no valid chain.

        Raises ``StoreBusy`` and ``StoreFull``.
        """
        try:
            kids = directory.resolve(own, now=now).federation_keys.kids
        except TrustError:  # the directory has told the administrator
            return
        if not kids <= self.since().keys():
            self._store.write(lambda tx: vouched_keys.record(tx, kids=kids, seen_at=now))
