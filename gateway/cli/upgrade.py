"""``hearthgate upgrade``."""

from pathlib import Path

import click

from config.loading import ConfigError
from gateway.administration.outcome import UseCaseResult
from gateway.administration.upgrade import BACKUPS, check_upgrade, plan_upgrade, unsuitable_settings
from gateway.cli.context import config_option, config_path, load_settings
from gateway.cli.output import apply_plan, command_output, yes_option


@click.command()
@click.option("--check", is_flag=True, help="Only report the changes; exit code 1 where one is due.")
@click.option("--backup", "backup_to", type=click.Path(path_type=Path), help=f"The backup [default: in {BACKUPS}/].")
@config_option
@yes_option
@command_output
def upgrade(*, check: bool, backup_to: Path | None, config: Path | None, yes: bool) -> UseCaseResult:
    """Migrate the store to this version, after a backup.

    Run it after each update of the program, with the node stopped. The new store is opened and checked.
    """
    try:
        settings = load_settings(config)
    except ConfigError as refused:
        if not check:
            raise
        return unsuitable_settings(config_path(config), refused)
    if check:
        return check_upgrade(settings)
    plan = plan_upgrade(settings, config_path(config), backup_to)
    return plan if isinstance(plan, UseCaseResult) else apply_plan(plan, yes=yes)
