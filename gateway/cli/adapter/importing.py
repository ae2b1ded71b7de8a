"""``hearthgate adapter import``: fill the case database of children's social care from its two files."""

from pathlib import Path

import click

from adapters.sectors.social_care import SocialCareSettings
from adapters.sectors.social_care_import import import_census
from gateway.administration.context import now
from gateway.administration.errors import OperationRefused
from gateway.administration.journal import record
from gateway.administration.outcome import UseCaseResult
from gateway.cli.adapter.building import build, services_named
from gateway.cli.context import config_option, load_node
from gateway.cli.output import command_output

_IMPORTED = "social-care-cin"


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
    """Replace the case database of SERVICE with these two files, all of it or nothing.

    A census that fails its schema is refused with every fault. Lines that do not fit are left out, and each is named.
    An import that would keep no child, or less than half of what the last one kept, is refused.
    """
    settings = load_node(config)
    (described,) = services_named(settings, service)
    if described.adapter is None:
        raise OperationRefused(f"{service} has no adapter: it only asks.")
    if described.adapter.type != _IMPORTED:
        raise OperationRefused(
            f"{service} has an adapter of type {described.adapter.type}; only {_IMPORTED} is imported."
        )
    (built,) = build(settings, (described,))
    if built.adapter is None:
        raise OperationRefused(f"The settings of {service} cannot work:", [line.detail for line in built.faults])
    record(settings, "adapter import", service=service, accept_fewer=int(accept_fewer))
    report = import_census(
        SocialCareSettings.model_validate(described.adapter.settings),
        base_dir=settings.base_dir,
        census=census,
        allocations=allocations,
        now=now(),
        accept_fewer=accept_fewer,
    )
    notes = [str(note) for note in report.notes]
    left_out = [f"{len(notes)} lines were left out or used only in part:", *(f"  - {note}" for note in notes)]
    return UseCaseResult(
        lines=[
            f"Imported the census of {report.census_year}: {report.children} children, {report.open_cases} open cases.",
            *(left_out if notes else ["Every line of both files was used."]),
        ],
        data={
            "census_year": report.census_year,
            "children": report.children,
            "open_cases": report.open_cases,
            "notes": notes,
        },
    )
