"""``hearthgate adapter``: its commands."""

import click

from gateway.cli.main import LazyGroup

_COMMANDS = {
    "check": ("gateway.cli.adapter.checking:check", "Build the adapters and try each against its case system."),
    "try": ("gateway.cli.adapter.trying:try_source", "Look one person up, and say why they are found or not."),
    "import": ("gateway.cli.adapter.importing:import_source", "Fill the case database of an imported source."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def adapter() -> None:
    """Check and fill the adapters to this agency's own case systems."""
