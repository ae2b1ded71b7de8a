"""``hearthgate trust bundle``: its commands."""

import click

from gateway.cli.main import LazyGroup

_COMMANDS = {
    "export": (
        "gateway.cli.trust.bundle.exporting:export_bundle",
        "Write what is vouched for today into a file, for a node without a route.",
    ),
    "import": ("gateway.cli.trust.bundle.importing:import_bundle", "Node: take in statements that came in a file."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def bundle() -> None:
    """Carry signed statements to a node that has no route to the trust anchor."""
