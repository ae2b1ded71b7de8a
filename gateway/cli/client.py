"""``hearthgate client``: register case systems, and justify a sample of their lookups."""

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import click

from gateway.administration import client_keys, clients, justifications
from gateway.administration.client_keys import KeyChange
from gateway.administration.clients import DEFAULT_PERCENT, Registration
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import TAKES_ID, config_option, load_node
from gateway.cli.output import apply_plan, command_output, yes_option
from trust.oauth.access_token import Position

_POSITION = "A position its users may ask in: the role in that unit of that service. Give one for each."
_path = click.Path(path_type=Path, dir_okay=False)


@click.command()
@config_option
@click.option("--id", "client_id", required=True, help="The id that the case system signs in with.")
@click.option("--name", required=True, help="What people call the case system.")
@click.option("--jwks", type=_path, help="The file with its public keys (a JWK set).")
@click.option("--generate-key", type=_path, help="Make a key pair instead, and write the private key to this file.")
@click.option("--position", "positions", multiple=True, nargs=3, metavar="SERVICE ROLE UNIT", help=_POSITION)
@click.option("--service", "services", multiple=True, help="The service of this node that all its users ask for.")
@click.option("--role", "roles", multiple=True, help="A role that its users have there.")
@click.option("--unit", "units", multiple=True, help="A unit in which they have each of these roles.")
@click.option("--manager", help="Who justifies a sample of its lookups [default: you].")
@click.option(
    "--sample-percent",
    type=click.IntRange(1, 100),
    default=DEFAULT_PERCENT,
    show_default=True,
    help="How large a sample.",
)
@click.option("--signed-in-only", is_flag=True, help="It does not vouch: its users sign in at [[identity.providers]].")
@yes_option
@command_output
def add(*, config: Path | None, client_id: str, name: str, yes: bool, **options: Any) -> UseCaseResult:
    """Register a case system and its positions.

    Its users ask in the positions that are given here, and in no other. Each position is one role in one unit of one
    service. Where all are of one service, --service, --role and --unit stand for each role in each unit of it. One that
    vouches takes a second administrator; one whose users sign in themselves (--signed-in-only) does not.
    """
    if options["signed_in_only"] and options["manager"]:
        raise click.UsageError("No manager justifies what users ask who sign in themselves: leave --manager out.")
    if (options["jwks"] is None) == (options["generate_key"] is None):
        raise click.UsageError("Give either --jwks or --generate-key.")
    registration = Registration(
        client_id=client_id,
        name=name,
        positions=positions_of(options),
        jwks=options["jwks"],
        private_key=options["generate_key"],
        vouches=not options["signed_in_only"],
        manager=options["manager"],
        sample_percent=options["sample_percent"],
    )
    return apply_plan(clients.plan_registration(load_node(config), registration), yes=yes)


def positions_of(options: Mapping[str, Any]) -> list[Position]:
    """Return the positions of the options, or those that one service with roles and units stands for."""
    rows = options["positions"]
    limits = [options["services"], options["roles"], options["units"]]
    if any(limits):
        if rows:
            raise click.UsageError("Give either --position, or --service with --role and --unit.")
        if len(options["services"]) != 1 or not all(limits):
            raise click.UsageError(
                "Give one --service with a --role and a --unit, or a --position SERVICE ROLE UNIT for each of several."
            )
        rows = product(*limits)
    positions = [Position(service=service, role=role, org_unit=unit) for service, role, unit in rows]
    if not positions:
        raise click.UsageError("Say with --position SERVICE ROLE UNIT what its users may ask as.")
    return positions


@click.command("list")
@config_option
@command_output
def list_clients(*, config: Path | None) -> UseCaseResult:
    """List the registered case systems, their limits and keys."""
    return clients.list_clients(load_node(config))


@click.command()
@click.argument("client_id", metavar="ID")
@config_option
@click.option("--jwks", type=_path, help="Its public keys from now on, and no others (a JWK set).")
@click.option("--generate-key", type=_path, help="Make one more key pair, and write the private key to this file.")
@click.option("--drop", multiple=True, help="Take away the key with this id.")
@yes_option
@command_output
def keys(
    *, client_id: str, config: Path | None, jwks: Path | None, generate_key: Path | None, **options: Any
) -> UseCaseResult:
    """Change the keys of the case system ID.

    Add the new key beside the old one, and drop the old one once the new one is in use. A new key of a case system that
    vouches for its users takes a second administrator; taking one away does not.
    """
    change = KeyChange(jwks=jwks, private_key=generate_key, drop=options["drop"])
    if sum(bool(each) for each in (change.jwks, change.private_key, change.drop)) != 1:
        raise click.UsageError("Give --jwks, or --generate-key, or --drop.")
    return apply_plan(client_keys.plan_key_change(load_node(config), client_id, change), yes=options["yes"])


@click.command()
@click.argument("client_id", metavar="ID")
@config_option
@yes_option
@command_output
def revoke(*, client_id: str, config: Path | None, yes: bool) -> UseCaseResult:
    """Revoke the case system ID for good.

    Its id is never given to another.
    """
    return apply_plan(clients.plan_revocation(load_node(config), client_id), yes=yes)


@click.command()
@click.argument("client_id", metavar="ID")
@config_option
@click.option("--manager", required=True, help="Who justifies a sample of its lookups from now on.")
@click.option("--sample-percent", type=click.IntRange(1, 100), help="How large a sample [default: as it is].")
@yes_option
@command_output
def manager(
    *, client_id: str, config: Path | None, manager: str, sample_percent: int | None, yes: bool
) -> UseCaseResult:
    """Name the manager of the lookups of the case system ID.

    The manager justifies a share of them, which --sample-percent changes.
    """
    return apply_plan(clients.plan_manager(load_node(config), client_id, manager, sample_percent), yes=yes)


@click.command("list")
@config_option
@click.option("--all", "settled", is_flag=True, help="Include settled ones.")
@click.option("--overdue", is_flag=True, help="Only overdue ones.")
@command_output
def list_samples(*, config: Path | None, settled: bool, overdue: bool) -> UseCaseResult:
    """List sampled lookups that wait for a justification.

    They stand in the order of their due dates. The list names the practitioner and the case, for the manager's eyes; it
    never shows the person who was asked about.
    """
    return justifications.list_samples(load_node(config), settled=settled, overdue=overdue)


@click.command(context_settings=dict(TAKES_ID))
@click.argument("lookup_id", metavar="ID")
@config_option
@click.option(
    "--by", "manager", required=True, help="The manager who found it, as the case system's registration names them."
)
@click.option("--reason", required=True, help="Why it was right, or what was not; it is kept sealed.")
@click.option("--not-justified", is_flag=True, help="It was not right: a flag goes up for the practitioner.")
@yes_option
@command_output
def justify(
    *, lookup_id: str, config: Path | None, manager: str, reason: str, not_justified: bool, yes: bool
) -> UseCaseResult:
    """Record the manager's finding on the sampled lookup ID."""
    plan = justifications.plan_justification(
        load_node(config), lookup_id, manager=manager, reason=reason, justified=not not_justified
    )
    return apply_plan(plan, yes=yes)
