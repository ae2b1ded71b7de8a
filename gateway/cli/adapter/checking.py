"""``hearthgate adapter check``: whether case systems can be read and adapters keep their promises."""

from pathlib import Path

import click

from adapters.conformance import Samples, run
from adapters.timing import check_step
from gateway.cli import lines
from gateway.cli.adapter.building import asking_only, build, services_named
from gateway.cli.context import config_option, load_node
from gateway.cli.outcome import Outcome, answers


@click.command()
@click.argument("service", required=False)
@config_option
@answers
def check(*, service: str | None, config: Path | None) -> Outcome:
    """Check the adapter of SERVICE, or of every service, against its real case system, asking about nobody.

    First its settings, with every mistake at once; then what the adapter tries itself; then the promises that every
    adapter must keep; last how long its calls take, and the answer_after_s that this asks for.
    """
    settings = load_node(config)
    shown: list[str] = []
    found = {}
    for built in build(settings, services_named(settings, service)):
        checked = list(built.faults) if built.faults or built.adapter else [asking_only()]
        if built.adapter is not None:
            checked = [*run(built.adapter, Samples()), check_step(built.adapter, answer_after_s=built.answer_after_s)]
        shown += [f"{built.service}:", *(f"  {text}" for line in checked for text in lines.written(line))]
        found[built.service] = checked
    ok = all(line.ok for checked in found.values() for line in checked)
    verdict = "Every adapter works." if ok else "Something is wrong; the lines marked ✗ say what to do."
    return Outcome(
        lines=[*shown, verdict],
        data={"services": {slug: lines.to_json(checked) for slug, checked in found.items()}},
        ok=ok,
    )
