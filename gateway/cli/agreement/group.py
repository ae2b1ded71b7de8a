"""``hearthgate agreement``: its commands."""

import click

from gateway.cli.main import LazyGroup

_COMMANDS = {
    "check": ("gateway.cli.agreement.drafting:check", "Read an agreement: every fault, or what it allows in English."),
    "propose": ("gateway.cli.agreement.signing:propose", "Sign an agreement, hold it, and give its address to others."),
    "sign": ("gateway.cli.agreement.signing:sign", "Sign an agreement, and exchange signatures with its parties."),
    "sync": ("gateway.cli.agreement.signing:sync", "Ask now for missing signatures, and tell of endings."),
    "add": ("gateway.cli.agreement.holding:add", "Hold an agreement and the parties' signatures at this node."),
    "list": ("gateway.cli.agreement.holding:list_agreements", "The agreements held here, and which are in force."),
    "show": ("gateway.cli.agreement.holding:show", "One agreement in full, with who has signed it."),
    "end": ("gateway.cli.agreement.ending:end", "End an agreement for good, and tell the other parties' nodes."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def agreement() -> None:
    """Check, propose, sign, hold and end data-sharing agreements."""
