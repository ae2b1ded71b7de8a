"""``hearthgate agreement check``: before an agreement is held or signed anywhere."""

from pathlib import Path

import click

from gateway.administration.context import now, opened_store
from gateway.administration.files import read_input
from gateway.administration.outcome import UseCaseResult
from gateway.agreements.registry import AgreementRegistry
from gateway.cli.agreement import summary
from gateway.cli.context import config_option, load_node, names_node
from gateway.cli.output import command_output
from trust.agreements.agreement import Agreement
from trust.agreements.draft import parse_draft
from trust.agreements.signing import ask_about_draft


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@config_option
@command_output
def check(*, file: Path, config: Path | None) -> UseCaseResult:
    """Read the agreement in FILE and say everything that is wrong with it, or the whole of it. Nothing is stored.

    At a node that holds an earlier version, it says what changes.
    """
    agreement = parse_draft(read_input(file, "The agreement"))
    questions = list(ask_about_draft(agreement))
    changes = summary.change_lines(agreement, _before(agreement, config))
    return UseCaseResult(
        lines=[
            *summary.summary(agreement),
            *changes,
            *summary.question_lines(questions),
            "It is well formed. It binds nobody until every party has signed it.",
        ],
        data={**summary.to_json(agreement), "changes": changes[1:], "questions": questions},
    )


def _before(agreement: Agreement, config: Path | None) -> Agreement | None:
    """Return the version to compare with, where a node's configuration is named or lies here."""
    if not names_node(config):
        return None
    with opened_store(load_node(config)) as store:
        return summary.version_before(agreement, AgreementRegistry(store).standings(now=now()))
