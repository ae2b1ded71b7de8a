"""``hearthgate doctor``: everything that must hold before and while a node or an anchor runs."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click

from adapters.contract import CheckLine
from config.loading import ConfigError
from config.settings import AnchorSettings, NodeSettings
from gateway.administration.context import now
from gateway.administration.outcome import UseCaseResult
from gateway.cli import check_output
from gateway.cli.check_output import State
from gateway.cli.context import config_option, load_settings
from gateway.cli.doctor import accountability, administrators, machine, partnership, systems
from gateway.cli.output import command_output

Section = tuple[str, list[CheckLine]]


@click.command()
@config_option
@command_output
def doctor(*, config: Path | None) -> UseCaseResult:
    """Check the configuration, the machine, the partnership and the case systems, and say what to do.

    Peers and case systems are really asked, but about nobody, and nothing is changed. Exit code 1 says that something
    does not hold; a warning (!) does not change it.
    """
    sections = list(_sections(config))
    shown: list[str] = []
    for title, checked in sections:
        shown += [f"{title}:"] if checked else []
        shown += [f"  {text}" for line in checked for text in check_output.written(line)]
    states = Counter(check_output.state_of(line) for _, checked in sections for line in checked)
    failed, warned = states[State.FAULT], states[State.WARNING]
    verdict = (
        f"{failed} {'does' if failed == 1 else 'do'} not hold: the lines marked ✗." if failed else "Everything holds."
    )
    if warned:
        verdict += f" {warned} will not for long, or could not be tried from here: the lines marked !."
    return UseCaseResult(
        lines=[*shown, verdict],
        data={
            "sections": {title: check_output.to_json(checked) for title, checked in sections},
            "failed": failed,
            "warnings": warned,
        },
        ok=not failed,
    )


def _sections(config: Path | None) -> Iterator[Section]:
    try:
        settings = load_settings(config)
    except ConfigError as refused:
        remedy = "Correct it in the configuration file; nothing else was checked."
        yield (
            "Configuration",
            [CheckLine(name="setting", ok=False, detail=fault, remedy=remedy) for fault in refused.faults],
        )
        return
    yield "Configuration", machine.configuration(settings)
    yield "This machine", machine.checks(settings, now())
    yield "Administrators", administrators.checks(settings, now())
    if isinstance(settings, AnchorSettings):
        yield from partnership.members_of(settings, now())
    else:
        yield from _of_a_node(settings)


def _of_a_node(settings: NodeSettings) -> Iterator[Section]:
    yield from partnership.checks(settings, now())
    yield "Practitioners", accountability.checks(settings, now())
    yield "Case systems", systems.checks(settings)
