"""``hearthgate trust key rotate``: a new key in the place of one, and no request fails meanwhile."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from gateway.administration.context import now, superiors
from gateway.administration.errors import OperationRefused
from gateway.administration.journal import record
from gateway.administration.keys import HeldKeys, held_keys
from gateway.administration.outcome import UseCaseResult
from gateway.cli import fingerprints
from gateway.cli.context import config_option, load_settings
from gateway.cli.output import command_output, confirm, show_plan, yes_option
from gateway.cli.trust.key.listing import to_json, told
from gateway.cli.trust.key.ways import Way, out_option, recovery_option, way_up
from gateway.keys.files import KeyFilesRefused
from gateway.keys.rotation import Draft, apply, draft_rotation, postpone
from gateway.keys.schedule import HEARD_WITHIN, KEY_OVERLAPS, Stage
from trust.keys import KeyUse

_LONGEST_MINUTES = 7 * 24 * 60


@click.command()
@click.option("--use", required=True, type=click.Choice([str(use) for use in KEY_OVERLAPS]), help="Which key.")
@click.option(
    "--sign-after",
    "minutes",
    type=click.IntRange(0, _LONGEST_MINUTES),
    help=f"Minutes until the new key signs [default: {HEARD_WITHIN // timedelta(minutes=1)}].",
)
@out_option
@recovery_option
@config_option
@yes_option
@command_output
def rotate(*, config: Path | None, use: str, minutes: int | None, yes: bool, **options: Any) -> UseCaseResult:
    """Publish a new key at once; it signs by itself once every peer has heard of it, and the old one retires.

    A node that runs notices without a restart. A new federation key signs only once the superior vouches for it; a
    trust anchor's is announced with its recovery key.
    """
    with held_keys(load_settings(config)) as held:
        at, wanted = now(), KeyUse(use)
        way = _way(held, wanted, options)
        waits = wanted is KeyUse.FEDERATION and bool(superiors(held.settings))
        after = None if minutes is None else timedelta(minutes=minutes)
        draft = draft_rotation(held.records, wanted, at=at, sign_after=after, awaits_superior=waits)
        show_plan(*_effects(held, draft, wanted, at), *(way.effect() if way else ()), *_warnings(held, after))
        confirm(f"Rotate the {wanted} key?", yes=yes)
        at = now()
        draft = postpone(draft, to=at)
        (made,) = (life for life in held.lives(draft.records) if life.record is draft.new_key)
        record(held.settings, "key rotate", use=use, key_id=made.record.kid)
        lines = _make(held, draft, way, at)
        return UseCaseResult(lines=[*_effects(held, draft, wanted, at), *lines], data={"made": to_json(held, made, at)})


def _way(held: HeldKeys, use: KeyUse, options: dict[str, Any]) -> Way | None:
    if all(record.use is not use for record in held.records):
        raise OperationRefused(f"There is no {use} key here; `hearthgate trust key list` shows which there are.")
    if use is KeyUse.FEDERATION:
        return way_up(held, out=options["out"], recovery_key=options["recovery_key"])
    if options["out"] or options["recovery_key"]:
        raise OperationRefused(
            "--out and --recovery-key belong to the federation key; peers take others from its statement."
        )
    return None


def _effects(held: HeldKeys, draft: Draft, use: KeyUse, at: datetime) -> list[str]:
    past = {Stage.GONE, Stage.REVOKED}
    lives = [life for life in held.lives(draft.records) if life.record.use is use and life.stage(at) not in past]
    lines = [
        f"  {life.record.kid}  {'new; ' if life.record is draft.new_key else ''}{told(life, at)}"
        for life in (*lives[-1:], *lives[:-1])
    ]
    if use is KeyUse.FEDERATION and draft.new_key is not None:
        lines += ["The thumbprint of the new one:", *fingerprints.lines([draft.new_key.kid])]
    return lines


def _warnings(held: HeldKeys, after: timedelta | None) -> list[str]:
    if after is None or after >= HEARD_WITHIN:
        return []
    return [f"Peers that have not heard of the key by then refuse what {held.own} signs: they ask every 5 minutes."]


def _make(held: HeldKeys, draft: Draft, way: Way | None, at: datetime) -> list[str]:
    """Tell those who vouch, then write: a key that is announced and never used does no harm, the reverse does."""
    lines = way.tell(held.federation(at, draft.records), at=at) if way else []
    try:
        apply(held.directory, draft, at=at)
    except KeyFilesRefused:
        if way is not None:
            way.take_back(held.federation(at), at=at)
        raise
    return lines
