"""``hearthgate trust anchor recover``: the keys were lost or stolen, and the recovery key came out of its safe."""

import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click

from config.settings import AnchorSettings
from gateway.administration.context import now
from gateway.administration.dual_control import change_of, to_json
from gateway.administration.errors import OperationRefused
from gateway.administration.journal import record
from gateway.administration.keys import HeldKeys, held_keys
from gateway.administration.outcome import UseCaseResult
from gateway.cli import fingerprints
from gateway.cli.context import config_option, load_anchor
from gateway.cli.output import command_output, confirm, emergency_option, show_plan, yes_option
from gateway.cli.trust.key.ways import reason_option, way_up
from gateway.keys.files import ANCHOR_KEYS, KeyFile, KeyFilesRefused
from gateway.keys.rotation import Draft, apply, draft_replacement, draft_revocation
from gateway.keys.schedule import Stage, lifecycles
from gateway.store.tables import pending_changes
from trust.federation.historical_keys import RevocationReason
from trust.keys import KeyUse

_ACT = "trust anchor recover"


@click.command()
@click.option("--recovery-key", required=True, type=click.Path(path_type=Path), help="Its file, as `init` wrote it.")
@reason_option
@emergency_option
@config_option
@yes_option
@command_output
def recover(*, recovery_key: Path, reason: str, emergency: str | None, config: Path | None, yes: bool) -> UseCaseResult:
    """Revoke every federation key of this trust anchor and make a new one, which members take over by themselves.

    The recovery key signs what they believe. Where the key files are gone from the folder, new ones are made. It is
    recorded as an emergency, for another administrator to review.
    """
    settings = load_anchor(config)
    if not (emergency or "").strip():
        raise click.UsageError("Say with --emergency why it cannot wait for a second administrator.")
    if settings.anchor.superiors:
        raise OperationRefused("An intermediate has no recovery key; its superior's administrators admit its new key.")
    with held_keys(settings, needed=_left(settings)) as held:
        at = now()
        way = way_up(held, out=None, recovery_key=recovery_key)
        draft = _anew(held, RevocationReason(reason), at)
        keys = held.federation(at, draft.records)
        show_plan(
            f"Every federation key of {held.own} is revoked, and this new one signs at once:",
            *fingerprints.lines(sorted(keys.kids)),
            "Members that pinned the recovery key take it over within 5 minutes; others have to pin it by hand.",
            "Trust marks that an old key signed verify no longer.",
        )
        confirm("Replace the keys?", yes=yes)
        change = change_of(
            settings, _ACT, {"reason": reason, "key_ids": sorted(keys.kids)}, reason=reason, emergency=emergency
        )
        record(settings, _ACT, key_ids=sorted(keys.kids), why=reason, change=change.id, emergency=emergency)
        said = way.tell(keys, at=at)
        try:
            apply(held.directory, draft, at=at)
        except KeyFilesRefused:
            if held.records:
                way.take_back(held.federation(at), at=at)
            raise
        held.store.write(lambda tx: pending_changes.put(tx, change))
    lines = [*said, f"Another administrator looks at it with: hearthgate trust review {change.id}"]
    return UseCaseResult(lines=lines, data=to_json(change, now()) | {"key_ids": sorted(keys.kids)})


def _anew(held: HeldKeys, reason: RevocationReason, at: datetime) -> Draft:
    """Draft the end of every federation key that anybody might still take for the anchor's."""
    draft = Draft(records=held.records, new_key=None)
    for life in lifecycles(held.records, vouched={}):
        if life.record.use is not KeyUse.FEDERATION or life.stage(at) in {Stage.GONE, Stage.REVOKED}:
            continue
        after = draft_revocation(draft.records, life.record.kid, reason, at=at)
        draft = replace(after, new_key=after.new_key or draft.new_key, files={**draft.files, **after.files})
    return draft if draft.new_key is not None else draft_replacement(draft.records, KeyUse.FEDERATION, at=at)


def _left(settings: AnchorSettings) -> tuple[KeyFile, ...]:
    """Return the first key files that are still there: none needs to be, where they were lost."""
    directory = settings.base_dir / settings.keys.directory
    return tuple(name for name in ANCHOR_KEYS if os.path.lexists(directory / name))
