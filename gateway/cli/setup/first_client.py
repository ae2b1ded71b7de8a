"""The first case system of a new node, registered as ``hearthgate client add`` does it."""

from pathlib import Path
from typing import Any

from config.loading import load
from config.settings import NodeSettings
from gateway.cli.client.registry import register_first
from gateway.cli.context import NODE_FILE


def first_client(folder: Path, options: dict[str, Any]) -> str:
    """Register it for every service of the node, with a new key in a file of the administrator's; return its id."""
    settings = load(folder / NODE_FILE, {})
    if not isinstance(settings, NodeSettings):
        raise TypeError("a node's configuration was just written")
    client_id = str(options["client"])
    limits = {
        "services": tuple(service.slug for service in settings.services),
        "roles": options["roles"],
        "units": options["units"],
    }
    keys = {"jwks": None, "generate_key": options["client_key"]}
    register_first(settings, client_id, client_id, {**limits, **keys})
    return client_id
