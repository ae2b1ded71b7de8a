"""``hearthgate trust anchor``: its commands, for a trust anchor and for an intermediate."""

import click

from gateway.cli.main import LazyGroup

_COMMANDS = {
    "init": ("gateway.cli.trust.anchor.init:init", "Set up a trust anchor, or an intermediate with --superior."),
    "pin": ("gateway.cli.trust.anchor.pin:pin", "Write what members pin: the anchor's keys and its recovery key."),
    "recover": ("gateway.cli.trust.anchor.recover:recover", "Replace every key of the anchor with its recovery key."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def anchor() -> None:
    """Set up an authority, hand out what members pin, and replace keys that were lost or stolen."""
