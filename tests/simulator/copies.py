"""Copies of a party's store, and its return from one."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from gateway.app.authority import create_anchor
from gateway.store.backup.snapshot import StoreCopy, copy_in, copy_out
from gateway.store.engine.claims_sqlite import ACCEPTED_AHEAD
from gateway.store.tables import store_epoch
from tests.simulator.network import Network
from tests.simulator.town import ANCHOR
from trust.identifiers import EntityId

LATER = ACCEPTED_AHEAD.total_seconds() + 1


@dataclass(slots=True, kw_only=True)
class Kept:
    """A copy of one party's store, and how to make the party again of it once the store is lost."""

    network: Network
    entity: EntityId
    folder: Path
    copy: StoreCopy

    @classmethod
    def of(cls, network: Network, entity: EntityId) -> "Kept":
        folder = network.folder / f"copy-{entity.removeprefix('https://')}"
        folder.mkdir(mode=0o700)
        store, base_dir = cls._place(network, entity)
        return cls(
            network=network, entity=entity, folder=folder, copy=copy_out(store, base_dir=base_dir, folder=folder)
        )

    @staticmethod
    def _place(network: Network, entity: EntityId) -> tuple[str, Path]:
        settings = network.anchor.settings if entity == ANCHOR else network.nodes[entity].settings
        return settings.store.url, settings.base_dir

    def restore(self) -> None:
        """Lose the store, make it again from the copy, and restart."""
        network = self.network
        url, base_dir = self._place(network, self.entity)
        if self.entity == ANCHOR:
            network.anchor.store.close()
        else:
            network.nodes[self.entity].store.close()
            network.nodes[self.entity].claims.close()
        shutil.rmtree(base_dir / "data")
        (base_dir / "data").mkdir()
        copy_in(self.copy, url, base_dir=base_dir, folder=self.folder, at=network.clock.now())
        if self.entity == ANCHOR:
            network.anchor = create_anchor(network.anchor.settings, network.clock, network.wire)
            network.wire.apps[ANCHOR] = network.anchor.peer_app
        else:
            network.start(self.entity)


def mind(network: Network, entity: EntityId) -> None:
    """Let the rounds of a party's keeper come."""
    if entity == ANCHOR:
        network.anchor.keeper.check_health()
    else:
        network.nodes[entity].keeper.check_health()


def confirm(network: Network, entity: EntityId) -> None:
    """Have an administrator confirm the restore of a party, and its processes look again."""
    if entity == ANCHOR:
        network.anchor.store.write(store_epoch.confirm)
    else:
        network.nodes[entity].store.write(store_epoch.confirm)
        network.nodes[entity].fitness.invalidate()
