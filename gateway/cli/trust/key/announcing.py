"""``hearthgate trust key announce``: name the federation keys that are published, and no others."""

from pathlib import Path

import click

from gateway.administration.context import now
from gateway.administration.journal import record
from gateway.administration.keys import held_keys
from gateway.administration.outcome import UseCaseResult
from gateway.cli import fingerprints
from gateway.cli.context import config_option, load_settings
from gateway.cli.output import command_output, confirm, show_plan, yes_option
from gateway.cli.trust.key.ways import out_option, recovery_option, way_up
from gateway.keys.rotation import Draft, apply


@click.command("announce")
@out_option
@recovery_option
@config_option
@yes_option
@command_output
def announce_keys(*, config: Path | None, out: Path | None, recovery_key: Path | None, yes: bool) -> UseCaseResult:
    """Have those who vouch for this node or authority vouch for the federation keys that are published now only.

    Run it once a retired or revoked key is no longer published: while it is vouched for, whoever stole it could use it.
    """
    with held_keys(load_settings(config)) as held:
        at = now()
        keys = held.federation(at)
        way = way_up(held, out=out, recovery_key=recovery_key)
        show_plan(
            f"{held.own} asks to be vouched for with these federation keys and no others:",
            *fingerprints.lines(sorted(keys.kids)),
            *way.effect(),
        )
        confirm("Announce them?", yes=yes)
        record(held.settings, "key announce", entity_id=held.own, key_ids=sorted(keys.kids))
        lines = way.tell(keys, at=at)
        apply(held.directory, Draft(records=held.records, new_key=None), at=at)
    return UseCaseResult(lines=lines, data={"entity_id": held.own, "key_ids": sorted(keys.kids)})
