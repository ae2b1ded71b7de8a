"""``hearthgate doctor``: everything that must hold before and while a node or an authority runs."""

from collections import Counter
from pathlib import Path

import click

from config.loading import ConfigError
from gateway.administration.checks.doctor import refused_configuration, run_checks
from gateway.administration.outcome import UseCaseResult
from gateway.app.commands import doctor_ports
from gateway.cli import check_output
from gateway.cli.check_output import State
from gateway.cli.context import config_option, load_settings
from gateway.cli.output import command_output


@click.command()
@config_option
@command_output
def doctor(*, config: Path | None) -> UseCaseResult:
    """Check everything that must hold, and say what to do.

    Peers and case systems are contacted without any person's data, and nothing is changed. Exit code 1 means that a
    check failed; a warning (!) does not change it.
    """
    try:
        sections = list(run_checks(load_settings(config), doctor_ports()))
    except ConfigError as refused:
        sections = [refused_configuration(refused)]
    output: list[str] = []
    for title, lines in sections:
        output += [f"{title}:"] if lines else []
        output += [f"  {text}" for line in lines for text in check_output.format_check(line)]
    states = Counter(check_output.state_of(line) for _, lines in sections for line in lines)
    failed, warned = states[State.FAULT], states[State.WARNING]
    verdict = (
        f"{failed} {'does' if failed == 1 else 'do'} not hold: the lines marked ✗." if failed else "Everything holds."
    )
    if warned:
        verdict += f" {warned} will not for long, or could not be tried from here: the lines marked !."
    return UseCaseResult(
        lines=[*output, verdict],
        data={
            "sections": {title: check_output.to_json(lines) for title, lines in sections},
            "failed": failed,
            "warnings": warned,
        },
        ok=not failed,
    )
