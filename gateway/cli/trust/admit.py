"""``hearthgate trust pending``, ``admit`` and ``dismiss``: requests to be vouched for."""

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import click

from gateway.administration.admission import list_requests, needs_thumbprint, plan_admission, plan_dismissal
from gateway.administration.member_terms import StatedTerms
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, load_anchor
from gateway.cli.output import apply_plan, command_output, emergency_option, prompt_thumbprint, yes_option

_TERMS = (
    click.option("--intermediate/--no-intermediate", default=None, help="Let it vouch for others, or no longer."),
    click.option("--max-path-length", type=click.IntRange(min=1), help="Authorities in a row, with it: 1 is it alone."),
    click.option("--allow-names", multiple=True, metavar="NAME", help="A host, or .DOMAIN; it and those below it."),
    click.option("--exclude-names", multiple=True, metavar="NAME", help="A host, or .DOMAIN, that none may have."),
    click.option("--allowed-entity-types", multiple=True, metavar="TYPE", help="A type that counts, no other does."),
    click.option(
        "--service-kinds", multiple=True, metavar="KIND", help="A kind of service that counts, no other does."
    ),
    click.option(
        "--policy", type=click.Path(path_type=Path), help="A metadata policy (JSON) for it and those below it."
    ),
)


def _terms_options(command: Callable[..., Any]) -> Callable[..., Any]:
    return reduce(lambda rest, option: option(rest), reversed(_TERMS), command)


@click.command()
@click.option("--thumbprints", is_flag=True, help="Show them, to compare; what `admit` takes is read out.")
@config_option
@command_output
def pending(*, config: Path | None, thumbprints: bool) -> UseCaseResult:
    """Show the requests that wait for their thumbprints to be compared, the oldest first. Strangers wrote them."""
    return list_requests(load_anchor(config), with_thumbprints=thumbprints)


@click.command()
@click.argument("who", metavar="ENTITY|FILE")
@config_option
@click.option(
    "--thumbprint", "thumbprints", multiple=True, help="As the agency read it out to you [default: asked for]."
)
@_terms_options
@emergency_option
@yes_option
@command_output
def admit(
    *, who: str, config: Path | None, thumbprints: tuple[str, ...], emergency: str | None, yes: bool, **terms: Any
) -> UseCaseResult:
    """Vouch for ENTITY, whose enrolment request waits here, or for the agency that made the request in FILE.

    Ring the agency on a number that did not come with the request, have its administrator read out the thumbprint, and
    type it here: it is what ties the request to the agency. A member that changes its keys or services signs with a key
    that is vouched for already, and needs no thumbprint.

    A new member takes one administrator. A change of a member, or another admission of one that was removed, takes a
    second, or an emergency.
    """
    settings = load_anchor(config)
    applicant = None if thumbprints else needs_thumbprint(settings, who)
    typed = thumbprints if applicant is None else prompt_thumbprint(applicant)
    plan = plan_admission(settings, who, typed, terms=StatedTerms(**terms), emergency=emergency)
    return apply_plan(plan, yes=yes)


@click.command()
@click.argument("entity")
@click.option("--reason", required=True, help="Why; it is kept in the journal.")
@config_option
@yes_option
@command_output
def dismiss(*, entity: str, config: Path | None, reason: str, yes: bool) -> UseCaseResult:
    """Forget the request that waits of ENTITY; it may ask again."""
    return apply_plan(plan_dismissal(load_anchor(config), entity, reason=reason), yes=yes)
