"""``hearthgate adapter check``, ``try`` and ``import``: this agency's own case systems.

The person that ``try`` searches for is asked for at the terminal, never on the command line: other accounts can read
that, and shells remember it.
"""

from pathlib import Path
from time import monotonic
from typing import Final

import click

from gateway.administration import adapter_trial, adapters
from gateway.administration.context import now
from gateway.administration.outcome import UseCaseResult
from gateway.app.commands import adapter_builder
from gateway.cli import check_output
from gateway.cli.context import config_option, load_node
from gateway.cli.output import command_output, prompted, show_plan
from trust.exchange.person import Subject, check_birth_date, enough_to_go_on, parse_subject

_FIELDS: Final = (
    ("family_name", "Family name"),
    ("given_names", "Given names"),
    ("birth_date", "Date of birth (YYYY-MM-DD)"),
    ("gender", "Gender (female, male, other, unknown)"),
    ("nhs_number", "NHS number"),
    ("upn", "UPN"),
    ("nino", "National Insurance number"),
    ("pnc_id", "PNC id"),
    ("postcode", "Postcode"),
    ("uprn", "UPRN"),
)
_ADDRESS: Final = frozenset({"postcode", "uprn"})
_PROGRESS_S: Final = 5.0


@click.command()
@click.argument("service", required=False)
@config_option
@command_output
def check(*, service: str | None, config: Path | None) -> UseCaseResult:
    """Check each adapter, or that of SERVICE, with its case system.

    First its settings, with every mistake at once; then what the adapter tries itself; then the promises that every
    adapter must keep, with a person who does not exist; then how long its calls take, and the answer_after_s that this
    asks for. Last a sample of the records of a database or file is searched for again and counted; no value is shown.
    """
    settings, shown_at = load_node(config), monotonic()

    def progress(slug: str, count: int, every: int) -> None:
        nonlocal shown_at
        if monotonic() - shown_at > _PROGRESS_S:
            shown_at = monotonic()
            show_plan(f"{slug}: {count} of {every} records were looked for again.")

    checks = adapters.check_adapters(settings, adapter_builder(settings), service, progress=progress)
    lines: list[str] = []
    for slug, each in checks.items():
        lines += [f"{slug}:", *(f"  {text}" for line in each for text in check_output.format_check(line))]
    ok = all(line.ok for each in checks.values() for line in each)
    verdict = "Every adapter works." if ok else "Something is wrong; the lines marked ✗ say what to do."
    return UseCaseResult(
        lines=[*lines, verdict],
        data={"services": {slug: check_output.to_json(each) for slug, each in checks.items()}},
        ok=ok,
    )


@click.command("try")
@click.argument("service")
@config_option
@command_output
def try_source(*, service: str, config: Path | None) -> UseCaseResult:
    """Search the case system of SERVICE for one person.

    The command asks for the reason and the person, and explains the result. The reason stays in the administrators'
    journal, the person nowhere.
    """
    settings = load_node(config)
    source = adapters.built_adapter(settings, adapter_builder(settings), service)
    reason = _ask("Why is this needed? The answer stays in the journal; do not name the person")
    return adapter_trial.search(settings, source, _person(), reason=reason)


@click.command("import")
@click.argument("service")
@config_option
@click.option("--census", required=True, type=click.Path(path_type=Path), help="The Children in Need census (XML).")
@click.option("--allocations", required=True, type=click.Path(path_type=Path), help="The allocation table (CSV).")
@click.option("--accept-fewer", is_flag=True, help="Import although less than half of the last import is left.")
@command_output
def import_source(
    *, service: str, config: Path | None, census: Path, allocations: Path, accept_fewer: bool
) -> UseCaseResult:
    """Fill the case database of SERVICE from two files.

    They replace all of it or nothing. A census that fails its schema is refused with every fault. Lines that do not fit
    are left out, and each is named. An import that would keep no child, or less than half of what the last one kept, is
    refused.
    """
    settings = load_node(config)
    files = (census, allocations)
    return adapters.import_source(settings, adapter_builder(settings), service, files, accept_fewer=accept_fewer)


def _ask(question: str, *, optional: bool = False) -> str:
    unanswered = "The person was not searched for: the question is not complete. Run it in a terminal."
    text, default = (f"{question}, or nothing", "") if optional else (question, None)
    return prompted(text, unanswered=unanswered, default=default, show_default=False).strip()


def _person() -> Subject:
    """Ask for the person. Raises ``TrustError`` for a description that no partner could send."""
    texts = {name: text for name, question in _FIELDS if (text := _ask(question, optional=True))}
    address = {name: texts.pop(name) for name in tuple(texts) if name in _ADDRESS}
    today = now().date()
    subject = parse_subject({**texts, **({"address": address} if address else {})}, this_year=today.year)
    check_birth_date(subject, today=today)
    enough_to_go_on(subject)
    return subject
