"""``hearthgate client``: its commands."""

import click

from gateway.cli.main import LazyGroup

_COMMANDS = {
    "add": ("gateway.cli.client.registry:add", "Register a case system, with what it may vouch for."),
    "list": ("gateway.cli.client.registry:list_clients", "The case systems that are registered here."),
    "keys": ("gateway.cli.client.keys:keys", "Give a case system other keys, without a failed request."),
    "revoke": ("gateway.cli.client.registry:revoke", "Take a case system's access away, for good."),
    "manager": ("gateway.cli.client.registry:manager", "Name who justifies a sample of a case system's lookups."),
    "sample": ("gateway.cli.client.sample:sample", "The lookups that a manager has to justify."),
    "token": ("gateway.cli.client.token:token", "Get an access token from the running node, as a case system does."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def client() -> None:
    """Register the case systems that may use this node, and what each may vouch for."""
