"""What a command works on: the configuration it was given, and the parts that it needs of the node.

A command opens no more than it uses, so that ``trust join`` works before any adapter does, and everything it opened
is closed when it ends.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from config.loading import load
from config.settings import AnchorSettings, Identity, NodeSettings
from gateway.cli.faults import Refused
from gateway.keys.vault import FileKeyVault, open_vault
from gateway.ports import Store
from trust.identifiers import EntityId

CONFIG_VARIABLE = "HEARTHGATE_CONFIG"
TAKES_ID: Mapping[str, Any] = {"ignore_unknown_options": True, "help_option_names": ["--help"]}
"""Settings of a command that takes an id: one in 64 of them begins with a hyphen, and is no option, not even -h."""
ADMINISTRATOR_KEY_VARIABLE = "HEARTHGATE_ADMINISTRATOR_KEY"
"""Names the file of the administrator's own private key, where there is one."""
NODE_FILE, ANCHOR_FILE = "node.toml", "anchor.toml"


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command be told its configuration; it comes as ``settings``, loaded."""
    return click.option(
        "--config",
        "config",
        envvar=CONFIG_VARIABLE,
        type=click.Path(path_type=Path),
        help=f"The configuration file [default: ./{NODE_FILE}, else ./{ANCHOR_FILE}; or ${CONFIG_VARIABLE}].",
    )(command)


def now() -> datetime:
    """Return the time of this command."""
    return datetime.now(UTC)


def names_node(config: Path | None) -> bool:
    """Return whether the command line names a configuration, or a node's lies in the folder it works on."""
    return config is not None or Path(NODE_FILE).exists()


def load_settings(config: Path | None) -> NodeSettings | AnchorSettings:
    """Load the configuration that the command line names. Raises ``ConfigError`` with every fault."""
    return load(config_path(config), environment())


def config_path(config: Path | None) -> Path:
    """Return the file that the command line names, or the one in the folder it works on. Raises :class:`Refused`."""
    return config or _nearest()


def load_node(config: Path | None) -> NodeSettings:
    """Load a node's configuration. Raises ``ConfigError``, or :class:`Refused` at a trust anchor."""
    settings = load_settings(config)
    if isinstance(settings, AnchorSettings):
        raise Refused("This is the configuration of a trust anchor; give a node's with --config.")
    return settings


def load_anchor(config: Path | None) -> AnchorSettings:
    """Load a trust anchor's configuration. Raises ``ConfigError``, or :class:`Refused` at a node."""
    settings = load_settings(config)
    if isinstance(settings, NodeSettings):
        raise Refused("This is the configuration of a node; give a trust anchor's with --config.")
    return settings


def identity(settings: NodeSettings | AnchorSettings) -> Identity:
    """Return who a configuration is for."""
    return settings.node if isinstance(settings, NodeSettings) else settings.anchor


def own_entity(settings: NodeSettings | AnchorSettings) -> EntityId:
    """Return the entity that a configuration is for."""
    return EntityId(identity(settings).entity_id)


def superiors(settings: NodeSettings | AnchorSettings) -> tuple[EntityId, ...]:
    """Return the authorities that vouch for this entity; a trust anchor has none."""
    named = identity(settings).superiors
    if not named and isinstance(settings, NodeSettings):
        named = tuple(anchor.entity_id for anchor in settings.trust.anchors)
    return tuple(EntityId(each) for each in named)


def certificates(settings: NodeSettings | AnchorSettings) -> list[tuple[Path, Path]]:
    """Return the certificate and the key of each face that speaks TLS."""
    faces = [settings.peer] if isinstance(settings, AnchorSettings) else [settings.peer, settings.case]
    return [(settings.base_dir / face.certificate, settings.base_dir / face.key) for face in faces]


def _nearest() -> Path:
    for name in (NODE_FILE, ANCHOR_FILE):
        if Path(name).exists():
            return Path(name)
    raise Refused(f"There is no {NODE_FILE} or {ANCHOR_FILE} in this folder; name the configuration with --config.")


def environment() -> Mapping[str, str]:
    """Return the environment without the variables that say where the configuration and an administrator's key are."""
    elsewhere = {CONFIG_VARIABLE, ADMINISTRATOR_KEY_VARIABLE}
    return {name: value for name, value in os.environ.items() if name not in elsewhere}


@contextmanager
def opened_store(settings: NodeSettings | AnchorSettings) -> Iterator[Store]:
    """Open the store for one command. Raises ``StoreRefused``."""
    from gateway.store.factory import open_store

    store = open_store(settings.store.url, base_dir=settings.base_dir)
    try:
        yield store
    finally:
        store.close()


def node_vault(settings: NodeSettings) -> FileKeyVault:
    """Open a node's private keys. Raises ``KeyFilesRefused``."""
    return open_vault(settings.base_dir / settings.keys.directory)
