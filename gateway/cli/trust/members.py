"""``hearthgate trust suspend``, ``readmit``, ``remove``, ``revoke`` and ``list``: the members of an authority."""

from pathlib import Path
from typing import Any

import click

from gateway.administration.member_keys import MEMBER_KEY_USES, MemberKey, plan_member_key_revocation
from gateway.administration.membership import (
    READMIT,
    REMOVE,
    SUSPEND,
    list_members,
    plan_membership,
)
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import TAKES_ID, config_option, load_anchor
from gateway.cli.output import apply_plan, command_output, emergency_option, yes_option
from gateway.cli.trust.key import reason_option

_reason = click.option("--reason", required=True, help="Why; it is kept with the change and in the journal.")


@click.command()
@click.argument("entity")
@_reason
@emergency_option
@config_option
@yes_option
@command_output
def suspend(*, entity: str, config: Path | None, reason: str, emergency: str | None, yes: bool) -> UseCaseResult:
    """Stop vouching for ENTITY: no member exchanges anything with it, until it is readmitted.

    It takes a second administrator, or an emergency.
    """
    plan = plan_membership(load_anchor(config), SUSPEND, entity, reason=reason, emergency=emergency)
    return apply_plan(plan, yes=yes)


@click.command()
@click.argument("entity")
@_reason
@emergency_option
@config_option
@yes_option
@command_output
def remove(*, entity: str, config: Path | None, reason: str, emergency: str | None, yes: bool) -> UseCaseResult:
    """End the membership of ENTITY for good; only an admission with new thumbprints compared lets it in again.

    It takes a second administrator, or an emergency.
    """
    plan = plan_membership(load_anchor(config), REMOVE, entity, reason=reason, emergency=emergency)
    return apply_plan(plan, yes=yes)


@click.command()
@click.argument("entity")
@_reason
@emergency_option
@config_option
@yes_option
@command_output
def readmit(*, entity: str, config: Path | None, reason: str, emergency: str | None, yes: bool) -> UseCaseResult:
    """Vouch again for the suspended ENTITY, with the keys that it was admitted with.

    It takes a second administrator, or an emergency.
    """
    plan = plan_membership(load_anchor(config), READMIT, entity, reason=reason, emergency=emergency)
    return apply_plan(plan, yes=yes)


@click.command(context_settings=dict(TAKES_ID))
@click.argument("entity")
@click.argument("kid", metavar="KEY-ID")
@click.option("--use", required=True, type=click.Choice(MEMBER_KEY_USES), help="What the key is for.")
@reason_option
@emergency_option
@config_option
@yes_option
@command_output
def revoke(*, entity: str, kid: str, config: Path | None, **how: Any) -> UseCaseResult:
    """End the trust in the key KEY-ID of ENTITY, a member that cannot revoke it itself.

    It takes a second administrator, or an emergency. No member takes the key again, even if it is vouched for later.
    """
    key = MemberKey(entity=entity, kid=kid, use=how["use"])
    plan = plan_member_key_revocation(load_anchor(config), key, reason=how["reason"], emergency=how["emergency"])
    return apply_plan(plan, yes=how["yes"])


@click.command("list")
@config_option
@command_output
def list_all(*, config: Path | None) -> UseCaseResult:
    """Show every member that this authority ever admitted, its state, its terms and its thumbprints."""
    return list_members(load_anchor(config))
