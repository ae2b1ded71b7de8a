"""The configuration that a command is given: by an option, the environment, or the folder it runs in."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from config.loading import ANCHOR_FILE, NODE_FILE, load
from config.settings import AnchorSettings, NodeSettings

CONFIG_VARIABLE = "HEARTHGATE_CONFIG"
TAKES_ID: Mapping[str, Any] = {"ignore_unknown_options": True, "help_option_names": ["--help"]}
"""Settings of a command that takes an id: one in 64 of them begins with a hyphen, and is no option, not even -h."""


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command be told its configuration; it comes as ``settings``, loaded."""
    return click.option(
        "--config",
        "config",
        envvar=CONFIG_VARIABLE,
        type=click.Path(path_type=Path),
        help=f"The configuration file [default: ./{NODE_FILE}, else ./{ANCHOR_FILE}; or ${CONFIG_VARIABLE}].",
    )(command)


def names_node(config: Path | None) -> bool:
    """Return whether the command line names a configuration, or a node's lies in the folder it works on."""
    return config is not None or Path(NODE_FILE).exists()


def load_settings(config: Path | None) -> NodeSettings | AnchorSettings:
    """Load the configuration that the command line names. Raises ``ConfigError`` with every fault."""
    return load(config_path(config), environment())


def config_path(config: Path | None) -> Path:
    """Return the file that the command line names, or the one in this folder. Raises ``OperationRefused``."""
    return config or _nearest()


def load_node(config: Path | None) -> NodeSettings:
    """Load a node's configuration. Raises ``ConfigError``, or :class:`OperationRefused` at a trust anchor."""
    settings = load_settings(config)
    if isinstance(settings, AnchorSettings):
        raise _refusal("This is the configuration of a trust anchor; give a node's with --config.")
    return settings


def load_anchor(config: Path | None) -> AnchorSettings:
    """Load a trust anchor's configuration. Raises ``ConfigError``, or :class:`OperationRefused` at a node."""
    settings = load_settings(config)
    if isinstance(settings, NodeSettings):
        raise _refusal("This is the configuration of a node; give a trust anchor's with --config.")
    return settings


def _nearest() -> Path:
    for name in (NODE_FILE, ANCHOR_FILE):
        if Path(name).exists():
            return Path(name)
    raise _refusal(f"There is no {NODE_FILE} or {ANCHOR_FILE} in this folder; name the configuration with --config.")


def _refusal(sentence: str) -> Exception:
    # Imported late: `serve` needs this module before anything that has metrics (gateway.cli.serve).
    from gateway.administration.errors import OperationRefused

    return OperationRefused(sentence)


def environment() -> Mapping[str, str]:
    """Return the environment without the variables that say where the configuration and an administrator's key are."""
    from gateway.administration.administrators import ADMINISTRATOR_KEY_VARIABLE

    elsewhere = {CONFIG_VARIABLE, ADMINISTRATOR_KEY_VARIABLE}
    return {name: value for name, value in os.environ.items() if name not in elsewhere}
