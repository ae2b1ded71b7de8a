"""``hearthgate account``: its commands."""

import click

from gateway.cli.main import LazyGroup

_COMMANDS = {
    "person": ("gateway.cli.account.disclosures:person", "What we told which agency about a person."),
    "request": ("gateway.cli.account.disclosures:request", "What became of one request, and why."),
    "agreement": ("gateway.cli.account.disclosures:agreement", "What was asked and told under an agreement."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def account() -> None:
    """Show disclosures, with recipient, clause and law."""
