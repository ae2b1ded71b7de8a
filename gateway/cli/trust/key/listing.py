"""``hearthgate trust key list``: what each key is doing, and until when."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from gateway.administration.context import now, superiors
from gateway.administration.keys import HeldKeys, held_keys, named_above
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, load_settings
from gateway.cli.output import command_output
from gateway.keys.schedule import KEY_OVERLAPS, KeyLifecycle, Stage
from trust.keys import KeyUse


@click.command("list")
@config_option
@command_output
def list_keys(*, config: Path | None) -> UseCaseResult:
    """Show every key of this node or authority: its use, its stage, since when and until when."""
    at = now()
    with held_keys(load_settings(config)) as held:
        lives = held.lives()
        lines = [
            text for use in KeyUse for text in _lines(held, [each for each in lives if each.record.use is use], at)
        ]
        return UseCaseResult(lines=lines, data={"keys": [to_json(held, life, at) for life in lives]})


def to_json(held: HeldKeys, life: KeyLifecycle, at: datetime) -> dict[str, Any]:
    """Return a key as the commands answer it with ``--json``."""
    record = life.record
    vouched = held.vouched.get(record.kid) if record.use is KeyUse.FEDERATION and superiors(held.settings) else None
    return {
        "use": record.use,
        "key_id": record.kid,
        "stage": life.stage(at),
        "created_at": record.created_at.isoformat(),
        "signs_from": _iso(life.begins),
        "retired_at": _iso(life.retires),
        "gone_at": _iso(life.gone),
        "revoked_at": _iso(record.revoked_at),
        "reason": record.reason,
        "vouched_since": _iso(vouched),
    }


def told(life: KeyLifecycle, at: datetime) -> str:
    """Say in a few words what a key is doing."""
    record, stage = life.record, life.stage(at)
    if stage is Stage.REVOKED:
        return f"revoked {_day(record.revoked_at)} ({record.reason})"
    if stage is Stage.GONE:
        return f"gone since {_day(life.gone)}"
    if stage is Stage.RETIRED:
        what = "published" if KEY_OVERLAPS[record.use].together else "kept"
        return f"retired {_day(life.retires)}; still {what} until {_day(life.gone)}"
    if stage is Stage.NEXT and life.begins is None:
        return "next: published, and signs once the superior is known to vouch for it"
    if stage is Stage.NEXT:
        return f"next: published, and signs from {_day(life.begins)}"
    doing = "in use" if record.use is KeyUse.ENCRYPTION else "signs"
    return doing + (f" until {_day(life.retires)}" if life.retires else "")


def _lines(held: HeldKeys, lives: list[KeyLifecycle], at: datetime) -> list[str]:
    if not lives:
        return []
    lines = [f"{lives[0].record.use}:", *(f"  {life.record.kid}  {told(life, at)}" for life in lives)]
    if lives[0].record.use is KeyUse.FEDERATION:
        lines += [
            f"  {kid} is published no longer and vouched for still: run `hearthgate trust key announce`, so that nobody"
            " can use it in your name."
            for kid in sorted(named_above(held) - held.federation(at).kids)
        ]
    return lines


def _day(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
