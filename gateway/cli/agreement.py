"""``hearthgate agreement``: check, sign, exchange, add, list, show and end data-sharing agreements."""

from pathlib import Path

import click

from gateway.administration import agreements, draft_check, end_agreement, sign_agreement
from gateway.administration.outcome import UseCaseResult
from gateway.app.commands import federation_of
from gateway.cli.context import config_option, load_node, names_node
from gateway.cli.output import apply_plan, command_output, prompted, yes_option
from trust.agreements.signature import Signatory

_path = click.Path(path_type=Path)
name_option = click.option("--name", required=True, help="Who signs for this agency.")
post_option = click.option("--post", required=True, help="In which post, such as Caldicott Guardian.")

preview_option = click.option("--preview", is_flag=True, help="Only show what it would stop; change nothing.")


@click.command()
@click.argument("file", type=_path)
@click.option("--under", type=_path, help="The overarching agreement of a schedule.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the JSON that is signed to this file."
)
@config_option
@command_output
def check(*, file: Path, under: Path | None, out: Path | None, config: Path | None) -> UseCaseResult:
    """Check the agreement in FILE, a TOML draft or JSON, and read it out.

    It names every fault, or reads the whole agreement. At a node that holds an earlier version, it says what changes.
    Nothing is stored.
    """
    return draft_check.check_file(file, load_node(config) if names_node(config) else None, under=under, out=out)


@click.command()
@click.argument("file", type=_path)
@config_option
@name_option
@post_option
@yes_option
@command_output
def propose(*, file: Path, config: Path | None, name: str, post: str, yes: bool) -> UseCaseResult:
    """Sign the agreement in FILE and give its address to the parties.

    This node stores it and sends nothing: each party fetches it from that address and signs for itself.
    """
    with federation_of(load_node(config)) as federation:
        plan = sign_agreement.plan_proposal(federation, file, Signatory(name=name, post=post))
        return apply_plan(plan, yes=yes)


@click.command()
@click.argument("source", required=False, metavar="[URL|FILE]")
@config_option
@name_option
@post_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Only write the signature to this file; send nothing.",
)
@yes_option
@command_output
def sign(
    *, source: str | None, config: Path | None, name: str, post: str, out: Path | None, yes: bool
) -> UseCaseResult:
    """Sign an agreement and exchange signatures.

    It is fetched from the URL that a party gave you, which is asked for where none is given, or read from FILE. This
    node signs exactly these bytes with its own federation key, stores them, and exchanges signatures with the nodes of
    the other parties.
    """
    signatory = Signatory(name=name, post=post)
    with federation_of(load_node(config)) as federation:
        address = source or _address()
        if out is not None:
            plan = sign_agreement.plan_signature_file(federation, address, signatory, out)
        else:
            plan = sign_agreement.plan_signature(federation, address, signatory)
        return apply_plan(plan, yes=yes)


@click.command()
@config_option
@command_output
def sync(*, config: Path | None) -> UseCaseResult:
    """Exchange missing signatures and notices of endings now.

    A running node does so by itself.
    """
    with federation_of(load_node(config)) as federation:
        return sign_agreement.exchange_signatures(federation)


@click.command()
@click.argument("file", type=_path)
@click.argument("signatures", metavar="[SIGNATURE]...", nargs=-1, type=_path)
@config_option
@yes_option
@command_output
def add(*, file: Path, signatures: tuple[Path, ...], config: Path | None, yes: bool) -> UseCaseResult:
    """Store the agreement in FILE and its parties' signatures.

    Each signature is verified with the federation key that the anchor vouches for; the party itself need not be
    reachable. Signatures may be added later, with the same FILE. Nothing flows until every party has signed.
    """
    with federation_of(load_node(config)) as federation:
        return apply_plan(agreements.plan_addition(federation, file, signatures), yes=yes)


@click.command("list")
@config_option
@command_output
def list_agreements(*, config: Path | None) -> UseCaseResult:
    """List agreements and whether they are in force."""
    return agreements.list_agreements(load_node(config))


@click.command()
@click.argument("agreement_id", metavar="ID")
@config_option
@command_output
def show(*, agreement_id: str, config: Path | None) -> UseCaseResult:
    """Show every version of the agreement ID and its signatories."""
    return agreements.show_agreement(load_node(config), agreement_id)


@click.command()
@click.argument("agreement_id", metavar="ID")
@click.argument("version", type=int, required=False)
@config_option
@preview_option
@yes_option
@command_output
def end(*, agreement_id: str, version: int | None, config: Path | None, preview: bool, yes: bool) -> UseCaseResult:
    """End the agreement ID for good, at every party's node.

    That ends the version in force and every lower one at once. Name a VERSION to withdraw one that has not begun yet.
    """
    with federation_of(load_node(config)) as federation:
        if preview:
            return end_agreement.preview_of(federation, agreement_id)
        return apply_plan(end_agreement.plan_ending(federation, agreement_id, version), yes=yes)


@click.command()
@click.argument("agreement_id", metavar="ID")
@config_option
@preview_option
@yes_option
@command_output
def leave(*, agreement_id: str, config: Path | None, preview: bool, yes: bool) -> UseCaseResult:
    """Leave the agreement ID for good; it goes on between the others.

    This node signs the notice and tells every other party's node until each has it.
    """
    with federation_of(load_node(config)) as federation:
        if preview:
            return end_agreement.preview_of(federation, agreement_id)
        return apply_plan(end_agreement.plan_leaving(federation, agreement_id), yes=yes)


def _address() -> str:
    unanswered = "Nothing was signed: name the agreement's address or its file."
    return prompted("The address of the agreement, as a party gave it to you", unanswered=unanswered).strip()
