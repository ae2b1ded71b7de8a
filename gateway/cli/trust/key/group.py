"""``hearthgate trust key``: its commands, for a node and for an authority."""

import click

from gateway.cli.main import LazyGroup

_COMMANDS = {
    "list": ("gateway.cli.trust.key.listing:list_keys", "Show what each key is for, what it is doing and until when."),
    "rotate": ("gateway.cli.trust.key.rotating:rotate", "Put a new key in the place of one, without a failed request."),
    "announce": (
        "gateway.cli.trust.key.announcing:announce_keys",
        "Have only the published federation keys vouched for.",
    ),
    "revoke": ("gateway.cli.trust.key.revoking:revoke", "End a key at once, whatever it signed."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def key() -> None:
    """See, rotate and revoke the keys of this node or authority."""
