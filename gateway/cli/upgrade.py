"""``hearthgate upgrade``."""

from pathlib import Path

import click

from config.loading import ConfigError
from gateway.administration.outcome import UseCaseResult
from gateway.administration.upgrade import BACKUPS, check_upgrade, plan_upgrade, unsuitable_settings
from gateway.cli.context import config_option, config_path, load_settings
from gateway.cli.output import apply_plan, command_output, yes_option


@click.command()
@click.option("--check", is_flag=True, help="Only say what would change; exit code 1 where something has to be done.")
@click.option("--backup", "backup_to", type=click.Path(path_type=Path), help=f"Where the backup goes [{BACKUPS}/].")
@config_option
@yes_option
@command_output
def upgrade(*, check: bool, backup_to: Path | None, config: Path | None, yes: bool) -> UseCaseResult:
    """Bring the store to what this version needs: a backup first, then the migrations, then a check of the result.

    Run it after each update of the program, with the node stopped.
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
