"""``hearthgate misuse messages``, ``ask``, ``signature``, ``list`` and ``answer``."""

from pathlib import Path
from typing import Any

import click

from gateway.administration import misuse_answers, misuse_queries
from gateway.administration.misuse_answers import PractitionerName
from gateway.administration.misuse_queries import MessageRef
from gateway.administration.outcome import UseCaseResult
from gateway.app.commands import federation_of
from gateway.cli.context import TAKES_ID, config_option, load_node
from gateway.cli.output import apply_plan, command_output, yes_option

days_option = click.option(
    "--days", type=click.IntRange(1, 3_650), default=31, show_default=True, help="How far back to look."
)
sender_option = click.option("--from", "sender", help="The agency that sent it, where several used the same id.")


@click.command()
@click.argument("asker")
@days_option
@config_option
@command_output
def messages(*, asker: str, days: int, config: Path | None) -> UseCaseResult:
    """List the messages of ASKER.

    It is an agency and its pseudonym, as `hearthgate flag list` writes them.
    """
    return misuse_queries.list_messages(load_node(config), asker, days=days)


@click.command(context_settings=dict(TAKES_ID))
@click.argument("message_id", metavar="MESSAGE-ID")
@click.option("--reason", required=True, help="Why it looks like misuse; it is sent. Name no person asked about.")
@sender_option
@days_option
@config_option
@yes_option
@command_output
def ask(*, reason: str, config: Path | None, yes: bool, **ref: Any) -> UseCaseResult:
    """Ask the sender of MESSAGE-ID who stands behind it.

    Run it again to fetch the answer. The agency owes the name within one working day, and two of its people have to
    agree on it. The first reason stands.
    """
    with federation_of(load_node(config)) as federation:
        return apply_plan(misuse_queries.plan_query(federation, MessageRef(**ref), reason=reason), yes=yes)


@click.command(context_settings=dict(TAKES_ID))
@click.argument("message_id", metavar="MESSAGE-ID")
@sender_option
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The new file to write it into.")
@days_option
@config_option
@command_output
def signature(*, out: Path, config: Path | None, **ref: Any) -> UseCaseResult:
    """Export the signature of MESSAGE-ID for a third party.

    It holds nothing of what was asked. Who has the agency's message key verifies it with
    `trust.exchange.question_signature`; docs/operating/accounting.md has the lines.
    """
    return misuse_queries.export_signature(load_node(config), MessageRef(**ref), out)


@click.command("list")
@config_option
@click.option("--all", "every", is_flag=True, help="Include answered ones.")
@command_output
def list_queries(*, config: Path | None, every: bool) -> UseCaseResult:
    """List queries about misuse, received and sent."""
    return misuse_queries.list_queries(load_node(config), every=every)


@click.command(context_settings=dict(TAKES_ID))
@click.argument("query", metavar="ID")
@click.option("--name", required=True, help="The practitioner's name.")
@click.option("--contact", required=True, help="Who at this agency deals with it: a name and a telephone number.")
@click.option("--role", help="Their role [default: the one they asked in].")
@click.option("--unit", help="Their team or unit [default: the one they asked for].")
@config_option
@yes_option
@command_output
def answer(*, query: str, config: Path | None, yes: bool, **practitioner: Any) -> UseCaseResult:
    """Name the practitioner that the query ID is about.

    `hearthgate misuse list` shows the id. A second administrator releases the name with `hearthgate trust approve`.
    """
    return apply_plan(misuse_answers.plan_answer(load_node(config), query, PractitionerName(**practitioner)), yes=yes)
