"""``hearthgate agreement``: join an agreement, admit an agency that joins, confirm it or object to it."""

from pathlib import Path
from typing import Any

import click

from gateway.administration import joining
from gateway.administration.outcome import UseCaseResult
from gateway.app.commands import federation_of
from gateway.cli.agreement import name_option, post_option
from gateway.cli.context import config_option, load_node
from gateway.cli.output import apply_plan, command_output, yes_option
from trust.agreements.accession import Ruling
from trust.agreements.legal_entry import UkNation
from trust.agreements.signature import Signatory
from trust.identifiers import parse_entity_id


@click.command()
@click.argument("source", metavar="URL|FILE|ID")
@config_option
@click.option("--class", "class_id", help="The class to join; not needed where there is one.")
@click.option("--service", "services", multiple=True, help="A service that joins; all that the class takes if omitted.")
@click.option(
    "--nation", "nations", multiple=True, type=click.Choice([*UkNation]), help="A nation in which this agency acts."
)
@click.option("--complaints", required=True, help="How a person complains to this agency.")
@name_option
@post_option
@yes_option
@command_output
def join(*, source: str, config: Path | None, name: str, post: str, yes: bool, **options: Any) -> UseCaseResult:
    """Join an agreement that lets agencies like this one in.

    This node signs an accession and brings it to the parties that admit. It counts once one of them has admitted it.
    """
    request = joining.AccessionRequest(
        class_id=options["class_id"],
        services=options["services"],
        nations=[UkNation(each) for each in options["nations"]],
        complaints=options["complaints"],
    )
    with federation_of(load_node(config)) as federation:
        plan = joining.plan_joining(federation, source, request, Signatory(name=name, post=post))
        return apply_plan(plan, yes=yes)


@click.command()
@click.argument("agreement_id", metavar="ID")
@click.argument("joiner", metavar="ENTITY")
@config_option
@name_option
@post_option
@yes_option
@command_output
def admit(*, agreement_id: str, joiner: str, config: Path | None, name: str, post: str, yes: bool) -> UseCaseResult:
    """Admit the agency ENTITY that asks to join the agreement ID.

    It needs a party that the agreement lets admit. The other parties are told, and may object.
    """
    with federation_of(load_node(config)) as federation:
        plan = joining.plan_admission(
            federation, agreement_id, parse_entity_id(joiner), Signatory(name=name, post=post)
        )
        return apply_plan(plan, yes=yes)


@click.command()
@click.argument("agreement_id", metavar="ID")
@click.argument("joiner", metavar="ENTITY")
@config_option
@name_option
@post_option
@yes_option
@command_output
def confirm(*, agreement_id: str, joiner: str, config: Path | None, name: str, post: str, yes: bool) -> UseCaseResult:
    """Confirm the agency ENTITY that joined the agreement ID.

    Every clause that lets it in opens between it and this agency at once.
    """
    return _rule(Ruling.CONFIRMED, agreement_id, joiner, config, Signatory(name=name, post=post), yes=yes)


@click.command("object")
@click.argument("agreement_id", metavar="ID")
@click.argument("joiner", metavar="ENTITY")
@config_option
@name_option
@post_option
@yes_option
@command_output
def object_to(*, agreement_id: str, joiner: str, config: Path | None, name: str, post: str, yes: bool) -> UseCaseResult:
    """Object to the agency ENTITY that joined the agreement ID.

    Nothing flows between it and this agency until this agency confirms it.
    """
    return _rule(Ruling.OBJECTED, agreement_id, joiner, config, Signatory(name=name, post=post), yes=yes)


def _rule(
    ruling: Ruling, agreement_id: str, joiner: str, config: Path | None, signatory: Signatory, *, yes: bool
) -> UseCaseResult:
    with federation_of(load_node(config)) as federation:
        plan = joining.plan_ruling(federation, agreement_id, parse_entity_id(joiner), ruling, signatory)
        return apply_plan(plan, yes=yes)
