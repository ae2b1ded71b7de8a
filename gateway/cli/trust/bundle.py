"""``hearthgate trust bundle``: signed statements in a file, for a node without a route to the anchor."""

from pathlib import Path

import click

from gateway.administration import bundle_export
from gateway.administration.bundle_import import plan_import
from gateway.administration.outcome import UseCaseResult
from gateway.app.commands import export_source, federation_of
from gateway.cli.context import config_option, load_node, load_settings
from gateway.cli.output import apply_plan, command_output, yes_option


@click.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("entities", metavar="[ENTITY]...", nargs=-1)
@config_option
@command_output
def export_bundle(*, file: Path, entities: tuple[str, ...], config: Path | None) -> UseCaseResult:
    """Write into FILE, a new one, what the authorities say now of each ENTITY, by default of all that are known here.

    Every statement in it is signed and public. Where an authority does not answer, what is held goes into the file.
    Carry it soon: it is as old as its statements.
    """
    with export_source(load_settings(config)) as source:
        return bundle_export.export_bundle(source, file, entities)


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@config_option
@yes_option
@command_output
def import_bundle(*, file: Path, config: Path | None, yes: bool) -> UseCaseResult:
    """Take in the statements in FILE, as if each had been fetched. Nothing is fetched.

    It is no refresh: a chain counts from when its statements were made. What is older than what is known here is
    refused, and so is a chain of an unknown entity that is more than 15 minutes old.
    """
    with federation_of(load_node(config)) as federation:
        return apply_plan(plan_import(federation, file), yes=yes)
