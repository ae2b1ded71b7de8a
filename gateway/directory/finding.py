"""Find the way to an entity that no chain is held of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.directory.fetching import Fetcher, NotVouchedFor, Unconfirmed
from gateway.directory.limits import Limits
from gateway.directory.resolving import Resolved, Resolver, SuperiorOf
from gateway.directory.rulings import Rulings
from gateway.ports import TransportError
from trust.errors import TrustError
from trust.identifiers import EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class Finder:
    """Ask the anchors in turn."""

    fetcher: Fetcher
    rulings: Rulings
    resolver: Resolver
    superior_of: SuperiorOf

    def find(self, entity: EntityId, shown: Sequence[bytes], limits: Limits, *, now: datetime) -> Resolved:
        """Return a chain. Raises :class:`Unconfirmed`, or :class:`NotVouchedFor` once every anchor has answered."""
        unconfirmed: Unconfirmed | None = None
        refused: NotVouchedFor | None = None
        for anchor in self.rulings.view(now).anchors:
            try:
                return self._under(anchor, entity, limits, now)
            except Unconfirmed as failed:
                unconfirmed = failed
            except NotVouchedFor as failed:
                refused = failed
        raise unconfirmed or refused or NotVouchedFor("This node has no trust anchors.")

    def _under(self, anchor: EntityId, entity: EntityId, limits: Limits, now: datetime) -> Resolved:
        try:
            superior = self.superior_of(anchor, limits, now=now)
        except (TransportError, TrustError) as failed:
            raise Unconfirmed(f"{anchor} could not be asked about {entity}: {failed}") from failed
        return self.resolver.under(superior, entity, limits, now=now)
