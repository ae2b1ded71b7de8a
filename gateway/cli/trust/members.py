"""``hearthgate trust suspend``, ``readmit``, ``remove``, ``revoke`` and ``list``: the members of an authority."""

from pathlib import Path
from typing import Any

import click

from gateway.administration.member_keys import MEMBER_KEY_USES, plan_member_key_revocation
from gateway.administration.membership import (
    READMIT,
    REMOVE,
    SUSPEND,
    MembershipAct,
    list_members,
    plan_membership,
)
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import TAKES_ID, config_option, load_anchor
from gateway.cli.output import apply_plan, command_output, emergency_option, yes_option
from gateway.cli.trust.key import reason_option

_TWO = "It takes a second administrator, or an emergency."


def _state_command(act: MembershipAct, summary: str) -> click.Command:
    """Return the command that gives a member the state of ``act``."""

    @click.command(act.name.removeprefix("trust "), help=f"{summary}\n\n{_TWO}")
    @click.argument("entity")
    @click.option("--reason", required=True, help="Why; it is kept with the change and in the journal.")
    @emergency_option
    @config_option
    @yes_option
    @command_output
    def change(*, entity: str, config: Path | None, reason: str, emergency: str | None, yes: bool) -> UseCaseResult:
        plan = plan_membership(load_anchor(config), act, entity, reason=reason, emergency=emergency)
        return apply_plan(plan, yes=yes)

    return change


suspend = _state_command(
    SUSPEND, "Stop vouching for ENTITY: no member exchanges anything with it, until it is readmitted."
)
remove = _state_command(
    REMOVE, "End the membership of ENTITY for good; only an admission with new thumbprints compared lets it in again."
)
readmit = _state_command(READMIT, "Vouch again for the suspended ENTITY, with the keys that it was admitted with.")


@click.command(context_settings=dict(TAKES_ID))
@click.argument("entity")
@click.argument("kid", metavar="KEY-ID")
@click.option("--use", required=True, type=click.Choice(MEMBER_KEY_USES), help="What the key is for.")
@reason_option
@emergency_option
@config_option
@yes_option
@command_output
def revoke(*, entity: str, kid: str, config: Path | None, yes: bool, **how: Any) -> UseCaseResult:
    """End the trust in the key KEY-ID of ENTITY, a member that cannot revoke it itself.

    It takes a second administrator, or an emergency. No member takes the key again, even if it is vouched for later.
    """
    return apply_plan(plan_member_key_revocation(load_anchor(config), entity, kid, **how), yes=yes)


@click.command("list")
@config_option
@command_output
def list_all(*, config: Path | None) -> UseCaseResult:
    """Show every member that this authority ever admitted, its state, its terms and its thumbprints."""
    return list_members(load_anchor(config))
