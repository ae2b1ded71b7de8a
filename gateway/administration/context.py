"""The settings that one use case works on, and the parts of the node that it opens.

A use case opens no more than it uses, and closes what it opened when it ends.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from config.settings import AnchorSettings, Identity, NodeSettings
from gateway.federation.own_keys import VouchedKeys
from gateway.keys.files import ANCHOR_KEYS
from gateway.keys.vault import FileKeyVault, open_vault
from gateway.ports import Store
from gateway.store.factory import open_store
from trust.identifiers import EntityId
from trust.keys import KeyUse, Signer

Settings = NodeSettings | AnchorSettings


def now() -> datetime:
    """Return the time of this command."""
    return datetime.now(UTC)


def identity(settings: Settings) -> Identity:
    """Return who a configuration is for."""
    return settings.node if isinstance(settings, NodeSettings) else settings.anchor


def own_entity(settings: Settings) -> EntityId:
    """Return the entity that a configuration is for."""
    return EntityId(identity(settings).entity_id)


def superiors(settings: Settings) -> tuple[EntityId, ...]:
    """Return the authorities that vouch for this entity; a trust anchor has none."""
    names = identity(settings).superiors
    if not names and isinstance(settings, NodeSettings):
        names = tuple(anchor.entity_id for anchor in settings.trust.anchors)
    return tuple(EntityId(each) for each in names)


def certificates(settings: Settings) -> list[tuple[Path, Path]]:
    """Return the certificate and the key of each face that speaks TLS."""
    faces = [settings.peer] if isinstance(settings, AnchorSettings) else [settings.peer, settings.case]
    return [(settings.base_dir / face.certificate, settings.base_dir / face.key) for face in faces]


@contextmanager
def opened_store(settings: Settings) -> Iterator[Store]:
    """Open the store for one command. Raises ``StoreRefused``."""
    store = open_store(settings.store.url, base_dir=settings.base_dir)
    try:
        yield store
    finally:
        store.close()


def node_vault(settings: NodeSettings) -> FileKeyVault:
    """Open a node's private keys. Raises ``KeyFilesRefused``."""
    return open_vault(settings.base_dir / settings.keys.directory)


def authority_vault(settings: Settings, store: Store) -> FileKeyVault:
    """Open an authority's private keys. Raises ``KeyFilesRefused``."""
    directory = settings.base_dir / settings.keys.directory
    return open_vault(directory, needed=ANCHOR_KEYS, vouched_since=VouchedKeys(store).since)


def authority_signer(settings: Settings, store: Store) -> Signer:
    """Return the federation key that signs for an authority now. Raises ``KeyFilesRefused``."""
    return authority_vault(settings, store).signer(KeyUse.FEDERATION)
