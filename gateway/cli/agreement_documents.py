"""``hearthgate agreement render``, ``diff`` and ``register``: documents about agreements."""

from pathlib import Path

import click

from config.settings import NodeSettings
from gateway.administration import agreement_documents
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, load_node, names_node
from gateway.cli.output import command_output

_out_option = click.option(
    "--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="A new or empty folder."
)


@click.command()
@click.argument("source", metavar="FILE|ID")
@_out_option
@config_option
@command_output
def render(*, source: str, out: Path, config: Path | None) -> UseCaseResult:
    """Write an agreement's documents as HTML and Markdown.

    They are the agreement itself, the privacy notice and the leaflet (English and Welsh), the briefing, the draft of
    the impact assessment, the controllers, the record of processing (CSV) and the matrix (SVG).
    """
    return agreement_documents.render(source, _settings(config), out)


@click.command()
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@config_option
@command_output
def diff(*, old: str, new: str, config: Path | None) -> UseCaseResult:
    """Say what a version permits, forbids and changes.

    OLD and NEW are files, or the id of an agreement of this node.
    """
    return agreement_documents.compare_versions(old, new, _settings(config))


@click.command()
@_out_option
@config_option
@command_output
def register(*, out: Path, config: Path | None) -> UseCaseResult:
    """Write the public register of agreements in force.

    It is one page and the same as JSON, and names no person.
    """
    return agreement_documents.export_register(load_node(config), out)


def _settings(config: Path | None) -> NodeSettings | None:
    return load_node(config) if names_node(config) else None
