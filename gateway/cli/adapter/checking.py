"""``hearthgate adapter check``: whether case systems can be read and adapters keep their promises."""

from pathlib import Path
from time import monotonic
from typing import Final

import click

from adapters.conformance import Samples, run
from adapters.contract import Adapter, CheckLine
from adapters.sampling import check_sample
from adapters.timing import check_step
from gateway.administration.outcome import UseCaseResult
from gateway.cli import check_output
from gateway.cli.adapter.building import Built, asking_only, build, services_named
from gateway.cli.context import config_option, load_node
from gateway.cli.output import command_output, show_plan

_EVERY_S: Final = 5.0


@click.command()
@click.argument("service", required=False)
@config_option
@command_output
def check(*, service: str | None, config: Path | None) -> UseCaseResult:
    """Check the adapter of SERVICE, or of every service, against its real case system.

    First its settings, with every mistake at once; then what the adapter tries itself; then the promises that every
    adapter must keep, with a person who does not exist; then how long its calls take, and the answer_after_s that this
    asks for. Last a sample of the records of a database or file is searched for again and counted; no value is shown.
    """
    settings = load_node(config)
    shown: list[str] = []
    found = {}
    for built in build(settings, services_named(settings, service)):
        checked = list(built.faults) if built.faults or built.adapter else [asking_only()]
        if built.adapter is not None:
            checked = [*run(built.adapter, Samples()), check_step(built.adapter, answer_after_s=built.answer_after_s)]
            checked += _sampled(built, built.adapter)
        shown += [f"{built.service}:", *(f"  {text}" for line in checked for text in check_output.written(line))]
        found[built.service] = checked
    ok = all(line.ok for checked in found.values() for line in checked)
    verdict = "Every adapter works." if ok else "Something is wrong; the lines marked ✗ say what to do."
    return UseCaseResult(
        lines=[*shown, verdict],
        data={"services": {slug: check_output.to_json(checked) for slug, checked in found.items()}},
        ok=ok,
    )


def _sampled(built: Built, adapter: Adapter) -> list[CheckLine]:
    """Look for some of a source's own records again, saying every few seconds how far it is."""
    if adapter.sampled is None:
        return []
    told = monotonic()

    def progress(done: int, every: int) -> None:
        nonlocal told
        if monotonic() - told > _EVERY_S:
            told = monotonic()
            show_plan(f"{built.service}: {done} of {every} records were looked for again.")

    return check_sample(adapter.sampled, institutions=built.institutions, progress=progress)
