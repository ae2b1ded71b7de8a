"""The ``hearthgate`` command: which commands there are, each loaded only when it is called."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import click

from gateway import __version__

_COMMANDS: Mapping[str, tuple[str, str]] = {
    "init": ("gateway.cli.setup.init:init", "Set up a new node."),
    "serve": ("gateway.cli.setup.run:serve", "Run the node or the trust anchor until it is told to stop."),
    "nginx": ("gateway.cli.setup.nginx:nginx", "Write the configuration of an nginx before the faces."),
    "upgrade": ("gateway.cli.setup.upgrade:upgrade", "Bring the store to what this version needs, after a backup."),
    "backup": ("gateway.cli.setup.backup:backup", "Write the store and the configuration into one signed file."),
    "restore": ("gateway.cli.setup.restore:restore", "Make a node or a trust anchor again from a backup and its keys."),
    "doctor": ("gateway.cli.doctor.command:doctor", "Check everything that must be true, and say what to do."),
    "trust": ("gateway.cli.trust.group:trust", "Join a federation, admit and suspend members, check chains."),
    "agreement": ("gateway.cli.agreement.group:agreement", "Check, sign, add and end data-sharing agreements."),
    "client": ("gateway.cli.client.group:client", "Register the case systems that may use this node."),
    "lookup": ("gateway.cli.client.lookup:lookup", "Ask who else works with a person, as a case system does."),
    "flag": ("gateway.cli.flag.group:flag", "See and review what looked like misuse."),
    "account": ("gateway.cli.account.group:account", "Show disclosures, with recipient, clause and law."),
    "misuse": ("gateway.cli.misuse.group:misuse", "Ask and answer whose question looks like misuse."),
    "adapter": ("gateway.cli.adapter.group:adapter", "Check and fill the adapters to this agency's case systems."),
    "demo": ("gateway.cli.setup.run:demo", "Run a whole federation on this machine and tell its story."),
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is called, so that ``--help`` answers at once."""

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]], **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which an administrator meets them."""
        return [*self._lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in self._lazy:
            return super().get_command(ctx, cmd_name)
        module, _, name = self._lazy[cmd_name][0].partition(":")
        command: click.Command = vars(import_module(module))[name]
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """Write the list of commands without importing them."""
        rows: Sequence[tuple[str, str]] = [(name, short) for name, (_, short) in self._lazy.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=LazyGroup, lazy=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hearthgate")
def main() -> None:
    """Let the agencies that support the same person find each other, and share only what their agreements allow.

    Exit codes: 0 it was done, or everything holds; 1 it was refused, or something does not hold, and the output says
    why and what to do; 2 the command was not understood.
    """
