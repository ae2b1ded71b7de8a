"""``hearthgate trust key``: the keys of a node or an authority."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from gateway.administration import keys
from gateway.administration.context import Settings
from gateway.administration.key_announcement import AnnouncementOptions, plan_announcement
from gateway.administration.key_revocation import plan_key_revocation
from gateway.administration.key_rotation import (
    DEFAULT_MINUTES,
    LONGEST_MINUTES,
    ROTATED_USES,
    plan_rotation,
)
from gateway.administration.outcome import UseCaseResult
from gateway.app.commands import enrolment_ports
from gateway.cli.context import TAKES_ID, config_option, load_settings
from gateway.cli.output import apply_plan, command_output, emergency_option, yes_option
from trust.federation.historical_keys import RevocationReason
from trust.keys import KeyUse

reason_option = click.option(
    "--reason",
    required=True,
    type=click.Choice([str(reason) for reason in RevocationReason]),
    help="As it is published with the key.",
)
_out = click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the request here instead of sending it."
)
_recovery = click.option(
    "--recovery-key", type=click.Path(path_type=Path), help="Trust anchor: its offline recovery key (PEM), which signs."
)


@click.command("list")
@config_option
@command_output
def list_keys(*, config: Path | None) -> UseCaseResult:
    """Show every key of this node or authority: its use, its stage, since when and until when."""
    return keys.list_keys(load_settings(config))


@click.command()
@click.option("--use", required=True, type=click.Choice(ROTATED_USES), help="Which key.")
@click.option(
    "--sign-after",
    "minutes",
    type=click.IntRange(0, LONGEST_MINUTES),
    help=f"Minutes until the new key signs [default: {DEFAULT_MINUTES}].",
)
@_out
@_recovery
@config_option
@yes_option
@command_output
def rotate(*, config: Path | None, use: str, minutes: int | None, yes: bool, **route: Any) -> UseCaseResult:
    """Publish a new key at once; it signs by itself once every peer has heard of it, and the old one retires.

    A node that runs notices without a restart. A new federation key signs only once the superior vouches for it; a
    trust anchor's is announced with its recovery key.
    """
    settings = load_settings(config)
    sign_after = None if minutes is None else timedelta(minutes=minutes)
    options = _announcement_options(settings, **route)
    return apply_plan(plan_rotation(settings, KeyUse(use), options, sign_after=sign_after), yes=yes)


@click.command()
@_out
@_recovery
@config_option
@yes_option
@command_output
def announce(*, config: Path | None, yes: bool, **route: Any) -> UseCaseResult:
    """Have those who vouch for this node or authority vouch for the federation keys that are published now only.

    Run it once a retired or revoked key is no longer published: while it is vouched for, a thief could use it.
    """
    settings = load_settings(config)
    return apply_plan(plan_announcement(settings, _announcement_options(settings, **route)), yes=yes)


@click.command(context_settings=dict(TAKES_ID))
@click.argument("kid", metavar="KEY-ID")
@reason_option
@_recovery
@emergency_option
@config_option
@yes_option
@command_output
def revoke(*, kid: str, config: Path | None, yes: bool, **how: Any) -> UseCaseResult:
    """End the key with this id: it goes from what is published, and another signs at once.

    It takes a second administrator, or an emergency. A node that runs notices without a restart. Use it where another
    party may have the key; to replace one in good order, rotate it.
    """
    return apply_plan(plan_key_revocation(load_settings(config), kid, **how), yes=yes)


def _announcement_options(settings: Settings, *, out: Path | None, recovery_key: Path | None) -> AnnouncementOptions:
    return AnnouncementOptions(ports=enrolment_ports(settings), out=out, recovery_key=recovery_key)
