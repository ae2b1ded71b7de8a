"""The first case system of a new node, registered as ``hearthgate client add`` does it."""

from pathlib import Path
from typing import Any

from config.loading import load
from config.settings import NodeSettings
from gateway.administration.clients import Registration, register_first
from gateway.administration.errors import OperationRefused
from gateway.cli.client import positions_of
from gateway.cli.context import NODE_FILE


def first_client(folder: Path, options: dict[str, Any]) -> str:
    """Register it for the node's one service, with a new key in a file of the administrator's; return its id.

    Raises :class:`OperationRefused` where the node has several: who may ask for which is a wall within the agency.
    """
    settings = load(folder / NODE_FILE, {})
    if not isinstance(settings, NodeSettings):
        raise TypeError("a node's configuration was just written")
    client_id = str(options["client"])
    services = tuple(service.slug for service in settings.services)
    if len(services) != 1:
        raise OperationRefused(
            "--client registers a case system of one service, and this node has several. Leave it out, and register "
            "each with `hearthgate client add --position SERVICE ROLE UNIT`."
        )
    limits = {"positions": (), "services": services, "roles": options["roles"], "units": options["units"]}
    key = Path(options["client_key"])
    register_first(
        settings, Registration(client_id=client_id, name=client_id, positions=positions_of(limits), private_key=key)
    )
    return client_id
