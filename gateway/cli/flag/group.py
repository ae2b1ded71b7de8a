"""``hearthgate flag``: its commands."""

import click

from gateway.cli.main import LazyGroup

_COMMANDS = {
    "list": (
        "gateway.cli.flag.reviewing:list_flags",
        "Who asked more than is usual, as one who guesses, or reused a message's id.",
    ),
    "review": ("gateway.cli.flag.reviewing:review", "Take a flag down, naming who looked and what was found."),
    "name": ("gateway.cli.flag.reviewing:name", "The name under which one of our own practitioners is flagged."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def flag() -> None:
    """See and review what looked like misuse: budgets used up, numbers counted through, far more than is usual."""
