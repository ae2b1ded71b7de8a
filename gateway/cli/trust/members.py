"""``hearthgate trust suspend``, ``readmit``, ``remove`` and ``list``: the members of an authority."""

from pathlib import Path

import click

from gateway.administration.membership import (
    READMIT,
    REMOVE,
    SUSPEND,
    list_members,
    plan_membership,
    since,
)
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, load_anchor
from gateway.cli.output import apply_plan, command_output, emergency_option, yes_option
from gateway.cli.trust import terms
from gateway.store.tables.members import Member

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


@click.command("list")
@config_option
@command_output
def list_all(*, config: Path | None) -> UseCaseResult:
    """Show every member that this authority ever admitted, its state, its terms and its thumbprints."""
    every = list_members(load_anchor(config))
    return UseCaseResult(
        lines=[line for member in every for line in _lines(member)] or ["No agency has been admitted yet."],
        data={"members": [_to_json(member) for member in every]},
    )


def _lines(member: Member) -> list[str]:
    bound = terms.lines(member.terms)[0 if member.terms.intermediate else 1 :]
    return [
        f"{member.entity}  {since(member)}  admitted {member.admitted_at:%Y-%m-%d}",
        *(f"  {each}" for each in bound),
    ]


def _to_json(member: Member) -> dict[str, object]:
    return {
        "entity_id": member.entity,
        "state": member.state,
        "admitted_at": member.admitted_at.isoformat(),
        "changed_at": member.changed_at.isoformat(),
        "thumbprints": [str(key.get("kid")) for key in member.jwks.get("keys", [])],
        "terms": terms.to_json(member.terms),
    }
