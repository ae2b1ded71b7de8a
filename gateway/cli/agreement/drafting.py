"""``hearthgate agreement check``: before an agreement is held or signed anywhere."""

from pathlib import Path

import click

from gateway.cli.agreement import summary
from gateway.cli.files import read_input
from gateway.cli.outcome import Outcome, answers
from trust.agreements.draft import parse_draft


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@answers
def check(*, file: Path) -> Outcome:
    """Read the agreement in FILE and say everything that is wrong with it, or what it allows. Nothing is stored."""
    agreement = parse_draft(read_input(file, "The agreement"))
    return Outcome(
        lines=[*summary.summary(agreement), "It is well formed. It binds nobody until every party has signed it."],
        data=summary.to_json(agreement),
    )
