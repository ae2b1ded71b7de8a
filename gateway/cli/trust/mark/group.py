"""``hearthgate trust mark``: its commands."""

import click

from gateway.cli.main import LazyGroup

_COMMANDS = {
    "issue": ("gateway.cli.trust.mark.issuing:issue", "Authority: grant a trust mark to an entity."),
    "revoke": ("gateway.cli.trust.mark.issuing:revoke", "Authority: end a trust mark that was granted."),
    "delegate": (
        "gateway.cli.trust.mark.issuing:delegate",
        "Authority: let another issue marks of your type.",
    ),
    "list": ("gateway.cli.trust.mark.listing:list_marks", "The marks that were issued here, or that this node holds."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def mark() -> None:
    """Grant, end and see trust marks, which agreements can demand of their parties."""
