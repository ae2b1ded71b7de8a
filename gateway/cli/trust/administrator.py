"""``hearthgate trust administrator``: a key of an administrator's own."""

from pathlib import Path

import click

from gateway.administration.administrator_keys import plan_registration
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, load_settings
from gateway.cli.output import apply_plan, command_output, yes_option

_path = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("name")
@click.option("--key", type=_path, help="Your private key (PEM), which you have already.")
@click.option("--generate-key", type=_path, help="Make one, and write it to this file, on a drive of your own.")
@config_option
@yes_option
@command_output
def administrator(
    *, name: str, key: Path | None, generate_key: Path | None, config: Path | None, yes: bool
) -> UseCaseResult:
    """Register the key of the administrator NAME, who signs with it what they ask for and approve.

    It is needed where the machine keeps no login id of a session, as in many containers.
    """
    if (key is None) == (generate_key is None):
        raise click.UsageError("Give either --key or --generate-key.")
    return apply_plan(plan_registration(load_settings(config), name, key=key, new_key=generate_key), yes=yes)
