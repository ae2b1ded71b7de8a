"""``hearthgate misuse``: its commands."""

import click

from gateway.cli.main import LazyGroup

_COMMANDS = {
    "messages": ("gateway.cli.misuse.asking:messages", "Holder: the messages that came from one flagged asker."),
    "ask": ("gateway.cli.misuse.asking:ask", "Holder: ask the agency that sent a message who it was; ask again."),
    "signature": ("gateway.cli.misuse.asking:signature", "Holder: a message's signature, for a third party to verify."),
    "list": ("gateway.cli.misuse.listing:list_queries", "What others ask of us and we of them, and what is overdue."),
    "answer": ("gateway.cli.misuse.answering:answer", "Asker: name the practitioner; a second person releases it."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def misuse() -> None:
    """Ask whose question it was that looks like misuse, and answer when others ask that of this agency."""
