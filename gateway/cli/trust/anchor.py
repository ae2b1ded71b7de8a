"""``hearthgate trust anchor pin`` and ``recover``."""

from pathlib import Path

import click

from gateway.administration.key_announcement import AnnouncementOptions
from gateway.administration.outcome import UseCaseResult
from gateway.administration.trust_anchor import plan_recovery, write_pin
from gateway.app.commands import enrolment_ports
from gateway.cli.context import config_option, load_anchor
from gateway.cli.output import apply_plan, command_output, emergency_option, yes_option
from gateway.cli.trust.key import reason_option


@click.command()
@config_option
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")
@command_output
def pin(*, config: Path | None, out: Path) -> UseCaseResult:
    """Write the anchor's public keys and its public recovery key, and show the thumbprints to read out."""
    return write_pin(load_anchor(config), out)


@click.command()
@click.option("--recovery-key", required=True, type=click.Path(path_type=Path), help="Its file, as `init` wrote it.")
@reason_option
@emergency_option
@config_option
@yes_option
@command_output
def recover(*, recovery_key: Path, reason: str, emergency: str | None, config: Path | None, yes: bool) -> UseCaseResult:
    """Revoke every federation key of this trust anchor and make a new one, which members take over by themselves.

    The recovery key signs what they believe. Where the key files are gone from the folder, new ones are made. It is
    recorded as an emergency, for another administrator to review.
    """
    settings = load_anchor(config)
    if emergency is None or not emergency.strip():
        raise click.UsageError("Say with --emergency why it cannot wait for a second administrator.")
    options = AnnouncementOptions(ports=enrolment_ports(settings), recovery_key=recovery_key)
    return apply_plan(plan_recovery(settings, options, reason=reason, emergency=emergency), yes=yes)
