"""``hearthgate backup``, ``restore`` and ``restore confirm``."""

from pathlib import Path
from typing import Any

import click

from gateway.administration.backup import confirm, create
from gateway.administration.backup.restore import staged_restore
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, config_path, environment, load_settings
from gateway.cli.output import apply_plan, command_output, yes_option

_path = click.Path(path_type=Path)


@click.command()
@click.argument("target", metavar="PATH", type=_path)
@click.option("--keys", "keys_too", is_flag=True, help="Write the private keys instead, under a passphrase.")
@click.option("--passphrase-file", type=_path, help="With --keys: the file of the passphrase.")
@click.option("--keep", type=click.IntRange(1, 1000), help="Keep this many of the newest backups in the folder PATH.")
@config_option
@yes_option
@command_output
def backup(
    *, target: Path, keys_too: bool, passphrase_file: Path | None, keep: int | None, config: Path | None, yes: bool
) -> UseCaseResult:
    """Write the store and the configuration to a signed file.

    PATH is a new file, or a folder in which the file is named by entity and time. The node may run meanwhile. It
    holds the store, the configuration, the pinned keys and the administrators' journal, and no private key.
    """
    if keys_too != (passphrase_file is not None):
        raise click.UsageError("Give --keys and --passphrase-file together.")
    if keep and (keys_too or target.is_file()):
        raise click.UsageError("--keep goes with a folder of backups.")
    settings = load_settings(config)
    if passphrase_file is not None:
        return apply_plan(create.plan_key_export(settings, target, passphrase_file), yes=yes)
    return create.create_backup(settings, config_path(config), target, keep=keep)


@click.command()
@config_option
@yes_option
@command_output
def restore_confirm(*, config: Path | None, yes: bool) -> UseCaseResult:
    """Open what a restored node holds back.

    Compare the list with the journal first, and close what was closed since the backup: everything else is opened.
    """
    return apply_plan(confirm.plan_confirmation(load_settings(config)), yes=yes)


class _Restore(click.Command):
    """`restore`, and `restore confirm`: the former takes arguments, so it is no group."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Return the context of `restore confirm` for its word."""
        if args[:1] == ["confirm"]:
            return restore_confirm.make_context(f"{info_name} confirm", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


@click.command(cls=_Restore)
@click.argument("source", metavar="BACKUP", type=_path)
@click.argument("folder", metavar="DIR", type=_path)
@click.option("--keys", "keys_file", type=_path, required=True, help="The private keys that `backup --keys` wrote.")
@click.option("--passphrase-file", type=_path, required=True, help="The file of their passphrase.")
@yes_option
@command_output
def restore(*, source: Path, folder: Path, keys_file: Path, passphrase_file: Path, yes: bool) -> UseCaseResult:
    """Restore a node or trust anchor from a backup and its keys.

    DIR is a new folder. Afterwards `hearthgate restore confirm` opens what peers could not answer for.
    """
    staged = staged_restore(source, folder, keys=keys_file, passphrase=passphrase_file, environment=environment())
    with staged as plan:
        return apply_plan(plan, yes=yes)
