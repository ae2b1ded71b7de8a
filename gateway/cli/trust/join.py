"""``hearthgate trust join``: pin the anchor above an authority, and ask that authority to vouch for this agency."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from gateway.administration.join import Join, JoinRequest
from gateway.administration.outcome import UseCaseResult
from gateway.app.commands import enrolment_ports
from gateway.cli.context import config_option, config_path, load_settings
from gateway.cli.output import apply_plan, command_output, prompt_thumbprint, show_plan, yes_option
from trust.identifiers import parse_entity_id


@click.command()
@click.argument("url", metavar="URL")
@config_option
@click.option("--anchor", help="The trust anchor to pin, where several stand above the authority.")
@click.option("--thumbprint", "thumbprints", multiple=True, help="As the anchor's administrators read it out to you.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the request to this file instead.")
@click.option("--wait", is_flag=True, help="Wait until the authority vouches for this agency.")
@click.option("--minutes", type=click.IntRange(min=1), default=60, show_default=True, help="How long to wait.")
@yes_option
@command_output
def join(*, url: str, config: Path | None, thumbprints: tuple[str, ...], **options: Any) -> UseCaseResult:
    """Join the federation of the authority at URL: a trust anchor, or an intermediate under one.

    An agency joins, or an authority that is to stand under another.

    Ring the anchor's administrators on a number that you have from elsewhere. They read out their thumbprints, which
    you type here: that is what is pinned. Then read yours out to the administrators of the authority at URL, who type
    it into `hearthgate trust admit`.
    """
    if options["out"] is not None and options["wait"]:
        raise click.UsageError("Give --wait or --out: a request in a file is not on its way yet.")
    settings = load_settings(config)
    request = JoinRequest(
        authority=parse_entity_id(url),
        config_file=config_path(config),
        anchor=options["anchor"],
        out=options["out"],
        wait=timedelta(minutes=options["minutes"]) if options["wait"] else None,
    )
    entry = Join(settings=settings, ports=enrolment_ports(settings), request=request)
    offer = entry.find_anchor()
    typed = thumbprints or (() if offer.pinned else prompt_thumbprint(offer.pin.entity))
    return apply_plan(entry.plan(offer, typed, progress=show_plan), yes=options["yes"])
