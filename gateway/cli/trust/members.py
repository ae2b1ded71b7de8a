"""``hearthgate trust list``: whom an authority vouches for, and on which terms."""

from pathlib import Path

import click

from gateway.administration.context import opened_store
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, load_anchor
from gateway.cli.output import command_output
from gateway.cli.trust import terms
from gateway.store.tables import members
from gateway.store.tables.members import Member
from trust.identifiers import EntityId


@click.command("list")
@config_option
@command_output
def list_members(*, config: Path | None) -> UseCaseResult:
    """Show every member that this authority ever admitted, its state, its terms and its thumbprints."""
    with opened_store(load_anchor(config)) as store:
        every = store.read(members.list)
    return UseCaseResult(
        lines=[line for member in every for line in _lines(member)] or ["No agency has been admitted yet."],
        data={"members": [_to_json(member) for member in every]},
    )


def _lines(member: Member) -> list[str]:
    since = f"{member.state} since {member.changed_at:%Y-%m-%d %H:%M} UTC"
    bound = terms.lines(member.terms)[0 if member.terms.intermediate else 1 :]
    return [f"{member.entity}  {since}  admitted {member.admitted_at:%Y-%m-%d}", *(f"  {each}" for each in bound)]


def _to_json(member: Member) -> dict[str, object]:
    return {
        "entity_id": EntityId(member.entity),
        "state": member.state,
        "admitted_at": member.admitted_at.isoformat(),
        "changed_at": member.changed_at.isoformat(),
        "thumbprints": [str(key.get("kid")) for key in member.jwks.get("keys", [])],
        "terms": terms.to_json(member.terms),
    }
